"""The shards source: TFRecord files that `python -m tfvae.data.shards` wrote, read record by record in any order."""

from __future__ import annotations

import dataclasses
import functools
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.config.data import Shards
from tfvae.data import decoding, shard_facts, shard_index, storage
from tfvae.data.splits import Known, Say, Source, Split
from tfvae.errors import UserError

# A row of the index, with the number of the shard and the length of the frame.
_RECORD = np.dtype([("file", "<u4"), ("length", "<u8"), *shard_index.ROW.descr])


@dataclass(frozen=True, eq=False)
class Sharded:
    """Examples that stay in shards until a batch needs them.

    Attributes:
      files: paths of the shards.
      records: for each example, the number of its shard, the length of its frame and its row of the index.
      shape: of one example.
      dtype: of the values.
      encoded: the examples are image files.
    """

    files: tuple[str, ...]
    records: np.ndarray
    shape: tuple[int, ...]
    dtype: np.dtype
    encoded: bool

    def __len__(self) -> int:
        return len(self.records)

    def take(self, indices: np.ndarray) -> Sharded:
        """The records at the indices, in their order."""
        return dataclasses.replace(self, records=self.records[indices])

    def read(self, indices: np.ndarray) -> tf.Tensor:
        """The examples at the indices, `[batch, …]` in the user's units.

        Raises:
          UserError: a shard cannot be read or is damaged (names it).
        """
        rows = self.records[indices]
        contents = self._contents(rows)
        if not self.encoded:
            values = np.frombuffer(b"".join(contents), self.dtype.newbyteorder("<")).astype(self.dtype, copy=False)
            return tf.constant(values.reshape(-1, *self.shape))
        height, width, channels = self.shape
        try:
            return decoding.decode_all(tf.constant(contents), (height, width), channels)
        except tf.errors.OpError as error:
            names = (f"{self.files[row['file']]}, the record at byte {row['offset']}" for row in rows)
            named = zip(names, (functools.partial(tf.constant, content) for content in contents), strict=True)
            raise decoding.explain(named, (height, width), channels, error) from error

    def to_fit(self, kind: str) -> np.ndarray:
        """The values that `scaling.fit` needs: the extremes from the index if those are enough, else all examples."""
        if self.encoded:
            return decoding.to_fit(kind)
        exact = self.dtype.kind == "f" or self.dtype.itemsize < 8
        if kind == "z-score" or len(self.shape) == 1 or not exact:
            everything: np.ndarray = self.read(np.arange(len(self))).numpy()
            return everything
        extremes = np.array([self.records["low"].min(), self.records["high"].max()])
        return extremes.astype(self.dtype).reshape(2, 1, 1)

    def digests(self, known: Known, say: Say) -> tuple[np.ndarray, Known]:
        """See `OnDisk`: of the checksum of each record, which covers its label too, and its size; nothing is read."""
        key = self.records["crc"].astype(np.uint64) << np.uint64(32) | self.records["x_size"].astype(np.uint64)
        return key, {}

    def _contents(self, rows: np.ndarray) -> list[bytes]:
        columns = (rows[name].tolist() for name in ("file", "offset", "length"))
        places = [(self.files[file], offset, length) for file, offset, length in zip(*columns, strict=True)]
        frames = storage.pieces(places)
        for frame, crc, (path, offset, _) in zip(frames, rows["crc"].tolist(), places, strict=True):
            if zlib.crc32(frame) != crc:
                raise UserError(
                    f"{path}: the record at byte {offset} is damaged (its checksum differs from the index); "
                    "copy the shard again, or rewrite the shards."
                )
        return [
            frame[begin : begin + size]
            for frame, begin, size in zip(frames, rows["x_begin"].tolist(), rows["x_size"].tolist(), strict=True)
        ]


def from_settings(settings: Shards, seed: int) -> Source:
    """See `read`."""
    return read(settings.path, settings.image_size, settings.channels)


def read(path: str | None, size: tuple[int, int], channels: int) -> Source:
    """Reads the indices of a folder of shards, and checks that every shard exists and is complete.

    Args:
      path: the folder, on any file system that TensorFlow supports.
      size: height and width of the examples, if the shards hold image files.
      channels: 1 for grey, 3 for colour, if the shards hold image files.

    Raises:
      UserError: the folder has no shards, a shard is missing or truncated, or an index is damaged.
    """
    if path is None:
        raise UserError("data.path: the shards source reads a folder; pass --set data.path=DIR.")
    folder = path if storage.remote(path) else str(Path(path).expanduser())
    facts_path = storage.join(folder, shard_facts.NAME)
    if not storage.exists(facts_path):
        raise UserError(
            f"data.path: no {shard_facts.NAME} in {path}; expected a folder written by python -m tfvae.data.shards."
        )
    facts = shard_facts.from_json(storage.whole(facts_path), facts_path)
    shape, dtype = facts.shape, np.dtype(facts.dtype)
    if facts.encoded:
        decoding.check_channels(channels)
        shape = (*size, channels)
    splits: dict[str, Any] = {}
    for split, counts in facts.counts.items():
        files = tuple(storage.join(folder, name) for name in shard_facts.names(split, len(counts)))
        shards = zip(range(len(files)), files, counts, strict=True)
        records = np.concatenate(storage.several(_records, shards))
        labels = records["label"].astype(np.int64) if facts.labelled else None
        splits[split] = Split(Sharded(files, records, shape, dtype, facts.encoded), labels)
    return Source(
        **splits,
        origin={name: f"the {name} shards" for name in splits} if len(splits) > 1 else {},
        auto=facts.auto,
        unit_maximum=facts.unit_maximum,
        label_names=facts.label_names,
        feature_names=facts.feature_names,
    )


def _records(shard: tuple[int, str, int]) -> np.ndarray:
    number, path, count = shard
    rows, size = shard_index.unpack(storage.whole(f"{path}.index"), f"{path}.index")
    actual_size = storage.size(path)
    if actual_size != size:
        raise UserError(
            f"{path}: has {actual_size:,} bytes, but its index says {size:,}; "
            "copy the shard again, or rewrite the shards."
        )
    if len(rows) != count:
        raise UserError(
            f"{path}.index: has {len(rows)} records, but {shard_facts.NAME} says {count}; rewrite the shards."
        )
    records = np.zeros(count, _RECORD)
    for name in shard_index.ROW.names or ():
        records[name] = rows[name]
    records["file"], records["length"] = number, np.diff(np.append(rows["offset"], np.uint64(size)))
    return records
