"""The training engine: knows objectives, and no family of models."""
