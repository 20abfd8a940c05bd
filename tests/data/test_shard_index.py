"""`tfvae.data.shard_index`."""

import struct
import zlib

import numpy as np
import pytest

from tfvae.data import shard_index
from tfvae.errors import UserError

ROWS = np.zeros(5, shard_index.ROW)
ROWS["offset"], ROWS["label"], ROWS["high"] = np.arange(5) * 2**33, [-1, 2**60, 0, 1, 2], 0.1
CONTENT = shard_index.pack(ROWS, 2**40)


def test_round_trip():
    rows, size = shard_index.unpack(CONTENT, "a.index")
    np.testing.assert_array_equal(rows, ROWS)
    assert size == 2**40


def _sealed(body):
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not the index"),
        (b"text" * 20, "not the index"),
        (CONTENT[:-1], "damaged or truncated"),
        (CONTENT[:30], "damaged or truncated"),
        (CONTENT + b"x", "damaged or truncated"),
        (CONTENT[:40] + bytes([CONTENT[40] ^ 1]) + CONTENT[41:], "damaged or truncated"),
        (_sealed(CONTENT[:8] + struct.pack("<I", 2) + CONTENT[12:-4]), "version 2, but this tfvae reads version 1"),
    ],
)
def test_what_is_no_index_is_named(content, said):
    with pytest.raises(UserError, match=f"^a.index: .*{said}"):
        shard_index.unpack(content, "a.index")
