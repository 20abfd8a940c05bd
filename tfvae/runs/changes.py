"""What `--resume` may change of a run: its settings compared with those asked for, one verdict each."""

from __future__ import annotations

from typing import Any, NamedTuple

from tfvae.config import Config, to_dict
from tfvae.errors import UserError

# Settings that change no number, or numbers by rounding alone, or only how long the run is; with what to know of each.
_HARMLESS = {
    "data.dir": "the same data in another place",
    "data.path": "the same data in another place",
    "training.epochs": "a falling learning rate is stretched over them",
    "training.early_stopping": "it decides when to end, and nothing else",
    "training.accumulation": "the same sum in other parts",
    "training.jit": "the same arithmetic, rounded elsewhere",
    "training.steps_per_call": "the same steps in other calls",
    "training.on_nonfinite": "it matters only where a step fails",
    "training.strategy": "the same batches, shared out otherwise",
    "training.replicas": "the same batches, shared out otherwise",
    "training.latent": "the same noise, rounded elsewhere",
    "training.sample_every": "pictures",
}
# Settings, or whole sections, under which the checkpoint cannot be used, even where the user would have it so.
_SPLITS = "the examples would be divided anew, and the test be on examples that were trained on"
_MODEL = "the checkpoint holds the weights of the model as it was"
_SHAPE = "the weights fit the shape that the data had"
_NEVER = {
    "seed": _SPLITS,
    "data.validation_fraction": _SPLITS,
    "data.test_fraction": _SPLITS,
    "data.num_examples": _SPLITS,
    "data.label": _SHAPE,
    "data.image_size": _SHAPE,
    "data.channels": _SHAPE,
    "data.attributes": _SHAPE,
    "model": _MODEL,
    "network": _MODEL,
    "posterior": _MODEL,
    "prior": _MODEL,
    "likelihood": _MODEL,
    "training.batch_size": "a run counts its epochs in steps of that many examples",
    "training.optimizer": "the checkpoint holds what the optimizer as it was remembers",
}


class Change(NamedTuple):
    """One setting that differs.

    Attributes:
      setting: as `--set` names it.
      was: the run's value.
      wanted: the value asked for.
    """

    setting: str
    was: Any
    wanted: Any

    def __str__(self) -> str:
        was, wanted = ("none" if value is None else value for value in (self.was, self.wanted))
        return f"{self.setting}: {was} → {wanted}"

    @property
    def harmless(self) -> str | None:
        """Why the run may go on with it, or None."""
        if self.setting == "training.epochs" and self.wanted < self.was:
            return None
        return _HARMLESS.get(self.setting)

    @property
    def impossible(self) -> str | None:
        """Why no run can go on with it, or None."""
        if self.setting == "training.ema" and None in (self.was, self.wanted):
            return "the checkpoint holds an average of the weights where there is one, and else cannot give it"
        if self.setting == "training.precision" and "float64" in (self.was, self.wanted):
            return "the checkpoint holds the weights in the precision that they had"
        if self.setting == "training.precision" and self.wanted == "mixed_float16":
            return "the checkpoint has no loss scale"
        keys = self.setting.split(".")
        # What holds for training.optimizer does for training.optimizers.NAME.optimizer.
        return _NEVER.get(self.setting) or _NEVER.get(f"{keys[0]}.{keys[-1]}") or _NEVER.get(keys[0])


def between(was: Config, wanted: Config) -> list[Change]:
    """Every setting that differs, in the order of `config.yaml`.

    Example:
      >>> from tfvae.config import override
      >>> [str(change) for change in between(Config(), override(Config(), ["training.epochs=80"]))]
      ['training.epochs: 50 → 80']
    """
    before, after = _flat(to_dict(was)), _flat(to_dict(wanted))
    # Of a section with another choice, settings that only one of the two has go with its name.
    names = (name for name in after if name.endswith(".name") and after[name] != before[name])
    renamed = tuple(name.removesuffix("name") for name in names)
    found = []
    for name in {**after, **before}:
        only_one_has_it = (name in before) != (name in after)
        if before.get(name) != after.get(name) and not (only_one_has_it and name.startswith(renamed)):
            found.append(Change(name, before.get(name), after.get(name)))
    return found


def refuse(changes: list[Change], allow_changed: bool) -> None:
    """Returns if a run can go on with the changes: all are harmless, or allowed and possible.

    Raises:
      UserError: names every change, and what is to be done about each.
    """
    if any(change.impossible for change in changes):
        end = "train anew with another --out."
    elif not allow_changed and any(not change.harmless for change in changes):
        end = "leave that out, or accept a run of mixed settings with --allow-changed."
    else:
        return
    raise UserError(f"--resume: the run has other settings: {'; '.join(map(_verdict, changes))}. For this run {end}")


def prolong(changes: list[Change]) -> bool:
    """Whether a run that has ended may have something left to do."""
    return any(change.setting in ("training.epochs", "training.early_stopping") for change in changes)


def _verdict(change: Change) -> str:
    if change.impossible:
        return f"{change} (impossible: {change.impossible})"
    return f"{change} ({'harmless' if change.harmless else 'changes the result'})"


def _flat(values: dict[str, Any], within: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in values.items():
        flat.update(_flat(value, f"{within}{key}.") if isinstance(value, dict) else {f"{within}{key}": value})
    return flat
