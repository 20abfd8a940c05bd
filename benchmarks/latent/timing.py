"""Times all contenders in turn, round by round, so that other load on the machine affects all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Spread = dict[str, float]


def interleaved(calls: dict[str, Callable[[int], Any]], rounds: dict[str, int]) -> dict[str, np.ndarray]:
    """Seconds of each call in each of its rounds.

    Args:
      calls: functions of the round number; each returns when its work is done.
      rounds: the number of rounds, from the first on, of each call.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    shuffle = random.Random(0)
    gc.collect()
    gc.disable()
    try:
        for index in range(max(rounds.values())):
            # The order changes, so that no contender always starts with the caches left by the same other one.
            shuffle.shuffle(order)
            for name in order:
                if index < rounds[name]:
                    seconds[name].append(timed(calls[name], index))
    finally:
        gc.enable()
    return {name: np.array(each) for name, each in seconds.items()}


def affordable(call: Callable[[int], Any], most: int, least: int, budget: float) -> int:
    """The number of rounds that fit into `budget` seconds, between `least` and `most`."""
    return max(least, min(most, int(budget / timed(call, 0))))


def spread(values: np.ndarray) -> Spread:
    """Median, 20 % and 80 % quantile."""
    low, median, high = np.quantile(values, [0.2, 0.5, 0.8])
    return {"median": float(median), "low": float(low), "high": float(high)}


def ratio(opponent: np.ndarray, own: np.ndarray) -> Spread:
    """How many times longer the opponent takes: the ratio of medians, and quantiles of the ratios round by round."""
    both = min(len(opponent), len(own))
    return {**spread(opponent[:both] / own[:both]), "median": float(np.median(opponent) / np.median(own))}


def timed(call: Callable[[int], Any], index: int) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    result = call(index)
    seconds = time.perf_counter() - start
    # Releasing memory is not part of what is timed.
    del result
    return seconds
