"""Section `data`: where the examples come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tfvae.config.options import Choice, option


@dataclass(frozen=True)
class Data(Choice):
    """Settings that all sources share."""

    kind: ClassVar[str] = "data"
    name: str = option("digits", "source of the examples")
    scaling: str = option(
        "auto",
        "from user units to model units; auto: unit for images, z-score for tables, none for arrays in [0, 1]",
        choices=("auto", "none", "unit", "min-max", "z-score"),
    )
    binarize: str = option(
        "none", "make x binary: by a threshold, or sampled again each step", choices=("none", "threshold", "dynamic")
    )
    validation_fraction: float = option(
        0.1, "fraction kept for validation if the source has no such split of its own", above=0.0, maximum=0.9
    )
    test_fraction: float = option(
        0.2, "fraction kept for the test if the source has no test split of its own", above=0.0, maximum=0.9
    )
    stratify: bool = option(False, "draw validation and test with the labels in equal shares")


@dataclass(frozen=True)
class Digits(Data):
    """The 8x8 digits that come with scikit-learn."""


@dataclass(frozen=True)
class KerasSet(Data):
    """`mnist`, `fashion_mnist` and `cifar10`."""

    name: str = option("mnist", "source of the examples")
    dir: str | None = option(None, "folder with NAME.npz in Keras's layout; none: download it", is_path=True)


@dataclass(frozen=True)
class Blobs(Data):
    """Clusters of points in the plane."""

    name: str = option("blobs", "source of the examples")
    num_examples: int = option(500, "number of points", minimum=10)
    num_clusters: int = option(2, "number of Gaussians", minimum=1)


@dataclass(frozen=True)
class Csv(Data):
    """A table with a header."""

    name: str = option("csv", "source of the examples")
    path: str | None = option(None, "the file to read", is_path=True)
    label: str | None = option(None, "the column that holds labels")
    attributes: tuple[str, ...] = option((), "columns of attributes that condition the model")
    split: str | None = option(None, "the column that says in which split a row is: train, val or test")
    group: str | None = option(None, "the column of groups (patients, machines), each to be in one split")


@dataclass(frozen=True)
class Npz(Data):
    """Arrays in an npz file."""

    name: str = option("npz", "source of the examples")
    path: str | None = option(None, "the file to read", is_path=True)
    group: str | None = option(None, "the array of groups (patients, machines), each to be in one split")


@dataclass(frozen=True)
class Images(Data):
    """A folder of images: PNG, JPEG, WebP, TIFF, BMP or GIF."""

    name: str = option("images", "source of the examples")
    path: str | None = option(None, "the folder to read", is_path=True)
    split: str | None = option(None, "a file that names the split of each image: train, val or test", is_path=True)
    group: str | None = option(None, "a file that names the group (patient, machine) of each image", is_path=True)
    image_size: tuple[int, int] = option((64, 64), "height and width after resize and crop", minimum=8)
    channels: int = option(3, "1 for grey, 3 for colour, 4 for colour and alpha", minimum=1, maximum=4)
    check: str = option(
        "auto",
        "before training read the headers of all files, or decode them too; auto: decode up to 200 MB of files",
        choices=("auto", "headers", "decode"),
    )
    on_bad: str = option(
        "stop", "at files that cannot be used: stop before training, or skip them", choices=("stop", "skip")
    )


@dataclass(frozen=True)
class Shards(Data):
    """TFRecord shards that `python -m tfvae.data.shards` wrote."""

    name: str = option("shards", "source of the examples")
    path: str | None = option(None, "the folder to read (gs://… too)", is_path=True)
    image_size: tuple[int, int] = option((64, 64), "height and width after resize and crop", minimum=8)
    channels: int = option(3, "1 for grey, 3 for colour, 4 for colour and alpha", minimum=1, maximum=4)
