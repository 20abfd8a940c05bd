"""Residual networks: exact shapes, the five variants, no state and no coupling between examples."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.tolerance import fan_in, rounding
from tfvae.networks import resnet


def convolution(kernel: int, inputs: int, outputs: int) -> int:
    return (kernel * kernel * inputs + 1) * outputs


def expected_sizes(variant: str, grid: int, channels: int) -> tuple[int, int]:
    filters, latent = resnet.VARIANTS[variant]
    before = (filters[0], *filters[:-1])
    encoder = convolution(3, channels, filters[0]) + 2 * filters[-1] + 2 * (filters[-1] + 1) * latent
    decoder = (latent + 1) * grid * grid * filters[-1] + 2 * filters[0] + convolution(3, filters[0], channels)
    for low, high in zip(before, filters, strict=True):
        norms = 2 * low + 2 * high
        encoder += convolution(1, low, high) + convolution(3, low, high) + convolution(3, high, high) + norms
        decoder += convolution(1, high, low) + convolution(3, high, low) + convolution(3, low, low) + norms
    return encoder, decoder


@pytest.mark.parametrize(
    ("variant", "encoder", "decoder"),
    [
        ("micro", 21_840, 64_465),
        ("small", 86_176, 253_857),
        ("medium", 341_152, 433_569),
        ("large", 1_360_192, 1_727_297),
        ("xlarge", 5_427_520, 3_628_097),
    ],
)
def test_sizes_of_the_variants(variant: str, encoder: int, decoder: int) -> None:
    grid = -(-28 // 2 ** len(resnet.VARIANTS[variant].filters))
    assert expected_sizes(variant, grid, 1) == (encoder, decoder)
    assert resnet.encoder((28, 28, 1), variant=variant).count_params() == encoder
    assert resnet.decoder((28, 28, 1), variant=variant).count_params() == decoder


def test_the_variants_are_those_promised() -> None:
    assert {name: (list(filters), latent) for name, (filters, latent) in resnet.VARIANTS.items()} == {
        "micro": ([16, 32], 32),
        "small": ([32, 64], 64),
        "medium": ([32, 64, 128], 128),
        "large": ([64, 128, 256], 256),
        "xlarge": ([64, 128, 256, 512], 512),
    }


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 2), (15, 8, 5)])
@pytest.mark.parametrize("variant", ["micro", "medium"])
def test_any_size_from_8_up(shape: tuple[int, ...], variant: str) -> None:
    z_mean, z_log_var = resnet.encoder(shape, 3, variant)(np.zeros((2, *shape)))
    assert z_mean.shape == z_log_var.shape == (2, 3)
    assert resnet.decoder(shape, 3, variant=variant)(z_mean).shape == (2, *shape)


def test_upsampling_is_the_nearest_neighbour_to_the_bit() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")
    inputs = keras.Input((5, 6, 3))
    upsample = keras.Model(inputs, resnet._upsample(inputs, (9, 12), "up"))
    wanted = keras.ops.image.resize(x, (10, 12), interpolation="nearest")[:, :9]
    np.testing.assert_array_equal(upsample(x), wanted)


def test_no_example_sees_another_and_nothing_is_drawn() -> None:
    encoder, decoder = resnet.encoder((8, 8, 1), 2, "micro"), resnet.decoder((8, 8, 1), 2, variant="micro")
    x = np.random.default_rng(1).random((3, 8, 8, 1)).astype("float32")
    together, alone = encoder(x, training=True)[0], encoder(x[1:2], training=False)[0]
    slack = rounding("float32", fan_in(encoder), max(1, np.abs(alone).max()))
    np.testing.assert_allclose(together[1:2], alone, rtol=0, atol=slack)
    kinds = {type(layer) for model in (encoder, decoder) for layer in model.layers}
    assert keras.layers.GroupNormalization in kinds
    assert not kinds & {keras.layers.BatchNormalization, keras.layers.Dropout}
    assert not encoder.non_trainable_variables
    assert not decoder.non_trainable_variables
