"""Draws z and computes the KL: one function with three implementations."""

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
_MAX_SAMPLES = 2**16  # the counter has 16 bits for the sample


class SampleAndKl(NamedTuple):
    """The result of the latent op.

    Attributes:
      z: samples of the posterior, `[samples, batch, …]`, in the dtype of `z_mean`.
      kl: KL(q(z|x) || p(z)) in nats, `[batch]`, or `[batch, …]` per dimension.
      log_q: log q(z|x) in nats, `[samples, batch]`; None if it was not requested.
    """

    z: tf.Tensor
    kl: tf.Tensor
    log_q: tf.Tensor | None


def resolve(implementation: str) -> tuple[str, str]:
    """The implementation that will run, and the reason if `auto` falls back to `plain` (else "").

    Raises:
      UserError: the name is unknown, or it is `fused`, which cannot run here.
    """
    if implementation not in IMPLEMENTATIONS:
        hint = nearest(implementation, IMPLEMENTATIONS)
        raise UserError(f"latent: got {implementation!r}{hint}, expected one of {', '.join(IMPLEMENTATIONS)}.")
    if implementation not in ("auto", "fused"):
        return implementation, ""
    available, reason = native.available()
    if available:
        return "fused", ""
    if implementation == "fused":
        raise UserError(f"latent: fused was requested, but {reason}.")
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
      z_mean: `[batch, …]`, of rank at least 2; the correlated prior acts on the last axis.
      z_log_var: same shape and dtype.
      prior: a Gaussian prior.
      address: of the noise of the first example.
      samples: K samples per example.
      per_dimension: return the KL of each latent dimension; for the correlated prior, the chain-rule terms in the order
        of L, which sum to the KL.
      log_q: also return log q(z|x), computed from the noise.
      implementation: `fused` (compiled; no second derivatives), `plain` (TensorFlow ops; converts to TFLite),
        `reference` (TensorFlow Probability), or `auto`: fused, else plain with a warning that gives the reason.

    Returns:
      `SampleAndKl`; 16-bit inputs are computed in float32, and KL and log q remain float32.

    Raises:
      UserError: the shapes or dtypes do not match, or the implementation is unknown or unavailable.

    Source: Kingma and Welling, arXiv:1312.6114, equation 10 and appendix B.
    """
    name, reason = resolve(implementation)
    if reason:
        _warn(reason)
    z_mean, z_log_var = tf.convert_to_tensor(z_mean), tf.convert_to_tensor(z_log_var)
    _check(z_mean, z_log_var, prior, samples)
    sample: SampleAndKl = _module(name).sample_and_kl(
        z_mean, z_log_var, prior, address, samples=samples, per_dimension=per_dimension, log_q=log_q
    )
    return sample


@tf.autograph.experimental.do_not_convert
def _module(name: str) -> ModuleType:
    # Imported on use, because the reference imports TensorFlow Probability.
    return importlib.import_module(f"tfvae.latent.op.{name}")


def _check(z_mean: tf.Tensor, z_log_var: tf.Tensor, prior: GaussianPrior, samples: int) -> None:
    if z_mean.dtype != z_log_var.dtype or not z_mean.dtype.is_floating:
        raise UserError(
            f"z_mean is {z_mean.dtype.name} and z_log_var {z_log_var.dtype.name}; expected one floating dtype for both."
        )
    if not z_mean.shape.is_compatible_with(z_log_var.shape):
        raise UserError(f"z_mean has shape {z_mean.shape} and z_log_var {z_log_var.shape}; expected the same shape.")
    if z_mean.shape.rank is None or z_mean.shape.rank < 2:
        raise UserError(f"z_mean has shape {z_mean.shape}; expected [batch, …], of rank at least 2.")
    if z_mean.shape[-1] != prior.latent_dim:
        raise UserError(
            f"z_mean has shape {z_mean.shape}; expected a last axis of {prior.latent_dim}, the dimensions of the prior."
        )
    if not 1 <= samples <= _MAX_SAMPLES:
        raise UserError(f"samples: got {samples}, expected 1 to {_MAX_SAMPLES}.")


@functools.cache
def _warn(reason: str) -> None:
    warnings.warn(f"latent: auto runs plain TensorFlow ops because {reason}.", stacklevel=3)
