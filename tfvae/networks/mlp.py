"""Dense layers over the flattened example: any input shape, and the fastest of the families."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import layers

from tfvae.networks import checks, heads
from tfvae.networks import condition as conditions


def encoder(
    input_shape: Sequence[int],
    latent_dim: int,
    hidden: Sequence[int] = (512, 256),
    activation: str = "relu",
    z_log_var_range: tuple[float, float] = (-16.0, 8.0),
    *,
    outputs: Mapping[str, heads.Shape] | None = None,
    condition: int | None = None,
) -> keras.Model:
    """Flattens, then one Dense layer for each of `hidden`, then the two heads.

    Args:
      input_shape: shape of one example, any.
      latent_dim: D.
      hidden: widths of the layers.
      activation: a Keras activation by name.
      z_log_var_range: smooth bounds of z_log_var (log variance).
      outputs: names and shapes that the posterior reads; None: `[z_mean, z_log_var]`.
      condition: C of a second input y `[batch, C]`; None: there is none.

    Returns:
      A model "encoder": x `[batch, *input_shape]`, or `[x, y]`, to `[z_mean, z_log_var]`, each `[batch, latent]`,
      float32; or to the outputs asked for.

    Raises:
      UserError: an argument that cannot be used.

    Example:
      >>> encoder((28, 28, 1), 2).count_params()
      534276

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, appendix C.2, arXiv:1312.6114.
    """
    x = heads.image_or_vector(checks.shape(input_shape), "x")
    inputs, y = conditions.inputs(x, condition)
    flat = conditions.beside(layers.Flatten(name="flatten")(x), y, "flat")
    features = _dense(flat, checks.widths("mlp", "hidden", hidden, 0), activation)
    outputs = outputs or heads.gaussian(checks.latent_shape(latent_dim, "mlp"))
    return keras.Model(inputs, heads.latent(features, outputs, z_log_var_range), name="encoder")


def decoder(
    output_shape: Sequence[int],
    latent_dim: int,
    parameters: heads.Parameters = ("logits",),
    hidden: Sequence[int] = (512, 256),
    activation: str = "relu",
    *,
    condition: int | None = None,
) -> keras.Model:
    """The encoder's mirror image: `hidden` from the last to the first, then one Dense head a parameter.

    Args:
      output_shape: shape of one example, any.
      latent_dim: D.
      parameters: names of the outputs, or names and shapes.
      hidden: widths as the encoder has them.
      activation: a Keras activation by name.
      condition: C of a second input y `[batch, C]`; None: there is none.

    Returns:
      A model "decoder": z `[batch, latent]`, or `[z, y]`, to `[batch, *output_shape]`, float32, or a dict of such by
      parameter.

    Raises:
      UserError: an argument that cannot be used.

    Example:
      >>> decoder((28, 28, 1), 2).output_shape
      (None, 28, 28, 1)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, appendix C.1, arXiv:1312.6114.
    """
    shape = checks.shape(output_shape)
    z = heads.image_or_vector(checks.latent_shape(latent_dim, "mlp"), "z")
    inputs, y = conditions.inputs(z, condition)
    features = _dense(conditions.beside(z, y, "z"), checks.widths("mlp", "hidden", hidden, 0)[::-1], activation)

    def head(name: str, size: heads.Shape) -> Any:
        flat = layers.Dense(math.prod(size), dtype=heads.dtype(), name=f"{name}_flat")(features)
        return layers.Reshape(size, dtype=heads.dtype(), name=name)(flat)

    return keras.Model(inputs, heads.outputs(checks.parameters(parameters, shape), head), name="decoder")


def _dense(x: Any, hidden: tuple[int, ...], activation: str) -> Any:
    activation = checks.activation(activation)
    for level, width in enumerate(hidden):
        x = layers.Dense(width, activation, name=f"hidden_{level}")(x)
    return x
