"""Properties of every family: shapes, precision, gradients, jit, seeds, saving."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import fan_in, rounding
from tfvae import UserError, networks
from tfvae.config.network import Conv, Mlp, Network, Resnet
from tfvae.networks import calling

SHAPE = (9, 12, 2)
SMALL = {
    "mlp": Mlp(hidden=(16, 8), latent_dim=3),
    "conv": Conv(filters=(4, 6, 8), latent_dim=3),
    "resnet": Resnet(variant="micro", latent_dim=3),
}
PARAMETERS = ("mean", "log_scale")
every_family = pytest.mark.parametrize("settings", SMALL.values(), ids=SMALL)


def images(batch: int = 4) -> np.ndarray:
    return np.random.default_rng(0).random((batch, *SHAPE)).astype("float32")


def build(settings: Network, parameters: tuple[str, ...] = PARAMETERS) -> tuple[keras.Model, keras.Model]:
    keras.utils.set_random_seed(0)
    return networks.build(settings, SHAPE, parameters)


@pytest.fixture
def policy() -> Iterator[Any]:
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def loss_and_gradients(encoder: keras.Model, decoder: keras.Model, x: Any) -> tuple[tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape:
        z_mean, z_log_var = encoder(x)
        out = decoder(z_mean + tf.exp(0.5 * z_log_var) * 0.3)
        parts = [z_mean, z_log_var, *(out.values() if isinstance(out, dict) else [out])]
        loss = tf.add_n([tf.reduce_mean(tf.square(part - 0.5)) for part in parts])
    return loss, tape.gradient(loss, encoder.trainable_variables + decoder.trainable_variables)


@every_family
def test_contract_of_inputs_outputs_and_names(settings: Network) -> None:
    encoder, decoder = build(settings)
    assert (encoder.name, decoder.name) == ("encoder", "decoder")
    out = encoder(images(2))
    assert isinstance(out, list)
    assert [part.shape for part in out] == [(2, 3), (2, 3)]
    parameters = decoder(out[0])
    assert {name: tuple(value.shape) for name, value in parameters.items()} == dict.fromkeys(PARAMETERS, (2, *SHAPE))
    single = networks.build(settings, SHAPE, ("logits",))[1]
    assert single(out[0]).shape == (2, *SHAPE)
    for model, names in ((encoder, ["z_mean", "z_log_var"]), (decoder, list(PARAMETERS)), (single, ["logits"])):
        assert all(model.get_layer(name).output.shape[0] is None for name in names)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (Mlp(), 16),
        (Conv(), 16),
        (Resnet(), 64),
        (Resnet(variant="micro"), 32),
        (Resnet(variant="xlarge"), 512),
        (Resnet(variant="large", latent_dim=5), 5),
        (Mlp(latent_dim=2), 2),
    ],
)
def test_latent_dim_is_what_build_gives(settings: Network, wanted: int) -> None:
    assert networks.latent_dim(settings) == wanted
    encoder, decoder = networks.build(settings, (16, 16, 1))
    assert encoder.output_shape == [(None, wanted), (None, wanted)]
    assert decoder.input_shape == (None, wanted)


@every_family
def test_gradient_reaches_every_variable_and_jit_equals_eager(settings: Network, policy: Any) -> None:
    policy("float64")
    encoder, decoder = build(settings)
    x = tf.constant(images(), tf.float64)
    loss, gradients = loss_and_gradients(encoder, decoder, x)
    variables = encoder.trainable_variables + decoder.trainable_variables
    for variable, gradient in zip(variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.any(gradient != 0), variable.path
    compiled = tf.function(lambda x: loss_and_gradients(encoder, decoder, x), jit_compile=True, autograph=False)
    loss_jit, gradients_jit = compiled(x)
    np.testing.assert_allclose(loss_jit, loss, rtol=1e-12)
    for gradient, other in zip(gradients, gradients_jit, strict=True):
        np.testing.assert_allclose(other, gradient, rtol=1e-9, atol=1e-12)


@every_family
@pytest.mark.parametrize(
    ("precision", "outside", "inside"),
    [
        ("float32", "float32", "float32"),
        ("mixed_bfloat16", "float32", "bfloat16"),
        ("mixed_float16", "float32", "float16"),
        ("float64", "float64", "float64"),
    ],
)
def test_heads_keep_their_precision(settings: Network, precision: str, outside: str, inside: str, policy: Any) -> None:
    policy(precision)
    encoder, decoder = build(settings)
    z_mean, z_log_var = encoder(images())
    out = decoder(z_mean)
    assert {tensor.dtype.name for tensor in (z_mean, z_log_var, *out.values())} == {outside}
    assert {layer.compute_dtype for layer in encoder.layers if layer.name.startswith(("hidden", "down"))} == {inside}
    assert {weight.dtype for model in (encoder, decoder) for weight in model.weights} == {outside}
    _, gradients = loss_and_gradients(encoder, decoder, images())
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


@every_family
@pytest.mark.parametrize("size", [1e6, 1e12, -1e12])
def test_huge_inputs_give_finite_values_and_gradients(settings: Network, size: float) -> None:
    encoder, decoder = build(settings)
    z_mean, z_log_var = encoder(images() * size)
    assert np.all(np.isfinite(z_mean))
    low, high = settings.z_log_var_range
    assert np.all(z_log_var >= low - 1e-5)
    assert np.all(z_log_var <= high + 1e-5)
    with tf.GradientTape() as tape:
        z_mean, z_log_var = encoder(images() * size)
        out = decoder(tf.fill([4, 3], size))
        # A linear loss, because the gradients of the networks are tested, not those of the loss.
        loss = tf.add_n([tf.reduce_mean(part) for part in (z_mean, z_log_var, *out.values())])
    gradients = tape.gradient(loss, encoder.trainable_variables + decoder.trainable_variables)
    assert np.isfinite(loss)
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


@pytest.mark.parametrize("settings", [Mlp(), Conv(filters=(32, 64, 128, 256)), Resnet(variant="xlarge")])
def test_a_fresh_network_is_calm(settings: Network) -> None:
    keras.utils.set_random_seed(0)
    encoder, decoder = networks.build(settings, (16, 16, 3))
    noise = np.random.default_rng(0)
    z_mean, z_log_var = encoder(noise.random((8, 16, 16, 3)))
    assert np.max(np.abs(z_mean)) < 10
    assert np.max(np.abs(z_log_var)) < 1
    logits = decoder(noise.standard_normal(z_mean.shape))
    assert np.std(logits) < 3


@every_family
def test_the_same_seed_gives_the_same_weights(settings: Network) -> None:
    first, again = build(settings), build(settings)
    keras.utils.set_random_seed(1)
    other = networks.build(settings, SHAPE, PARAMETERS)
    for model, same, different in zip(first, again, other, strict=True):
        assert [w.name for w in model.weights] == [w.name for w in same.weights]
        for a, b in zip(model.get_weights(), same.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert any(np.any(a != b) for a, b in zip(model.get_weights(), different.get_weights(), strict=True))


@every_family
def test_layers_of_one_shape_start_different(settings: Network) -> None:
    encoder, _ = build(settings)
    z_mean, z_log_var = encoder.get_layer("z_mean"), encoder.get_layer("z_log_var_raw")
    assert np.any(z_mean.kernel.numpy() != z_log_var.kernel.numpy())


@every_family
def test_any_activation_of_keras(settings: Network) -> None:
    encoder, decoder = build(dataclasses.replace(settings, activation="gelu"))
    names = {layer.activation.__name__ for layer in encoder.layers + decoder.layers if hasattr(layer, "activation")}
    assert "gelu" in names
    assert "relu" not in names


LOADER = """
import sys, keras, numpy as np
folder = sys.argv[1]
data = np.load(folder + "/data.npz")
for name in ("mlp", "conv", "resnet"):
    encoder = keras.models.load_model(f"{folder}/{name}_encoder.keras")
    decoder = keras.models.load_model(f"{folder}/{name}_decoder.keras")
    z_mean, z_log_var = encoder(data["x"])
    out = decoder(data["z"])
    for key, value in dict(z_mean=z_mean, z_log_var=z_log_var, **out).items():
        slack = data[f"{name}_slack"]
        np.testing.assert_allclose(value, data[f"{name}_{key}"], rtol=slack, atol=slack, err_msg=f"{name} {key}")
