"""Idiomatic JAX: one jitted function that gathers, differentiates and updates, scanned over the steps."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from benchmarks.peers.child import EndOfRound, serve
from benchmarks.peers.problem import BATCH, LEARNING_RATE, PIXELS, SIDE, Problem

_STRIDES, _KERNEL = (2, 2), 4


def train(problem: Problem, examples: np.ndarray, setting: str, end_of_round: EndOfRound) -> None:
    """Settings: `scan`: all steps of a round in one call; `step`: one step per call."""
    import jax
    import jax.numpy as jnp

    data = jnp.asarray(examples if problem.family == "conv" else examples.reshape(-1, PIXELS))
    if problem.family == "conv":
        data = data[..., None]
    encode, decode = (_conv if problem.family == "conv" else _dense)(problem)

    def loss(weights: Any, x: Any, key: Any) -> Any:
        mean, log_var = jnp.split(encode(weights, x), 2, -1)
        logits = decode(weights, mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, mean.shape))
        kl = 0.5 * jnp.sum(jnp.square(mean) + jnp.exp(log_var) - log_var - 1.0)
        return (kl - jnp.sum(x * logits - jax.nn.softplus(logits))) / BATCH

    def step(state: Any, indices: Any) -> Any:
        weights, first, second, count, key = state
        key, noise = jax.random.split(key)
        value, grads = jax.value_and_grad(loss)(weights, data[indices].astype(jnp.float32) / 255.0, noise)
        count = count + 1.0
        rate = LEARNING_RATE * jnp.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
        first = jax.tree.map(lambda m, g: m + 0.1 * (g - m), first, grads)
        second = jax.tree.map(lambda v, g: v + 0.001 * (jnp.square(g) - v), second, grads)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, first, second)
        return (weights, first, second, count, key), value

    one = jax.jit(step, donate_argnums=0)
    several = jax.jit(lambda state, indices: jax.lax.scan(step, state, indices), donate_argnums=0)
    weights = _start(problem)
    # Separate zeros for each: a donated buffer may occur only once in the state.
    state = (weights, *(jax.tree.map(jnp.zeros_like, weights) for _ in range(2)), jnp.zeros(()), jax.random.key(0))
    generator = np.random.default_rng(0)
    end_of_round()
    while True:
        order = generator.permutation(len(examples)).reshape(problem.steps, BATCH).astype(np.int32)
        if setting == "scan":
            state, losses = several(state, order)
        else:
            losses = []
            for indices in order:
                state, value = one(state, indices)
                losses.append(value)
        end_of_round(float(np.mean(losses)))


def _dense(problem: Problem) -> tuple[Any, Any]:
    import jax

    (_,) = problem.widths

    def encode(weights: Any, x: Any) -> Any:
        return _layer(weights["heads"], jax.nn.relu(_layer(weights["in"], x)))

    def decode(weights: Any, z: Any) -> Any:
        return _layer(weights["out"], jax.nn.relu(_layer(weights["up"], z)))

    return encode, decode


def _conv(problem: Problem) -> tuple[Any, Any]:
    import jax

    layout = ("NHWC", "HWIO", "NHWC")

    def down(layer: Any, x: Any) -> Any:
        kernel, bias = layer
        return jax.lax.conv_general_dilated(x, kernel, _STRIDES, "SAME", dimension_numbers=layout) + bias

    def up(layer: Any, x: Any) -> Any:
        kernel, bias = layer
        return jax.lax.conv_transpose(x, kernel, _STRIDES, "SAME", dimension_numbers=layout) + bias

    def encode(weights: Any, x: Any) -> Any:
        x = jax.nn.relu(down(weights["down_1"], jax.nn.relu(down(weights["down_0"], x))))
        return _layer(weights["heads"], x.reshape(len(x), -1))

    def decode(weights: Any, z: Any) -> Any:
        side = SIDE // 4
        x = jax.nn.relu(_layer(weights["grid"], z)).reshape(len(z), side, side, -1)
        return up(weights["up_0"], jax.nn.relu(up(weights["up_1"], x)))

    return encode, decode


def _layer(layer: Any, x: Any) -> Any:
    kernel, bias = layer
    return x @ kernel + bias


def _start(problem: Problem) -> dict[str, Any]:
    """Glorot's uniform weights, as in Keras."""
    import jax.numpy as jnp

    latent = problem.latent
    if problem.family == "mlp":
        (width,) = problem.widths
        shapes = {"in": (PIXELS, width), "heads": (width, 2 * latent), "up": (latent, width), "out": (width, PIXELS)}
    else:
        low, high = problem.widths
        flat = (SIDE // 4) ** 2 * high
        window = (_KERNEL, _KERNEL)
        shapes = {
            "down_0": (*window, 1, low),
            "down_1": (*window, low, high),
            "heads": (flat, 2 * latent),
            "grid": (latent, flat),
            "up_1": (*window, high, low),
            "up_0": (*window, low, 1),
        }
    generator = np.random.default_rng(0)

    def layer(shape: tuple[int, ...]) -> tuple[Any, Any]:
        bound = np.sqrt(6.0 / (np.prod(shape[:-2]) * (shape[-2] + shape[-1])))
        return jnp.asarray(generator.uniform(-bound, bound, shape), jnp.float32), jnp.zeros(shape[-1])

    return {name: layer(shape) for name, shape in shapes.items()}


def _use_threads(count: int) -> None:
    # XLA has no setting for this: it uses as many threads as the process has cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


if __name__ == "__main__":
    sys.exit(serve(train, _use_threads))
