"""Images as they are: depths, colours, orientation, transparency and formats, through `images.read` and shards."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from tfvae import config
from tfvae.data import decoding, images, load, shards
from tfvae.errors import UserError

RNG = np.random.default_rng(0)
SIZE = (8, 8)
COLOURS = RNG.integers(0, 256, [8, 8, 3], np.uint8)
DEEP = RNG.integers(0, 65536, [8, 8, 3], np.uint16)


def read(folder, channels=3, **options):
    source = images.read(folder, SIZE, channels, **options)
    return source, source.train.x.read(np.arange(len(source.train))).numpy()


def deep_png(path, pixels):
    path.write_bytes(tf.io.encode_png(pixels).numpy())


def near(got, wanted, atol=1):
    np.testing.assert_allclose(got.astype(int), np.asarray(wanted).astype(int), atol=atol)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_an_exif_orientation_is_applied_and_said(tmp_path, orientation, deep):
    exif = Image.Exif()
    exif[274] = orientation
    pixels = np.pad(COLOURS[:, :5], ((0, 0), (0, 4), (0, 0)))[:8, :8]
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    if deep:
        deep_png(tmp_path / "b.png", DEEP)
    source, got = read(tmp_path)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png"))).astype(int)
    np.testing.assert_array_equal(got[0], wanted * (257 if deep else 1))
    assert "1 image has an EXIF orientation; it was applied." in source.notes


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_kept(tmp_path, channels):
    Image.fromarray(DEEP[..., 0]).save(tmp_path / "a.png")
    Image.fromarray(DEEP[..., 0]).save(tmp_path / "b.tif")
    deep_png(tmp_path / "c.png", np.repeat(DEEP[..., :1], 3, axis=-1))
    Image.fromarray(np.full([8, 8], 255, np.uint8)).save(tmp_path / "d.jpg")
    source, got = read(tmp_path, channels)
    assert got.dtype == source.train.x.dtype == np.uint16
    assert source.unit_maximum == 65535
    for image in got[:3]:
        for channel in range(min(channels, 3)):
            near(image[..., channel], DEEP[..., 0])
    assert (got[3] == 65535).all()
    assert channels < 4 or (got[..., 3] == 65535).all()
    assert "3 images have 16 bits a channel; examples are uint16, 0 to 65535." in source.notes
    assert any(note.startswith("1 image has 8 bits a channel beside others") for note in source.notes)


def test_sixteen_bit_samples_come_back_in_their_depth(tmp_path):
    for i in range(12):
        deep_png(tmp_path / f"{i}.png", RNG.integers(0, 65536, [8, 8, 1], np.uint16))
    settings = config.override(
        config.Config(), ["data.name=images", f"data.path={tmp_path}", "data.image_size=[8,8]", "data.channels=1"]
    )
    data = load.load(settings.data, 0)
    x = data.train.x.read(np.arange(len(data.train))).numpy()
    scaled = data.scaling.forward(x)
    assert 0.9 < scaled.max() <= 1.0
    for back in (data.scaling.inverse(scaled), data.scaling.inverse_in_graph(tf.constant(scaled)).numpy()):
        assert back.dtype == np.uint16
        np.testing.assert_array_equal(back, x)


def test_colours_under_transparency_do_not_appear(tmp_path):
    alpha = np.zeros([8, 8, 1], np.uint8)
    alpha[4:] = 255
    Image.fromarray(np.concatenate([COLOURS, alpha], -1)).save(tmp_path / "a.png")
    Image.fromarray(np.concatenate([COLOURS, alpha], -1)).save(tmp_path / "b.webp", lossless=True, exact=True)
    deep_png(tmp_path / "c.png", np.concatenate([COLOURS, alpha], -1).astype(np.uint16) * 257)
    (tmp_path / "shallow").mkdir()
    for name in ("a.png", "b.webp"):
        os.replace(tmp_path / name, tmp_path / "shallow" / name)
    source, got = read(tmp_path / "shallow")
    assert (got[:, :4] == 255).all()
    np.testing.assert_array_equal(got[0, 4:], COLOURS[4:])
    np.testing.assert_array_equal(got[1, 4:], COLOURS[4:])
    assert any(note.startswith("2 images have transparent parts; they were laid on white") for note in source.notes)
    source, kept = read(tmp_path / "shallow", 4)
    np.testing.assert_array_equal(kept[0], np.concatenate([COLOURS, alpha], -1))
    np.testing.assert_array_equal(kept[1], kept[0])
    assert not any("laid on white" in note for note in source.notes)
    os.replace(tmp_path / "c.png", tmp_path / "shallow" / "c.png")
    _, deep = read(tmp_path / "shallow")
    assert (deep[2, :4] == 65535).all()
    np.testing.assert_array_equal(deep[2, 4:], COLOURS[4:].astype(int) * 257)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_format_and_mode_is_read_as_pillow_shows_it(tmp_path, channels):
    image = Image.fromarray(COLOURS)
    cmyk, palette, bits = image.convert("CMYK"), image.quantize(16), image.convert("1")
    saved = {
        "a.tif": image, "b.bmp": image, "c.webp": image, "d.tiff": cmyk, "e.jpg": cmyk, "f.gif": palette,
        "g.png": palette, "h.png": bits, "i.bmp": bits, "j.tif": image.convert("L"), "k.png": image.convert("LA"),
        "l.gif": image.convert("L"),
    }  # fmt: skip
    for name, each in saved.items():
        each.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    source, got = read(tmp_path, channels)
    for name, pixels in zip(saved, got, strict=True):
        wanted = Image.open(tmp_path / name).convert("RGB").convert("L" if channels == 1 else "RGB")
        near(pixels, np.asarray(wanted).reshape(pixels.shape))
    for words in ("2 images have CMYK colours", "have a palette", "2 images have 1 bit a pixel"):
        assert any(words in note for note in source.notes), words


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif"])
def test_the_first_frame_is_taken_and_said(tmp_path, name):
    frames = [Image.fromarray(np.full([8, 8, 3], value, np.uint8)) for value in (0, 255)]
    options = {"lossless": True} if name.endswith("webp") else {}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
    source, got = read(tmp_path)
    assert (got == 0).all()
    assert "1 image has several frames or pages; the first was taken." in source.notes


def test_plain_files_keep_tensorflows_values_and_say_nothing(tmp_path):
    for i, name in enumerate(("a.png", "b.jpg", "c.png")):
        Image.fromarray(RNG.integers(0, 256, [20 + i, 31, 3], np.uint8)).save(tmp_path / name)
    Image.fromarray(COLOURS).save(tmp_path / "d.gif")  # one file by Pillow changes nothing of the others
    source, got = read(tmp_path)
    assert source.train.x.special == {str(tmp_path / "d.gif")}
    for path, pixels in zip(source.train.x.paths[:3], got, strict=False):
        np.testing.assert_array_equal(pixels, decoding.decode(tf.io.read_file(path), SIZE, 3))
    (tmp_path / "d.gif").unlink()
    source, _ = read(tmp_path)
    assert source.notes == ()
    assert not source.train.x.special


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros([8, 8], np.float32), "floats of 32 bits"),
        (np.zeros([8, 8], np.int32), "of 32 bits"),
    ],
    ids=["floats", "32 bits"],
)
def test_depths_that_would_be_lost_are_refused(tmp_path, pixels, said):
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=rf"a\.tif: .*{said}, expected whole numbers of 8 or 16 bits"):
        read(tmp_path)


@pytest.mark.parametrize("deep", [False, True])
def test_shards_of_all_kinds_give_what_the_folder_gives(tmp_path, deep, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(COLOURS).save(folder / "a.jpg", exif=exif)
    Image.fromarray(COLOURS).save(folder / "b.gif")
    Image.fromarray(np.dstack([COLOURS, COLOURS[..., :1]])).save(folder / "c.png")
    Image.fromarray(COLOURS).save(folder / "d.png")
    if deep:
        deep_png(folder / "e.png", DEEP)
    settings = ["data.name=images", f"data.path={folder}", "data.image_size=[8,8]"]
    assert shards.main(["--set", *settings, "--out", str(tmp_path / "out"), "--shards", "2"]) == 0
    assert "EXIF orientation" in capsys.readouterr().out
    direct = images.read(folder, SIZE, 3).train.x
    both = []
    for channels in (3, 1):
        changed = ["data.name=shards", f"data.path={tmp_path / 'out'}", f"data.channels={channels}"]
        both.append(config.override(config.Config(), [*changed, "data.image_size=[8,8]"]).data)
    stored = load.read(both[0], 0)
    at = np.arange(len(direct))
    np.testing.assert_array_equal(stored.train.x.read(at), direct.read(at))
    assert stored.train.x.dtype == (np.uint16 if deep else np.uint8)
    assert stored.unit_maximum == (65535 if deep else 255)
    with pytest.raises(UserError, match=r"data\.channels: got 1, but some images were converted to 3 channels"):
        load.read(both[1], 0)


def test_a_special_file_that_goes_bad_later_is_named(tmp_path):
    for name in ("a.gif", "b.bmp", "c.png"):
        Image.fromarray(COLOURS).save(tmp_path / name)
    source, _ = read(tmp_path)
    content = (tmp_path / "b.bmp").read_bytes()
    (tmp_path / "b.bmp").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"b\.bmp: the image cannot be decoded .*; replace or remove it\.$"):
        source.train.x.read(np.arange(3))
    (tmp_path / "b.bmp").unlink()
    with pytest.raises(UserError, match=r"b\.bmp: the image cannot be decoded \(No such file"):
        source.train.x.read(np.arange(3))


def test_an_image_that_is_far_too_thin_is_found_by_the_check(tmp_path):
    Image.fromarray(np.zeros([2, 200, 3], np.uint8)).save(tmp_path / "a.gif")
    Image.fromarray(np.zeros([2, 200, 3], np.uint8)).save(tmp_path / "b.png")
    Image.fromarray(COLOURS).save(tmp_path / "c.png")
    with pytest.raises(
        UserError, match=r"2 of 3 images cannot be used.*one side over 50 times.*one side over 50 times"
    ):
        read(tmp_path)