assert not any(module.split(".")[0] == "tfvae" for module in sys.modules)
print("equal")
"""


@pytest.mark.slow
def test_saved_networks_load_where_tfvae_was_never_imported(tmp_path: Path) -> None:
    z = np.random.default_rng(1).standard_normal((4, 3)).astype("float32")
    arrays = {"x": images(), "z": z}
    for name, settings in SMALL.items():
        encoder, decoder = build(settings)
        encoder.save(tmp_path / f"{name}_encoder.keras")
        decoder.save(tmp_path / f"{name}_decoder.keras")
        z_mean, z_log_var = encoder(arrays["x"])
        results = dict(z_mean=z_mean, z_log_var=z_log_var, **decoder(z))
        arrays |= {f"{name}_{key}": value.numpy() for key, value in results.items()}
        arrays[f"{name}_slack"] = np.array(rounding("float32", fan_in(encoder, decoder)))
    np.savez(tmp_path / "data.npz", **arrays)
    command = [sys.executable, "-I", "-c", LOADER, str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["equal"]


@every_family
@pytest.mark.parametrize("condition", [None, 5])
def test_other_outputs_and_a_condition(settings: Network, condition: int | None) -> None:
    asked = {"logits": (7,), "z_log_var": (2,)}
    parameters = {"weights": (*SHAPE[:2], 6), "mean": SHAPE}
    encoder, decoder = networks.build(settings, SHAPE, parameters, outputs=asked, condition=condition)
    assert calling.output_shapes(encoder, list(asked)) == asked
    assert calling.output_shapes(decoder, list(parameters)) == parameters
    assert {calling.condition_size(network) for network in (encoder, decoder)} == {condition}
    y = None if condition is None else tf.one_hot([0, 4], condition)
    first = calling.call(encoder, list(asked), tf.constant(images(2)), y)
    assert list(first) == list(asked)
    if y is not None:
        other = calling.call(encoder, list(asked), tf.constant(images(2)), y[::-1])
        assert np.all(np.any(first["logits"] != other["logits"], axis=1))


def test_a_network_without_names_is_told_what_was_wanted() -> None:
    x = keras.Input((3,))
    network = keras.Model(x, [x, x, x], name="mine")
    with pytest.raises(UserError, match=r"mine: got 3 outputs of shapes .*, expected z_mean, z_log_var"):
        calling.output_shapes(network, ["z_mean", "z_log_var"])
    with pytest.raises(UserError, match=r"mine: got inputs of shapes .*, expected x, or x and y \[batch, C\]"):
        calling.condition_size(keras.Model([x, keras.Input((2, 2))], x, name="mine"))
    with pytest.raises(UserError, match="use network mlp"):
        networks.build(SMALL["conv"], SHAPE, {"logits": (4, 4, 2)})
