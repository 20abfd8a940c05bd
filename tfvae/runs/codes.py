"""Files of codes: npz, and Parquet with the extra `tables`."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from tfvae.errors import UserError
from tfvae.files import write

_ROWS = 65_536  # of a row group of a Parquet file
Columns = dict[str, np.ndarray]


def writer(path: Path) -> Callable[[Iterable[Columns]], None]:
    """The function that writes batches of columns to a file of this name, whole or not at all.

    Args:
      path: ends in .npz (an array for each column) or .parquet (a column for each number, such as z_mean_0; no label
        is null).

    Raises:
      UserError: another ending, no such folder, or Parquet without its packages.
    """
    write_to = _KINDS.get(path.suffix.lower())
    if write_to is None:
        raise UserError(f"--out {path}: expected a name that ends in {' or '.join(_KINDS)}.")
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: the folder {path.parent} does not exist; create it first.")
    if path.is_dir():
        raise UserError(f"--out {path}: this is a folder; expected the name of a file.")
    if write_to is _parquet:
        _pyarrow(path)
    return lambda batches: write(path, lambda unfinished: write_to(unfinished, batches))


def _npz(path: Path, batches: Iterable[Columns]) -> None:
    """Through a temporary file for each column, so that memory holds one batch: an archive has whole columns only."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tfvae-") as folder, contextlib.ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        parts: dict[str, list[tuple[tuple[int, ...], np.dtype]]] = {}
        for batch in batches:
            for name, values in batch.items():
                if name not in files:
                    files[name] = stack.enter_context(open(Path(folder) / str(len(files)), "w+b"))
                np.save(files[name], values, allow_pickle=False)
                parts.setdefault(name, []).append((values.shape, values.dtype))
        with zipfile.ZipFile(path, "w") as archive:
            for name, file in files.items():
                file.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _copy(file, member, parts[name])


def _copy(file: IO[bytes], member: IO[bytes], parts: list[tuple[tuple[int, ...], np.dtype]]) -> None:
    """Arrays that follow each other in a file, as one array of a wide enough type (text has a length)."""
    dtype = np.result_type(*(kind for _, kind in parts))
    shape = (sum(size[0] for size, _ in parts), *parts[0][0][1:])
    described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, described)
    for _ in parts:
        member.write(np.load(file, allow_pickle=False).astype(dtype, copy=False).tobytes())


def _parquet(path: Path, batches: Iterable[Columns]) -> None:
    arrow, parquet = _pyarrow(path)
    rest = iter(batches)
    file = None
    try:
        while group := list(_at_most(rest, _ROWS)):
            table = arrow.table(dict(_flat(_joined(group), arrow)))
            file = file or parquet.ParquetWriter(path, table.schema)
            file.write_table(table)
    finally:
        if file is not None:
            file.close()


def _joined(batches: Iterable[Columns]) -> Columns:
    parts: dict[str, list[np.ndarray]] = {}
    for batch in batches:
        for name, values in batch.items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _at_most(batches: Iterator[Columns], rows: int) -> Iterator[Columns]:
    """The next batches, until they have this many rows."""
    done = 0
    while done < rows and (batch := next(batches, None)) is not None:
        done += len(next(iter(batch.values())))
        yield batch


def _flat(columns: Columns, arrow: Any) -> Iterator[tuple[str, Any]]:
    """Columns of one number a row: z_mean `[n, 2]` becomes z_mean_0 and z_mean_1."""
    for name, values in columns.items():
        for index in itertools.product(*map(range, values.shape[1:])):
            column: Any = (slice(None), *index)
            missing = _missing(values) if name == "label" else None
            yield "_".join([name, *map(str, index)]), arrow.array(values[column], mask=missing)


def _missing(labels: np.ndarray) -> np.ndarray:
    return labels == "" if labels.dtype.kind == "U" else labels < 0


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UserError(
            f"--out {path}: Parquet needs pyarrow ({error}); write .npz, or install it with: "
            'pip install "tfvae[tables]".'
        ) from error


_KINDS: dict[str, Callable[[Path, Iterable[Columns]], None]] = {".npz": _npz, ".parquet": _parquet}
