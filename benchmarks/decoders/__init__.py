"""The parts of `python -m benchmarks.decoder`: contenders, timing and targets."""
