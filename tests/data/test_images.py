"""`tfvae.data.images`."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.data import decoding, images
from tfvae.errors import UserError

RNG = np.random.default_rng(0)


def _png(path, height=10, width=12, channels=3, value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = [height, width, channels]
    pixels = RNG.integers(0, 256, shape, np.uint8) if value is None else np.full(shape, value, np.uint8)
    encode = tf.io.encode_png if path.suffix == ".png" else tf.io.encode_jpeg
    path.write_bytes(encode(pixels).numpy())
    return pixels


def test_classes_are_sub_folders(tmp_path):
    for name in ("b/2.jpg", "a/1.png", "b/deep/3.JPEG", ".hidden/4.png"):
        _png(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "a" / "._1.png").write_text("x")
    source = images.read(tmp_path, (8, 8), 3)
    assert [path[len(str(tmp_path)) + 1 :] for path in source.train.x.paths] == ["a/1.png", "b/2.jpg", "b/deep/3.JPEG"]
    assert source.train.y.tolist() == [0, 1, 1]
    assert source.label_names == ("a", "b")
    assert "1 files" in source.notes[0]


def test_a_flat_folder_has_no_labels(tmp_path):
    _png(tmp_path / "1.png")
    source = images.read(tmp_path, (8, 8), 3)
    assert source.train.y is None
    assert source.label_names is None
    assert len(source.train) == 1


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("came", [1, 3])
@pytest.mark.parametrize("shape", [(8, 20), (33, 9), (5, 4)], ids=str)
def test_any_image_becomes_the_size_asked_for(tmp_path, name, channels, came, shape):
    _png(tmp_path / name, *shape, came, value=77)
    image = decoding.decode(tf.io.read_file(str(tmp_path / name)), (9, 11), channels).numpy()
    assert image.shape == (9, 11, channels)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, 77, atol=2)


def test_the_centre_is_kept_without_resizing_where_a_side_fits(tmp_path):
    pixels = _png(tmp_path / "x.png", 8, 14)
    image = decoding.decode(tf.io.read_file(str(tmp_path / "x.png")), (8, 8), 3).numpy()
    np.testing.assert_array_equal(image, pixels[:, 3:11])


def test_bad_folders_are_a_sentence(tmp_path):
    with pytest.raises(UserError, match="contains no images"):
        images.read(tmp_path, (8, 8), 3)
    with pytest.raises(UserError, match=r"data\.channels: got 2"):
        images.read(tmp_path, (8, 8), 2)
    _png(tmp_path / "1.png")
    _png(tmp_path / "a" / "2.png")
    with pytest.raises(UserError, match="1 images lie in the folder and 1 in its sub-folders"):
        images.read(tmp_path, (8, 8), 3)


@pytest.mark.parametrize("content", [b"", b"GIF89a and more", b"text"])
def test_a_wrong_header_is_named_when_the_folder_is_listed(tmp_path, content):
    _png(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(content)
    with pytest.raises(UserError, match=r"2\.png: (not an image in a format|the image cannot be decoded)"):
        images.read(tmp_path, (8, 8), 3)
