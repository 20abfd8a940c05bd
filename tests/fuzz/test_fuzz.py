"""Whatever settings and files a user has: a trained step, or one sentence and status 2.

TFVAE_FUZZ sets the number of cases, 500 if unset; after a change to the reading of data or settings set it to 20000.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as bounded
from hypothesis import strategies as st

from tests.fuzz import cases
from tfvae import train
from tfvae.runs import execution

CASES = int(os.environ.get("TFVAE_FUZZ", "500"))
SECONDS = 60
SMALL = ["network.hidden=[3]", "network.latent_dim=2", "training.epochs=1", "training.batch_size=8"]
FAST = ["training.jit=off", "training.latent=plain", "training.steps_per_call=1"]


def some(part):
    """A seeded share of all cases; each may take a minute."""

    def bound(test):
        limits = bounded(
            max_examples=max(1, round(part * CASES)),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        return seed(20261127)(limits(test))

    return bound


# One in so many of the cases that get as far trains; for the others, data and model are made, and no more.
TRAINED = 15
trains = st.integers(1, TRAINED).map(lambda number: number == TRAINED)


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch):
    monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))


def hang(number, frame):
    raise AssertionError(f"no end after {SECONDS} s")


def outcome(arguments):
    """The status; "refused" if argparse took something that begins with a dash for an option that does not exist."""
    try:
        return train.main(arguments)
    except SystemExit as end:
        return "refused" if end.code == 2 else end.code


def check(capsys, folder, trained, assignments):
    """Checks the outcome of a run in a folder that holds the input, and where only a folder `run` may be new."""
    before = {path.name for path in folder.iterdir()}
    capsys.readouterr()
    signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    stop = contextlib.nullcontext() if trained else mock.patch.object(execution.Execution, "run", return_value={})
    try:
        with contextlib.chdir(folder), stop:
            status = outcome(["--out", "run", "--quiet", "--set", *SMALL, *FAST, *assignments])
    finally:
        signal.alarm(0)
    said = capsys.readouterr()
    after = {path.name for path in folder.iterdir()}
    assert after - before <= {"run"}, after
    if status == 0:
        assert (folder / "run" / "report.json").is_file() == trained
        assert said.err == ""
    elif status == "refused":
        assert said.err.splitlines()[-1].startswith("python -m tfvae.train: error: "), said.err
    else:
        assert status == 2
        assert said.err.startswith("tfvae: "), said.err
        assert said.err.count("\n") == 1, said.err
        assert "unexpected error" not in said.err, said.err
        assert len(said.err) < 2000, said.err
    return status


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@some(0.4)
@given(trains, cases.assignments)
def test_settings(capsys, trained, assignments):
    with place() as folder:
        check(
            capsys,
            folder,
            trained,
            ["data.name=blobs", "data.num_examples=20", "likelihood.name=gaussian", *assignments],
        )


@some(0.24)
@given(trains, cases.tables(), st.sampled_from([[], ["data.label=c0"], ["data.attributes=[c1]"], ["data.split=c0"]]))
def test_tables(capsys, trained, data, more):
    with place() as folder:
        (folder / "rows.csv").write_bytes(data)
        check(capsys, folder, trained, ["data.name=csv", "data.path=rows.csv", "likelihood.name=gaussian", *more])


@some(0.2)
@given(trains, cases.archives())
def test_arrays(capsys, trained, data):
    with place() as folder:
        (folder / "x.npz").write_bytes(data)
        check(capsys, folder, trained, ["data.name=npz", "data.path=x.npz", "likelihood.name=gaussian"])


@some(0.16)
@given(trains, st.lists(cases.pictures(), max_size=6), st.integers(0, 20), st.sampled_from(["1", "3"]))
def test_images(capsys, trained, pictures, good, channels):
    with place() as folder:
        (folder / "photos").mkdir()
        for i, (data, extension) in enumerate(pictures):
            (folder / "photos" / f"{i}.{extension}").write_bytes(data)
        for i in range(good):
            cases.Image.new("RGB", (9, 8), (10 * i, 0, 99)).save(folder / "photos" / f"good{i}.png")
        settings = ["data.name=images", "data.path=photos", "data.image_size=[8, 8]", f"data.channels={channels}"]
        check(capsys, folder, trained, settings)
