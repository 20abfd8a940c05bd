"""Strided and transposed convolutions: exact shapes, and the 64x64x3 network."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tfvae.networks import conv


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 2), (28, 28, 1), (31, 8, 5), (33, 17, 4)])
@pytest.mark.parametrize("filters", [(4,), (4, 6, 5)])
def test_any_size_from_8_up(shape: tuple[int, ...], filters: tuple[int, ...]) -> None:
    z_mean, z_log_var = conv.encoder(shape, 3, filters)(np.zeros((2, *shape)))
    assert z_mean.shape == z_log_var.shape == (2, 3)
    assert conv.decoder(shape, 3, filters=filters)(z_mean).shape == (2, *shape)


def test_the_network_for_faces() -> None:
    filters, latent = (32, 64, 128, 256), 32
    encoder, decoder = (make((64, 64, 3), latent, filters=filters) for make in (conv.encoder, conv.decoder))
    assert encoder.get_layer("down_3").output.shape == (None, 4, 4, 256)
    channels = (3, *filters)
    body = sum((16 * a + 1) * b for a, b in itertools.pairwise(channels))
    assert encoder.count_params() == body + 2 * (4 * 4 * 256 + 1) * latent
    mirror = channels[::-1]
    body = sum((16 * a + 1) * b for a, b in itertools.pairwise(mirror))
    assert decoder.count_params() == body + (latent + 1) * 4 * 4 * 256


def test_every_level_has_the_grid_of_the_encoder() -> None:
    encoder, decoder = (make((29, 22, 1), 2, filters=(4, 6, 8)) for make in (conv.encoder, conv.decoder))
    for level in (1, 2):
        assert decoder.get_layer(f"up_{level}").output.shape == encoder.get_layer(f"down_{level - 1}").output.shape
