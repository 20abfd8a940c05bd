"""Bad arguments raise one-sentence errors that say what was passed and how to fix it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tfvae import networks
from tfvae.config.network import Conv, Mlp, Network, Resnet
from tfvae.errors import UserError
from tfvae.networks import mlp

IMAGE = (16, 16, 1)


@pytest.mark.parametrize(
    ("settings", "shape", "sentence"),
    [
        (Conv(), (7, 28, 1), r"conv: got images of 7x28, expected at least 8x8.*mlp"),
        (Resnet(), (28, 4, 1), r"resnet small: got images of 28x4, expected at least 8x8.*mlp"),
        (Conv(), (28, 28), r"conv: got examples of shape \(28, 28\), expected images.*mlp, which accepts any"),
        (Resnet(), (64,), r"resnet small: got examples of shape \(64,\), expected images.*mlp"),
        (
            Conv(filters=(8,) * 4),
            (15, 40, 3),
            r"4 levels .*at least 16x16 pixels.*15x40.*at most 3 levels",
        ),
        (Resnet(variant="xlarge"), (8, 8, 1), r"resnet xlarge: 4 levels .*8x8.*at most 3 levels"),
        (Conv(filters=()), IMAGE, r"conv: got filters \(\)"),
        (Conv(filters=(8, 0)), IMAGE, r"conv: got filters \(8, 0\)"),
        (Mlp(hidden=(8, -1)), IMAGE, r"mlp: got hidden \(8, -1\)"),
        (Resnet(variant="smal"), IMAGE, r"'smal' \(did you mean small\?\)"),
        (Mlp(name="resent"), IMAGE, r"'resent' \(did you mean resnet\?\)"),
        (Mlp(), (), r"input shape: got \(\)"),
        (Mlp(), (None, 28), r"input shape: got \(None, 28\)"),
    ],
)
def test_shapes_names_and_widths(settings: Network, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        networks.build(settings, shape)


@pytest.mark.parametrize("settings", [Mlp(), Conv(), Resnet()], ids=lambda settings: settings.name)
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"latent_dim": 0}, r"latent_dim: got 0, expected a positive number"),
        ({"latent_dim": 2.5}, r"latent_dim: got 2\.5"),
        ({"activation": "rellu"}, r"activation: got 'rellu' \(did you mean relu\?\)"),
        ({"activation": "glu"}, r"activation: 'glu' changes the shape"),
        ({"activation": "threshold"}, r"activation: 'threshold' .*needs arguments"),
        ({"z_log_var_range": (1.0, 1.0)}, r"z_log_var_range: got \(1\.0, 1\.0\), expected .*lower one first"),
        ({"z_log_var_range": (8.0, -16.0)}, r"z_log_var_range: got \(8\.0, -16\.0\)"),
        ({"z_log_var_range": (float("-inf"), 8.0)}, r"z_log_var_range: .*finite"),
    ],
)
def test_what_every_family_refuses(settings: Network, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        networks.build(dataclasses.replace(settings, **change), IMAGE)


@pytest.mark.parametrize("parameters", [(), ("mean", "mean"), "logits"])
def test_parameters_are_different_names(parameters: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="parameters: got"):
        networks.mlp.decoder(IMAGE, 2, parameters)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"condition": 3},
            "mlp cannot be used with network.condition: its function encoder has no parameter condition",
        ),
        ({"outputs": {"loc": (16,)}}, "mlp cannot be used with this posterior: .* no parameter outputs"),
    ],
)
def test_a_family_that_lacks_an_argument(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], sentence: str
) -> None:
    def encoder(input_shape: Any, latent_dim: Any, *, activation: Any, hidden: Any, z_log_var_range: Any) -> None:
        raise AssertionError("called")

    monkeypatch.setattr(mlp, "encoder", encoder)
    with pytest.raises(UserError, match=sentence):
        networks.build(Mlp(), IMAGE, **options)
