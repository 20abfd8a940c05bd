"""The exported functions of a VAE, written with TFLite's ops; a Gaussian prior becomes constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.latent.density import DiagonalDensity, affine, rows_times
from tfvae.models import inference
from tfvae.models.signatures import DECODER, GENERATOR, SCORER, Noise, Outputs, Signature, Unit
from tfvae.networks import calling

_TERMS = {"elbo": Unit.DENSITY, "reconstruction": Unit.DENSITY, "kl": Unit.NATS}


def signatures(vae: Any) -> list[Signature]:
    """The signatures of a VAE under a float32 policy, such as the result of `models.float32.to_float32`.

    `sample` is left out if the prior is not a function of noise, and `score` if q(z|x) is not a diagonal Gaussian for
    each example. If the prior is a function of noise but not a single Gaussian, runners cannot compute it, so there is
    a signature `prior` too.
    """
    found = [_decode(vae), _encode(vae), _reconstruct(vae)]
    if _gaussian_posterior(vae):
        found.append(_score(vae))
    if vae.prior.noise_shape is not None:
        found.append(_sample(vae))
        if vae.prior.as_gaussian() is None:
            found.append(_prior(vae))
    return found


def _decode(vae: Any) -> Signature:
    return Signature(
        "decode",
        {"z": _spec(vae.latent_shape, "z"), **_y(vae, calling.condition_size(vae.decoder))},
        {"mean": Unit.MODEL},
        lambda z, y=None: {"mean": vae.likelihood.mean(vae.parameters(z, y))},
        lambda z, y=None: {"mean": _batched(vae, "decode", z=z, y=y)},
        gates={"max": 1e-5, "elbo": 1e-4},
        file=DECODER,
    )


def _encode(vae: Any) -> Signature:
    names = list(vae.posterior.outputs(vae.latent_shape))

    def reference(x: np.ndarray, y: np.ndarray | None = None) -> dict[str, np.ndarray]:
        predicted = vae.predict(x, seed=0, y=y)
        return {name: predicted[name] for name in names}

    return Signature(
        "encode",
        {"x": _spec(vae.event_shape, "x"), **_y(vae, calling.condition_size(vae.encoder))},
        dict.fromkeys(names, Unit.CODE),
        lambda x, y=None: vae.encoded(x, y),
        reference,
        gates={"encode": 1e-4},
        file=SCORER,
    )


def _reconstruct(vae: Any) -> Signature:
    sizes = (calling.condition_size(vae.encoder), calling.condition_size(vae.decoder))

    def reconstruct(x: tf.Tensor, y: tf.Tensor | None = None) -> Outputs:
        point = vae.posterior.point(vae.encoded(x, y))
        return {"mean": vae.likelihood.mean(vae.parameters(point, y))}

    return Signature(
        "reconstruct",
        {"x": _spec(vae.event_shape, "x"), **_y(vae, *sizes)},
        {"mean": Unit.MODEL},
        reconstruct,
        lambda x, y=None: {"mean": vae.predict(x, seed=0, y=y)["reconstruction"]},
        gates={"reconstruct": 1e-5},
    )


def _score(vae: Any) -> Signature:
    """ELBO, reconstruction and KL of z = z_mean + exp(z_log_var / 2) eps.

    The reconstruction is log p(x|z) from the decoder's own outputs, not from their mean.
    """
    kl_of = _gaussian_kl(vae) if vae.prior.as_gaussian() is not None else None

    def score(x: tf.Tensor, eps: tf.Tensor, y: tf.Tensor | None = None) -> Outputs:
        outputs = vae.encoded(x, y)
        posterior = vae.posterior.density(outputs)
        z = posterior.from_noise(eps)
        reconstruction = vae.likelihood.log_prob(x, vae.parameters(z, y))
        if kl_of is not None:
            kl = kl_of(posterior)
        else:
            prior = vae.prior.bind(lambda other: vae.encoded(other, y), y)
            kl = _kl(posterior, prior, z)
        return {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}

    def reference(x: np.ndarray, seed: int, y: np.ndarray | None = None) -> dict[str, np.ndarray]:
        terms = vae.elbo(x, seed=seed, y=y)
        return {name: getattr(terms, name) for name in _TERMS}

    return Signature(
        "score",
        {
            "x": _spec(vae.event_shape, "x"),
            "eps": _spec(vae.latent_shape, "eps"),
            **_y(vae, vae.condition_size),
        },
        _TERMS,
        score,
        reference,
        gates={"score": 1e-4},
        noise=Noise("eps", noise.EVALUATION),
        file=SCORER,
    )


def _sample(vae: Any) -> Signature:
    from_noise = _from_noise(vae)

    def sample(eps: tf.Tensor, y: tf.Tensor | None = None) -> Outputs:
        z = from_noise(eps, y)
        return {"x": vae.likelihood.mean(vae.parameters(z, y)), "z": z}

    def reference(seed: int, count: int, y: np.ndarray | None = None) -> dict[str, np.ndarray]:
        return {"z": vae.prior.sample(noise.Address(seed, noise.PRIOR), count, y).numpy()}

    sizes = (calling.condition_size(vae.decoder), vae.prior.condition_size)
    return Signature(
        "sample",
        {"eps": _spec(vae.prior.noise_shape, "eps"), **_y(vae, *sizes)},
        {"x": Unit.USER, "z": Unit.LATENT},
        sample,
        reference,
        gates={"sample_z": 2e-6, "sample_x": 1e-5},
        noise=Noise("eps", noise.PRIOR),
        file=GENERATOR,
    )


def _prior(vae: Any) -> Signature:
    return Signature(
        "prior",
        {"eps": _spec(vae.prior.noise_shape, "eps"), **_y(vae, vae.prior.condition_size)},
        {"z": Unit.LATENT},
        lambda eps, y=None: {"z": vae.prior.from_noise(eps, y)},
        lambda eps, y=None: {"z": vae.prior.from_noise(tf.constant(eps), y).numpy()},
        gates={"prior": 2e-6},
        file=DECODER,
    )


def _gaussian_posterior(vae: Any) -> bool:
    shapes = vae.posterior.outputs(vae.latent_shape)
    outputs = {name: tf.zeros([1, *shape]) for name, shape in shapes.items()}
    return isinstance(vae.posterior.density(outputs), DiagonalDensity)


def _from_noise(vae: Any) -> Callable[..., tf.Tensor]:
    """`Prior.from_noise`; for a single Gaussian, with constants."""
    prior = vae.prior.as_gaussian()
    if prior is None:
        return vae.prior.from_noise
    if prior.kind == "standard":
        return lambda eps, y: eps
    mean, scale_tril = np.asarray(prior.mean), np.asarray(prior.scale_tril)
    if prior.kind == "diagonal":
        return lambda eps, y: affine(eps, _constant(mean), scale=_constant(np.diag(scale_tril)))
    return lambda eps, y: affine(eps, _constant(mean), scale_tril=_constant(scale_tril))


def _gaussian_kl(vae: Any) -> Callable[[DiagonalDensity], tf.Tensor]:
    """KL to N(m, L L^T), m and L constants, nats `[batch]`.

    1/2 sum_i (sum_j A_ij^2 s_j^2 + (A (z_mean - m))_i^2 - 1 + 2 log L_ii - z_log_var_i), A = L^-1.
    """
    mean = np.asarray(vae.prior.mean, np.float64)
    scale_tril = np.asarray(vae.prior.scale_tril, np.float64)
    # TFLite cannot solve triangular systems; the factor is constant, so its inverse is computed here.
    inverse = np.linalg.inv(scale_tril)
    squares = np.square(inverse)
    correlated = bool(np.any(scale_tril != np.diag(np.diag(scale_tril))))
    constant = squares.sum(axis=1) - 1.0 + 2.0 * np.log(np.diag(scale_tril))

    def kl(posterior: DiagonalDensity) -> tf.Tensor:
        shift = posterior.mean - _constant(mean)
        # expm1 is accurate near z_log_var = 0; TFLite has no op for it, so the converter uses exp there.
        excess = tf.math.expm1(posterior.log_var)
        if correlated:
            shift, spread = rows_times(shift, _constant(inverse)), rows_times(excess, _constant(squares))
        else:
            shift, spread = shift * _constant(np.diag(inverse)), excess * _constant(np.diag(squares))
        terms = spread + tf.square(shift) + _constant(constant) - posterior.log_var
        return 0.5 * tf.reduce_sum(terms, axis=list(range(1, terms.shape.rank)))

    return kl


def _kl(posterior: DiagonalDensity, prior: Any, z: tf.Tensor) -> tf.Tensor:
    """KL to a prior that depends on the batch: in closed form to a diagonal Gaussian, else log q(z) - log p(z)."""
    if not isinstance(prior, DiagonalDensity):
        return posterior.log_prob(z) - prior.log_prob(z)
    shift, log_ratio = prior.whiten(posterior.mean), posterior.log_var - prior.log_var
    terms = tf.math.expm1(log_ratio) + tf.square(shift) - log_ratio
    return 0.5 * tf.reduce_sum(terms, axis=list(range(1, terms.shape.rank)))


def _batched(vae: Any, body: str, **arrays: Any) -> np.ndarray:
    inputs = {name: np.asarray(array) for name, array in arrays.items() if array is not None}
    count = len(next(iter(inputs.values())))
    values: np.ndarray = inference.batched(vae._function(body), inputs, count, 0, 256)
    return values


def _spec(shape: tuple[int, ...], name: str) -> tf.TensorSpec:
    return tf.TensorSpec([None, *shape], tf.float32, name=name)


def _y(vae: Any, *sizes: int | None) -> dict[str, tf.TensorSpec]:
    """The input y, if one of the parts needs it."""
    return {"y": _spec((vae.condition_size,), "y")} if any(size is not None for size in sizes) else {}


def _constant(value: np.ndarray) -> tf.Tensor:
    return tf.constant(value, tf.float32)
