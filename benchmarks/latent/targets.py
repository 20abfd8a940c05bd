"""Required and desired targets, and whether the figures reach them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.latent.cases import BOTH, FORWARD, MODES

Results = dict[str, Any]
Row = dict[str, Any]

# Extra memory up to this size is thread scratch or page rounding, not an array.
_SCRATCH = 2**20


@dataclass(frozen=True)
class Ratio:
    """How many times longer the fastest alternative must take.

    Attributes:
      case: the row, by name.
      mode: `forward` or `forward + backward`.
      fused: the provider that is compared.
      against: the alternatives, in words.
      opponents: tells whether a provider is one of them.
      must: the smallest allowed ratio.
      aim: the desired ratio.
    """

    case: str
    mode: str
    fused: str
    against: str
    opponents: Callable[[Row], bool]
    must: float
    aim: float


def _plain(row: Row) -> bool:
    return bool(row["group"] == "plain" and row["setting"] != "eager")


def _plain_jit(row: Row) -> bool:
    return bool(row["group"] == "plain" and row["setting"] == "jit")


def _plain_eager(row: Row) -> bool:
    return bool(row["group"] == "plain" and row["setting"] == "eager")


def _tfp_graph(row: Row) -> bool:
    return bool(row["name"] == "TFP, graph")


_BEST = "best plain, graph or jit"
_LARGE = ("standard [4096, 128]", "standard [65536, 64]")
_SMALL = "standard [128, 20]"
RATIOS = (
    *(Ratio(case, FORWARD, "fused, graph", _BEST, _plain, 4, 8) for case in _LARGE),
    *(Ratio(case, BOTH, "fused, graph", _BEST, _plain, 3, 6) for case in _LARGE),
    *(
        Ratio(case, mode, "fused, jit", against, opponents, 4, 8)
        for against, opponents in (("best plain, jit", _plain_jit), (_BEST, _plain))
        for mode in MODES
        for case in _LARGE
    ),
    Ratio("correlated [1024, 64]", BOTH, "fused, graph", "TFP, graph", _tfp_graph, 20, 60),
    Ratio("correlated [1024, 64]", BOTH, "fused, graph", _BEST, _plain, 2, 4),
    Ratio("correlated [1024, 256]", BOTH, "fused, graph", "TFP, graph", _tfp_graph, 50, 150),
    Ratio("correlated [1024, 256]", BOTH, "fused, graph", _BEST, _plain, 1.5, 3),
    *(Ratio(_SMALL, mode, "fused, graph", _BEST, _plain, 1, 2) for mode in MODES),
    *(Ratio(_SMALL, mode, "fused, eager", "best plain, eager", _plain_eager, 1, 2) for mode in MODES),
)


def judge(results: Results) -> list[Row]:
    """A row for each target that these results cover."""
    rows = [_ratio(target, timed) for target in RATIOS for timed in results["timings"] if _same(target, timed)]
    return rows + _single_core(results["single_core"]) + _memory(results["memory"]) + _gpu(results["gpu"])


def verdict(value: float | None, must: float, aim: float) -> str:
    """The outcome in words, for figures where more is better."""
    if value is None:
        return "did not run"
    return "aim reached" if value >= aim else "reached" if value >= must else "missed"


def _same(target: Ratio, timed: Row) -> bool:
    return bool(timed["case"] == target.case and timed["mode"] == target.mode)


def _ratio(target: Ratio, timed: Row) -> Row:
    opponents = [row for row in timed["providers"] if target.opponents(row)]
    row = {
        "what": f"{target.case}, {target.mode}: {target.fused}",
        "must": f"{target.must:g}x",
        "aim": f"{target.aim:g}x",
    }
    if target.fused in timed["failed"] or not opponents:
        return {**row, "against": target.against, "came": "none", "verdict": verdict(None, 0, 0)}
    best = min(opponents, key=lambda opponent: opponent["seconds"]["median"])
    came = best["times_as_long_as"][target.fused]
    return {
        **row,
        "against": f"{target.against} ({best['name']})",
        "came": f"{came['median']:.2f}x [{came['low']:.2f}, {came['high']:.2f}]",
        "verdict": verdict(came["median"], target.must, target.aim),
    }


def _single_core(rows: list[Row]) -> list[Row]:
    # The one that a user gets; the others have their own table.
    chosen = rows[0]["ns_per_element"]["forward"]
    return [
        {
            "what": f"one core, forward, {rows[0]['isa']}",
            "against": "",
            "must": "3 ns an element",
            "aim": "1.5 ns",
            "came": f"{chosen['median']:.2f} ns [{chosen['low']:.2f}, {chosen['high']:.2f}]",
            "verdict": verdict(-chosen["median"], -3, -1.5),
        }
    ]


def _memory(rows: list[Row]) -> list[Row]:
    judged = [row for row in rows if row["name"] == "fused, bindings"]
    return [
        {
            "what": f"extra memory, {row['case']}, {row['mode']}: {row['name']}",
            "against": "",
            "must": "outputs only",
            "aim": "",
            "came": f"{row['extra'] / 2**20:.2f} MiB beside {row['outputs'] / 2**20:.0f} MiB",
            "verdict": verdict(-row["extra"], -_SCRATCH, float("inf")),
        }
        for row in judged
    ]


def _gpu(sections: Row) -> list[Row]:
    tensorflow = sections["tensorflow"]
    if "not_run" in tensorflow:
        return []
    rate = {row["name"]: row["bytes_per_second"] for row in tensorflow["rows"]}
    judged = []
    for mode, must in (("forward", 0.85), ("backward", 0.80)):
        share = rate[f"fused: {mode}"] / rate["device: copy"]
        judged.append(
            {
                "what": f"GPU, {mode}",
                "against": "copy bandwidth there",
                "must": f"{must:.0%}",
                "aim": "",
                "came": f"{share:.1%}",
                "verdict": verdict(share, must, float("inf")),
            }
        )
    return judged
