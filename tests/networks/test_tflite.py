"""Encoders and decoders convert to TFLite with a dynamic batch, without Flex operations, and give what Keras gives."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import fan_in, rounding
from tfvae import networks
from tfvae.config.network import Conv, Mlp, Network, Resnet

LATENT = 4


def convert(model: keras.Model, folder: Path) -> bytes:
    archive = keras.export.ExportArchive()
    archive.track(model)
    outputs = model.output_names
    archive.add_endpoint(
        "run",
        lambda x: dict(zip(outputs, tf.nest.flatten(model(x, training=False)), strict=True)),
        input_signature=[tf.TensorSpec(model.input_shape, tf.float32, name="x")],
    )
    archive.write_out(str(folder), verbose=False)
    return tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=["run"]).convert()


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize("shape", [(8, 16, 3), (9, 13, 2)], ids=["even", "odd"])
@pytest.mark.parametrize(
    "settings",
    [
        Mlp(hidden=(16, 8), latent_dim=LATENT),
        Conv(filters=(4, 6, 8), latent_dim=LATENT),
        Resnet(variant="micro", latent_dim=LATENT),
    ],
    ids=lambda settings: settings.name,
)
def test_both_networks_with_a_dynamic_batch(settings: Network, shape: tuple[int, ...], tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    encoder, decoder = networks.build(settings, shape, ("mean", "log_scale"))
    for model, names in ((encoder, ["z_mean", "z_log_var"]), (decoder, ["log_scale", "mean"])):
        interpreter = tf.lite.Interpreter(model_content=convert(model, tmp_path / model.name))
        operations = {details["op_name"] for details in interpreter._get_ops_details()}
        assert not operations & {"VAR_HANDLE", "READ_VARIABLE"}
        assert not any(name.startswith("Flex") for name in operations)
        run = interpreter.get_signature_runner("run")
        for batch in (1, 5, 2):
            x = np.random.default_rng(batch).standard_normal((batch, *model.input_shape[1:])).astype("float32")
            wanted, got = tf.nest.flatten(model(x)), run(x=x)
            for name, value in zip(names, wanted, strict=True):
                assert got[name].shape == value.shape
                slack = rounding("float32", fan_in(model), max(1, np.abs(value).max()))
                np.testing.assert_allclose(got[name], value, rtol=0, atol=slack)
