"""Which examples are in which split: the user's own splits first; missing ones are drawn from the training part.

They are drawn at random, or with the labels in equal shares, or as whole groups.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from tfvae import noise
from tfvae.config import Data
from tfvae.data.pipeline import order
from tfvae.data.splits import Source, Split
from tfvae.errors import UserError, listed

_CLASSES = 10
# Chooses about a number of examples, at least one, from those that are left: (indices in the order drawn, number).
_Pick = Callable[[np.ndarray, int], np.ndarray]


def divide(source: Source, settings: Data, seed: int) -> tuple[dict[str, Split], tuple[str, ...]]:
    """The splits `train`, `validation` and `test`, and a sentence for each on where it comes from.

    A source's own splits stay as they are. Without a test split, the first `test_fraction` in the order of purpose 4 at
    step 2^40 - 1 becomes it; then the next `validation_fraction` of the remaining training part becomes the validation
    split. Within a split examples keep the source's order.

    Args:
      source: what was read.
      settings: the `data` section.
      seed: the run's seed.

    Raises:
      UserError: there are too few examples or groups, or no labels to stratify by.
    """
    splits, notes, n = source.own, [], len(source.train)
    left, wanted = n, {}
    for name, fraction in (("test", settings.test_fraction), ("validation", settings.validation_fraction)):
        if name not in splits:
            wanted[name] = max(1, round(fraction * left))
            left -= wanted[name]
    pick, how = _way(source, settings, seed)
    # Examples in the order drawn; each split takes some of them.
    ranks = order(seed, noise.LAST_STEP, n)
    for name in ("test", "validation"):
        if name not in wanted:
            notes.append(_own(source, name))
            continue
        remaining = len(ranks)
        taken = pick(ranks, wanted[name]) if left > 0 else ranks
        ranks = ranks[~np.isin(ranks, taken)]
        if not len(ranks):
            raise UserError(_too_few(source, n, listed(["training", *reversed(wanted)])))
        splits[name] = source.train.take(np.sort(taken))
        drawn = f"{len(taken)} of {'the ' if name == 'validation' else ''}{remaining}"
        what = "training examples" if name == "validation" else "examples"
        why = ", because the source has no test split" if name == "test" else ""
        notes.append(f"{name.capitalize()}: {drawn} {what}, drawn by seed {seed}{how}{why}.")
    splits["train"] = source.train.take(np.sort(ranks))
    if "train" in source.origin:
        notes.append(_own(source, "train"))
    return splits, tuple(notes)


def shared(splits: dict[str, Split]) -> tuple[str, ...]:
    """Sentences on identical examples in two splits; none where the content of the examples is not known."""
    notes = []
    for first, second in combinations(("train", "validation", "test"), 2):
        a, b = splits[first].digests, splits[second].digests
        if a is None or b is None:
            continue
        if count := int(np.isin(b, a).sum()):
            split = "training" if first == "train" else first
            notes.append(
                f"{count:,} of {len(b):,} {second} examples are also in the {split} split (identical x), so the "
                f"{second} figures say less about new examples."
            )
    return tuple(notes)


def classes(train: Split, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """A sentence with the classes of the training examples and the number of each; none without labels."""
    if train.y is None:
        return ()
    numbers, counts = np.unique(train.y, return_counts=True)
    found = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    unlabelled = sum(count for number, count in found.items() if number < 0)
    texts = [f"{_label(number, names)} ({count:,})" for number, count in found.items() if number >= 0]
    more = [f"… ({len(texts)} classes)"] if len(texts) > _CLASSES else []
    texts = texts[:_CLASSES] + more + ([f"unlabelled ({unlabelled:,})"] if unlabelled else [])
    return (f"Classes of the training examples: {', '.join(texts)}.",)


def _label(number: int, names: tuple[str, ...] | None) -> str:
    return names[number] if names and number < len(names) else str(number)


def _own(source: Source, name: str) -> str:
    origin = source.origin.get(name, "the source's own")
    return f"{name.capitalize()}: {origin}, {len(source.own[name]):,} examples."


def _too_few(source: Source, n: int, splits: str) -> str:
    if source.groups is not None:
        return f"data.group: the {len(np.unique(source.groups))} groups are too few to split into {splits}."
    return f"data: {n} examples are too few to split into {splits}; use more examples or smaller fractions."


def _way(source: Source, settings: Data, seed: int) -> tuple[_Pick, str]:
    """How examples are chosen, and the words for it."""
    if settings.stratify and source.groups is not None:
        raise UserError("data.stratify: cannot be combined with data.group; leave one of them out.")
    if source.groups is not None:
        return _whole_groups(source.groups, seed), ", whole groups of data.group"
    if settings.stratify:
        if source.train.y is None:
            raise UserError("data.stratify: the data have no labels (for a CSV, set data.label=COLUMN).")
        return _stratified(source.train.y), ", with the labels in equal shares"
    return (lambda ranks, count: ranks[:count]), ""


def _stratified(y: np.ndarray) -> _Pick:
    def pick(ranks: np.ndarray, count: int) -> np.ndarray:
        numbers, at = np.unique(y[ranks], return_inverse=True)
        exact = count * np.bincount(at) / len(ranks)
        quota = np.floor(exact).astype(int)
        # The largest fractions are rounded up, so that the sum is the number wanted.
        quota[np.argsort(quota - exact, kind="stable")[: count - quota.sum()]] += 1
        parts = [ranks[at == i][: quota[i]] for i in range(len(numbers))]
        return np.concatenate(parts)

    return pick


def _whole_groups(groups: np.ndarray, seed: int) -> _Pick:
    drawn = order(seed, noise.LAST_STEP, int(groups.max()) + 1)

    def pick(ranks: np.ndarray, count: int) -> np.ndarray:
        sizes, room, taken = np.bincount(groups[ranks], minlength=len(drawn)), count, []
        for group in drawn:
            if 0 < sizes[group] <= room:
                taken.append(group)
                room -= sizes[group]
        if not taken:  # all are larger than the split should be
            taken = [min((group for group in drawn if sizes[group]), key=lambda group: sizes[group])]
        return ranks[np.isin(groups[ranks], taken)]

    return pick
