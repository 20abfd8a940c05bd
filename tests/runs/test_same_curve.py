"""The loss curve is the same however a global batch is distributed, split and compiled.

`test_multiworker.py` compares two workers with the same curve.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine.loop import Loop

RECIPE = ["training.batch_size=16", "training.latent=plain", "training.steps_per_call=50"]


class Way(NamedTuple):
    """A way to run the same steps."""

    changes: tuple[str, ...] = ()
    replicas: int = 1


WAYS = {
    "one step a call": Way(("training.steps_per_call=1",)),
    "jit": Way(("training.jit=on",)),
    "accumulation": Way(("training.accumulation=4",)),
    "accumulation, jit": Way(("training.accumulation=4", "training.jit=on")),
    "two replicas": Way(replicas=2),
    "two replicas, jit, accumulation": Way(("training.jit=on", "training.accumulation=4"), 2),
    "guarded": Way(("training.on_nonfinite=skip",)),
    "guarded, two replicas, jit": Way(("training.on_nonfinite=skip", "training.jit=on"), 2),
    "fused": Way(("training.latent=fused",)),
    "fused, jit": Way(("training.latent=fused", "training.jit=on")),
    "fused, two replicas, jit": Way(("training.latent=fused", "training.jit=on"), 2),
}


@pytest.fixture(scope="module")
def curve(model_for, demanding, data_set, two_replicas):
    """The losses of a number of steps run in one way; and after the first call, Adam's first moments."""

    def run(way, *changes, steps):
        config = demanding(*RECIPE, *changes, f"training.epochs={steps // 8}", *way.changes)
        strategy = two_replicas if way.replicas == 2 else tf.distribute.get_strategy()
        data = data_set(128)
        model = model_for(config, data, strategy)
        with strategy.scope():
            model.compile(optimizer=(adam := keras.optimizers.Adam(0.01)))
        loop = Loop(model, data, config, strategy)
        losses, moments, step = [], [], loop._step

        def recorded(elements):
            records = step(elements)
            losses.extend(step.layout.unpack(records.numpy())["loss"])
            slots = [slot.numpy().ravel() for slot in adam.variables if slot.name.endswith("_momentum")]
            moments.append(np.concatenate(slots))
            return records

        recorded.layout = step.layout
        loop._step = recorded
        loop.run()
        return np.array(losses), moments[0]

    return run


def named(ways):
    return [pytest.param(way, id=name) for name, way in ways.items()]


@pytest.fixture(autouse=True)
def _library(request):
    if "fused" in request.node.callspec.id:
        request.getfixturevalue("library")


@pytest.fixture(scope="module")
def in_float64(curve):
    return curve(Way(), "training.precision=float64", steps=200)[0]


@pytest.mark.parametrize("way", named(WAYS))
def test_two_hundred_steps_in_float64(curve, in_float64, way):
    losses, _ = curve(way, "training.precision=float64", steps=200)
    assert len(losses) == 200
    assert losses[-20:].mean() < losses[:20].mean() - 0.5
    np.testing.assert_allclose(losses, in_float64, rtol=1e-9)


@pytest.fixture(scope="module")
def in_float32(curve):
    return curve(Way(), "training.steps_per_call=1", steps=24)


# In 1,000 steps float32 rounding grows without bound, which is not a fault. For 20 steps the bound is known.
@pytest.mark.parametrize("way", named(WAYS))
def test_the_first_gradient_and_twenty_steps_in_float32(curve, in_float32, way):
    losses, moments = curve(way, "training.steps_per_call=1", steps=24)
    np.testing.assert_allclose(losses[:20], in_float32[0][:20], rtol=1e-5)
    # Of the first step they are 0.1 of the gradient.
    assert np.linalg.norm(moments - in_float32[1]) <= 1e-6 * np.linalg.norm(in_float32[1]) > 0
