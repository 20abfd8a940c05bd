"""The files of a version: writes them one by one, and describes each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.export import description, latents, metadata, quantization, saved_model, tflite, warmup
from tfvae.export.options import Options
from tfvae.export.proof import elbo
from tfvae.export.subject import Subject

# Differs from the proof's seed, so that no file is verified on the latents that it was calibrated on.
CALIBRATION_SEED = 2
# TensorFlow Serving looks for these directly in the version's folder.
_SERVED = ("saved_model.pb", "fingerprint.pb", "variables", "assets.extra")


def write(
    subject: Subject, described: dict[str, Any], options: Options, folder: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Writes all requested files.

    Args:
      subject: the model and its data.
      described: `description.of(subject)`, which is embedded in each TFLite file.
      options: what to write.
      folder: an empty folder to write to.
      say: called with a line for each file.

    Returns:
      By the file's name: its kind, the tool that made it, its sha256 and, for TFLite files, its signatures.
    """
    written: dict[str, Any] = {}
    if "saved_model" in options.formats:
        say(f"writing {saved_model.FOLDER}")
        saved_model.write(subject.vae, folder / saved_model.FOLDER)
        warmup.write(subject.vae, folder / saved_model.FOLDER)
        written[saved_model.FOLDER] = {"kind": "saved_model", "tool": f"Keras {described['versions']['keras']}"}
        for name in _SERVED:
            (folder / name).symlink_to(f"{saved_model.FOLDER}/{name}")
    # Without the name, so that a renamed run gives the same bytes.
    embedded = {key: value for key, value in described.items() if key != "name"}
    tools = _Tools(subject, options)
    for kind in options.kinds:
        name = tflite.FILES[kind]
        say(f"writing {name}")
        data, tool = tools.make(kind)
        tflite.check(data)
        say(f"  by {tool}")
        written[name] = {"kind": kind, "tool": tool, "signatures": metadata.signatures(data)}
        (folder / name).write_bytes(metadata.embed(data, {**embedded, "file": written[name]}))
    for name, entry in written.items():
        entry["sha256"] = description.digest(folder / name)
    return written


class _Tools:
    """Makes TFLite files; intermediate results that several files need are computed once."""

    def __init__(self, subject: Subject, options: Options) -> None:
        self._subject, self._vae, self._batch = subject, subject.vae, options.batch

    def make(self, kind: str) -> quantization.Quantized:
        """The file of a kind, without metadata."""
        if kind in ("float16", "dynamic", "int8"):
            return quantization.quantize(kind, self._decoder, self._calibration, self._spread)
        if kind == "generator":
            data = tflite.generator(self._vae, self._batch)
        elif kind == "scorer":
            data = tflite.scorer(self._vae, self._batch)
        else:
            data = self._decoder
        return quantization.Quantized(data, f"{tflite.CONVERTER} of TensorFlow {tf.__version__}")

    @cached_property
    def _decoder(self) -> bytes:
        return tflite.decoder(self._vae, self._batch)

    @cached_property
    def _spread(self) -> float:
        of_examples = self._calibration.sets[-1]
        return elbo.spread(self._vae, self._subject.test, of_examples["z"], of_examples.get("y"))

    @cached_property
    def _calibration(self) -> latents.Calibration:
        subject = self._subject
        return latents.calibration(self._vae, subject.training, CALIBRATION_SEED, subject.training_y)
