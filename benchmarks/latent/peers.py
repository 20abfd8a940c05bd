"""One round of each mode in each framework: functions of the round number that return when the device has finished."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfvae.errors import UserError


class Rounds(NamedTuple):
    """The functions of a framework to time.

    Attributes:
      device: its name.
      rounds: by `provider: mode`.
    """

    device: str
    rounds: dict[str, Callable[[int], Any]]


def tensorflow(device: str, batch: int, latent: int, calls: int) -> Rounds:
    """The fused op, its gradient, and a copy, each repeated in one graph."""
    import tensorflow as tf

    from tfvae import native

    here = tf.config.list_physical_devices(device.upper())
    if not here:
        raise UserError("TensorFlow sees no GPU")
    ops = native.ops()
    with tf.device(device):
        mean, log_var, d_z, d_kl = (tf.constant(value) for value in _arrays(batch, latent))
        none, key = tf.zeros([0]), tf.constant([7], tf.uint64)

    def address(step: tf.Tensor, index: int) -> dict[str, tf.Tensor]:
        counter = tf.stack([tf.zeros_like(step), tf.cast(step, tf.uint64)])
        return {"key": key, "counter": counter, "first_example": tf.constant(index * batch, tf.int64)}

    def forward(step: tf.Tensor, index: int) -> Any:
        z, kl, _ = ops.tfvae_sample_and_kl(mean, log_var, none, none, **address(step, index))
        return z, kl

    def backward(step: tf.Tensor, index: int) -> Any:
        return ops.tfvae_sample_and_kl_grad(
            mean, log_var, none, none, **address(step, index), d_z=[d_z], d_kl=[d_kl], d_log_q=[]
        )[:2]

    def both(step: tf.Tensor, index: int) -> Any:
        return *forward(step, index), *backward(step, index)

    def copy(step: tf.Tensor, index: int) -> Any:
        return tf.raw_ops.DeepCopy(x=mean)

    def several(call: Callable[[tf.Tensor, int], Any]) -> Callable[[int], Any]:
        graph = tf.function(lambda step: [call(step, index) for index in range(calls)])

        def run(number: int) -> Any:
            with tf.device(device):
                outputs = graph(tf.constant(number, tf.uint64))
            tf.test.experimental.sync_devices()
            return outputs

        return run

    modes = {"fused: forward": forward, "fused: backward": backward, "fused: both": both, "device: copy": copy}
    name = tf.config.experimental.get_device_details(here[0]).get("device_name", device)
    return Rounds(name, {title: several(call) for title, call in modes.items()})


def jax(device: str, batch: int, latent: int, calls: int) -> Rounds:
    """The formula jitted by JAX, with its fastest random generator on a GPU."""
    import jax
    import jax.numpy as jnp

    if jax.default_backend() != device:
        raise UserError(f"JAX runs on {jax.default_backend()} and sees no {device.upper()}")
    mean, log_var, d_z, d_kl = (jnp.asarray(value) for value in _arrays(batch, latent))
    seed = jax.random.key(7, impl="unsafe_rbg")

    def formula(mean: Any, log_var: Any, step: Any) -> Any:
        eps = jax.random.normal(jax.random.fold_in(seed, step), d_z.shape)
        kl = 0.5 * jnp.sum(jnp.square(mean) + jnp.expm1(log_var) - log_var, 1)
        return mean + jnp.exp(0.5 * log_var) * eps, kl

    def both(mean: Any, log_var: Any, step: Any, d_z: Any, d_kl: Any) -> Any:
        outputs, pull = jax.vjp(lambda mean, log_var: formula(mean, log_var, step), mean, log_var)
        return *outputs, *pull((d_z, d_kl))

    forward = jax.jit(formula)
    # XLA omits the parts of the forward pass that the gradient does not need.
    backward = jax.jit(lambda *given: both(*given)[2:])
    whole = jax.jit(both)

    def several(call: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda number: jax.block_until_ready([call(number * calls + index) for index in range(calls)])

    modes = {
        "jitted JAX: forward": lambda step: forward(mean, log_var, step),
        "jitted JAX: backward": lambda step: backward(mean, log_var, step, d_z, d_kl),
        "jitted JAX: both": lambda step: whole(mean, log_var, step, d_z, d_kl),
    }
    return Rounds(jax.devices()[0].device_kind, {title: several(call) for title, call in modes.items()})


def torch(device: str, batch: int, latent: int, calls: int) -> Rounds:
    """The formula under `torch.compile`."""
    import torch

    if device == "gpu" and not torch.cuda.is_available():
        raise UserError("PyTorch sees no GPU")
    place = "cuda" if device == "gpu" else "cpu"
    mean, log_var, d_z, d_kl = (torch.from_numpy(value).to(place) for value in _arrays(batch, latent))
    sources = [mean.requires_grad_(), log_var.requires_grad_()]

    @torch.compile
    def formula(mean: Any, log_var: Any) -> Any:
        kl = 0.5 * torch.sum(torch.square(mean) + torch.expm1(log_var) - log_var, 1)
        return mean + torch.exp(0.5 * log_var) * torch.randn_like(d_z), kl

    def forward() -> Any:
        with torch.no_grad():
            return formula(mean, log_var)

    def both() -> Any:
        outputs = formula(mean, log_var)
        return *outputs, *torch.autograd.grad(outputs, sources, [d_z, d_kl])

    def several(call: Callable[[], Any]) -> Callable[[int], Any]:
        def run(number: int) -> Any:
            outputs = [call() for _ in range(calls)]
            if place == "cuda":
                torch.cuda.synchronize()
            return outputs

        return run

    name = torch.cuda.get_device_name() if place == "cuda" else "cpu"
    return Rounds(name, {"torch.compile: forward": several(forward), "torch.compile: both": several(both)})


def _arrays(batch: int, latent: int) -> list[np.ndarray]:
    """mean, log_var, d_z `[1, batch, latent]`, d_kl."""
    draw = np.random.default_rng(0)
    shapes = ((batch, latent), (batch, latent), (1, batch, latent), (batch,))
    return [(0.5 * draw.standard_normal(shape, np.float32)) for shape in shapes]
