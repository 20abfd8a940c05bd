"""The proof: every file of a version runs in a fresh process without tfvae, and is compared with the Keras model."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.export import saved_model
from tfvae.export.proof import child, compare
from tfvae.export.proof.evidence import DRAWN, Evidence
from tfvae.export.proof.row import Error, Row
from tfvae.export.tflite import WITH_NOISE
from tfvae.export.warmup import DEFAULT

__all__ = ["Error", "Evidence", "Row", "prove"]


def prove(folder: Path, files: Mapping[str, str], evidence: Evidence) -> list[Row]:
    """Runs the files on the evidence and measures their errors, their size and the latency of TFLite files.

    Args:
      folder: of the version.
      files: kind by name, as in `{"decoder_int8.tflite": "int8", "saved_model": "saved_model"}`.
      evidence: model and inputs.

    Returns:
      A row for each file, in their order.

    Raises:
      UserError: a file cannot be loaded or run.
    """
    # On the CPU, like the other processes: a GPU may compute float32 products with lower precision.
    with tempfile.TemporaryDirectory() as name, tf.device("CPU:0"):
        work = Path(name)
        lite = [folder / file for file, kind in files.items() if kind != saved_model.FOLDER]
        measured = {}
        if lite:
            words = np.array(evidence.seeds, "<u8").view("<i4").reshape(-1, 2)
            child.run("litert_child", work, {**_inputs(evidence), "seed": words}, lite)
            measured = json.loads((work / "measured.json").read_text(encoding="utf-8"))
        for file in files.keys() - measured.keys():
            drawn = {"seed": np.array(evidence.seeds, np.int64), "n": np.array(DRAWN, np.int64)}
            child.run("saved_model_child", work, {**_inputs(evidence), **drawn}, [folder / file])
        return [_row(folder / file, kind, work, measured.get(file, {}), evidence) for file, kind in files.items()]


def _inputs(evidence: Evidence) -> dict[str, np.ndarray]:
    """The arrays for every signature that a file can have, as `SIGNATURE/INPUT`."""
    arrays = {DEFAULT: evidence.inputs(evidence.decoder)}
    for name, signature in evidence.signatures.items():
        arrays[name] = evidence.inputs(signature)
        if signature.noise is not None:
            arrays[f"{name}{WITH_NOISE}"] = evidence.inputs(signature, with_noise=True)
    return {f"{name}/{key}": array for name, inputs in arrays.items() for key, array in inputs.items()}


def _row(path: Path, kind: str, work: Path, measured: Mapping[str, Any], evidence: Evidence) -> Row:
    with np.load(work / f"{path.name}.npz") as found:
        return Row(
            file=path.name,
            kind=kind,
            bytes=sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file()),
            error=compare.means(found, evidence),
            elbo_change=compare.elbo_change(found, evidence),
            others=compare.others(found, evidence),
            delegated=measured.get("delegated"),
            latency_us=measured.get("latency_us", {}),
        )
