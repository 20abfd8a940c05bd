"""`tfvae.load` of folders without a model, or with a broken one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import tfvae
from tfvae import UserError, config
from tfvae.runs.folder import Run


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        tfvae.load(tmp_path)


def test_a_run_that_has_not_ended(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", config.Config(), {})
    with pytest.raises(UserError, match=r"has not finished.*--resume"):
        tfvae.load(run.folder)


@pytest.mark.parametrize("kind", ["text", "empty archive", "broken member", "empty"])
def test_a_broken_model(kind: str, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", config.Config(), {})
    if kind in ("text", "empty"):
        run.model.write_text("no model" if kind == "text" else "")
    else:
        with zipfile.ZipFile(run.model, "w") as archive:
            for name in ("config.json", "metadata.json") if kind == "broken member" else ():
                archive.writestr(name, "{}" * 50)
    if kind == "broken member":
        data = run.model.read_bytes()
        run.model.write_bytes(data.replace(b"{}{}{}", b"{}xx{}", 1))
    with pytest.raises(UserError, match=r"model.keras: cannot be read \(.+\)\.$"):
        tfvae.load(run.folder)
