"""Pictures: functions of arrays, one file an idea, and `of_run`, which chooses those that suit a run.

The functions of arrays are imported from their own files, as in `from tfvae.plots.curves import curves`.
"""

from __future__ import annotations

from tfvae.plots.of_run import draw, draw_samples

__all__ = ["draw", "draw_samples"]
