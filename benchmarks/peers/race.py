"""Times all competitors of one problem in turn, round by round."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.latent import timing
from benchmarks.peers.competitor import Competitor, Entrant
from benchmarks.peers.problem import PROBLEMS
from tfvae.errors import UserError

Row = dict[str, Any]
_WARM_UP = 2


def race(name: str, entrants: list[Entrant], data: str, steps: int, rounds: int, threads: int) -> Row:
    """The results of a problem.

    Args:
      name: of the problem.
      entrants: the first is tfvae with default settings.
      data: a .npy file of `steps * BATCH` examples.
      steps: per round.
      rounds: timed rounds, after two that compile and warm up.
      threads: of each competitor.
    """
    running: dict[Entrant, Competitor] = {}
    not_run: dict[str, str] = {}
    arguments = ("--problem", name, "--data", data, "--steps", steps, "--threads", threads)
    try:
        first: dict[str, list[float]] = {}
        for entrant in entrants:
            try:
                running[entrant] = Competitor(entrant, *arguments)
                first[entrant.name] = [
                    timing.timed(lambda _, e=entrant: running[e].round(), 0) for _ in range(_WARM_UP)
                ]
            except UserError as error:
                running.pop(entrant, None)
                not_run[entrant.name] = str(error).removeprefix(f"{entrant.name}: ")
        calls = {each.name: lambda _, c=competitor: c.round() for each, competitor in running.items()}
        if entrants[0] not in running:
            raise UserError(f"{entrants[0].name} did not run: {not_run[entrants[0].name]}")
        seconds = timing.interleaved(calls, dict.fromkeys(calls, rounds))
        own = seconds[entrants[0].name]
        rows = [
            _row(each, steps, first[each.name], seconds[each.name], own, competitor.answers)
            for each, competitor in running.items()
        ]
    finally:
        for competitor in running.values():
            competitor.close()
    return {
        "name": name,
        "title": PROBLEMS[name].title,
        "steps": steps,
        "rounds": rounds,
        "rows": rows,
        "not_run": not_run,
    }


def _row(entrant: Entrant, steps: int, first: list[float], seconds: np.ndarray, own: np.ndarray, answers: Any) -> Row:
    shares = [answer["host_share"] for answer in answers[_WARM_UP:] if "host_share" in answer]
    return {
        "name": entrant.name,
        "group": entrant.group,
        "steps_per_second": timing.spread(steps / seconds),
        # The first rounds also do the normal work of a round, which is subtracted.
        "compile_seconds": max(0.0, sum(first) - len(first) * float(np.median(seconds))),
        "times_as_long_as_tfvae": timing.ratio(seconds, own),
        "losses": [answer["loss"] for answer in answers],
        "host_share": float(np.median(shares)) if shares else None,
    }
