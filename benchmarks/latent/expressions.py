"""The best implementations with TensorFlow's own ops, in several variants; the op is compared with the fastest.

They draw Philox noise by TensorFlow's own ops, without tfvae's addresses, which lets them be faster.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.latent.priors import Prior

tfd = tfp.distributions

# (mean, log_var, step) -> (z [samples, batch, …], kl [batch])
Expression = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
Draw = Callable[[list[int], tf.Tensor], tf.Tensor]


def stateless(shape: list[int], step: tf.Tensor) -> tf.Tensor:
    """Philox from a seed and the step."""
    return tf.random.stateless_normal(shape, _seed(step), alg="philox")


def stateful(shape: list[int], step: tf.Tensor) -> tf.Tensor:
    """Philox from a state that TensorFlow stores."""
    return tf.random.normal(shape)


def straightforward(prior: Prior, samples: int, draw: Draw) -> Expression:
    """The formula with TensorFlow's automatic gradient."""

    def expression(mean: tf.Tensor, log_var: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        z = mean + tf.exp(0.5 * log_var) * draw([samples, *mean.shape], step)
        kl = 0.5 * (tf.square(mean) + tf.math.expm1(log_var) - log_var)
        return z, tf.reduce_sum(kl, _all_but_first(mean))

    return expression


def with_own_gradient(prior: Prior, samples: int, draw: Draw) -> Expression:
    """The same with a hand-written gradient, which reuses intermediate results."""

    def expression(mean: tf.Tensor, log_var: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        @tf.custom_gradient
        def both(mean: tf.Tensor, log_var: tf.Tensor):
            shift = tf.exp(0.5 * log_var) * draw([samples, *mean.shape], step)
            growth = tf.math.expm1(log_var)

            def gradient(d_z: tf.Tensor, d_kl: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                weight = tf.reshape(d_kl, [-1] + [1] * (mean.shape.rank - 1))
                d_mean = tf.reduce_sum(d_z, 0) + weight * mean
                return d_mean, 0.5 * (tf.reduce_sum(d_z * shift, 0) + weight * growth)

            kl = 0.5 * tf.reduce_sum(tf.square(mean) + growth - log_var, _all_but_first(mean))
            return (mean + shift, kl), gradient

        return both(mean, log_var)

    return expression


def by_product(prior: Prior, samples: int, draw: Draw) -> Expression:
    """The correlated prior with L^-1, computed once per call, and a product with it: O(B D^2)."""

    def expression(mean: tf.Tensor, log_var: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inverse = tf.linalg.triangular_solve(prior.scale_tril, tf.eye(prior.latent_dim))
        whitened = tf.matmul(mean - prior.mean, inverse, transpose_b=True)
        return _correlated(prior, samples, draw, mean, log_var, step, inverse, tf.reduce_sum(tf.square(whitened), 1))

    return expression


def by_solve(prior: Prior, samples: int, draw: Draw) -> Expression:
    """The correlated prior by solving for the whole batch as well."""

    def expression(mean: tf.Tensor, log_var: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        factor = prior.scale_tril
        inverse = tf.linalg.triangular_solve(factor, tf.eye(prior.latent_dim))
        whitened = tf.linalg.triangular_solve(factor, tf.transpose(mean - prior.mean))
        return _correlated(prior, samples, draw, mean, log_var, step, inverse, tf.reduce_sum(tf.square(whitened), 0))

    return expression


def probability(prior: Prior, samples: int) -> Expression:
    """TensorFlow Probability, with its own distributions."""

    def expression(mean: tf.Tensor, log_var: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scale = tf.exp(0.5 * log_var)
        if prior.kind == "standard":
            # Works for any rank, and for rank 2 is as fast as MultivariateNormalDiag.
            axes = mean.shape.rank - 1
            posterior = tfd.Independent(tfd.Normal(mean, scale), axes)
            target = tfd.Independent(tfd.Normal(tf.zeros(mean.shape[1:]), tf.ones(mean.shape[1:])), axes)
        else:
            posterior = tfd.MultivariateNormalDiag(mean, scale)
            target = tfd.MultivariateNormalTriL(prior.mean, prior.scale_tril)
        return posterior.sample(samples, seed=tf.cast(_seed(step), tf.int32)), posterior.kl_divergence(target)

    return expression


def _correlated(
    prior: Prior,
    samples: int,
    draw: Draw,
    mean: tf.Tensor,
    log_var: tf.Tensor,
    step: tf.Tensor,
    inverse: tf.Tensor,
    distance: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    columns = tf.reduce_sum(tf.square(inverse), 0)
    spread = tf.linalg.matvec(tf.math.expm1(log_var), columns) - tf.reduce_sum(log_var, 1)
    constant = tf.reduce_sum(columns - 1.0 + 2.0 * prior.log_diagonal)
    z = mean + tf.exp(0.5 * log_var) * draw([samples, *mean.shape], step)
    return z, 0.5 * (spread + distance + constant)


def _seed(step: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(7, tf.int64), step])


def _all_but_first(mean: tf.Tensor) -> list[int]:
    return list(range(1, mean.shape.rank))
