"""Whole runs: the folder, training from settings, reports."""
