"""Pictures: functions of arrays, grouped by topic, and `gallery`, the table of what each needs."""

from tfvae.plots.gallery import draw, draw_samples

__all__ = ["draw", "draw_samples"]
