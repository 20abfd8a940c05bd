"""Required and desired targets of training, and whether they are reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.latent.targets import verdict

Row = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """How many times longer the fastest alternative must take than tfvae with default settings.

    Attributes:
      problem: by name.
      against: the alternatives, in words.
      groups: theirs.
      must: the smallest allowed ratio.
      aim: the desired ratio.
    """

    problem: str
    against: str
    groups: tuple[str, ...]
    must: float
    aim: float


TARGETS = (
    Target("mlp", "JAX", ("JAX",), 1, 1.3),
    Target("mlp", "the best of PyTorch", ("PyTorch",), 2, 2),
    Target("mlp", "the best of fit", ("fit",), 2, 2),
    Target("conv", "the best of all", ("JAX", "PyTorch", "fit"), 1, 1.3),
)
HOST_SHARE = 0.03  # share of the time between compiled calls


def judge(problems: list[Row]) -> list[Row]:
    """A row for each target, and one for tfvae's host time in each problem."""
    by_name = {problem["name"]: problem for problem in problems}
    rows = [_ratio(target, by_name[target.problem]) for target in TARGETS if target.problem in by_name]
    return rows + [_host_share(problem) for problem in problems]


def _ratio(target: Target, problem: Row) -> Row:
    opponents = [row for row in problem["rows"] if row["group"] in target.groups]
    row = {"what": problem["title"], "must": f"{target.must:g}x", "aim": f"{target.aim:g}x"}
    if not opponents:
        return {**row, "against": target.against, "came": "none", "verdict": verdict(None, 0, 0)}
    best = max(opponents, key=lambda opponent: opponent["steps_per_second"]["median"])
    came = best["times_as_long_as_tfvae"]
    return {
        **row,
        "against": f"{target.against} ({best['name']})",
        "came": f"{came['median']:.2f}x [{came['low']:.2f}, {came['high']:.2f}]",
        "verdict": verdict(came["median"], target.must, target.aim),
    }


def _host_share(problem: Row) -> Row:
    share = problem["rows"][0]["host_share"]
    return {
        "what": f"{problem['title']}: host time between compiled calls",
        "against": "",
        "must": f"under {HOST_SHARE:.0%}",
        "aim": "",
        "came": "none" if share is None else f"{share:.2%}",
        "verdict": verdict(None if share is None else -share, -HOST_SHARE, float("inf")),
    }
