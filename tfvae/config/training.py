"""Section `training`: how the model is trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from tfvae.config.options import option

OF_AN_OPTIMIZER = (
    "optimizer",
    "learning_rate",
    "learning_rate_schedule",
    "learning_rate_warmup",
    "weight_decay",
    "clip_norm",
)


@dataclass(frozen=True)
class Training:
    """Section `training`."""

    epochs: int = option(50, "passes over the training examples", minimum=1)
    batch_size: int = option(128, "examples per step, over all replicas", minimum=1)
    optimizer: str = option("adam", "any Keras optimizer by name")
    learning_rate: float = option(1e-3, "peak learning rate", above=0.0)
    learning_rate_schedule: str = option(
        "cosine", "shape after the peak: constant, or decay to zero", choices=("constant", "cosine", "linear")
    )
    learning_rate_warmup: float = option(0.0, "linear rise to the peak", unit="epochs", minimum=0.0)
    weight_decay: float | None = option(None, "the optimizer's weight decay", minimum=0.0)
    clip_norm: float | None = option(None, "bound on the global norm of the gradient", above=0.0)
    accumulation: int = option(
        1, "micro-batches per replica (gradient accumulation), to save memory; changes no result", minimum=1
    )
    ema: float | None = option(
        None,
        "decay of a moving average of the weights; the averaged weights are validated and saved",
        above=0.0,
        maximum=0.99999,
    )
    early_stopping: int | None = option(
        None, "stop after this many epochs without a better validation loss", unit="epochs", minimum=1
    )
    precision: str = option(
        "float32",
        "precision of the networks; losses are float32 at least",
        choices=("float32", "mixed_bfloat16", "mixed_float16", "float64"),
    )
    jit: str = option(
        "auto", "compile gradients with XLA; auto: on a GPU, or without convolutions", choices=("auto", "on", "off")
    )
    steps_per_call: int | None = option(None, "steps per compiled call; none: about one second of steps", minimum=1)
    on_nonfinite: str = option(
        "stop",
        "on a loss or gradient of NaN or infinity: stop, or skip the step and count it",
        choices=("stop", "skip"),
    )
    strategy: str = option("default", "distribution strategy", choices=("default", "mirrored", "multiworker"))
    replicas: int = option(0, "mirrored: number of logical CPU devices, for tests; 0: every GPU", minimum=0)
    latent: str = option("auto", "implementation of the latent op", choices=("auto", "fused", "plain", "reference"))
    sample_every: int = option(0, "write a picture of samples every N epochs; 0: never", minimum=0)
    optimizers: dict[str, dict[str, Any]] = option(
        {}, "optimizers of the other objectives, by name: optimizers.NAME.learning_rate=1e-4", each=OF_AN_OPTIMIZER
    )

    def of_objective(self, name: str) -> Training:
        """These settings, with those of `optimizers` for the named objective applied.

        Example:
          >>> Training(optimizers={"critic": {"learning_rate": 1e-4}}).of_objective("critic").learning_rate
          0.0001
        """
        return dataclasses.replace(self, **self.optimizers.get(name, {}))
