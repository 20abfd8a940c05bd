"""The timings of one case on the CPU: every provider, forward and forward + backward, interleaved."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.latent import cases, timing
from benchmarks.latent.cases import Case
from benchmarks.latent.process import answer
from benchmarks.latent.providers import Provider, providers
from tfvae.errors import UserError

_LEAST_ROUNDS = 3


def measure(case: Case, rounds: int, budget: float) -> list[dict[str, Any]]:
    """A row for each mode.

    Args:
      case: the case to time.
      rounds: how often each provider is called.
      budget: seconds per provider and row; a slower provider gets fewer rounds, at least 3.
    """
    return [_row(case, mode, rounds, budget) for mode in cases.MODES]


def _row(case: Case, mode: str, rounds: int, budget: float) -> dict[str, Any]:
    given, prior = cases.inputs(case), cases.prior(case)
    here, failed = _those_that_run(providers(case, prior, mode), given)
    steps = [tf.constant(step, tf.int64) for step in range(rounds)]

    def timed(each: Provider) -> Callable[[int], Any]:
        return lambda index: _done(each.call(given, steps[index]))

    calls = {each.name: timed(each) for each in here}
    affordable = {name: timing.affordable(call, rounds, _LEAST_ROUNDS, budget) for name, call in calls.items()}
    seconds = timing.interleaved(calls, affordable)
    return {
        "case": case.name,
        "mode": mode,
        "elements": case.elements,
        "bytes": case.bytes_to_move(mode),
        "failed": failed,
        "providers": [_figures(each, case, mode, seconds) for each in here],
    }


def _those_that_run(all_of_them: list[Provider], given: cases.Inputs) -> tuple[list[Provider], dict[str, str]]:
    """Compiles and warms up; leaves out providers that cannot run, with the reason."""
    here, failed, first = [], {}, None
    for each in all_of_them:
        try:
            outputs = [np.array(value) for value in each.call(given, tf.constant(0, tf.int64))]
        except tf.errors.OpError as error:
            failed[each.name] = str(error.message).splitlines()[0]
            continue
        first = first or outputs
        _same(each.name, outputs, first)
        _done(each.call(given, tf.constant(1, tf.int64)))
        here.append(each)
    return here, failed


def _same(name: str, outputs: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    # z and d_log_var depend on the provider's noise. The KL and d_mean do not: if they differ, the computation does.
    for index in (1, 2):
        if index < len(outputs):
            off = float(np.abs(outputs[index] - wanted[index]).max() / np.abs(wanted[index]).max())
            if not off < 1e-3:
                raise UserError(f"{name}: {['kl', 'd_mean'][index - 1]} is off by {off:.1e}; it is no rival's figure.")


def _done(outputs: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    for output in outputs:
        memoryview(output)  # waits for the result without a copy
    return outputs


def _figures(each: Provider, case: Case, mode: str, seconds: dict[str, np.ndarray]) -> dict[str, Any]:
    own = seconds[each.name]
    median = float(np.median(own))
    return {
        "name": each.name,
        "group": each.group,
        "setting": each.setting,
        "rounds": len(own),
        "seconds": timing.spread(own),
        "ns_per_element": 1e9 * median / case.elements,
        "bytes_per_second": case.bytes_to_move(mode) / median,
        "times_as_long_as": {
            name: timing.ratio(own, fused) for name, fused in seconds.items() if name.startswith("fused")
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", type=int, required=True, help="which of the cases, from 0")
    parser.add_argument("--quick", action="store_true", help="of the quick cases, with few rounds")
    parser.add_argument("--threads", type=int, default=2, help="of TensorFlow (default: 2)")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    case = (cases.QUICK if options.quick else cases.CASES)[options.case]
    rounds, budget = (5, 1.0) if options.quick else (case.rounds, 15.0)
    return answer(lambda: measure(case, rounds, budget))


if __name__ == "__main__":
    sys.exit(main())
