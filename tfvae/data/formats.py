"""Recognises files that are no CSV by their first bytes, and says how to convert them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tfvae.errors import UserError

_PANDAS = "convert it with pandas: pandas.{}(FILE).to_csv('table.csv', index=False)"
_WORKBOOK = "save the sheet as CSV (in the spreadsheet program: save as, CSV UTF-8), or " + _PANDAS
_UNPACK = "unpack it first: {} FILE"
_UTF16 = ("UTF-16 text", "save the table as UTF-8 CSV")
# The first bytes of a file, what it is, and what to do with it.
_FORMATS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls)", _WORKBOOK.format("read_excel")),
    (b"PAR1", "a Parquet file", _PANDAS.format("read_parquet")),
    (b"ARROW1", "an Arrow (Feather) file", _PANDAS.format("read_feather")),
    (b"ORC", "an ORC file", _PANDAS.format("read_orc")),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _PANDAS.format("read_hdf")),
    (b"SQLite format 3\x00", "an SQLite database", "export the table as CSV"),
    (b"\x93NUMPY", "a NumPy array (.npy)", "put it into an npz as x and pass data.name=npz"),
    (b"\x1f\x8b", "compressed by gzip", _UNPACK.format("gunzip")),
    (b"BZh", "compressed by bzip2", _UNPACK.format("bunzip2")),
    (b"\xfd7zXZ\x00", "compressed by xz", _UNPACK.format("unxz")),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK.format("unzstd")),
    (b"%PDF-", "a PDF", "export the table as CSV"),
    (b"\x80\x04", "a Python pickle", "load it in Python and write it as CSV"),
    (b"\x80\x05", "a Python pickle", "load it in Python and write it as CSV"),
    (b"\xff\xfe", *_UTF16),
    (b"\xfe\xff", *_UTF16),
)


def refuse_others(path: Path) -> None:
    """Checks that a file may be CSV.

    Raises:
      UserError: it is something else; says what, and how to convert it.
    """
    try:
        with path.open("rb") as file:
            first = file.read(16)
    except OSError:
        return  # whoever reads it says why
    for beginning, what, advice in [*_FORMATS, *_archive(path, first)]:
        if first.startswith(beginning):
            raise UserError(f"{path}: is {what}, expected CSV text with a header; {advice}.")


def _archive(path: Path, first: bytes) -> list[tuple[bytes, str, str]]:
    zipped = b"PK\x03\x04"
    if not first.startswith(zipped):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        names = []
    if any(name.startswith("xl/") for name in names) or path.suffix.lower() in (".xlsx", ".xlsm"):
        return [(zipped, "an Excel workbook (.xlsx)", _WORKBOOK.format("read_excel"))]
    if "content.xml" in names:
        return [(zipped, "an OpenDocument file", _WORKBOOK.format("read_excel"))]
    if names and all(name.endswith(".npy") for name in names):
        return [(zipped, "an npz file", "pass data.name=npz")]
    return [(zipped, "a zip archive", "unpack it first: unzip FILE")]
