"""The memory bandwidth of this machine, as an upper bound for any pass over memory."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def copy_bandwidth(threads: int, size: int, rounds: int) -> np.ndarray:
    """Bytes read and written per second in each round, when copying `size` bytes, far more than fit in the caches."""
    source, target = np.ones(size, np.uint8), np.ones(size, np.uint8)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads)))
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            start = time.perf_counter()
            # NumPy releases the GIL while it copies.
            list(pool.map(lambda pair: np.copyto(*pair), parts))
            rates.append(2 * size / (time.perf_counter() - start))
    return np.array(rates)
