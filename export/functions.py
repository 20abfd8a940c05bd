"""What is exported: the functions of a model, in TensorFlow ops alone, with prior and scaling as constants.

The SavedModel and the TFLite files are made of these; they differ in where the noise comes from.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfvae.models.vae import VAE

Outputs = dict[str, tf.Tensor]


class Functions:
    """The functions of a model that has float32 weights (`models.float32`).

    x and means are in model units, `[batch, *event]`; z and eps `[batch, latent]`; all float32.

    Args:
      vae: under a float32 policy.
    """

    def __init__(self, vae: VAE) -> None:
        self.vae, self.latent_dim, self.event_shape = vae, vae.latent_dim, vae.event_shape
        self.mean = np.asarray(vae.prior.mean, np.float64)
        self.scale_tril = np.asarray(vae.prior.scale_tril, np.float64)
        # TFLite solves no triangular systems, and these numbers stay as they are.
        self._inverse = np.linalg.inv(self.scale_tril)
        self._correlated = bool(np.any(self.scale_tril != np.diag(np.diag(self.scale_tril))))

    def encode(self, x: tf.Tensor) -> Outputs:
        """`z_mean` and `z_log_var` of q(z|x)."""
        return self.vae.infer(x)[0]

    def decode(self, z: tf.Tensor) -> Outputs:
        """`mean` of p(x|z)."""
        return {"mean": self.vae.likelihood.mean(self.vae.parameters(z))}

    def reconstruct(self, x: tf.Tensor) -> Outputs:
        """`mean` of p(x|z) at z = z_mean(x)."""
        return self.decode(self.encode(x)["z_mean"])

    def prior_sample(self, eps: tf.Tensor) -> tf.Tensor:
        """z = m + L eps, a draw from the prior for standard normal eps."""
        if not self._correlated:
            return _constant(self.mean) + eps * _constant(np.diag(self.scale_tril))
        return _constant(self.mean) + tf.matmul(eps, _constant(self.scale_tril.T))

    def score(self, x: tf.Tensor, eps: tf.Tensor) -> Outputs:
        """`elbo`, `reconstruction` and `kl` of each example, nats, `[batch]`; of z = z_mean + exp(z_log_var / 2) eps.

        The reconstruction is log p(x|z) from the decoder's own outputs, not from their mean.
        """
        posterior = self.encode(x)
        z = posterior["z_mean"] + tf.exp(0.5 * posterior["z_log_var"]) * eps
        reconstruction = self.vae.likelihood.log_prob(x, self.vae.parameters(z))
        kl = self._kl(posterior["z_mean"], posterior["z_log_var"])
        return {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}

    def user_units(self, mean: tf.Tensor, dtype: tf.DType = tf.float64) -> tf.Tensor:
        """Model units as the user's: as `Scaling.inverse`, uint8 where those are whole numbers.

        Args:
          mean: in model units.
          dtype: of the arithmetic, and of a result that is not uint8; "none" leaves float32 as it is.
        """
        scaling = self.vae.scaling
        if dtype == tf.float32:
            # Else the converter folds the offset into the last layer, whose products then round at the offset's size.
            mean = tf.maximum(mean, tf.float32.min)
        if scaling.kind != "none":
            mean = tf.cast(mean, dtype) * tf.constant(scaling.factor, dtype) + tf.constant(scaling.offset, dtype)
        if not scaling.integer:
            return mean
        most = float(scaling.factor) if scaling.kind == "unit" else 255.0
        return tf.cast(tf.minimum(tf.maximum(tf.round(mean), 0.0), most), tf.uint8)

    def _kl(self, z_mean: tf.Tensor, z_log_var: tf.Tensor) -> tf.Tensor:
        """1/2 sum_i (sum_j A_ij^2 s_j^2 + (A (z_mean - m))_i^2 - 1 + 2 log L_ii - z_log_var_i), A = L^-1."""
        shift = z_mean - _constant(self.mean)
        # expm1 keeps the digits near z_log_var = 0; TFLite has no op for it, so there exp takes its place.
        excess = tf.math.expm1(z_log_var)
        squares = np.square(self._inverse)
        if self._correlated:
            shift, spread = tf.matmul(shift, _constant(self._inverse.T)), tf.matmul(excess, _constant(squares.T))
        else:
            shift, spread = shift * _constant(np.diag(self._inverse)), excess * _constant(np.diag(squares))
        constant = squares.sum(axis=1) - 1.0 + 2.0 * np.log(np.diag(self.scale_tril))
        return 0.5 * tf.reduce_sum(spread + tf.square(shift) + _constant(constant) - z_log_var, axis=-1)


def _constant(value: np.ndarray) -> tf.Tensor:
    return tf.constant(value, tf.float32)
