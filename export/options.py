"""The options of an export, checked before anything slow starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfvae.config import nearest
from tfvae.errors import UserError

FORMATS = ("saved_model", "tflite")
QUANTIZE = ("none", "float16", "dynamic", "int8")
LARGEST_BATCH = 4096
_EDGE = ("ai_edge_litert", "litert_quantizer")


@dataclass(frozen=True)
class Options:
    """The options of an export.

    Attributes:
      formats: from `FORMATS`.
      quantize: TFLite decoders to write, from `QUANTIZE`.
      batch: batch sizes of the TFLite signatures; the first has the plain names.
      out: the folder of the versions; None: `RUN/export`.
      generator: write `generator.tflite`.
      scorer: write `scorer.tflite`.
      gates: bounds on errors that replace those of the model, by `KIND.ERROR`.
      allow_code: packages whose code the run's files may name.
      places: where the data are now, as in `data.path=rows.csv`.
      allow_changed_data: accept data that differ from those of the training.

    Raises:
      UserError: an unknown value, options that exclude each other, or a missing package.
    """

    formats: Sequence[str] = FORMATS
    quantize: Sequence[str] = QUANTIZE
    batch: Sequence[int] = (1,)
    out: Path | None = None
    generator: bool = False
    scorer: bool = False
    gates: Mapping[str, float] = field(default_factory=dict)
    allow_code: Sequence[str] = ()
    places: Sequence[str] = ()
    allow_changed_data: bool = False

    def __post_init__(self) -> None:
        _known("--formats", self.formats, FORMATS)
        _known("--quantize", self.quantize, QUANTIZE)
        within = all(1 <= size <= LARGEST_BATCH for size in self.batch)
        if not self.batch or not within or len(set(self.batch)) < len(self.batch):
            sizes = " ".join(map(str, self.batch))
            raise UserError(
                f"--batch {sizes}: expected one or more different sizes from 1 to {LARGEST_BATCH}, as in --batch 1 32."
            )
        if "tflite" in self.formats:
            _require_installed(_EDGE)
        elif self.generator or self.scorer:
            raise UserError("--generator and --scorer write TFLite files: add tflite to --formats.")

    @property
    def kinds(self) -> list[str]:
        """The kinds of TFLite file to write, in order."""
        if "tflite" not in self.formats:
            return []
        decoders = ["float32" if name == "none" else name for name in QUANTIZE if name in self.quantize]
        return decoders + ["generator"] * self.generator + ["scorer"] * self.scorer


def _known(option: str, names: Sequence[str], choices: Sequence[str]) -> None:
    if not names:
        raise UserError(f"{option}: got nothing, expected one or more of {', '.join(choices)}.")
    for name in names:
        if name not in choices:
            raise UserError(f"{option}: got {name!r}{nearest(name, choices)}, expected some of {', '.join(choices)}.")


def _require_installed(packages: Sequence[str]) -> None:
    missing = [name.replace("_", "-") for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"--formats tflite: needs {' and '.join(missing)}; install the extra [edge]: "
            'pip install "tfvae[edge]"; or use --formats saved_model.'
        )
