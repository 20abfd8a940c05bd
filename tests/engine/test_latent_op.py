"""Training is the same with every implementation of the latent op, step by step."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

CHANGES = {
    "standard": [],
    "diagonal": ["prior.name=diagonal", "prior.trainable=true", "objective.free_bits=0.05"],
    "correlated": ["prior.name=correlated", "prior.trainable=true", "objective.num_samples=3"],
    "bound": ["prior.name=correlated", "objective.num_samples=3", "objective.importance_weighted=true"],
}


@pytest.fixture(scope="module")
def losses(loop_for, settings, data_set):
    """The mean loss of each epoch."""

    def run(latent, epochs, precision, *changes, steps=1):
        config = settings(
            f"training.latent={latent}", f"training.epochs={epochs}", f"training.precision={precision}", *changes
        )
        loop, _ = loop_for(config, data_set(train=16 * steps, validation=4))
        loop.run()
        return np.array([line["train"]["loss"] for line in loop.history])

    return run


@pytest.mark.usefixtures("library")
@pytest.mark.slow
@pytest.mark.parametrize(("name", "jit"), [*((name, "off") for name in CHANGES), ("correlated", "on")])
def test_200_steps_in_float64(losses, name, jit):
    changes = [*CHANGES[name], f"training.jit={jit}"]
    fused, plain = (losses(latent, 40, "float64", *changes, steps=5) for latent in ("fused", "plain"))
    assert plain[-1] < plain[0]
    np.testing.assert_allclose(fused, plain, rtol=1e-9)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_20_steps_in_float32(losses, changes):
    fused, plain = (losses(name, 20, "float32", *changes) for name in ("fused", "plain"))
    np.testing.assert_allclose(fused, plain, rtol=1e-5)


@pytest.mark.usefixtures("library")
def test_bfloat16_networks(losses):
    fused, plain = (losses(name, 20, "mixed_bfloat16") for name in ("fused", "plain"))
    assert fused[-1] < fused[0]
    # Each rounds z to bfloat16 once, by at most half an epsilon; the loss of 20 steps is allowed two epsilons.
    np.testing.assert_allclose(fused, plain, rtol=2 * float(ml_dtypes.finfo("bfloat16").eps))
