"""The contenders: the fused op, the plain expressions, `latent/plain.py` and TFP, in a graph, jitted, or eager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from benchmarks.latent import expressions
from benchmarks.latent.cases import FORWARD, Case, Inputs
from benchmarks.latent.expressions import Expression
from tfvae import noise
from tfvae.latent import sample_and_kl
from tfvae.latent.priors import Prior

Call = Callable[[Inputs, tf.Tensor], tuple[tf.Tensor, ...]]


@dataclass(frozen=True)
class Provider:
    """One way to compute z, kl and, with the backward pass, their gradients.

    Attributes:
      name: in tables.
      group: `fused`, `plain` or `TFP`.
      setting: `graph`, `jit` or `eager`.
      call: a function of the inputs and the step; returns z, kl and the gradients.
    """

    name: str
    group: str
    setting: str
    call: Call


def providers(case: Case, prior: Prior, mode: str) -> list[Provider]:
    """All providers in a row of the benchmark."""
    here = []
    for title, group, expression, settings in _entries(case, prior, mode):
        body = _body(expression, prior, mode)
        for setting in settings:
            call = body if setting == "eager" else tf.function(body, jit_compile=setting == "jit")
            here.append(Provider(f"{title}, {setting}", group, setting, call))
    return here


def _entries(case: Case, prior: Prior, mode: str) -> list[tuple[str, str, Expression, tuple[str, ...]]]:
    anywhere = ("graph", "jit", "eager") if case.eager else ("graph", "jit")
    if prior.kind == "standard":
        written = {"formula": expressions.straightforward}
        if mode != FORWARD:
            written["formula, own gradient"] = expressions.with_own_gradient
    else:
        written = {"product": expressions.by_product, "solve": expressions.by_solve}
    entries: list[tuple[str, str, Expression, tuple[str, ...]]] = [
        ("fused", "fused", _ours(prior, case.samples, "fused"), anywhere),
        ("latent/plain.py", "plain", _ours(prior, case.samples, "plain"), ("graph", "jit")),
    ]
    for title, make in written.items():
        entries.append((title, "plain", make(prior, case.samples, expressions.stateless), anywhere))
        # Its state makes it even slower under jit.
        entries.append((f"{title}, stateful", "plain", make(prior, case.samples, expressions.stateful), ("graph",)))
    return [*entries, ("TFP", "TFP", expressions.probability(prior, case.samples), ("graph", "jit"))]


def _ours(prior: Prior, samples: int, implementation: str) -> Expression:
    def expression(mean: tf.Tensor, log_var: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        address = noise.Address(seed=7, purpose=noise.TRAINING, step=step)
        drawn = sample_and_kl(mean, log_var, prior, address, samples=samples, implementation=implementation)
        return drawn.z, drawn.kl

    return expression


def _body(expression: Expression, prior: Prior, mode: str) -> Call:
    def forward(given: Inputs, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return expression(given.mean, given.log_var, step)

    def both(given: Inputs, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        sources = [given.mean, given.log_var, *(weight.value for weight in prior.trainable_weights)]
        with tf.GradientTape() as tape:
            tape.watch(sources[:2])
            z, kl = expression(given.mean, given.log_var, step)
        return z, kl, *tape.gradient([z, kl], sources, [given.d_z, given.d_kl])

    return forward if mode == FORWARD else both
