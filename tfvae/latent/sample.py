"""One call, three implementations of one contract: draw z and compute the KL."""

from __future__ import annotations

import functools
import importlib
import warnings
from types import ModuleType
from typing import Any, NamedTuple

import tensorflow as tf

from tfvae import native
from tfvae.config import nearest
from tfvae.errors import UserError
from tfvae.latent.priors.gaussian import GaussianPrior
from tfvae.noise import Address

IMPLEMENTATIONS = ("auto", "fused", "plain", "reference")
_MOST_SAMPLES = 2**16  # a sample is 16 bits of the counter


class SampleAndKl(NamedTuple):
    """What the latent op gives.

    Attributes:
      z: samples of the posterior, `[samples, batch, …]`, of the dtype of `z_mean`.
      kl: KL(q(z|x) || p(z)) in nats, `[batch]`, or `[batch, …]` per dimension.
      log_q: log q(z|x) in nats, `[samples, batch]`, or None where it was not asked for.
    """

    z: tf.Tensor
    kl: tf.Tensor
    log_q: tf.Tensor | None


def resolve(implementation: str) -> tuple[str, str]:
    """The implementation that will run, and the reason where it is not the one hoped for.

    Raises:
      UserError: an unknown name, or `fused` where it cannot run.
    """
    if implementation not in IMPLEMENTATIONS:
        hint = nearest(implementation, IMPLEMENTATIONS)
        raise UserError(f"latent: got {implementation!r}{hint}, want one of {', '.join(IMPLEMENTATIONS)}.")
    if implementation not in ("auto", "fused"):
        return implementation, ""
    there, reason = native.available()
    if there:
        return "fused", ""
    if implementation == "fused":
        raise UserError(f"latent: fused was asked for, but {reason}.")
    return "plain", reason


def sample_and_kl(
    z_mean: tf.Tensor,
    z_log_var: tf.Tensor,
    prior: Any,
    address: Address,
    *,
    samples: int = 1,
    per_dimension: bool = False,
    log_q: bool = False,
    implementation: str = "auto",
) -> SampleAndKl:
    """Draws z from the diagonal Gaussian posterior and computes its KL to the prior.

    z = z_mean + exp(z_log_var / 2) * eps,  eps at the address;  KL(N(z_mean, diag) || N(m, L L^T)).

    Args:
      z_mean: `[batch, …]`, rank 2 at least; the correlated prior reads the last axis as its dimension.
      z_log_var: same shape and dtype.
      prior: a Gaussian prior.
      address: where the noise of the first example lies.
      samples: number K of samples of each example.
      per_dimension: KL of each latent dimension; for the correlated prior the chain-rule terms in the order of L,
        which sum to the KL.
      log_q: also give log q(z|x), from the noise itself.
      implementation: `fused` (compiled; no second derivatives), `plain` (TensorFlow ops; also on the way to TFLite),
        `reference` (TensorFlow Probability), or `auto`: fused, else plain with a warning that says why.

    Returns:
      `SampleAndKl`; 16-bit inputs are computed in float32, and KL and log q stay so.

    Raises:
      UserError: shapes that do not fit, or an implementation that is not there.

    Source: Kingma and Welling, arXiv:1312.6114, equation 10 and appendix B.
    """
    name, reason = resolve(implementation)
    if reason:
        _warn(reason)
    z_mean, z_log_var = tf.convert_to_tensor(z_mean), tf.convert_to_tensor(z_log_var)
    _check(z_mean, z_log_var, prior, samples)
    sample: SampleAndKl = _chosen(name).sample_and_kl(
        z_mean, z_log_var, prior, address, samples=samples, per_dimension=per_dimension, log_q=log_q
    )
    return sample


@tf.autograph.experimental.do_not_convert
def _chosen(name: str) -> ModuleType:
    # Imported when it is chosen: the reference brings in TensorFlow Probability.
    return importlib.import_module(f"tfvae.latent.op.{name}")


def _check(z_mean: tf.Tensor, z_log_var: tf.Tensor, prior: GaussianPrior, samples: int) -> None:
    if z_mean.dtype != z_log_var.dtype or not z_mean.dtype.is_floating:
        raise UserError(f"z_mean is {z_mean.dtype.name}, z_log_var {z_log_var.dtype.name}; want one floating dtype.")
    if not z_mean.shape.is_compatible_with(z_log_var.shape):
        raise UserError(f"z_mean has shape {z_mean.shape}, z_log_var {z_log_var.shape}; want the same shape.")
    if z_mean.shape.rank is None or z_mean.shape.rank < 2:
        raise UserError(f"z_mean has shape {z_mean.shape}; want [batch, …], rank 2 at least.")
    if z_mean.shape[-1] != prior.latent_dim:
        raise UserError(f"z_mean has shape {z_mean.shape}, the prior {prior.latent_dim} dimensions; want them equal.")
    if not 1 <= samples <= _MOST_SAMPLES:
        raise UserError(f"samples: got {samples}, want 1 to {_MOST_SAMPLES}.")


@functools.cache
def _warn(reason: str) -> None:
    warnings.warn(f"latent: auto runs plain TensorFlow ops, for {reason}.", stacklevel=3)
