"""The index file of a shard: position, checksum, label and value range of each record.

Little-endian: a header (the magic, version, number of records, bytes of the shard), the rows, and the CRC-32 of both.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from tfvae.errors import UserError

VERSION = 1

# offset: of the record's frame in the shard; crc: CRC-32 of the frame; x_begin, x_size: position of x's bytes in the
# frame, so that no record has to be parsed; label: y, or 0 without labels; low, high: minimum and maximum of x.
ROW = np.dtype(
    [
        ("offset", "<u8"),
        ("crc", "<u4"),
        ("x_begin", "<u4"),
        ("x_size", "<u4"),
        ("label", "<i8"),
        ("low", "<f8"),
        ("high", "<f8"),
    ]
)

_MAGIC = b"TFVAEIDX"
_HEAD = struct.Struct("<8sIQQ")
_REMEDY = "copy it again, or rewrite the shards"


def pack(rows: np.ndarray, size: int) -> bytes:
    """The content of an index file.

    Args:
      rows: `ROW`s `[records]`, in the order of the records.
      size: bytes of the shard.
    """
    body = _HEAD.pack(_MAGIC, VERSION, len(rows), size) + rows.astype(ROW).tobytes()
    return body + zlib.crc32(body).to_bytes(4, "little")


def unpack(content: bytes, path: str) -> tuple[np.ndarray, int]:
    """The rows, and the size that the shard must have, in bytes.

    Raises:
      UserError: the content is not an index, has another version, or is damaged.
    """
    if len(content) < _HEAD.size or not content.startswith(_MAGIC):
        raise UserError(f"{path}: not the index of a shard (wrong first bytes); {_REMEDY}.")
    _, version, count, size = _HEAD.unpack_from(content)
    if version != VERSION:
        raise UserError(
            f"{path}: the index has version {version}, but this tfvae reads version {VERSION}; rewrite the shards."
        )
    body, checksum = content[:-4], content[-4:]
    if len(body) != _HEAD.size + count * ROW.itemsize or zlib.crc32(body) != int.from_bytes(checksum, "little"):
        raise UserError(f"{path}: the index is damaged or truncated (its checksum differs); {_REMEDY}.")
    return np.frombuffer(body, ROW, offset=_HEAD.size), size
