"""MNIST, Fashion-MNIST and CIFAR-10: through Keras's loaders, or from a file in their layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from tfvae.config.data import KerasSet
from tfvae.data import arrays, npz
from tfvae.data.paths import existing_folder
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError

_DIGITS = tuple(str(i) for i in range(10))
LABEL_NAMES = {
    "mnist": _DIGITS,
    "fashion_mnist": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}


def from_settings(settings: KerasSet, seed: int) -> Source:
    """See `read`."""
    return read(settings.name, settings.dir)


def read(name: str, folder: str | None) -> Source:
    """uint8 images `[n, height, width, channels]` with labels 0 to 9, and the data set's own test split.

    Args:
      name: "mnist", "fashion_mnist" or "cifar10".
      folder: holds NAME.npz with x_train, y_train, x_test, y_test; None downloads, or takes Keras's cached file.

    Raises:
      UserError: the file is missing or broken, or the download failed.
    """
    source = _download(name) if folder is None else _file(name, folder)
    limit = len(LABEL_NAMES[name])
    for split, what in ((source.train, "y_train"), (source.test, "y_test")):
        y = None if split is None else split.y
        if y is None or y.min() < 0 or y.max() >= limit:
            raise UserError(f"{name}: want labels 0 to {limit - 1} in {what}.")
    return dataclasses.replace(source, label_names=LABEL_NAMES[name])


def _file(name: str, folder: str) -> Source:
    wanted = existing_folder(folder, "data.dir", f"that holds {name}.npz") / f"{name}.npz"
    if not wanted.is_file():
        there = ", ".join(sorted(item.name for item in Path(wanted.parent).glob("*.npz"))) or "none"
        raise UserError(f"data.dir: no {name}.npz in {folder}; the npz files there: {there}.")
    source = npz.read(wanted)
    if source.test is None or source.train.y is None:
        raise UserError(f"{wanted}: want Keras's layout: x_train, y_train, x_test and y_test.")
    return source


def _download(name: str) -> Source:
    import keras

    try:
        train, test = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception when a download fails
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{name}: the download failed ({reason}); get {name}.npz (x_train, y_train, x_test, y_test) elsewhere "
            "and pass --set data.dir=DIR for the folder that holds it."
        ) from error
    return Source(_split(name, "train", *train), _split(name, "test", *test))


def _split(name: str, part: str, x: Any, y: Any) -> Split:
    x = arrays.examples(x, f"{name}: x_{part}")
    return Split(x, arrays.labels(y, len(x), f"{name}: y_{part}")[0])
