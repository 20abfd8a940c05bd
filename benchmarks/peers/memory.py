"""Checks that memory does not grow: the resident set while tfvae's own loop trains."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from benchmarks.peers.problem import PROBLEMS, SIDE

BATCH = 16


def resident(epochs: int, steps: int, say: Callable[[str], None]) -> list[int]:
    """Bytes after each epoch of this many steps of the MLP, batch 16, on noise."""
    import tensorflow as tf

    from benchmarks.peers.tfvae_loop import configuration
    from tfvae.data import load
    from tfvae.engine.loop import Loop
    from tfvae.runs import experiment

    config = configuration(PROBLEMS["mlp"], epochs=epochs, batch_size=BATCH)
    data = load.from_arrays(np.random.default_rng(0).integers(0, 256, [steps * BATCH, SIDE, SIDE], np.uint8))
    sizes: list[int] = []

    def epoch_end(epoch: int, _: object) -> None:
        with open("/proc/self/statm", encoding="utf-8") as file:
            sizes.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        say(f"{epoch * steps:7,} steps  {sizes[-1] / 2**20:8.1f} MiB")

    Loop(experiment.build(config, data), data, config, tf.distribute.get_strategy()).run(epoch_end)
    return sizes
