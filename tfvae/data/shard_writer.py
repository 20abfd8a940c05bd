"""Writes a source as a folder of TFRecord shards, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfvae.data import shard_facts, shard_index, storage
from tfvae.data.images import ImageFiles
from tfvae.data.shard_facts import Facts
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError

_CHUNK = 256
# The frame of a TFRecord: length and its checksum before the record, the record's own checksum after it.
_BEFORE, _AFTER = 12, 4


def write(source: Source, origin: str, folder: Path, shards: int, say: Callable[[str], None]) -> Facts:
    """Writes the splits of a source, each in its own order, and `shards.json`; every image is decoded once, as a check.

    Args:
      source: as `load.read` gives it.
      origin: what to call it in `shards.json`.
      folder: new or empty.
      shards: how many for the training examples; a test split has as many, where it has so many examples.
      say: gets a line a shard.

    Raises:
      UserError: the folder holds something, cannot be written or is full; a number of shards that cannot be; an example
        that cannot be read.
    """
    _check(folder, shards, len(source.train))
    splits = {"train": source.train} | ({} if source.test is None else {"test": source.test})
    counts = {name: _shares(len(split), shards) for name, split in splits.items()}
    x, array = source.train.x, isinstance(source.train.x, np.ndarray)
    facts = Facts(
        source=origin,
        encoded=not array,
        shape=tuple(x.shape[1:]) if array else (),
        dtype=x.dtype.name,
        labelled=source.train.y is not None,
        counts=counts,
        auto=source.auto,
        unit_maximum=source.unit_maximum,
        label_names=source.label_names,
        feature_names=source.feature_names,
    )
    with _all_or_nothing(folder) as temporary:
        for name, split in splits.items():
            begin = 0
            for file, count in zip(shard_facts.names(name, len(counts[name])), counts[name], strict=True):
                size = _write_shard(split, range(begin, begin + count), temporary / file)
                say(f"{file}: {count:,} examples, {size / 1e6:.1f} MB")
                begin += count
        (temporary / shard_facts.NAME).write_text(shard_facts.to_json(facts))
    return facts


def _check(folder: Path, shards: int, examples: int) -> None:
    if not 1 <= shards <= examples:
        raise UserError(f"--shards: got {shards}, want 1 to {examples}, the number of training examples.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: it is a file; want a new or empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"--out {folder}: the folder is not empty; name a new one (nothing in it was touched).")
    if folder.is_mount():
        raise UserError(f"--out {folder}: it is a mount point, which cannot be renamed to; name a new folder in it.")


def _shares(examples: int, shards: int) -> list[int]:
    return [len(part) for part in np.array_split(np.arange(examples), min(shards, examples))]


@contextlib.contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path]:
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        yield temporary
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except (OSError, tf.errors.OpError) as error:
        said = " ".join(str(error.strerror if isinstance(error, OSError) else error.message).split())
        raise UserError(
            f"--out {folder}: the shards cannot be written ({said}); nothing was left there: "
            "make room, or name another place."
        ) from error
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _write_shard(split: Split, at: range, path: Path) -> int:
    """Writes a shard and its index; gives the shard's bytes."""
    rows, lengths = np.zeros(len(at), shard_index.ROW), []
    if split.y is not None:
        rows["label"] = split.y[at.start : at.stop]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for begin in range(0, len(at), _CHUNK):
            chunk = rows[begin : begin + _CHUNK]
            places = at.start + begin + np.arange(len(chunk))
            contents, chunk["low"], chunk["high"] = _contents(split, places)
            for row, content in zip(chunk, contents, strict=True):
                record = _example(content, None if split.y is None else int(row["label"]))
                writer.write(record)
                row["x_begin"], row["x_size"] = _BEFORE + record.find(content), len(content)
                lengths.append(_BEFORE + len(record) + _AFTER)
    rows["offset"] = np.concatenate([[0], np.cumsum(lengths[:-1])])
    with path.open("rb") as file:
        rows["crc"] = [zlib.crc32(file.read(length)) for length in lengths]
    size = sum(lengths)
    path.with_name(path.name + ".index").write_bytes(shard_index.pack(rows, size))
    return size


def _contents(split: Split, at: np.ndarray) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """What x of each record holds, and its least and greatest value."""
    if isinstance(split.x, ImageFiles):
        split.x.read(at)  # a broken image is said now, not in the middle of training
        contents = storage.several(storage.whole, split.x.take(at).paths)
        return contents, np.zeros(len(at)), np.full(len(at), 255)
    assert isinstance(split.x, np.ndarray)
    values = split.x[at]
    flat = values.reshape(len(at), -1)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return [each.tobytes() for each in little], flat.min(axis=1), flat.max(axis=1)


def _example(content: bytes, label: int | None) -> bytes:
    features = {"x": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))}
    if label is not None:
        features["y"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    record: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return record
