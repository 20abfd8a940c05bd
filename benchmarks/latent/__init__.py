"""The parts of `python -m benchmarks.latent_op`; each section runs in its own process."""
