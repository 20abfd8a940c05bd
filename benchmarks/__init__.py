"""Benchmarks: `python -m benchmarks.NAME` writes its figures to `benchmarks/results/`."""
