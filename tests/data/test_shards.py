"""`python -m tfvae.data.shards`: the files it writes, and that a failed run leaves none."""

import json
import resource
import shlex

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import shards

RNG = np.random.default_rng(0)


def written(folder, *settings, count=3):
    assert shards.main(["--set", *settings, "--out", str(folder), "--shards", str(count), "--debug"]) == 0
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def pictures(tmp_path):
    for i in range(8):
        path = tmp_path / "pictures" / "ab"[i % 2] / f"{i}.{'png' if i < 4 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        encode = tf.io.encode_png if i < 4 else tf.io.encode_jpeg
        path.write_bytes(encode(RNG.integers(0, 256, [8 + i, 9, 3], np.uint8)).numpy())
    return tmp_path / "pictures"


def _examples(path):
    return [tf.train.Example.FromString(record) for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()]


def test_anybody_can_read_the_records(tmp_path, capsys):
    x = RNG.normal(size=[10, 4, 3]).astype(">f4")
    np.savez(tmp_path / "x.npz", x_train=x, y_train=np.arange(10), x_test=x[:2], y_test=[5, 6])
    names = written(tmp_path / "out", "data.name=npz", f"data.path={tmp_path / 'x.npz'}")
    files = [f"train-0000{i}-of-00003.tfrecord" for i in range(3)] + [f"test-0000{i}-of-00002.tfrecord" for i in (0, 1)]
    assert names == sorted([*files, *(f"{file}.index" for file in files), "shards.json"])
    found = [example for file in files for example in _examples(tmp_path / "out" / file)]
    values = [np.frombuffer(each.features.feature["x"].bytes_list.value[0], "<f4").reshape(4, 3) for each in found]
    np.testing.assert_array_equal(values, np.concatenate([x, x[:2]]))
    assert [each.features.feature["y"].int64_list.value[0] for each in found] == [*range(10), 5, 6]
    facts = json.loads((tmp_path / "out" / "shards.json").read_text())
    assert facts["counts"] == {"train": [4, 3, 3], "test": [1, 1]}
    assert (facts["shape"], facts["dtype"], facts["encoded"]) == ([4, 3, 1], "float32", False)
    assert f"data.name=shards data.path={tmp_path / 'out'}" in capsys.readouterr().out.splitlines()[-1]


def test_image_files_keep_their_bytes(tmp_path, pictures, capsys):
    written(tmp_path / "o u t", "data.name=images", f"data.path={pictures}", "data.image_size=[8,12]")
    found = [each for i in range(3) for each in _examples(tmp_path / "o u t" / f"train-0000{i}-of-00003.tfrecord")]
    paths = sorted(pictures.glob("*/*"))
    contents = [example.features.feature["x"].bytes_list.value[0] for example in found]
    assert contents == [path.read_bytes() for path in paths]
    last = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert {f"data.path={tmp_path / 'o u t'}", "data.image_size=[8,12]", "data.channels=3"} <= set(last)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shards", "0"], "--shards: got 0, expected 1 to 1797"),
        (["--shards", "1798"], "--shards: got 1798"),
        (["--set", "network.name=mlp"], "only settings of the data section apply"),
        (["--set", "data.name=shards"], "data.name: got shards, which are already written"),
        (["--out", "gs://bucket/shards"], "--out gs://bucket/shards: expected a local folder"),
        (["--set", "data.name=npz"], "data.path: the npz source reads a file"),
    ],
)
def test_bad_arguments_are_a_sentence_and_leave_nothing(tmp_path, capsys, arguments, said):
    assert shards.main(["--out", str(tmp_path / "out"), *arguments]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_touched(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    assert shards.main(["--out", str(tmp_path / "out")]) == 2
    assert "the folder is not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    assert shards.main(["--out", str(tmp_path / "out" / "mine")]) == 2
    assert "this is a file" in capsys.readouterr().err


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert "shards.json" in written(tmp_path / "out", "data.name=digits")


def test_a_full_disk_leaves_nothing(tmp_path, capsys):
    # A limit on the file size simulates a full disk: the system refuses to write in the same way.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        status = shards.main(["--out", str(tmp_path / "out"), "--shards", "2"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 2
    assert "the shards cannot be written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_broken_image_is_named_and_leaves_nothing(tmp_path, pictures, capsys):
    bad = pictures / "b" / "5.jpg"
    bad.write_bytes(bad.read_bytes()[:200])
    out = tmp_path / "out"
    assert shards.main(["--set", "data.name=images", f"data.path={pictures}", "--out", str(out)]) == 2
    assert f"{bad}: the image cannot be decoded" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]
