"""`python -I litert_child.py WORK FILE…`: runs TFLite files in a process with only NumPy and LiteRT.

WORK has `inputs.npz`, arrays as `SIGNATURE/INPUT`, and the seeds. For each file this writes `WORK/NAME.npz`, outputs as
`SIGNATURE/OUTPUT`, and to `WORK/measured.json` its latency and the share of its operations that a delegate runs.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

THREADS = (1, 2)
_WARM_UP = 10
_RUNS = 100
_SECONDS = 0.3

Arrays = dict[str, np.ndarray]


def main(work: Path, files: list[Path]) -> None:
    """Writes the outputs of the files for the inputs, and the measurements."""
    with np.load(work / "inputs.npz") as stored:
        inputs = dict(stored)
    measured = {}
    for file in files:
        try:
            interpreters = {threads: Interpreter(str(file), num_threads=threads) for threads in THREADS}
            found = outputs(interpreters[THREADS[-1]], inputs)
            np.savez(work / f"{file.name}.npz", allow_pickle=False, **found)
            measured[file.name] = {
                "delegated": delegated(interpreters[THREADS[-1]]),
                "latency_us": {str(threads): latency(lite, inputs) for threads, lite in interpreters.items()},
            }
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            sys.exit(f"{file.name}: {' '.join(str(error).split())}")
    (work / "measured.json").write_text(json.dumps(measured), encoding="utf-8")
    unexpected = {"keras", "tensorflow", "tfvae"} & set(sys.modules)
    if unexpected:
        sys.exit(f"{', '.join(unexpected)} were imported; the proof must run without them.")


def outputs(interpreter: Interpreter, inputs: Arrays) -> Arrays:
    """The outputs of each signature for all rows of its inputs; with a seed, of the first batch for each seed."""
    found = {}
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        size = _batch(runner)
        taken = _taken(inputs, name, runner)
        taken.pop("seed", None)
        count = min(map(len, taken.values()), default=size)
        if "seed" in runner.get_input_details():
            # The noise in the graph is that of the first examples; for others it would be wrong.
            calls = [({**_part(taken, 0, size), "seed": seed}, min(count, size)) for seed in inputs["seed"]]
        else:
            calls = [(_part(taken, first, size), min(count - first, size)) for first in range(0, count, size)]
        parts = [(_call(runner, values), rows) for values, rows in calls]
        for key in parts[0][0]:
            found[f"{name}/{key}"] = np.concatenate([part[key][:rows] for part, rows in parts])
    return found


def latency(interpreter: Interpreter, inputs: Arrays) -> dict[str, float]:
    """Microseconds per call of the plain signature, including copies in and out: median and 95 % quantile."""
    name = _timed(interpreter)
    runner = interpreter.get_signature_runner(name)
    values = _part(_taken(inputs, name, runner), 0, _batch(runner))
    stored = _stored({**values, "seed": inputs["seed"][0]}, runner)
    for _ in range(_WARM_UP):
        runner(**stored)
    seconds: list[float] = []
    while len(seconds) < _RUNS and sum(seconds) < _SECONDS:
        start = time.perf_counter()
        runner(**stored)
        seconds.append(time.perf_counter() - start)
    median, high = np.quantile(seconds, [0.5, 0.95]) * 1e6
    return {"p50": round(float(median), 1), "p95": round(float(high), 1)}


def delegated(interpreter: Interpreter) -> float | None:
    """The share of the operations of the timed signature's graph that run inside a delegate, XNNPACK here.

    It is known only for the first signature; None if another one is timed.

    LiteRT keeps delegated operations in its list and appends a DELEGATE for each group, with the group's inputs and
    outputs; the operations between these form the group. The list is private; None if it does not exist.
    """
    if next(iter(interpreter.get_signature_list())) != _timed(interpreter):
        return None
    try:
        nodes = interpreter._get_ops_details()
    except AttributeError:
        return None
    operations = [node for node in nodes if node["op_name"] != "DELEGATE"]
    made_by = {int(tensor): node for node in operations for tensor in node["outputs"]}
    inside: set[int] = set()
    for node in nodes:
        if node["op_name"] == "DELEGATE":
            known, pending = set(map(int, node["inputs"])), list(map(int, node["outputs"]))
            while pending:
                tensor = pending.pop()
                if tensor in made_by and tensor not in known:
                    known.add(tensor)
                    inside.add(made_by[tensor]["index"])
                    pending.extend(map(int, made_by[tensor]["inputs"]))
    return len(inside) / len(operations)


def _timed(interpreter: Interpreter) -> str:
    """The first signature that draws from a seed; without one, the first."""
    listed = interpreter.get_signature_list()
    return next((name for name, signature in listed.items() if "seed" in signature["inputs"]), next(iter(listed)))


def _taken(inputs: Arrays, name: str, runner: Any) -> Arrays:
    """The inputs of a signature of any batch size."""
    base = re.sub(r"_\d+$", "", name)
    return {key: inputs[key if key in inputs else f"{base}/{key}"] for key in runner.get_input_details()}


def _part(inputs: Arrays, first: int, size: int) -> Arrays:
    return {key: value[first : first + size] for key, value in inputs.items()}


def _call(runner: Any, values: Arrays) -> Arrays:
    """One call; integers of a quantized file represent (q - zero_point) scale."""
    details = runner.get_output_details()
    return {key: _real(value, details[key]) for key, value in runner(**_stored(values, runner)).items()}


def _stored(values: Arrays, runner: Any) -> Arrays:
    """The inputs of a signature in its own dtype; a short last batch is padded with zeros."""
    stored = {}
    for key, detail in runner.get_input_details().items():
        value, (scale, zero_point) = values[key], detail["quantization"]
        if scale:
            limits = np.iinfo(detail["dtype"])
            value = np.clip(np.rint(value / scale) + zero_point, limits.min, limits.max)
        missing = int(detail["shape"][0]) - len(value)
        stored[key] = np.pad(value.astype(detail["dtype"]), [(0, missing)] + [(0, 0)] * (value.ndim - 1))
    return stored


def _real(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    return (value.astype(np.float32) - zero_point) * np.float32(scale) if scale else value


def _batch(runner: Any) -> int:
    return int(next(iter(runner.get_output_details().values()))["shape"][0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
