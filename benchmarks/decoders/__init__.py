"""What `python -m benchmarks.decoder` times, how, and what must come of it."""
