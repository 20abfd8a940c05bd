"""Times all contenders at one batch size, in turn, round by round."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.decoders.contenders import Contender, contenders
from benchmarks.decoders.subject import Subject
from benchmarks.latent import timing
from tfvae import noise

Row = dict[str, Any]

_REST = 0.02  # seconds; threads of the previous contender keep spinning briefly and would slow down the next one
_WARM_UP = 0.005


def race(subject: Subject, batch: int, rounds: int, turn: float) -> list[Row]:
    """A row for each contender, with times in microseconds per call.

    Args:
      subject: what is decoded.
      batch: latents per call, from the prior.
      rounds: in each, every contender has a turn, in another order.
      turn: seconds of individually timed calls, at least one; they follow a rest and calls that are not timed.
    """
    z = subject.vae.prior.sample(noise.Address(tf.constant(0, tf.int64), noise.PRIOR), batch).numpy()
    entered = contenders(subject, z)
    times: list[list[np.ndarray]] = [[] for _ in entered]
    order, shuffle = list(range(len(entered))), random.Random(0)
    for contender in entered:
        contender.decode()  # compiles
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            shuffle.shuffle(order)
            for index in order:
                time.sleep(_REST)
                _calls(entered[index].decode, _WARM_UP)
                times[index].append(_calls(entered[index].decode, turn))
    finally:
        gc.enable()
    medians = [np.array([np.median(calls) for calls in each]) for each in times]
    own = {contender.name: median for contender, median in zip(entered, medians)}
    sizes = subject.sizes()
    return [_row(contender, batch, sizes.get(contender.form), calls, own) for contender, calls in zip(entered, times)]


def _row(
    contender: Contender, batch: int, size: int | None, calls: list[np.ndarray], medians: dict[str, np.ndarray]
) -> Row:
    own = medians[contender.name]
    float32 = medians.get(contender.name.replace(contender.form, "float32")) if contender.threads else None
    return {
        "name": contender.name,
        "form": contender.form,
        "threads": contender.threads,
        "batch": batch,
        "bytes": size,
        "calls": sum(map(len, calls)),
        "microseconds": {**timing.spread(own), "p95": float(np.quantile(np.concatenate(calls), 0.95))},
        "times_as_fast_as_tf_function": timing.ratio(medians["tf.function"], own),
        "times_as_fast_as_float32": None if float32 is None else timing.ratio(float32, own),
    }


def _calls(decode: Callable[[], np.ndarray], seconds: float) -> np.ndarray:
    """Microseconds of each call, for as many calls as fit into the time, at least one."""
    spent, end = [], time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        decode()
        now = time.perf_counter()
        spent.append(1e6 * (now - start))
        if now >= end:
            return np.array(spent)
