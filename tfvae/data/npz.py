"""Arrays from an npz file: `x`, or `x_train` and `x_test`, with optional labels `y…`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfvae.config.data import Npz
from tfvae.data import arrays
from tfvae.data.paths import existing_file
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError

KEYS = ("x", "y", "x_train", "y_train", "x_test", "y_test")


def from_settings(settings: Npz, seed: int) -> Source:
    """See `read`."""
    return read(existing_file(settings.path, "npz"))


def read(path: Path) -> Source:
    """The examples of a file, with a test split where it has `x_test`.

    Raises:
      UserError: broken, without examples, or with arrays that do not fit each other.
    """
    found = read_arrays(path)
    x_name = "x_train" if "x_train" in found else "x"
    if x_name not in found:
        raise UserError(f"{path}: holds no examples; want an array x, or x_train and x_test.")
    test_name = "x_test" if x_name == "x_train" and "x_test" in found else None
    x = arrays.examples(found[x_name], f"{path}: {x_name}")
    x_test = arrays.examples(found[test_name], f"{path}: {test_name}") if test_name else x[:0]
    if x.shape[1:] != x_test.shape[1:]:
        raise UserError(
            f"{path}: an example is {list(x.shape[1:])} in x_train and {list(x_test.shape[1:])} in x_test; "
            "want the same shape."
        )
    y, y_test, label_names = _labels(found, path, x_name, len(x), len(x_test) if test_name else None)
    return Source(Split(x, y), Split(x_test, y_test) if test_name else None, label_names=label_names)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file whose names are among `KEYS`; nothing is unpickled.

    Raises:
      UserError: not an npz file, cut short, or with pickled objects.
    """
    try:
        archive = np.load(path, allow_pickle=False, mmap_mode="r")
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise UserError(f"{path}: holds one bare array, want an npz file: numpy.savez(path, x=array).")
        with archive:
            found = {key: archive[key] for key in archive.files if key in KEYS}
            others = [key for key in archive.files if key not in KEYS]
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{path}: its arrays do not fit in memory; want a smaller file.") from error
    except Exception as error:  # a damaged file makes numpy, zipfile and zlib raise a dozen kinds
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise UserError(
            f"{path}: cannot be read, for it is broken, cut short or holds pickled objects ({reason}); "
            "want a file as numpy.savez writes it."
        ) from error
    if not found:
        raise UserError(f"{path}: holds {', '.join(others) or 'nothing'}; want an array x, or x_train and x_test.")
    return found


def _labels(
    found: dict[str, np.ndarray], path: Path, x_name: str, count: int, test_count: int | None
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...] | None]:
    y_name = x_name.replace("x", "y", 1)
    what = f"{path}: {y_name}"
    if test_count is None:
        y, names = arrays.labels(found[y_name], count, what) if y_name in found else (None, None)
        return y, None, names
    if (y_name in found) != ("y_test" in found):
        raise UserError(f"{path}: has only one of y_train and y_test; want labels for both or for neither.")
    if y_name not in found:
        return None, None, None
    return arrays.joint_labels((found[y_name], count, what), (found["y_test"], test_count, f"{path}: y_test"))
