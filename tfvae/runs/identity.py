"""Whether the data that a command reads are those that a run was trained on, and where they are now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfvae.config import Config, override, paths
from tfvae.data import fingerprint, load
from tfvae.data.splits import DataSet, Say
from tfvae.errors import UserError
from tfvae.runs.folder import Run, absolute


def of_run(
    run: Run, config: Config | None = None, *, allow_changed: bool = False, say: Say = print
) -> tuple[Run, DataSet]:
    """The data of a run, compared with those that it was trained on.

    Args:
      run: the run.
      config: its settings with the data in another place, which the run keeps if the data are the same; None: where
        they were.
      allow_changed: use other data too, as far as they fit.
      say: called with sentences to print.

    Raises:
      UserError: the data cannot be read, or are others (names what differs).
    """
    config = absolute(config) if config else run.config
    data = load.for_recipe(config, known=run.files(), say=say)
    same = require_same(run, data, allow_changed, say)
    if config == run.config or not same:
        return run, data
    try:
        with run.lock():
            run.write_files(data.files)
            return run.move(config), data
    except OSError as error:
        say(f"{run.folder}: cannot be written ({error.strerror}), so the new place of the data is not kept.")
        return run, data


def placed(run: Run, assignments: Sequence[str]) -> Config:
    """The settings of a run with its data in another place.

    Args:
      run: the run.
      assignments: as in `data.path=FOLDER`.

    Raises:
      UserError: an assignment is not of the place of the data.
    """
    places = [f"data.{name}" for name in paths(run.config.data)]
    for assignment in assignments:
        if assignment.partition("=")[0] not in places:
            there = f"expected {', '.join(places)}" if places else f"{run.config.data.name} is not read from a path"
            raise UserError(f"--set {assignment}: only the place of the data can change here; {there}.")
    return override(run.config, list(assignments)) if assignments else run.config


def require_same(run: Run, data: DataSet, allow_changed: bool, say: Say) -> bool:
    """Compares data with those that a run was trained on; returns whether they are the same, as far as is known.

    Args:
      run: the run.
      data: as read now.
      allow_changed: say what differs instead of raising.
      say: called with sentences to print.

    Raises:
      UserError: they differ; the message names how.
    """
    if not _has_fingerprint(run):
        say(
            f"{run.folder}: the run has no fingerprint of its data (it began before tfvae kept one), so only "
            "shape and number of its examples are compared."
        )
    found = differences(run, data)
    if not found:
        return True
    text = f"the data are not those that the run was trained on: {'; '.join(found)}"
    if not allow_changed:
        raise UserError(
            f"{run.folder}: {text}; restore them, name their new place (--set data.path=…), or accept other data with "
            "--allow-changed-data."
        )
    say(f"changed data: {text}.")
    return False


def differences(run: Run, data: DataSet) -> list[str]:
    """How data differ from those that a run was trained on, in words; an empty list if they do not."""
    if _has_fingerprint(run):
        found = fingerprint.differences(run.facts["fingerprint"], data.fingerprint, run.files(), data.files)
        if found:
            return found
    was, now = run.facts.get("examples"), examples(data)
    if not was or was == now:
        return []
    before, after = (", ".join(f"{name} {value}" for name, value in counts.items()) for counts in (was, now))
    return [f"other examples ({before}; now {after})"]


def examples(data: DataSet) -> dict[str, Any]:
    """The shape of an example, and the number of examples of each split."""
    return {"shape": list(data.shape), **{name: len(getattr(data, name)) for name in ("train", "validation", "test")}}


def _has_fingerprint(run: Run) -> bool:
    return bool(run.facts.get("fingerprint", {}).get("version") == fingerprint.VERSION)
