"""Required and desired targets of the exported decoders on a CPU, and whether they are reached."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

SIZE = 0.36  # must: size of the dynamic-range file relative to float32
SPEED = 1.5  # aim: speed of the dynamic-range file relative to float32, batch 1, one thread
OVER_TF_FUNCTION = 5.0  # aim: speed of the fastest file relative to tf.function, batch 1


def judge(decoders: list[Row]) -> list[Row]:
    """A row for each target and decoder that has figures."""
    return [row for decoder in decoders for row in _of(decoder["name"], decoder["rows"])]


def _of(name: str, timed: list[Row]) -> list[Row]:
    ones = [row for row in timed if row["batch"] == 1]
    files = [row for row in ones if row["threads"]]
    by_name = {row["name"]: row for row in ones}
    rows = []
    if {"dynamic, 1 thread", "float32, 1 thread"} <= by_name.keys():
        dynamic, float32 = by_name["dynamic, 1 thread"], by_name["float32, 1 thread"]
        share = dynamic["bytes"] / float32["bytes"]
        rows += [
            {
                "what": f"{name}: bytes of the dynamic-range file",
                "against": "float32 file",
                "must": f"at most {SIZE:.2f}",
                "aim": "",
                "came": f"{share:.3f}",
                "verdict": "reached" if share <= SIZE else "missed",
            },
            _speed(
                f"{name}: speed of the dynamic-range file", "float32 file", dynamic["times_as_fast_as_float32"], SPEED
            ),
        ]
    if files:
        best = min(files, key=lambda row: row["microseconds"]["median"])
        what = f"{name}: speed of the fastest file ({best['name']})"
        rows.append(_speed(what, "tf.function", best["times_as_fast_as_tf_function"], OVER_TF_FUNCTION))
    return rows


def _speed(what: str, against: str, came: Row, aim: float) -> Row:
    return {
        "what": what,
        "against": against,
        "must": "",
        "aim": f"{aim:g}x",
        "came": f"{came['median']:.2f}x [{came['low']:.2f}, {came['high']:.2f}]",
        "verdict": "aim reached" if came["median"] >= aim else "aim missed",
    }
