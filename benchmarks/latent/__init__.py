"""The parts of `python -m benchmarks.latent_op`, each section in a process of its own."""
