"""Writes a source as a folder of TFRecord shards, all of them or none."""

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
# A TFRecord frame has the length and its checksum before the record, and the record's checksum after it.
_BEFORE, _AFTER = 12, 4


def write(source: Source, origin: str, folder: Path, shards: int, say: Callable[[str], None]) -> Facts:
    """Writes the splits of a source, each in its own order, and `shards.json`; every image is decoded once, as a check.

    Args:
      source: from `load.read`.
      origin: name of the source in `shards.json`.
      folder: new or empty.
      shards: number of shards for the training examples; other splits have as many, or one per example if
        they have fewer.
      say: called with one line per shard.

    Raises:
      UserError: the folder is not empty or cannot be written, the disk is full, the number of shards is not between 1
        and the number of training examples, or an example cannot be read.
    """
    _check(folder, shards, len(source.train))
    splits = source.own
    counts = {name: _shard_sizes(len(split), shards) for name, split in splits.items()}
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
        channels=_converted(splits),
    )
    with _all_or_nothing(folder) as temporary:
        for name, split in splits.items():
            begin = 0
            for file, count in zip(shard_facts.names(name, len(counts[name])), counts[name], strict=True):
                size = _write_shard(split, range(begin, begin + count), temporary / file)
                say(f"{file}: {count:,} examples, {size / 1e6:.1f} MB")
                begin += count
        (temporary / shard_facts.NAME).write_text(shard_facts.to_json(facts), encoding="utf-8")
    return facts


def _converted(splits: dict[str, Split]) -> int | None:
    """The channels of image files that are not kept byte for byte, if there are any."""
    for split in splits.values():
        if isinstance(split.x, ImageFiles) and split.x.special.intersection(split.x.paths):
            return split.x.channels
    return None


def _check(folder: Path, shards: int, examples: int) -> None:
    if not 1 <= shards <= examples:
        raise UserError(f"--shards: got {shards}, expected 1 to {examples}, the number of training examples.")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {folder}: this is a file; expected a new or empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"--out {folder}: the folder is not empty; choose a new one (nothing in it was changed).")
    if folder.is_mount():
        raise UserError(f"--out {folder}: a mount point cannot be replaced by a folder; choose a new folder in it.")


def _shard_sizes(examples: int, shards: int) -> list[int]:
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
        reason = " ".join(str(error.strerror if isinstance(error, OSError) else error.message).split())
        raise UserError(
            f"--out {folder}: the shards cannot be written ({reason}), and nothing was left there; "
            "free some space, or choose another folder."
        ) from error
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _write_shard(split: Split, indices: range, path: Path) -> int:
    """Writes a shard and its index; returns the size of the shard in bytes."""
    rows, lengths = np.zeros(len(indices), shard_index.ROW), []
    if split.y is not None:
        rows["label"] = split.y[indices.start : indices.stop]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for begin in range(0, len(indices), _CHUNK):
            chunk = rows[begin : begin + _CHUNK]
            chunk_indices = indices.start + begin + np.arange(len(chunk))
            contents, chunk["low"], chunk["high"] = _contents(split, chunk_indices)
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


def _contents(split: Split, indices: np.ndarray) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """The bytes of x of each record, and its minimum and maximum."""
    if isinstance(split.x, ImageFiles):
        split.x.read(indices)  # so that a broken image fails now, not in the middle of training
        contents = storage.several(split.x.content, indices)
        return contents, np.zeros(len(indices)), np.full(len(indices), 255)
    assert isinstance(split.x, np.ndarray)
    values = split.x[indices]
    flat = values.reshape(len(indices), -1)
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return [example.tobytes() for example in little], flat.min(axis=1), flat.max(axis=1)


def _example(content: bytes, label: int | None) -> bytes:
    features = {"x": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))}
    if label is not None:
        features["y"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    record: bytes = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    return record
