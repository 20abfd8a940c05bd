"""The codes of examples: the encoder's outputs for a run's own data or for a file, batch by batch, with the labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import catalog, config, noise
from tfvae.config import Config
from tfvae.data import load, pipeline
from tfvae.data.batch import Batch
from tfvae.data.splits import Say, Split
from tfvae.engine.batches import Batches
from tfvae.errors import UserError, listed, nearest
from tfvae.models import checks
from tfvae.models.vae import VAE
from tfvae.runs import identity
from tfvae.runs.folder import Run

BATCH = 256
_SPLITS = ("train", "validation", "test")
Columns = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """The examples to encode.

    Attributes:
      origin: where they come from, for messages.
      splits: name to examples; splits without examples are left out.
      label_names: the name of each label 0, 1, …, or None.
      feature_names: the name of each column, or None.
      notes: sentences to print.
    """

    origin: str
    splits: dict[str, Split]
    label_names: tuple[str, ...] | None
    feature_names: tuple[str, ...] | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return sum(map(len, self.splits.values()))


def of_run(run: Run, places: Sequence[str], allow_changed: bool, say: Say) -> Examples:
    """The data of a run, divided into the splits that it was trained on; see `identity.of_run`.

    Raises:
      UserError: the data cannot be read, or are others.
    """
    _, data = identity.of_run(run, identity.placed(run, places), allow_changed=allow_changed, say=say)
    return _examples(data, f"data.{data.name}")


def of_file(recipe: Config, path: str, trained: config.Data) -> Examples:
    """The examples of a file or folder, read as the run's source reads its own; only a file's own splits divide them.

    Args:
      recipe: how to read them.
      path: the file or folder.
      trained: the run's own section `data`; its files that name the splits and groups of its images are not used.

    Raises:
      UserError: the run's source reads no file, or the file cannot be read.
    """
    if "path" not in config.paths(recipe.data):
        known = [name for name in catalog.names("data") if "path" in config.names(catalog.settings("data", name))]
        raise UserError(
            f"{path}: the run's source, {recipe.data.name}, reads no file; name the kind of this one: "
            f"--set data.name=KIND, one of {', '.join(known)}."
        )
    others = [name for name in config.paths(recipe.data) if getattr(recipe.data, name) == getattr(trained, name, None)]
    place: dict[str, Any] = {**dict.fromkeys(others), "path": path}
    return _examples(load.read(dataclasses.replace(recipe.data, **place), recipe.seed), path)


def check(examples: Examples, vae: VAE, run: Run) -> tuple[str, ...]:
    """Checks that the examples are of the run's kind; returns sentences to print.

    Raises:
      UserError: shape, columns, units or range differ from what the run was trained on.
    """
    notes = examples.notes
    trained = list(run.facts.get("fingerprint", {}).get("columns", ()))
    found = list(examples.feature_names or ())
    if trained and found and trained != found:
        raise UserError(f"{examples.origin}: {_different(trained, found)}; the run's columns are {', '.join(trained)}.")
    if found and not trained:
        notes += (f"The run does not record its columns; expected in this order: {', '.join(found)}.",)
    for split in examples.splits.values():
        shape = tuple(split.x.shape[1:]) if isinstance(split.x, np.ndarray) else split.x.shape
        if shape != vae.event_shape:
            raise UserError(
                f"{examples.origin}: an example has shape {list(shape)}, but the run was trained on "
                f"{list(vae.event_shape)}; expected examples like those of the run."
            )
        if isinstance(split.x, np.ndarray):
            _check_values(split.x, vae, examples.origin, run.config.data.binarize)
    return notes


def batches(examples: Examples, vae: VAE, recipe: Config) -> Iterator[Columns]:
    """The codes of each batch of examples, in order: arrays `[batch, …]` by name.

    The names are those of the posterior's outputs, such as z_mean; before them `split` if there are several splits,
    `path` if each example has a file, and `label` if there are labels: text, empty for an unlabelled example, or
    integers, -1 for an unlabelled example.

    Args:
      examples: as checked by `check`.
      vae: the model.
      recipe: the run's configuration; `data.binarize` and `seed` give binary examples as the evaluation sees them.

    Raises:
      UserError: a file cannot be read, or a conditional model knows no such label.
    """
    names = list(vae.posterior.outputs(vae.latent_shape))
    encode = tf.function(vae.encoded, reduce_retracing=True)
    for name, split in examples.splits.items():
        described = _described(name if len(examples.splits) > 1 else None, split, examples.label_names)
        for rows, batch in _read(_numbered(split, examples, vae), vae, recipe):
            outputs = encode(batch.x, batch.y)
            yield {
                **{column: values[rows] for column, values in described.items()},
                **{output: outputs[output].numpy() for output in names},
            }


def _examples(source: Any, origin: str) -> Examples:
    found = {name: getattr(source, name, None) for name in _SPLITS}
    splits = {name: split for name, split in found.items() if split is not None and len(split)}
    return Examples(origin, splits, source.label_names, source.feature_names, source.notes)


def _different(trained: list[str], found: list[str]) -> str:
    missing, others = ([name for name in a if name not in b] for a, b in ((trained, found), (found, trained)))
    parts = [f"has no column {listed(map(repr, missing))}"] if missing else []
    parts += [f"has the column {listed(map(repr, others))}, which the run has not"] if others else []
    return " and ".join(parts) or f"has the columns in another order ({', '.join(found)})"


def _check_values(x: np.ndarray, vae: VAE, origin: str, binarize: str) -> None:
    low, high = x.min(), x.max()
    if vae.scaling.integer and x.dtype.kind == "f" and low >= 0 and high <= 1:
        raise UserError(
            f"{origin}: has {x.dtype} from {low:g} to {high:g}, but the run was trained on whole numbers from 0 to "
            f"{vae.scaling.largest:g}; give the examples in those units."
        )
    if binarize == "none":
        checks.values(Split(x), vae.scaling, vae.likelihood, origin)


def _described(name: str | None, split: Split, label_names: tuple[str, ...] | None) -> Columns:
    """The columns that describe each example of a split."""
    columns: Columns = {} if name is None else {"split": np.full(len(split), name)}
    if paths := getattr(split.x, "paths", ()):
        columns["path"] = np.array(list(map(str, paths)))
    if split.y is not None:
        # The last name is that of -1, an unlabelled example.
        columns["label"] = split.y if label_names is None else np.array([*label_names, ""])[split.y]
    return columns


def _numbered(split: Split, examples: Examples, vae: VAE) -> Split:
    """The split with its labels numbered as in the model's condition, where they have names.

    Raises:
      UserError: a label that the model does not know.
    """
    condition, names = vae.condition, examples.label_names
    if condition is None or condition.kind != "label" or split.y is None:
        return split
    if names is None:
        names = tuple(map(str, range(int(split.y.max(initial=-1)) + 1)))
        unknown = names[condition.size :]
    else:
        unknown = tuple(name for name in names if name not in condition.names)
    if unknown:
        hint = nearest(unknown[0], condition.names)
        raise UserError(
            f"{examples.origin}: the label {unknown[0]!r} is not one of the run's{hint}: {', '.join(condition.names)}."
        )
    if examples.label_names is None:
        return split
    numbers = np.array([*map(condition.names.index, names), -1], np.int64)
    return Split(split.x, numbers[split.y], split.attributes)


def _read(split: Split, vae: VAE, recipe: Config) -> Iterator[tuple[slice, Batch]]:
    """The batches of a split as the evaluation sees them, each with the rows that it holds."""
    feed = pipeline.feed(split, vae.condition if vae.condition_size is not None else None)
    batches = Batches(feed, len(split), vae.scaling, recipe.data.binarize, recipe.seed, "float32")
    rows = [slice(first, min(first + BATCH, len(split))) for first in range(0, len(split), BATCH)]
    elements = feed.calls([np.arange(part.start, part.stop) for part in rows], lambda: 1)
    for part, element in zip(rows, elements):
        raw = feed.fetch(tf.nest.map_structure(lambda values: values[0], element))
        yield part, batches.batch(raw, noise.LAST_STEP, tf.constant(part.start, tf.int64))
