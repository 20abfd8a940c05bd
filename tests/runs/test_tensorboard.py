"""`tfvae.runs.tensorboard`: what TensorBoard itself reads back."""

from __future__ import annotations

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tfvae.errors import UserError
from tfvae.models.terms import Term
from tfvae.runs import tensorboard

TERMS = {"loss": Term("loss"), "active_units": Term("active units", "")}


def line(epoch):
    terms = {"loss": 10.0 - epoch, "active_units": 2, "kl_per_dimension": [0.5, 1.5]}
    return {"epoch": epoch, "step": 20 * epoch, "train": {**terms, "gradient_norm": 3.0}, "validation": terms}


def test_scalars_and_histograms_by_split_and_step(tmp_path):
    with tensorboard.writer(tmp_path, TERMS) as write:
        write(line(1))
        write(line(2))
    for split in ("train", "validation"):
        read = EventAccumulator(str(tmp_path / split), {"tensors": 0})
        read.Reload()
        names = {"loss", "active_units", "kl_per_dimension"} | ({"gradient_norm"} if split == "train" else set())
        assert set(read.Tags()["tensors"]) == names
        descriptions = {name: read.SummaryMetadata(name).summary_description for name in names}
        assert (descriptions["loss"], descriptions["active_units"]) == ("loss, nats", "active units")
        events = read.Tensors("loss")
        assert [event.step for event in events] == [20, 40]
        assert [float(tf.make_ndarray(event.tensor_proto)) for event in events] == [9.0, 8.0]


def test_an_error_of_the_run_goes_through_with_the_events_kept(tmp_path):
    def run():
        with tensorboard.writer(tmp_path, TERMS) as write:
            write(line(1))
            raise KeyError

    with pytest.raises(KeyError):
        run()
    read = EventAccumulator(str(tmp_path / "train"), {"tensors": 0})
    read.Reload()
    assert len(read.Tensors("loss")) == 1


def test_events_that_cannot_be_written_are_one_sentence(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.summary, "scalar", full)
    with (
        pytest.raises(UserError, match=r"events cannot be written \(No space left"),
        tensorboard.writer(tmp_path, TERMS) as w,
    ):
        w(line(1))
