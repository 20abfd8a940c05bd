"""A family with a statistic over groups, from the command line: replicas and accumulation change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tfvae import train
from tfvae.runs import execution
from tfvae.runs.folder import Run

OUTSIDE = Path(__file__).parents[1] / "outside"
SETTINGS = [
    "model.name=toyfamily:Centred",
    "objective.group=16",
    "network.hidden=[8]",
    "likelihood.name=gaussian",
    "training.batch_size=64",
    "training.epochs=2",
    "training.jit=off",
    "training.precision=float64",
]
TWO = ("--strategy", "mirrored", "--replicas", "2")


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(OUTSIDE))
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: [])


def run(folder: Path, *settings: str, options: tuple[str, ...] = ()) -> int:
    return train.main([*options, "--preset", "digits", "--quiet", "--out", str(folder), "--set", *SETTINGS, *settings])


def lines(folder: Path) -> list[dict[str, Any]]:
    return Run.open(folder, allow_code=["toyfamily"]).metrics()


@pytest.mark.slow
@pytest.mark.usefixtures("mirrored")
def test_replicas_and_accumulation_change_nothing(tmp_path: Path) -> None:
    assert run(tmp_path / "one") == 0
    assert run(tmp_path / "parts", "training.accumulation=4") == 0
    assert run(tmp_path / "two", options=TWO) == 0
    assert run(tmp_path / "both", "training.accumulation=2", options=TWO) == 0
    whole = lines(tmp_path / "one")
    assert whole[-1]["train"]["offset"] > 0
    for name in ("parts", "two", "both"):
        for a, b in zip(whole, lines(tmp_path / name), strict=True):
            for split in ("train", "validation"):
                for term in ("loss", "elbo", "offset"):
                    np.testing.assert_allclose(a[split][term], b[split][term], rtol=1e-9, err_msg=f"{name} {term}")
    assert run(tmp_path / "large", "objective.group=64") == 0
    assert lines(tmp_path / "large")[0]["train"]["offset"] != whole[0]["train"]["offset"]


@pytest.mark.usefixtures("mirrored")
@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (("objective.group=48",), ()),
        (("training.accumulation=8",), ()),
        (("objective.group=64",), TWO),
    ],
)
def test_a_share_that_is_no_multiple_is_refused_in_one_sentence(
    settings: tuple[str, ...], options: tuple[str, ...], tmp_path: Path, capsys: Any
) -> None:
    assert run(tmp_path / "run", *settings, options=options) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "objective.group" in error
    assert any(setting in error for setting in ("training.batch_size=", "training.accumulation=", "objective.group="))
    assert not (tmp_path / "run").exists()
