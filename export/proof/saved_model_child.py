"""`python -I saved_model_child.py WORK FOLDER`: runs a SavedModel in a process with only TensorFlow.

It is loaded twice: by `tf.saved_model.load`, and in a session, like C++ programs and `saved_model_cli`, which fail on
some files that load the first way. WORK has `inputs.npz`, arrays as `SIGNATURE/INPUT`, and the seeds and the number `n`
of samples; the outputs are written to `WORK/NAME.npz` as `SIGNATURE/OUTPUT`, those of the session as
`session:SIGNATURE/OUTPUT`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

_ROWS = 256

Arrays = dict[str, np.ndarray]


def main(work: Path, folder: Path) -> None:
    """Writes the outputs of the SavedModel for the inputs."""
    with np.load(work / "inputs.npz") as stored:
        inputs = dict(stored)
    try:
        found = {**loaded(folder, inputs), **in_session(folder, inputs)}
    except (OSError, tf.errors.OpError, ValueError) as error:
        sys.exit(f"{folder.name}: {' '.join(str(error).split())[:500]}")
    np.savez(work / f"{folder.name}.npz", allow_pickle=False, **found)
    if "tfvae" in sys.modules:
        sys.exit("tfvae was imported; the proof must run without it.")


def loaded(folder: Path, inputs: Arrays) -> Arrays:
    """The outputs by `tf.saved_model.load`, in batches."""
    found = {}
    model = tf.saved_model.load(str(folder))
    for name, function in model.signatures.items():
        names = function.structured_input_signature[1]

        def call(values: Arrays, function: Callable[..., dict[str, tf.Tensor]] = function) -> Arrays:
            tensors = {key: tf.constant(value) for key, value in values.items()}
            return {key: value.numpy() for key, value in function(**tensors).items()}

        found.update(_outputs(name, call, _taken(inputs, name, names)))
    return found


def in_session(folder: Path, inputs: Arrays) -> Arrays:
    """The outputs by the session loader, in batches."""
    found = {}
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        meta = v1.saved_model.loader.load(session, [v1.saved_model.tag_constants.SERVING], str(folder))
        for name, signature in meta.signature_def.items():
            if name.startswith("__"):  # the initialisation
                continue

            def call(values: Arrays, signature: Any = signature) -> Arrays:
                feeds = {signature.inputs[key].name: value for key, value in values.items()}
                return session.run({key: output.name for key, output in signature.outputs.items()}, feeds)

            found.update(_outputs(f"session:{name}", call, _taken(inputs, name, signature.inputs)))
    return found


def _taken(inputs: Arrays, name: str, keys: Iterable[str]) -> Arrays:
    """The inputs of one signature."""
    return {key: inputs[key if key in inputs else f"{name}/{key}"] for key in keys}


def _outputs(name: str, call: Callable[[Arrays], Arrays], inputs: Arrays) -> Arrays:
    """All rows; with seeds, one batch for each, because the noise in the graph is that of the first examples."""
    seeds = inputs.get("seed")
    rows = {key: value for key, value in inputs.items() if value.ndim and key != "seed"}
    if seeds is not None:
        first_rows = {key: value[:_ROWS] for key, value in rows.items()}
        parts = [call({**inputs, **first_rows, "seed": seed}) for seed in seeds]
    else:
        count = min(map(len, rows.values()))
        parts = [
            call({key: value[first : first + _ROWS] for key, value in rows.items()}) for first in range(0, count, _ROWS)
        ]
    return {f"{name}/{key}": np.concatenate([part[key] for part in parts]) for key in parts[0]}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
