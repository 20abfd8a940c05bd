"""`tfvae.data.storage`."""

import pytest
import tensorflow as tf

from tfvae.data import storage
from tfvae.errors import UserError

CONTENT = bytes(range(256)) * 40


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path):
    """A folder on disk, and one in TensorFlow's in-memory file system, in place of an object store."""
    return str(tmp_path) if request.param == "local" else f"ram://{tmp_path.name}"


def test_pieces_come_in_the_order_asked_for(folder):
    a, b = (storage.join(folder, name) for name in "ab")
    for path, content in ((a, CONTENT), (b, CONTENT[::-1])):
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(content)
    places = [(b, 5, 3), (a, 1000, 700), (b, 0, 1), (a, 0, len(CONTENT)), (a, len(CONTENT) - 2, 10)]
    assert storage.pieces(places) == [CONTENT[::-1][5:8], CONTENT[1000:1700], CONTENT[-1:], CONTENT, CONTENT[-2:]]
    assert storage.whole(a) == CONTENT
    assert storage.size(b) == len(CONTENT)
    assert storage.exists(a)


@pytest.mark.parametrize(
    "door", [storage.whole, storage.size, lambda path: storage.pieces([(path, 0, 4)])], ids=["whole", "size", "pieces"]
)
def test_a_missing_file_is_named(folder, door):
    path = storage.join(folder, "nothing")
    assert not storage.exists(path)
    with pytest.raises(UserError, match=f"^{path}: cannot be read "):
        door(path)


def test_a_file_system_that_is_not_there_is_a_sentence():
    with pytest.raises(UserError, match=r"^nowhere://bucket/a: cannot be read \(.*scheme 'nowhere'"):
        storage.exists("nowhere://bucket/a")
