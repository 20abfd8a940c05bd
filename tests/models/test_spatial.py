"""Latents `[height, width, channels]`: the op, the bounds, saving, with a prior that correlates the channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import VAE, CorrelatedNormal, UserError, noise
from tfvae.latent.priors.conditional import ConditionalGaussian
from tfvae.networks import conv, mlp, resnet

tfd = tfp.distributions
SHAPE, LATENT = (9, 12, 2), (3, 3, 2)
COVARIANCE = [[1.0, 0.4], [0.4, 0.8]]
FAMILIES = {"conv": (conv, {"filters": (3, 4)}), "resnet": (resnet, {"variant": "micro"})}


def build(family: str = "conv", latent: str = "auto", **kwargs: Any) -> VAE:
    keras.utils.set_random_seed(0)
    module, sizes = FAMILIES[family]
    prior = CorrelatedNormal(2, mean=[0.3, -0.2], covariance=COVARIANCE, grid=LATENT[:2])
    encoder, decoder = (part(SHAPE, LATENT, **sizes) for part in (module.encoder, module.decoder))
    return VAE(encoder, decoder, prior, latent=latent, **kwargs)


def images(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).random((count, *SHAPE))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("family", FAMILIES)
def test_kl_and_noise_are_those_of_each_place(family: str, implementation: str) -> None:
    vae, x = build(family, implementation), images()
    assert (vae.latent_shape, vae.latent_dim) == (LATENT, 18)
    z_mean, z_log_var = vae.encode(x)
    posterior = tfd.MultivariateNormalDiag(z_mean, tf.exp(z_log_var / 2))
    prior = tfd.MultivariateNormalTriL(vae.prior.mean, vae.prior.scale_tril)
    got = vae.elbo(x, seed=2)
    np.testing.assert_allclose(got.kl, tf.reduce_sum(posterior.kl_divergence(prior), axis=[1, 2]), rtol=1e-9)
    assert got.kl_per_dimension.shape == (5, 18)
    drawn, _ = vae.draw_posterior(tf.constant(x), None, noise.Address(2, noise.EVALUATION), 3, log_q=True)
    eps = noise.normal(noise.Address(2, noise.EVALUATION), [5, *LATENT], samples=3, dtype=tf.float64)
    np.testing.assert_allclose(drawn.z, z_mean + tf.exp(z_log_var / 2) * eps, rtol=1e-9)
    np.testing.assert_allclose(drawn.log_q, tf.reduce_sum(posterior.log_prob(drawn.z), axis=[2, 3]), rtol=1e-9)
    np.testing.assert_allclose(
        vae.prior.log_prob(drawn.z), tf.reduce_sum(prior.log_prob(drawn.z), axis=[2, 3]), rtol=1e-9
    )


@pytest.mark.usefixtures("float64")
def test_samples_are_m_plus_l_eps_at_each_place() -> None:
    vae = build()
    got = vae.sample(4, seed=7, details=True)
    assert (got.x.shape, got.z.shape) == ((4, *SHAPE), (4, *LATENT))
    eps = noise.normal(noise.Address(7, noise.PRIOR), [4, *LATENT], dtype=tf.float64)[0].numpy()
    np.testing.assert_allclose(got.z, [0.3, -0.2] + eps @ np.linalg.cholesky(COVARIANCE).T, rtol=1e-9)


@pytest.mark.usefixtures("float64")
def test_the_bound_rises_with_its_samples() -> None:
    vae, x = build(), images()
    bounds = [vae.log_likelihood(x, k, seed=0).log_likelihood.mean() for k in (1, 200)]
    assert bounds[0] < bounds[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_training_raises_the_elbo_and_the_model_is_saved(family: str, tmp_path: Path) -> None:
    vae, x = build(family, num_samples=2, free_bits=0.01), images(32).astype("float32")
    before = vae.elbo(x, seed=0).elbo.mean()
    history = vae.fit(x, epochs=3, batch_size=8, learning_rate=5e-3, jit="off", verbose=0).history
    assert vae.elbo(x, seed=0).elbo.mean() > before
    assert 0 <= history["active_units"][-1] <= 18
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(vae.elbo(x[:3], seed=1).elbo, loaded.elbo(x[:3], seed=1).elbo)
    np.testing.assert_array_equal(vae.sample(2, seed=1), loaded.sample(2, seed=1))


@pytest.mark.usefixtures("float64")
def test_a_learned_prior_is_alike_at_each_place() -> None:
    keras.utils.set_random_seed(0)
    prior = ConditionalGaussian(2, 3, grid=LATENT[:2])
    y = tf.one_hot([0, 2], 3, dtype=tf.float64)
    z = prior.from_noise(tf.zeros([2, *LATENT], tf.float64), y)
    assert z.shape == (2, *LATENT)
    np.testing.assert_array_equal(z, np.broadcast_to(z[:, :1, :1], z.shape))
    module = FAMILIES["conv"][0]
    encoder, decoder = (part(SHAPE, LATENT, filters=(3, 4), condition=3) for part in (module.encoder, module.decoder))
    vae, x = VAE(encoder, decoder, prior), images(2)
    outputs, bound = vae.infer(tf.constant(x), y)
    drawn = vae.posterior.sample(outputs, bound, noise.Address(0, noise.EVALUATION), log_q=True)
    posterior = tfd.MultivariateNormalDiag(outputs["z_mean"], tf.exp(outputs["z_log_var"] / 2))
    np.testing.assert_allclose(drawn.log_q[0], tf.reduce_sum(posterior.log_prob(drawn.z[0]), axis=[1, 2]), rtol=1e-9)
    exact = posterior.kl_divergence(tfd.MultivariateNormalDiag(bound.mean, tf.exp(bound.log_var / 2)))
    np.testing.assert_allclose(tf.reduce_sum(drawn.kl, axis=1), tf.reduce_sum(exact, axis=[1, 2]), rtol=1e-9)


def test_a_grid_that_does_not_fit_is_one_sentence() -> None:
    for module, sizes in FAMILIES.values():
        for part in (module.encoder, module.decoder):
            with pytest.raises(UserError, match=r"smallest grid of this .* is 3x3; use \[3, 3, 4\], or another number"):
                part(SHAPE, (4, 4, 4), **sizes)
    with pytest.raises(UserError, match=r"mlp has vector latents; use conv or resnet"):
        mlp.encoder(SHAPE, (3, 3, 2))
    with pytest.raises(UserError, match=r"prior: has 2 dimensions, but the encoder has latents \[3, 3, 2\]"):
        VAE(conv.encoder(SHAPE, LATENT), conv.decoder(SHAPE, LATENT), CorrelatedNormal(2))
