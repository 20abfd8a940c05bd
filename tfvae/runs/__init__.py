"""Complete runs: the run folder, training from settings, reports."""
