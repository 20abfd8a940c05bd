"""Where examples come from: one file a source, splits by seed, invertible scaling, and the way into the graph."""
