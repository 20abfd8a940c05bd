"""The identity of a run's data: a few digests that tell whether data are the same, and name what differs.

The content counts, not its place: paths are not part of it, and files are known by their names within the folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tfvae.data import content
from tfvae.data.splits import Known, Say, Source, Split
from tfvae.errors import listed

VERSION = 1

Fingerprint = Mapping[str, Any]


def identified(source: Source, known: Known, say: Say) -> tuple[Source, Known]:
    """The source with the digest of each example, and its files by name.

    Args:
      source: what was read.
      known: files that were digested before.
      say: called with a sentence now and then if it takes long.

    Raises:
      UserError: names the file that cannot be read.
    """
    if source.generated:
        return source, {}
    splits: dict[str, Any] = {}
    files: dict[str, tuple[int, int, int]] = {}
    for name, split in source.own.items():
        if isinstance(split.x, np.ndarray):
            digests = content.of_rows(split.x)
        elif hasattr(split.x, "digests"):
            digests, found = split.x.digests(known, say)
            files.update(found)
        else:  # a source of the user's own
            return source, {}
        splits[name] = dataclasses.replace(split, digests=digests)
    return dataclasses.replace(source, **splits), files


def of(source: Source, files: Known) -> Fingerprint:
    """The fingerprint of a source that was `identified`, ready for YAML and JSON.

    `examples` is a digest of all examples in any order; those of `splits` are of each of the source's own splits: the
    examples in any order, their content in order, and the labels and the attributes in order.
    """
    splits = source.own
    if source.generated or source.train.digests is None:
        return {"version": VERSION, "splits": {name: {"count": len(split)} for name, split in splits.items()}}
    rows = {name: _rows(split) for name, split in splits.items()}
    x = source.train.x
    found: dict[str, Any] = {"version": VERSION, "examples": _unordered(rows.values())}
    if isinstance(x, np.ndarray):
        found["values"] = f"{x.dtype.name} {list(x.shape[1:])}"
    if source.label_names:
        found["label_names"] = _digest("\n".join(source.label_names).encode("utf-8", "surrogateescape"))
    if files:
        found["names"] = _digest("\n".join(files).encode("utf-8", "surrogateescape"))
    if source.feature_names and isinstance(x, np.ndarray):
        found["columns"] = _columns(source, source.feature_names)
    found["splits"] = {name: _split(split, rows[name]) for name, split in splits.items()}
    return found


def differences(was: Fingerprint, now: Fingerprint, files: Known, files_now: Known) -> list[str]:
    """What differs between the data of a run and those that were read now, in words; an empty list if nothing does.

    Args:
      was: the run's fingerprint.
      now: the fingerprint of the data that were read.
      files: the run's files by name; they may be missing.
      files_now: those that were read.
    """
    if was == now:
        return []
    found, columns, columns_now = [], was.get("columns", {}), now.get("columns", {})
    if was.get("values") != now.get("values"):
        found.append(f"the values were {was.get('values', 'files')} and are {now.get('values', 'files')}")
    if files and files_now:
        found += _files(files, files_now)
    if list(columns) != list(columns_now):
        found += _renamed(columns, columns_now)
    found = found or _contents(was, now)
    if was.get("label_names") != now.get("label_names"):
        found.append("the names of the labels")
    return found or ["the names of the files" if was.get("names") != now.get("names") else "the data"]


def _contents(was: Fingerprint, now: Fingerprint) -> list[str]:
    """How the examples themselves differ."""
    before, after = was["splits"], now["splits"]
    if before == after:
        return []
    counts, counts_now = _counts(before), _counts(after)
    if was.get("examples") == now.get("examples") is not None:
        if counts == counts_now and all(before[name]["examples"] == after[name]["examples"] for name in before):
            return ["the order of the examples"]
        return [f"examples moved from one split to another ({counts}; now {counts_now})"]
    if counts != counts_now:
        return [f"examples came or went ({counts}; now {counts_now})"]
    columns, columns_now = was.get("columns", {}), now.get("columns", {})
    changed = [name for name, digest in columns.items() if columns_now.get(name, digest) != digest]
    found = [f"the values of column{'s' * (len(changed) > 1)} {_some(changed)}"] if changed else []
    for part in ("labels", "attributes"):
        if any(before[name].get(part) != after[name].get(part) for name in before):
            found.append(f"the {part} of the examples")
    if not changed and any(before[name]["content"] != after[name]["content"] for name in before):
        found.insert(0, "the values of the examples")
    return found


def _files(was: Known, now: Known) -> list[str]:
    """Files that came, went, were renamed or changed."""
    came, went = ([name for name in a if name not in b] for a, b in ((now, was), (was, now)))
    by_content = {now[name][2]: name for name in came}
    renamed = {name: by_content.pop(was[name][2]) for name in went if was[name][2] in by_content}
    changed = [name for name in was if name in now and was[name][2] != now[name][2]]
    came, went = ([name for name in names if name not in {*renamed, *renamed.values()}] for names in (came, went))
    found = [
        f"{len(names):,} file{'s' * (len(names) > 1)} {verb} ({_some(names)})"
        for verb, names in (("came", came), ("went", went), ("changed", changed))
        if names
    ]
    if renamed:
        found.append(f"renamed: {_some(f'{old} to {new}' for old, new in renamed.items())}")
    return found


def _renamed(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    came, went = ([name for name in a if name not in b] for a, b in ((now, was), (was, now)))
    if not came and not went:
        return ["the order of the columns"]
    if len(came) == len(went) and [now[name] for name in came] == [was[name] for name in went]:
        return [f"column {old} is called {new}" for old, new in zip(went, came, strict=True)]
    changes = (("came", came), ("went", went))
    return [f"column{'s' * (len(names) > 1)} {_some(names)} {verb}" for verb, names in changes if names]


def _counts(splits: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{name} {split['count']}" for name, split in splits.items())


def _some(names: Iterable[str], most: int = 3) -> str:
    # A name that is not text in UTF-8 cannot be printed.
    names = [name.encode("utf-8", "replace").decode() for name in names]
    return ", ".join(names[:most]) + ", …" if len(names) > most else listed(names)


def _split(split: Split, rows: np.ndarray) -> dict[str, Any]:
    assert split.digests is not None
    found = {"count": len(split), "examples": _unordered([rows]), "content": _of(split.digests)}
    for name in ("labels", "attributes"):
        values = split.y if name == "labels" else split.attributes
        if values is not None:
            found[name] = _of(values)
    return found


def _columns(source: Source, names: tuple[str, ...]) -> dict[str, str]:
    parts = [split.x for split in source.own.values()]
    whole = np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
    return {name: _of(np.ascontiguousarray(whole[:, i])) for i, name in enumerate(names)}


def _rows(split: Split) -> np.ndarray:
    """Bytes `[n]` of what belongs to each example: the digest of x, label and attributes."""
    assert split.digests is not None
    parts = [part.reshape(len(split), -1) for part in (split.digests, split.y, split.attributes) if part is not None]
    raw = np.concatenate([np.ascontiguousarray(content.little(part)).view(np.uint8) for part in parts], axis=1)
    return np.ascontiguousarray(raw).view(f"S{raw.shape[1]}")[:, 0]


def _unordered(rows: Iterable[np.ndarray]) -> str:
    return _of(np.sort(np.concatenate(list(rows))))


def _of(values: np.ndarray) -> str:
    return _digest(np.ascontiguousarray(content.little(values)))


def _digest(data: Any) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
