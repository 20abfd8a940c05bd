"""`tfvae.data.table`, the csv source."""

import numpy as np
import pytest

from tfvae.data import table
from tfvae.errors import UserError

GOOD = "width,kind,height\n1,b,2.5\n-3e2,a,4\n 5 ,b,6\n"


def _write(folder, text):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", [GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD + "\n\n", GOOD.rstrip()])
def test_numbers_and_labels(tmp_path, text):
    source = table.read(_write(tmp_path, text), "kind")
    np.testing.assert_array_equal(source.train.x, [[1, 2.5], [-300, 4], [5, 6]])
    assert source.train.y.tolist() == [1, 0, 1]
    assert source.label_names == ("a", "b")
    assert source.feature_names == ("width", "height")


def test_labels_that_are_numbers_keep_their_order(tmp_path):
    source = table.read(_write(tmp_path, "x,y\n0,10\n0,9\n0,10\n"), "y")
    assert source.label_names == ("9", "10")
    assert source.train.y.tolist() == [1, 0, 1]


def test_an_attribute_is_named_once(tmp_path):
    with pytest.raises(UserError, match=r"data\.attributes: got width, width, expected each column once"):
        table.read(_write(tmp_path, GOOD), "kind", ("width", "width"))


def test_without_a_label(tmp_path):
    source = table.read(_write(tmp_path, "a\n1\n2\n"))
    assert source.train.y is None
    assert source.train.x.shape == (2, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3,\n", "row 3, column 'b': the value is missing;"),
        ("a,b\n1,2\n3,NaN\n", r"row 3, column 'b': the value is missing \(NaN\)"),
        ("a,b\n1,NA\n", r"row 2, column 'b': the value is missing \(NA\)"),
        ("a,b\nred,2\n", "row 2, column 'a': got the text 'red'"),
        ("a,b\n1_000,2\n", "row 2, column 'a': got the text '1_000'"),
        ("a,b\n1,-inf\n", "row 2, column 'b': got -inf, expected a finite number"),
        ("a,b\n1,2\n1,1e999\n", "row 3, column 'b': got 1e999"),
        ("a,b\n1,2\n3\n", "row 3 has 1 values, expected 2"),
        ("a,b\n1,2,3\n", "row 2 has 3 values, expected 2"),
        ("a,b\n1,2\n\n3,4\n", "row 3 is empty"),
        ('a,"b\nc"\n1,2\n3,x\n', "row 4, column 'b\\\\nc'"),
        ('a,b\n1,"2\n', "row 2 is not CSV"),
        ("a,a\n1,2\n", "two columns are named 'a'"),
        ("a,\n1,2\n", "column 2 has no name"),
        ("1,2\n3,4\n", "row 1 holds numbers"),
        ("a;b\n1;2\n", "separated by commas"),
        ("a,b\n", "has a header but no rows"),
        ("", "is empty"),
        (b"a,b\n\xff\xfe,2\n", "not UTF-8"),
        (b"a,b\n1,\x00\n", "row 2"),
        ("a,b\n" + "9" * 200_000 + ",1\n", "row 2 is not CSV"),
    ],
)
def test_bad_tables_are_refused_by_row_and_column(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        table.read(_write(tmp_path, text))


def test_bad_labels(tmp_path):
    path = _write(tmp_path, GOOD)
    with pytest.raises(UserError, match=r"no column 'kin' \(did you mean kind\?\).*width, kind, height"):
        table.read(path, "kin")
    with pytest.raises(UserError, match="row 3, column 'kind': the label is missing"):
        table.read(_write(tmp_path, "a,kind\n1,b\n2,\n"), "kind")
    with pytest.raises(UserError, match="only column"):
        table.read(_write(tmp_path, "kind\nb\n"), "kind")


def test_a_constant_column_is_said(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,7\n2,7\n3,7\n")
    assert table.read(path).notes == (
        "Column b is constant: its density is unbounded, so the nats mean little; remove the column.",
    )
