"""The latent op: one contract, three implementations."""
