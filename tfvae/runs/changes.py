"""Which settings `--resume` may change: compares the run's settings with the new ones, and classifies each change."""

from __future__ import annotations

from typing import Any, NamedTuple

from tfvae.config import Config, paths, to_dict
from tfvae.errors import UserError

# Settings that change no result, or only its rounding, or only the length of the run; with a note on each.
_HARMLESS = {
    "training.epochs": "a decaying learning rate is stretched over the new number of epochs",
    "training.early_stopping": "it only decides when training stops",
    "training.accumulation": "the same sum over other micro-batches",
    "training.jit": "the same arithmetic with other rounding",
    "training.steps_per_call": "the same steps in other calls",
    "training.on_nonfinite": "it matters only if a step fails",
    "training.strategy": "the same batches on other replicas",
    "training.replicas": "the same batches on other replicas",
    "training.latent": "the same noise with other rounding",
    "training.sample_every": "it only writes pictures",
}
_PLACE = "the same data in another place"
# Settings, or whole sections, with which the checkpoint cannot be used, even if the user allows the change.
_SPLITS = "the examples would be split differently, so the test set would contain training examples"
_MODEL = "the checkpoint holds the weights of the original model"
_SHAPE = "the weights fit the original shape of the data"
_NEVER = {
    "seed": _SPLITS,
    "data.validation_fraction": _SPLITS,
    "data.test_fraction": _SPLITS,
    "data.num_examples": _SPLITS,
    "data.split": _SPLITS,
    "data.group": _SPLITS,
    "data.stratify": _SPLITS,
    "data.label": _SHAPE,
    "data.image_size": _SHAPE,
    "data.channels": _SHAPE,
    "data.attributes": _SHAPE,
    "model": _MODEL,
    "network": _MODEL,
    "posterior": _MODEL,
    "prior": _MODEL,
    "likelihood": _MODEL,
    "training.batch_size": "a run counts its epochs in steps of this size",
    "training.optimizer": "the checkpoint holds the state of the original optimizer",
}


class Change(NamedTuple):
    """One setting that differs.

    Attributes:
      setting: as `--set` names it.
      was: the run's value.
      wanted: the requested value.
      is_place: it is the path of data, which their fingerprint holds to account.
    """

    setting: str
    was: Any
    wanted: Any
    is_place: bool = False

    def __str__(self) -> str:
        old, new = ("none" if value is None else value for value in (self.was, self.wanted))
        return f"{self.setting}: {old} → {new}"

    @property
    def harmless(self) -> str | None:
        """Why the run may continue with the change, or None."""
        if self.setting == "training.epochs" and self.wanted < self.was:
            return None
        return _PLACE if self.is_place else _HARMLESS.get(self.setting)

    @property
    def impossible(self) -> str | None:
        """Why no run can continue with the change, or None."""
        if self.is_place:
            return None
        if self.setting == "training.ema" and None in (self.was, self.wanted):
            return "the averages of the weights cannot be added to a checkpoint or removed from it"
        if self.setting == "training.precision" and "float64" in (self.was, self.wanted):
            return "the checkpoint holds the weights in their original precision"
        if self.setting == "training.precision" and self.wanted == "mixed_float16":
            return "the checkpoint has no loss scale"
        keys = self.setting.split(".")
        # training.optimizers.NAME.optimizer follows the rule of training.optimizer.
        return _NEVER.get(self.setting) or _NEVER.get(f"{keys[0]}.{keys[-1]}") or _NEVER.get(keys[0])


def between(was: Config, wanted: Config) -> list[Change]:
    """Every setting that differs, in the order of `config.yaml`.

    Example:
      >>> from tfvae.config import override
      >>> [str(change) for change in between(Config(), override(Config(), ["training.epochs=80"]))]
      ['training.epochs: 50 → 80']
    """
    before, after = _flat(to_dict(was)), _flat(to_dict(wanted))
    # If a section has another choice, settings that only one of the two choices has are covered by its name.
    names = (name for name in after if name.endswith(".name") and after[name] != before[name])
    renamed = tuple(name.removesuffix("name") for name in names)
    places = {f"data.{name}" for name in paths(wanted.data)}
    found = []
    for name in {**after, **before}:
        only_one_has_it = (name in before) != (name in after)
        if before.get(name) != after.get(name) and not (only_one_has_it and name.startswith(renamed)):
            found.append(Change(name, before.get(name), after.get(name), name in places))
    return found


def refuse(changes: list[Change], allow_changed: bool) -> None:
    """Checks that a run can continue with the changes: each is harmless, or possible and allowed.

    Raises:
      UserError: names every change and its effect.
    """
    if any(change.impossible for change in changes):
        advice = "Start a new run with another --out."
    elif not allow_changed and any(not change.harmless for change in changes):
        advice = "Keep the run's settings, or accept mixed settings with --allow-changed."
    else:
        return
    raise UserError(f"--resume: the run has other settings: {'; '.join(map(_described, changes))}. {advice}")


def prolong(changes: list[Change]) -> bool:
    """Whether the changes may extend a run that has finished."""
    return any(change.setting in ("training.epochs", "training.early_stopping") for change in changes)


def _described(change: Change) -> str:
    if change.impossible:
        return f"{change} (impossible: {change.impossible})"
    return f"{change} ({'harmless' if change.harmless else 'changes the result'})"


def _flat(values: dict[str, Any], within: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in values.items():
        flat.update(_flat(value, f"{within}{key}.") if isinstance(value, dict) else {f"{within}{key}": value})
    return flat
