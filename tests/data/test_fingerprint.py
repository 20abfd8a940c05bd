"""`tfvae.data.fingerprint`: the same data are the same anywhere, and what differs is named."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import tensorflow as tf
import yaml

from tfvae.config.data import Blobs, Csv, Images, Npz, Shards
from tfvae.data import content, fingerprint, load, shards

ROWS = [[i, i * i % 7, 2 * i] for i in range(30)]


def table(path, rows=ROWS, header="a,b,c", **settings):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    return load.load(Csv(path=str(path), **settings), seed=0)


def arrays(path, **found):
    np.savez(path, **found)
    return load.load(Npz(path=str(path)), seed=0)


def differences(was, now):
    # As a run keeps them.
    kept = yaml.safe_load(yaml.safe_dump(dict(was.fingerprint), sort_keys=False))
    files = json.loads(json.dumps(dict(was.files)))
    return fingerprint.differences(kept, now.fingerprint, files, now.files)


def test_the_same_values_in_another_file_are_the_same(tmp_path):
    was = table(tmp_path / "a.csv")
    now = table(tmp_path / "b.csv", [[f"{float(value):.3f}" for value in row] for row in ROWS])
    assert differences(was, now) == []


def changed(**rows):
    return [rows.get(f"row{i}", row) for i, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        (ROWS[::-1], "a,b,c", ["the order of the examples"]),
        (changed(row3=[3, 2.5, 6]), "a,b,c", ["the values of column b"]),
        (changed(row3=[3, 2.5, 7]), "a,b,c", ["the values of columns b and c"]),
        ([[a, b, c * 10] for a, b, c in ROWS], "a,b,c", ["the values of column c"]),
        ([[b, a, c] for a, b, c in ROWS], "a,b,c", ["the values of columns a and b"]),
        (ROWS[:-2], "a,b,c", ["examples came or went (train 30; now train 28)"]),
        (ROWS, "a,bb,c", ["column b is called bb"]),
        ([[b, a, c] for a, b, c in ROWS], "b,a,c", ["the order of the columns"]),
        ([row[:2] for row in ROWS], "a,b", ["the values were float64 [3] and are float64 [2]", "column c went"]),
    ],
)
def test_what_differs_in_a_table_is_named(tmp_path, rows, header, said):
    assert differences(table(tmp_path / "a.csv"), table(tmp_path / "b.csv", rows, header)) == said


def test_labels_and_the_users_own_splits_count(tmp_path):
    header, rows = "a,who,fold", [[i, "xy"[i % 2], "test" if i > 20 else "train"] for i in range(30)]
    settings = {"label": "who", "split": "fold"}
    was = table(tmp_path / "a.csv", rows, header, **settings)
    other = [[a, "y", fold] if a == 0 else [a, who, fold] for a, who, fold in rows]
    assert differences(was, table(tmp_path / "b.csv", other, header, **settings)) == ["the labels of the examples"]
    other = [[a, who.upper(), fold] for a, who, fold in rows]
    assert differences(was, table(tmp_path / "b.csv", other, header, **settings)) == ["the names of the labels"]
    other = [[a, who, "test" if a in {3, 25} | set(range(22, 30)) else "train"] for a, who, _ in rows]
    assert differences(was, table(tmp_path / "b.csv", other, header, **settings)) == [
        "examples moved from one split to another (train 21, test 9; now train 21, test 9)"
    ]


def test_arrays_differ_by_values_order_and_type(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, [40, 4, 4], np.uint8)
    was = arrays(tmp_path / "a.npz", x=x)
    assert differences(was, arrays(tmp_path / "b.npz", x=x.copy(order="F"))) == []
    assert differences(was, arrays(tmp_path / "b.npz", x=x[::-1])) == ["the order of the examples"]
    assert differences(was, arrays(tmp_path / "b.npz", x=255 - x)) == ["the values of the examples"]
    assert differences(was, arrays(tmp_path / "b.npz", x=x.astype(np.float32))) == [
        "the values were uint8 [4, 4, 1] and are float32 [4, 4, 1]"
    ]


def image(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(np.full([8, 8, 1], value, np.uint8)).numpy())


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        image(tmp_path / "photos" / "ab"[i % 2] / f"{i:02}.png", i)
    return tmp_path / "photos"


def photos(folder, **more):
    return load.load(Images(path=str(folder), image_size=(8, 8), channels=1), seed=0, **more)


def test_files_are_known_by_their_names_in_the_folder(folder, tmp_path):
    was = photos(folder)
    moved = folder.rename(tmp_path / "moved")
    assert differences(was, photos(moved)) == []
    (moved / "a" / "00.png").unlink()
    image(moved / "a" / "new.png", 99)
    image(moved / "b" / "01.png", 77)
    (moved / "b" / "03.png").rename(moved / "b" / "three.png")
    assert differences(was, photos(moved)) == [
        "1 file came (a/new.png)",
        "1 file went (a/00.png)",
        "1 file changed (b/01.png)",
        "renamed: b/03.png to b/three.png",
    ]


def test_a_file_that_is_known_by_size_and_time_is_not_read_again(folder, monkeypatch):
    was, read = photos(folder), []

    def noted(path, mode):
        read.append(path)
        return open(path, mode)

    monkeypatch.setattr(content, "open", noted, raising=False)
    assert photos(folder, known=was.files).fingerprint == was.fingerprint
    assert read == []
    path = folder / "a" / "00.png"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert photos(folder, known=was.files).fingerprint == was.fingerprint
    assert read == [str(path)]


def test_what_takes_long_is_said(folder, monkeypatch):
    monkeypatch.setattr(content, "_SECONDS_BETWEEN_LINES", -1.0)
    said = []
    photos(folder, say=said.append)
    assert said[-1] == "reading the files to know them again: 12 of 12 …"


def test_without_the_list_of_files_the_kind_of_difference_is_named(folder):
    was = photos(folder)
    image(folder / "a" / "00.png", 50)
    now = photos(folder)
    assert fingerprint.differences(was.fingerprint, now.fingerprint, {}, now.files) == ["the values of the examples"]


def test_shards_are_identified_by_their_checksums(folder, tmp_path, capsys):
    def write(name):
        source = ["data.name=images", f"data.path={folder}", "data.image_size=[8,8]", "data.channels=1"]
        assert shards.main(["--out", str(tmp_path / name), "--shards", "2", "--set", *source]) == 0
        settings = Shards(path=str(tmp_path / name), image_size=(8, 8), channels=1)
        return load.load(settings, seed=0)

    was = write("one")
    assert differences(was, write("two")) == []
    image(folder / "a" / "00.png", 50)
    assert differences(was, write("three")) == ["the values of the examples"]


def test_the_users_own_splits_are_those_of_the_shards(folder, tmp_path, capsys):
    for split, name in (("train", "a"), ("val", "b")):
        (folder / name).rename(folder / split)
    out, source = str(tmp_path / "shards"), ["data.name=images", f"data.path={folder}", "data.channels=1"]
    assert shards.main(["--out", out, "--shards", "2", "--set", *source]) == 0
    data = load.load(Shards(path=out, channels=1), seed=0)
    assert len(data.validation) == len(photos(folder).validation) == 6


def test_what_is_computed_from_the_settings_is_identified_by_them():
    assert (
        load.load(Blobs(num_examples=50), seed=0).fingerprint == load.load(Blobs(num_examples=50), seed=1).fingerprint
    )
