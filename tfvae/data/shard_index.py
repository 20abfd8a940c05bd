"""The index beside a shard: where each record lies and what must be known of it before it is read.

Little-endian: a head (the magic, version, number of records, bytes of the shard), the rows, and the CRC-32 of both.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from tfvae.errors import UserError

VERSION = 1

# offset: of the record's frame in the shard; crc: CRC-32 of the frame; x_begin, x_size: where in the frame x's bytes
# are, so that no record has to be parsed; label: y, 0 where there is none; low, high: least and greatest value of x.
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
_MEND = "copy it again, or write the shards anew"


def pack(rows: np.ndarray, size: int) -> bytes:
    """The content of an index file.

    Args:
      rows: `ROW`s `[records]`, in the order of the records.
      size: bytes of the shard.
    """
    body = _HEAD.pack(_MAGIC, VERSION, len(rows), size) + rows.astype(ROW).tobytes()
    return body + zlib.crc32(body).to_bytes(4, "little")


def unpack(content: bytes, path: str) -> tuple[np.ndarray, int]:
    """The rows, and the bytes that the shard must have.

    Raises:
      UserError: not an index, of another version, or damaged.
    """
    if len(content) < _HEAD.size or not content.startswith(_MAGIC):
        raise UserError(f"{path}: not an index of a shard by its first bytes; {_MEND}.")
    _, version, count, size = _HEAD.unpack_from(content)
    if version != VERSION:
        raise UserError(
            f"{path}: an index of version {version}, and this tfvae reads version {VERSION}; write the shards anew."
        )
    body, checksum = content[:-4], content[-4:]
    if len(body) != _HEAD.size + count * ROW.itemsize or zlib.crc32(body) != int.from_bytes(checksum, "little"):
        raise UserError(f"{path}: the index is damaged or cut short (its checksum differs); {_MEND}.")
    return np.frombuffer(body, ROW, offset=_HEAD.size), size
