"""Parts that do not fit together are rejected at construction, with a message that names both."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tfvae import VAE, Bernoulli, Gaussian, StandardNormal, UserError, networks
from tfvae.config.network import Mlp
from tfvae.data.load import from_arrays
from tfvae.data.scaling import Scaling
from tfvae.latent.posteriors import GaussianPosterior
from tfvae.models import checks

SHAPE = (8, 8, 1)


def build(latent_dim: int = 2, parameters: tuple[str, ...] = ("logits",), shape: tuple[int, ...] = SHAPE) -> Any:
    return networks.build(Mlp(hidden=(4,), latent_dim=latent_dim), shape, parameters)


def test_the_latent_dimension_is_the_encoders() -> None:
    assert checks.latent_shape(build(3)[0], GaussianPosterior()) == (3,)


def test_an_encoder_of_one_output() -> None:
    x = keras.Input(SHAPE)
    encoder = keras.Model(x, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    with pytest.raises(
        UserError,
        match=r"encoder: got the outputs z_mean \[None, 2\]; GaussianPosterior needs",
    ):
        VAE(encoder, build()[1])


def test_a_decoder_of_another_latent_dimension() -> None:
    with pytest.raises(
        UserError, match=r"decoder: its input shape is \(None, 3\), but the encoder outputs \[batch, 2\]"
    ):
        VAE(build(2)[0], build(3)[1])


def test_a_prior_of_another_dimension() -> None:
    with pytest.raises(UserError, match="prior: has 5 dimensions, but the encoder has 2"):
        VAE(*build(2), prior=StandardNormal(5))


@pytest.mark.parametrize(
    ("parameters", "likelihood", "said"),
    [
        (("logits",), Gaussian(scale_mode="per_pixel"), "Gaussian needs mean, log_scale"),
        (("mean", "log_scale"), Bernoulli(), "has the outputs mean, log_scale; Bernoulli needs logits"),
    ],
)
def test_a_decoder_without_what_the_likelihood_needs(parameters: tuple, likelihood: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        VAE(*build(2, parameters), likelihood=likelihood)


def test_a_decoder_with_what_the_likelihood_needs() -> None:
    vae = VAE(*build(2, ("mean", "log_scale")), likelihood=Gaussian(scale_mode="per_pixel"))
    assert vae.decode(np.zeros((3, 2), "float32")).shape == (3, *SHAPE)


def test_a_decoder_of_another_example() -> None:
    with pytest.raises(
        UserError, match=r"decoder: logits has shape \(None, 9, 8, 1\), but Bernoulli needs \(None, 8, 8, 1\)"
    ):
        VAE(build()[0], build(shape=(9, 8, 1))[1])


@pytest.mark.parametrize("shape", [(8, 8, 1), (2, 8, 9), (2, 8, 9, 1), (2, 8, 8, 3), ()])
@pytest.mark.parametrize("call", ["elbo", "predict", "evaluate", "log_likelihood", "encode", "reconstruct"])
def test_examples_of_another_shape(shape: tuple[int, ...], call: str) -> None:
    with pytest.raises(UserError, match=r"x: got shape \(.*\), expected \[batch, 8, 8, 1\]"):
        getattr(VAE(*build()), call)(np.zeros(shape, "float32"))


@pytest.mark.parametrize("shape", [(2,), (3, 4), (2, 1)])
def test_latents_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"z: got shape .*, expected \[batch, 2\]"):
        VAE(*build()).decode(np.zeros(shape, "float32"))


@pytest.mark.parametrize("num_samples", [-1, 2.5, "3", True])
def test_a_number_of_samples_that_is_none(num_samples: Any) -> None:
    with pytest.raises(UserError, match="num_samples: got"):
        VAE(*build()).sample(num_samples)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "0", True])
def test_a_seed_that_is_none(seed: Any) -> None:
    with pytest.raises(UserError, match=r"seed: got .*, expected an integer in \[0, 2\^63\)"):
        VAE(*build()).sample(1, seed=seed)


def test_an_objective_that_is_none() -> None:
    with pytest.raises(UserError, match=r"objective.kl_wieght: no such setting \(did you mean kl_weight\?\)"):
        VAE(*build(), kl_wieght=2.0)
    with pytest.raises(UserError, match=r"objective.kl_weight: got -1.0"):
        VAE(*build(), kl_weight=-1)


@pytest.mark.parametrize("condition", ["label", 3])
def test_a_condition_that_is_none(condition: Any) -> None:
    with pytest.raises(UserError, match=r'condition: got .*, expected a Condition, as in Condition\("label"'):
        VAE(*build(), condition=condition)


def test_data_outside_the_support() -> None:
    x = np.full((4, 8, 8, 1), 1.5, "float32")
    data = from_arrays(x, scaling=Scaling.identity())
    with pytest.raises(
        UserError, match=r"train data: ranges from 1.5 to 1.5 in model units, but Bernoulli needs \[0, 1\]"
    ):
        checks.support(data, "none", Bernoulli())
    for binarize, likelihood in (("none", Gaussian()), ("threshold", Bernoulli())):
        checks.support(data, binarize, likelihood)
    with pytest.raises(UserError, match=r"likelihood\.name=gaussian"):
        VAE(*build()).fit(x, verbose=0)
