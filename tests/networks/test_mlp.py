"""Dense networks: any shape, and parameter counts against a formula."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from tfvae.networks import mlp


@pytest.mark.parametrize("shape", [(7,), (8, 8), (28, 28, 1), (3, 4, 5, 2), (1,)])
def test_any_shape_goes_in_and_comes_out(shape: tuple[int, ...]) -> None:
    encoder, decoder = mlp.encoder(shape, 3, (16, 8)), mlp.decoder(shape, 3, ("mean",), (16, 8))
    z_mean, z_log_var = encoder(np.zeros((2, *shape)))
    assert z_mean.shape == z_log_var.shape == (2, 3)
    assert decoder(z_mean).shape == (2, *shape)


@pytest.mark.parametrize("hidden", [(512, 256), (40,), ()])
def test_parameters_are_those_of_the_formula(hidden: tuple[int, ...]) -> None:
    shape, latent = (28, 28, 1), 2
    sizes = (math.prod(shape), *hidden)
    body = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    assert mlp.encoder(shape, latent, hidden).count_params() == body + 2 * (sizes[-1] + 1) * latent
    mirror = (latent, *reversed(sizes))
    expected = sum((a + 1) * b for a, b in itertools.pairwise(mirror))
    assert mlp.decoder(shape, latent, hidden=hidden).count_params() == expected


def test_the_decoder_mirrors_the_encoder() -> None:
    decoder = mlp.decoder((5,), 2, hidden=(32, 16))
    assert [decoder.get_layer(f"hidden_{level}").units for level in range(2)] == [16, 32]
