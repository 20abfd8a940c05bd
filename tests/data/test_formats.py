"""Files that are no CSV are named for what they are, with a way to convert them."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest

from tfvae import train


def _zip(*names):
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name in names:
            archive.writestr(name, "<a/>")
    return memory.getvalue()


def _npz():
    memory = io.BytesIO()
    np.savez(memory, x=np.zeros([2, 2]))
    return memory.getvalue()


@pytest.mark.parametrize(
    ("content", "what", "advice"),
    [
        (_zip("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (.xlsx)", "save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an Excel workbook (.xls)", "pandas.read_excel"),
        (_zip("mimetype", "content.xml"), "an OpenDocument file", "save the sheet as CSV"),
        (_zip("table.csv"), "a zip archive", "unzip"),
        (_npz(), "an npz file", "data.name=npz"),
        (b"PAR1" + bytes(100), "a Parquet file", "pandas.read_parquet"),
        (gzip.compress(b"a,b\n1,2\n"), "compressed by gzip", "gunzip"),
        (pickle.dumps({"a": 1}), "a Python pickle", "write it as CSV"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16 text", "save the table as UTF-8 CSV"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith(("a", "c", "U")) else "",
)
def test_other_files_are_named(tmp_path, capsys, content, what, advice):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    assert train.main(["--set", "data.name=csv", f"data.path={path}", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert f"{path}: is {what}, expected CSV text with a header; " in said
    assert advice in said
    assert not (tmp_path / "run").exists()
