"""How fast this machine copies memory: what a pass over memory can hope for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def copy_bandwidth(threads: int, size: int, rounds: int) -> np.ndarray:
    """Bytes read and written a second in each round, copying `size` bytes, far more than caches hold."""
    source, target = np.ones(size, np.uint8), np.ones(size, np.uint8)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads)))
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            start = time.perf_counter()
            # NumPy lets go of the interpreter while it copies.
            list(pool.map(lambda pair: np.copyto(*pair), parts))
            rates.append(2 * size / (time.perf_counter() - start))
    return np.array(rates)
