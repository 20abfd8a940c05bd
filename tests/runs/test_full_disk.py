"""Full disk: every file of the run folder stays intact.

Files may not grow beyond a limit here, so that each writer gets a real system error.
"""

from __future__ import annotations

import contextlib
import resource

import pytest

from tfvae.config import Config
from tfvae.errors import UserError
from tfvae.plots.gallery import draw
from tfvae.runs import keras_files, tensorboard
from tfvae.runs.folder import Run


@contextlib.contextmanager
def no_room(limit):
    """Held no longer than the write: pytest's own log is a file of this process too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def model(model_for, settings, data_set):
    return model_for(settings(), data_set())


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", Config(), {})


def contents(run):
    return {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


WRITERS = {
    "config.yaml": lambda run, model, data: run.change(Config(seed=1)),
    "report.json": lambda run, model, data: run.write_json("report.json", list(range(900))),
    "metrics.jsonl, anew": lambda run, model, data: run.write_metrics([{"epoch": i} for i in range(99)]),
    "models": lambda run, model, data: keras_files.save(model, run),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_cannot_be_written_is_as_it_was(run, model, data_set, name):
    data = data_set()
    run.write_metrics([{"epoch": 1}])
    run.write_json("scaling.json", {})
    before = contents(run)
    with pytest.raises(OSError, match="File too large"), no_room(100):
        WRITERS[name](run, model, data)
    assert contents(run) == before


def test_pictures_that_cannot_be_written_fail_one_by_one(run, model, data_set):
    data = data_set()
    before = contents(run)
    with no_room(100):
        drawn = draw(model, data, [], run.plots)
    assert not drawn.files
    assert {name for name, _ in drawn.failed} >= {"reconstructions", "samples", "traversals"}
    assert all("File too large" in why for _, why in drawn.failed)
    assert contents(run) == before


def test_a_line_of_metrics_that_is_cut_short_is_made_again(run):
    run.write_metrics([{"epoch": 1}])
    with pytest.raises(OSError, match="too large"), no_room(30):
        run.append_metrics({"epoch": 2, "train": {"loss": 1.0}})
    assert run.metrics() == [{"epoch": 1}]


def test_events_of_tensorboard(run):
    with (
        pytest.raises(UserError, match=r"(?s)events cannot be written .*File too large.*free some space"),
        no_room(200),
        tensorboard.writer(run.tensorboard, {}) as write,
    ):
        write({"step": 1, "train": {"kl": [0.5] * 900}, "validation": {}})
