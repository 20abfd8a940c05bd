"""`--init-from`: a new run starts from the best weights of another run with the same networks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.config import Config
from tfvae.data.splits import Say
from tfvae.errors import UserError, listed
from tfvae.runs import changes, saved
from tfvae.runs.folder import Run

FACT = "init_from"


def assign(
    model: Any,
    config: Config,
    folder: str | Path,
    allow_code: Collection[str] = (),
    say: Say = lambda text: None,
) -> dict[str, str]:
    """Replaces the initial weights of a model by those that `tfvae.load(folder)` has.

    Args:
      model: as built for the configuration.
      config: the settings of the new run; another data set, objective or schedule is allowed.
      folder: the other run's.
      allow_code: packages whose code its files may name.
      say: called with a sentence if the condition has other names.

    Returns:
      The fact for `config.yaml`: the folder, and a digest of the weights.

    Raises:
      UserError: the other run cannot be read, or its networks differ.
    """
    other = saved.load(folder, allow_code)
    if difference := _different(model, config, other, Run.open(folder, allow_code).config):
        raise UserError(f"--init-from {folder}: {difference}; expected a run with the same networks.")
    was, now = (getattr(getattr(each, "condition", None), "names", ()) for each in (other, model))
    if was != now:
        say(
            f"condition: in {folder} it was {', '.join(was[:8])}, here {', '.join(now[:8])}; the weights are taken "
            "in this order."
        )
    weights = other.get_weights()
    for weight, value in zip(model.weights, weights, strict=True):
        weight.assign(value)
    return {"run": str(Path(folder).expanduser().resolve()), "weights": _digest(weights)}


def assign_again(model: Any, run: Run) -> None:
    """The same weights once more, for a run that was stopped before its first checkpoint.

    Raises:
      UserError: the other run has gone, or its weights have changed.
    """
    fact = run.facts.get(FACT)
    if fact is None or any(run.checkpoints.glob("last-*.index")):
        return
    start_again = "start a new run with another --out"
    try:
        now = assign(model, run.config, fact["run"], run.allow_code)
    except UserError as error:
        raise UserError(
            f"{run.folder}: has no checkpoint yet, and the run whose weights it starts from cannot be used ({error}); "
            f"restore {fact['run']}, or {start_again}."
        ) from error
    if now["weights"] != fact["weights"]:
        raise UserError(
            f"{run.folder}: has no checkpoint yet, and the weights of {fact['run']}, from which it started, have "
            f"changed; restore them, or {start_again}."
        )


def check_same(run: Run, folder: str | Path | None) -> None:
    """Checks that an existing run started from this folder, if one is named.

    Raises:
      UserError: it started from another one, or from random weights.
    """
    was = run.facts.get(FACT, {}).get("run")
    if folder is not None and str(Path(folder).expanduser().resolve()) != was:
        raise UserError(
            f"--init-from {folder}: the run in {run.folder} started from {was or 'random weights'}; leave --init-from "
            "out to continue it, or start a new run with another --out."
        )


def _different(model: Any, config: Config, other: Any, others: Config) -> str:
    """The first difference between the networks, as text; empty if the weights fit."""
    shapes = [list(each.event_shape) for each in (other, model)]
    if shapes[0] != shapes[1]:
        return f"its examples have shape {shapes[0]}, those of the new run {shapes[1]}"
    settings = [str(change) for change in changes.between(others, config) if change.setting.startswith("network.")]
    if settings:
        return f"other settings of the network: {', '.join(settings)}"
    was, now = (listed(each.likelihood.outputs(each.event_shape)) for each in (other, model))
    if was != now:  # the same weights would mean something else, such as logits for means
        return f"its decoder gives {was}, that of the new run {now}"
    for part in (*model.parts, None):
        there, here = (each.weights if part is None else _weights(each, part) for each in (other, model))
        name = part or type(model).__name__
        if len(there) != len(here):
            return f"its {name} has {len(there)} weights, that of the new run {len(here)}"
        for a, b in zip(there, here):
            if a.shape != b.shape:
                return f"its {name} has {a.path} of shape {list(a.shape)}, the new run {list(b.shape)}"
    return ""


def _weights(model: Any, part: str) -> list[Any]:
    return list(getattr(getattr(model, part, None), "weights", ()))


def _digest(weights: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for values in weights:
        digest.update(f"{values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return f"sha256:{digest.hexdigest()}"
