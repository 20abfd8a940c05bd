"""tfvae's own loop, as in `python -m tfvae.train`, without a run folder."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from benchmarks.peers.child import EndOfRound, serve
from benchmarks.peers.problem import BATCH, LEARNING_RATE, Problem


def train(problem: Problem, examples: np.ndarray, setting: str, end_of_round: EndOfRound) -> None:
    """Settings: `auto`, or a change to it: `jit=on`, `jit=off`, `latent=plain`."""
    import tensorflow as tf

    from tfvae.data import load
    from tfvae.engine.loop import Loop
    from tfvae.runs import experiment

    changes = {} if setting == "auto" else dict([setting.split("=")])
    config = configuration(problem, epochs=10**6, **changes)
    data = load.from_arrays(examples)
    loop = Loop(experiment.build(config, data), data, config, tf.distribute.get_strategy())

    begun, inside = 0.0, 0.0

    def epoch_end(_: int, line: dict[str, Any]) -> None:
        nonlocal begun, inside
        # The loop's own clock, which excludes the time in which this process waits for its turn.
        share = 1.0 - (loop.clock.seconds - inside) / (time.perf_counter() - begun)
        end_of_round(line["train"]["loss"], host_share=share)
        begun, inside = time.perf_counter(), loop.clock.seconds

    end_of_round()
    begun = time.perf_counter()
    loop.run(epoch_end)


def configuration(problem: Problem, **training: Any) -> Any:
    """All settings, a `tfvae.config.Config`, with these changes to the section `training`."""
    from tfvae.config import Config, Network, Training, from_dict

    layers: Any = {"filters" if problem.family == "conv" else "hidden": problem.widths}
    settings = {"batch_size": BATCH, "learning_rate": LEARNING_RATE, "learning_rate_schedule": "constant", **training}
    network = from_dict(Network, {"name": problem.family, "latent_dim": problem.latent, **layers})
    return Config(network=network, training=Training(**settings))


def use_threads(count: int) -> None:
    """Sets the number of threads of TensorFlow."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


if __name__ == "__main__":
    sys.exit(serve(train, use_threads))
