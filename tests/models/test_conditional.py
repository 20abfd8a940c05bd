"""A VAE that is conditioned on y: densities given y, sampling, saving, and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import VAE, StandardNormal, UserError, noise
from tfvae.data.condition import Condition
from tfvae.latent.priors.conditional import ConditionalGaussian
from tfvae.networks import conv, mlp, resnet

tfd = tfp.distributions
SHAPE = (8, 8, 1)
ANIMALS = Condition("label", ("cat", "dog", "owl"), (0.2, 0.3, 0.5))
FAMILIES = {
    "mlp": (mlp, {"hidden": (8,)}),
    "conv": (conv, {"filters": (3, 4)}),
    "resnet": (resnet, {"variant": "micro"}),
}


def build(family: str = "mlp", prior: Any = None, condition: Condition | None = ANIMALS, **kwargs: Any) -> VAE:
    keras.utils.set_random_seed(0)
    module, sizes = FAMILIES[family]
    encoder = module.encoder(SHAPE, 2, condition=3, **sizes)
    decoder = module.decoder(SHAPE, 2, condition=3, **sizes)
    return VAE(encoder, decoder, prior, condition=condition, **kwargs)


def learned(hidden: tuple[int, ...] = ()) -> ConditionalGaussian:
    keras.utils.set_random_seed(1)
    prior = ConditionalGaussian(2, 3, hidden)
    for weight in prior.trainable_weights:  # move it away from its initial value, the standard normal
        weight.assign_add(np.random.default_rng(len(weight.shape)).normal(0, 0.5, weight.shape))
    return prior


def images(count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((count, *SHAPE)), np.arange(count) % 3


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_call_depends_on_y_and_on_no_other_example(family: str) -> None:
    vae, (x, y) = build(family), images()
    whole, other = vae.elbo(x, seed=1, y=y), vae.elbo(x, seed=1, y=(y + 1) % 3)
    assert np.all(whole.elbo != other.elbo)
    np.testing.assert_allclose(vae.elbo(x, seed=1, y=y, batch_size=4).elbo, whole.elbo, rtol=1e-11)
    np.testing.assert_allclose(vae.elbo(x, seed=1, y=ANIMALS.encode(y, 6)).elbo, whole.elbo, rtol=1e-12)
    assert vae.evaluate(x, y, seed=1)["elbo"] == pytest.approx(whole.elbo.mean(), rel=1e-12)
    z = vae.encode(x, y)[0]
    assert np.all(np.any(vae.decode(z, y) != vae.decode(z, 0), axis=(1, 2, 3)) == (y != 0))
    np.testing.assert_allclose(vae.reconstruct(x, y), vae.decode(z, y), rtol=1e-12)
    np.testing.assert_allclose(vae((x, y))["reconstruction"], vae.reconstruct(x, y), rtol=1e-12)
    got = vae.predict(x, seed=1, y=y)
    np.testing.assert_allclose(got["z_mean"], z, rtol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("implementation", ["plain", "reference", "fused"])
@pytest.mark.parametrize("hidden", [(), (4,)])
def test_the_kl_to_a_learned_prior_is_tfps(hidden: tuple[int, ...], implementation: str, request: Any) -> None:
    if implementation == "fused":
        request.getfixturevalue("library")
    vae, (x, y) = build(prior=learned(hidden), latent=implementation), images()
    rows = ANIMALS.encode(y, 6).astype(np.float64)
    prior = vae.prior.bind(lambda x: x, tf.constant(rows))
    posterior = tfd.MultivariateNormalDiag(*((vae.encode(x, y)[0], tf.exp(vae.encode(x, y)[1] / 2))))
    exact = posterior.kl_divergence(tfd.MultivariateNormalDiag(prior.mean, tf.exp(prior.log_var / 2)))
    got = vae.elbo(x, seed=3, y=y)
    np.testing.assert_allclose(got.kl, exact, rtol=1e-9)
    assert np.unique(np.round(prior.mean, 6), axis=0).shape == (3, 2)
    drawn, _ = vae.draw_posterior(tf.constant(x), tf.constant(rows), noise.Address(3, noise.EVALUATION), 3, log_q=True)
    np.testing.assert_allclose(drawn.log_q, posterior.log_prob(drawn.z), rtol=1e-9)
    eps = noise.normal(noise.Address(3, noise.EVALUATION), [6, 2], samples=3, dtype=tf.float64)
    np.testing.assert_allclose(drawn.z, posterior.mean() + posterior.stddev() * eps, rtol=1e-9)


def test_gradients_reach_the_learned_prior() -> None:
    vae, (x, y) = build(prior=learned((4,))), images()
    vae.fit(x.astype("float32"), y, epochs=1, batch_size=3, verbose=0)
    before = [weight.numpy() for weight in vae.prior.trainable_weights]
    vae.fit(x.astype("float32"), y, epochs=1, batch_size=3, verbose=0)
    assert len(before) == 6
    assert all(np.any(a != b) for a, b in zip(before, vae.prior.trainable_weights, strict=True))


def test_samples_of_a_class_share_their_noise() -> None:
    vae = build()
    cats, again, dogs = (vae.sample(4, seed=0, y=y, details=True) for y in ("cat", 0, "dog"))
    np.testing.assert_array_equal(cats.x, again.x)
    np.testing.assert_array_equal(cats.z, dogs.z)
    assert np.all(cats.x != dogs.x)
    each = vae.sample(2, seed=0, y=["cat", "dog"], details=True)
    np.testing.assert_allclose(each.x[0], cats.x[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(each.x[1], dogs.x[1], rtol=1e-5, atol=1e-6)


def test_without_y_labels_follow_their_frequencies() -> None:
    vae = build(prior=learned())
    got, labels = vae.sample(30, seed=5, details=True), ANIMALS.draw(5, 30)
    np.testing.assert_array_equal(got.x, vae.sample(30, seed=5, y=labels))
    prior = vae.prior.from_noise(noise.normal(noise.Address(5, noise.PRIOR), [30, 2])[0], tf.constant(labels))
    np.testing.assert_allclose(got.z, prior, rtol=1e-6)


def test_attributes_without_y_are_refused() -> None:
    vae = build(condition=Condition("attributes", ("a", "b", "c")))
    with pytest.raises(UserError, match=r"conditioned on a, b, c; pass y, as in sample\(n, y=…\)"):
        vae.sample(2)
    assert vae.sample(2, seed=0, y=[0.1, 0.2, 0.3]).shape == (2, *SHAPE)


def test_saved_and_loaded_is_the_same_model(tmp_path: Path) -> None:
    for prior in (None, learned((4,))):
        vae, (x, y) = build(prior=prior, num_samples=2), images()
        vae.save(tmp_path / "m.keras")
        loaded = keras.models.load_model(tmp_path / "m.keras")
        assert loaded.condition == ANIMALS
        np.testing.assert_array_equal(vae.elbo(x, seed=1, y=y).elbo, loaded.elbo(x, seed=1, y=y).elbo)
        np.testing.assert_array_equal(vae.sample(4, seed=1), loaded.sample(4, seed=1))


def test_what_is_refused() -> None:
    vae, (x, y) = build(), images()
    with pytest.raises(UserError, match="conditioned on cat, dog, owl; pass y"):
        vae.elbo(x)
    with pytest.raises(UserError, match="pass y"):
        vae.decode(np.zeros((2, 2)))
    plain = VAE(*(module(SHAPE, 2, hidden=(4,)) for module in (mlp.encoder, mlp.decoder)))
    with pytest.raises(UserError, match="not conditional; leave y out"):
        plain.elbo(x, y=y)
    with pytest.raises(UserError, match=r"condition: got label, but no network or prior has the input y"):
        VAE(plain.encoder, plain.decoder, condition=ANIMALS)
    with pytest.raises(UserError, match=r"has 2 values \(attributes\), but the networks expect 3"):
        build(condition=Condition("attributes", ("a", "b")))
    with pytest.raises(UserError, match=r"parts expect y of different sizes \(encoder 3, decoder 2\)"):
        VAE(vae.encoder, mlp.decoder(SHAPE, 2, hidden=(4,), condition=2))
    with pytest.raises(UserError, match="the meaning of y is not known yet"):
        build(condition=None).elbo(x, y=y)
    with pytest.raises(UserError, match="density of ConditionalGaussian depends on y"):
        learned().log_prob(tf.zeros([1, 2]))
    with pytest.raises(UserError, match=r"prior: has 3 dimensions, but the encoder has 2"):
        build(prior=StandardNormal(3))


def test_rows_that_are_no_condition_are_refused_as_tensors_too() -> None:
    vae, (x, _) = build(), images()
    for y, said in (
        (tf.ones([6, 3]), "sums of at most 1"),
        (tf.ones([6, 2]), "got float32 of shape"),
        (np.eye(2), "y: "),
    ):
        with pytest.raises(UserError, match=said):
            vae.elbo(x, y=y)
        with pytest.raises(UserError, match=said):
            vae.decode(tf.zeros([6, 2]), y)


def test_a_learned_prior_under_mixed_precision() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        vae, (x, y) = build(prior=learned()), images()
        vae.fit(x.astype(np.float32), y, epochs=1, batch_size=3, verbose=0, jit="off")
        assert np.isfinite(vae.elbo(x.astype(np.float32), seed=0, y=y).elbo).all()
    finally:
        keras.config.set_dtype_policy(before)
