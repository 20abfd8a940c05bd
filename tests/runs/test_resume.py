"""Resuming under other settings that are harmless: another number of replicas, other micro-batches, a guarded step."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from tfvae.engine.signals import Stopped
from tfvae.runs.folder import Run
from tfvae.runs.progress import Reporter

BEGUN = ["training.precision=float64", "training.epochs=4", "data.binarize=dynamic", "training.clip_norm=5"]


class StopAt(Reporter):
    """Raises SIGINT after a given number of epochs."""

    def __init__(self, epochs):
        super().__init__(4, quiet=True)
        self._at = epochs

    def progress(self, epochs):
        if epochs >= self._at:
            signal.raise_signal(signal.SIGINT)


def test_one_replica_then_two_then_one_give_the_same_curve(tmp_path, settings, data_set, loop_for, two_replicas):
    data, config = data_set(), settings(*BEGUN)
    whole, model = loop_for(config, data)
    whole.run()

    run = Run.create(tmp_path, config, {})
    other = settings(*BEGUN, "training.accumulation=2", "training.on_nonfinite=skip", "training.steps_per_call=3")
    for where, strategy, stop in ((config, None, 0.6), (other, two_replicas, 2.4)):
        loop, _ = loop_for(where, data, strategy, run=run, reporter=StopAt(stop))
        loop.resume()
        with pytest.raises(Stopped):
            loop.run()
    last, resumed = loop_for(config, data, weights=9, run=run)
    assert last.resume() == 15
    last.run()

    assert len(last.history) == len(whole.history) == 4
    for got, expected in zip(last.history, whole.history, strict=True):
        for split in ("train", "validation"):
            for name, value in expected[split].items():
                if name != "examples_per_second":
                    np.testing.assert_allclose(got[split][name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    for got, expected in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)
