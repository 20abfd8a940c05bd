"""Data: one file per source, splits by seed, invertible scaling, and the input pipeline."""
