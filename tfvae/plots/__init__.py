"""Pictures: functions of arrays, one file an idea, and `gallery`, which says what each needs."""

from tfvae.plots.gallery import draw, draw_samples

__all__ = ["draw", "draw_samples"]
