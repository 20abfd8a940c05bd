"""Files are checked before training: bad ones listed at once, stopped at or skipped; links and names of any kind."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from tfvae import train
from tfvae.data import checking, images, shards
from tfvae.errors import UserError
from tfvae.runs.folder import Run

RNG = np.random.default_rng(0)
SMALL = [
    "data.name=images",
    "data.image_size=[8,8]",
    "data.channels=1",
    "network.name=mlp",
    "network.hidden=[4]",
    "network.latent_dim=2",
    "training.epochs=1",
    "training.batch_size=4",
    "training.jit=off",
]


def fill(folder, count=20):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(RNG.integers(0, 256, [8, 8], np.uint8)).save(folder / f"{i:02}.png")
    return folder


def spoil(folder):
    """Three kinds of bad files: cut short, of another kind, a link to nothing."""
    Image.fromarray(RNG.integers(0, 256, [64, 64, 3], np.uint8)).save(folder / "05.png")
    (folder / "05.png").write_bytes((folder / "05.png").read_bytes()[:2000])
    (folder / "07.png").write_text("<html>not found</html>")
    (folder / "19.png").unlink()
    (folder / "19.png").symlink_to("nothing")


def names(source):
    return [os.path.basename(path) for path in source.train.x.paths]


def test_all_bad_files_are_listed_at_once_before_training(tmp_path, capsys):
    folder = fill(tmp_path / "photos")
    spoil(folder)
    arguments = ["--set", *SMALL, f"data.path={folder}", "--out", str(tmp_path / "run")]
    assert train.main(arguments) == 2
    said = capsys.readouterr().err
    assert f"{folder}: 3 of 20 images cannot be used" in said
    for part in ("05.png: the image cannot be decoded", "07.png: not an image", "19.png: the link leads nowhere"):
        assert part in said
    assert "--set data.on_bad=skip" in said
    assert not (tmp_path / "run").exists()
    assert shards.main(["--set", "data.name=images", f"data.path={folder}", "--out", str(tmp_path / "shards")]) == 2
    assert "3 of 20 images cannot be used" in capsys.readouterr().err


def test_skipped_files_are_named_and_a_resumed_run_skips_them_too(tmp_path, capsys):
    folder = fill(tmp_path / "photos")
    spoil(folder)
    run = tmp_path / "run"
    arguments = ["--set", *SMALL, f"data.path={folder}", "data.on_bad=skip", "--out", str(run)]
    assert train.main(arguments) == 0
    out = capsys.readouterr().out
    assert "left out 3 of 20 images that cannot be used: 05.png" in out
    assert sum(Run.open(run).facts["examples"][name] for name in ("train", "validation", "test")) == 17
    assert train.main(["--out", str(run), "--resume", "--set", "training.epochs=2"]) == 0
    assert "left out 3 of 20 images" in capsys.readouterr().out
    assert Run.open(run).read_json("report.json")["epochs"] == 2


def test_headers_alone_pass_a_file_that_is_cut_short(tmp_path):
    folder = fill(tmp_path / "photos")
    path = folder / "05.png"
    path.write_bytes(path.read_bytes()[:60])
    assert len(images.read(folder, (8, 8), 1, check="headers").train) == 20
    for check in ("auto", "decode"):
        with pytest.raises(UserError, match=r"05\.png: the image cannot be decoded .*data\.on_bad=skip"):
            images.read(folder, (8, 8), 1, check=check)
    assert len(images.read(folder, (8, 8), 1, check="decode", on_bad="skip").train) == 19


def test_a_big_folder_is_not_decoded_by_default(tmp_path, monkeypatch):
    folder = fill(tmp_path / "photos")
    path = folder / "05.png"
    path.write_bytes(path.read_bytes()[:60])
    monkeypatch.setattr(checking, "DECODED", 100)
    assert len(images.read(folder, (8, 8), 1, check="auto").train) == 20


def test_many_bad_files_are_counted(tmp_path):
    folder = fill(tmp_path / "photos", 2)
    for i in range(30):
        (folder / f"bad{i:02}.jpg").write_text("x")
    with pytest.raises(UserError, match="30 of 32 images cannot be used") as error:
        images.read(folder, (8, 8), 1)
    assert str(error.value).count(".jpg:") == checking.NAMED
    assert "and 10 more" in str(error.value)


def test_only_bad_files_are_a_sentence_even_if_they_are_skipped(tmp_path):
    (tmp_path / "a.png").write_text("x")
    with pytest.raises(UserError, match="none of the 1 images can be used"):
        images.read(tmp_path, (8, 8), 1, on_bad="skip")


def test_a_pipe_does_not_block(tmp_path):
    fill(tmp_path, 2)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError, match=r"pipe\.png: is not a regular file"):
        images.read(tmp_path, (8, 8), 1)


def test_a_long_check_is_heard(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "_SECONDS", -1.0)
    lines = []
    with checking.heard_by(lines.append):
        images.read(fill(tmp_path, 3), (8, 8), 1, check="decode")
    assert lines[0] == "checking images, reading headers: 1 of 3 …"
    assert lines[-1] == "checking images, decoding: 3 of 3 …"


def test_linked_folders_and_files_are_followed(tmp_path):
    elsewhere = fill(tmp_path / "elsewhere", 3)
    fill(tmp_path / "photos" / "a", 2)
    (tmp_path / "photos" / "b").symlink_to(elsewhere)
    (tmp_path / "photos" / "a" / "linked.png").symlink_to(elsewhere / "00.png")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    source = images.read(tmp_path / "link", (8, 8), 1, check="decode")
    assert source.label_names == ("a", "b")
    assert source.train.y.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "links",
    [
        {"photos/a/back": ".."},
        {"photos/a/self": "self"},
        {"photos/a/up": "../.."},
        {"photos/a/l": "../../other", "other/m": "../photos/a"},
    ],
    ids=["parent", "itself", "above the folder", "two folders"],
)
def test_loops_of_links_are_refused(tmp_path, links):
    fill(tmp_path / "photos" / "a", 2)
    fill(tmp_path / "other", 2)
    for link, target in links.items():
        (tmp_path / link).symlink_to(target)
    with pytest.raises(UserError, match="the link leads back to"):
        images.read(tmp_path / "photos", (8, 8), 1)


def test_names_that_are_not_utf8_are_read_as_they_are(tmp_path, capsys):
    root = os.fsencode(fill(tmp_path / "photos", 0))
    for name in (b"caf\xe9", b"\xfcber"):
        os.mkdir(os.path.join(root, name))
        for i in range(6):
            pixels = Image.fromarray(RNG.integers(0, 256, [8, 8], np.uint8))
            pixels.save(os.path.join(root, name, b"\xff%d." % i + (b"png" if i % 2 else b"gif")))
    source = images.read(tmp_path / "photos", (8, 8), 1, check="decode")
    assert source.label_names == (r"caf\xe9", r"\xfcber")
    assert source.train.x.read(np.arange(12)).shape == (12, 8, 8, 1)
    run = tmp_path / "run"
    assert train.main(["--set", *SMALL, f"data.path={tmp_path / 'photos'}", "--out", str(run), "--debug"]) == 0
    with open(os.path.join(root, b"caf\xe9", b"\xff1.png"), "wb") as file:
        file.write(b"x")
    capsys.readouterr()
    assert train.main(["--set", *SMALL, f"data.path={tmp_path / 'photos'}", "--out", str(tmp_path / "b")]) == 2
    assert r"caf\xe9/\xff1.png: not an image" in capsys.readouterr().err
