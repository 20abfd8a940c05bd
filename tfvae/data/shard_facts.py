"""`shards.json`, the metadata of a folder of shards, and the names of the shard files."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae.errors import UserError

NAME = "shards.json"
VERSION = 1
SPLITS = ("train", "validation", "test")

_FORMAT = {"format": "tfvae-shards", "version": VERSION}


@dataclass(frozen=True)
class Facts:
    """The fields of `shards.json`, except its format and version.

    Attributes:
      source: where the examples came from.
      encoded: x is an image file (PNG or JPEG), to be decoded; else it is the values of an array, little-endian.
      shape: of one example; empty for encoded images, whose size is chosen in training.
      dtype: of the values.
      labelled: the examples have labels y.
      counts: examples in each shard, by split: train, and validation and test if the source has its own.
      auto: the scaling that "auto" selects.
      unit_maximum: the user's value that becomes 1 under "unit" scaling.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
    """

    source: str
    encoded: bool
    shape: tuple[int, ...]
    dtype: str
    labelled: bool
    counts: dict[str, list[int]]
    auto: str
    unit_maximum: float
    label_names: tuple[str, ...] | None
    feature_names: tuple[str, ...] | None


def to_json(facts: Facts) -> str:
    """The content of `shards.json`."""
    return json.dumps({**_FORMAT, **dataclasses.asdict(facts)}, indent=1) + "\n"


def from_json(content: bytes, path: str) -> Facts:
    """Reads what `to_json` wrote.

    Raises:
      UserError: the file is not a shards.json, has another version, or holds invalid values.
    """
    try:
        values = json.loads(content)
        if values.get("format") != _FORMAT["format"]:
            raise ValueError(f"format {values.get('format')!r}")
        if values["version"] != VERSION:
            raise UserError(
                f"{path}: the shards have version {values['version']}, but this tfvae reads version {VERSION}; "
                "write them again."
            )
        return _facts({name: value for name, value in values.items() if name not in _FORMAT})
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{path}: cannot be read ({' '.join(str(error).split())[:160]}); "
            "expected a file written by python -m tfvae.data.shards."
        ) from error


def names(split: str, count: int) -> list[str]:
    """File names of a split in `count` shards; the index of a shard has ".index" appended to its name."""
    return [f"{split}-{i:05d}-of-{count:05d}.tfrecord" for i in range(count)]


def _facts(values: dict[str, Any]) -> Facts:
    for name in ("label_names", "feature_names"):
        values[name] = None if values[name] is None else tuple(str(value) for value in values[name])
    values["shape"] = tuple(int(side) for side in values["shape"])
    np.dtype(values["dtype"])
    if "train" not in values["counts"] or not all(
        split in SPLITS and counts and all(isinstance(count, int) and count > 0 for count in counts)
        for split, counts in values["counts"].items()
    ):
        raise ValueError(f"counts {values['counts']!r}")
    return Facts(**values)
