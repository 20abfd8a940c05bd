"""The calls of a model with a latent space, such as encode, decode, sample and elbo, for arrays of any length."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Literal, overload

import numpy as np
import tensorflow as tf

from tfvae import compiled, noise
from tfvae.data import arrays, given
from tfvae.data.scaling import Scaling
from tfvae.data.splits import Split
from tfvae.errors import UserError
from tfvae.latent.sample import resolve
from tfvae.models import checks, inference
from tfvae.models.results import Elbo, LogLikelihood, Samples


class Calls:
    """A mixin of `VAE` with the calls on a trained model, separate from construction and training.

    x is `[n, …]`; y is `[n]` labels or `[n, C]` numbers for a conditional model, and is left out for others.
    """

    def call(self: Any, inputs: Any, training: bool = False) -> dict[str, tf.Tensor]:
        """The encoder's outputs and the reconstruction at the point of q, without noise, for x or `(x, y)`."""
        x, y = inputs if isinstance(inputs, (tuple, list)) else (inputs, None)
        x, y = self._model_units(x), self._condition_of(y, tf.shape(x)[0])
        outputs, _ = self.infer(x, y, training)
        mean = self.likelihood.mean(self.parameters(self.posterior.point(outputs), y, training))
        return {**outputs, "reconstruction": mean}

    def encode(self: Any, x: Any, y: Any = None) -> tuple[tf.Tensor, ...]:
        """The encoder's outputs in the posterior's order; for a Gaussian, z_mean and z_log_var."""
        x = self._model_units(x)
        return tuple(self.infer(x, self._condition_of(y, x.shape[0]))[0].values())

    def decode(self: Any, z: Any, y: Any = None) -> tf.Tensor:
        """Mean of p(x|z) in model units, `[batch, …]` for z `[batch, *latent_shape]`."""
        z = tf.convert_to_tensor(z)
        checks.shape(z.shape, self.latent_shape, "z")
        return self.likelihood.mean(self.parameters(z, self._condition_of(y, z.shape[0])))

    def reconstruct(self: Any, x: Any, y: Any = None) -> tf.Tensor:
        """Mean of p(x|z) at the point of q(z|x), such as z_mean, in model units, `[batch, …]`."""
        x = self._model_units(x)
        y = self._condition_of(y, x.shape[0])
        return self.likelihood.mean(self.parameters(self.posterior.point(self.infer(x, y)[0]), y))

    @overload
    def sample(self, num_samples: int, seed: int | None = None, *, y: Any = None, draw: bool = False) -> np.ndarray: ...

    @overload
    def sample(
        self, num_samples: int, seed: int | None = None, *, y: Any = None, draw: bool = False, details: Literal[True]
    ) -> Samples: ...

    def sample(
        self: Any,
        num_samples: int,
        seed: int | None = None,
        *,
        y: Any = None,
        draw: bool = False,
        details: bool = False,
    ) -> np.ndarray | Samples:
        """Examples from the prior, `[num_samples, …]` in the user's units.

        Args:
          num_samples: number of samples.
          seed: of the noise; None: a random one, which `details` returns.
          y: labels by number or name, one for all or one per sample, or rows of C numbers; None: labels are drawn with
            their training frequencies (purpose 7); attributes must be passed.
          draw: draw x from p(x|z), instead of returning its mean.
          details: return a tuple with z and the seed as well; see `Samples`.
        """
        if isinstance(num_samples, bool) or not isinstance(num_samples, (int, np.integer)) or num_samples < 0:
            raise UserError(f"num_samples: got {num_samples!r}, expected a number of samples, 0 or more.")
        seed = fresh_seed(seed)
        y = self._sampled_condition(y, num_samples, seed)
        z = self.prior.sample(noise.Address(tf.constant(seed, tf.int64), noise.PRIOR), num_samples, y).numpy()
        arrays = {"z": z} if y is None else {"z": z, "y": np.asarray(y)}
        x = inference.batched(self._function("draw" if draw else "decode"), arrays, num_samples, seed, batch_size=256)
        samples = Samples(self.scaling.inverse(x), z, seed)
        return samples if details else samples.x

    def elbo(self: Any, x: Any, seed: int | None = None, *, y: Any = None, batch_size: int = 256) -> Elbo:
        """The ELBO of each example from one posterior sample, noise of purpose 2; see `Elbo`."""
        seed, arrays = fresh_seed(seed), self._examples(x, y)
        terms = inference.batched(self._function("elbo"), arrays, len(arrays["x"]), seed, batch_size)
        return Elbo(**terms, seed=seed)

    def log_likelihood(
        self: Any, x: Any, samples: int = 100, seed: int | None = None, *, y: Any = None, batch_size: int = 64
    ) -> LogLikelihood:
        """The importance-weighted bound log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x) of each example; see `LogLikelihood`.

        Args:
          x: `[n, …]`.
          samples: K in [1, 65536]; the bound rises to log p(x) with it.
          seed: of the noise; None: a random one, which is returned in the result.
          y: the condition of x.
          batch_size: examples per batch.

        Source: Burda et al., Importance weighted autoencoders, arXiv:1509.00519, equation 8 and theorem 1.
        """
        return inference.log_likelihood(self, self._examples(x, y), samples, fresh_seed(seed), batch_size)

    def predict(
        self: Any, x: Any, batch_size: int = 256, verbose: Any = "auto", seed: int | None = None, *, y: Any = None
    ) -> dict[str, Any]:
        """Arrays: the encoder's outputs, a sample z of q(z|x), the reconstruction at the point of q, and the seed."""
        seed, arrays = fresh_seed(seed), self._examples(x, y)
        values = inference.batched(self._function("predict"), arrays, len(arrays["x"]), seed, batch_size)
        return {**values, "seed": seed}

    def evaluate(
        self: Any, x: Any, y: Any = None, batch_size: int = 256, verbose: Any = "auto", seed: int = 0
    ) -> dict[str, float]:
        """Means over the examples, in nats: loss at the full weight and capacity, elbo, reconstruction, kl.

        y is the condition of a conditional model; other models ignore it. With several samples the result also has the
        bound `iwae`.
        """
        arrays = self._examples(x, y if self.condition_size else None)
        if not len(arrays["x"]):
            raise UserError("evaluate: got no examples, expected at least one.")
        terms = inference.batched(self._function("evaluate"), arrays, len(arrays["x"]), fresh_seed(seed), batch_size)
        return {name: float(np.mean(term, dtype=np.float64)) for name, term in terms.items()}

    def _examples(self: Any, x: Any, y: Any) -> dict[str, np.ndarray]:
        if given.is_iterable(x):
            if y is not None:
                raise UserError("y: got y with an iterable x, whose batches are (x, y).")
            x, y = given.collected(x, self.event_shape, None, "x")
            y = y if self.condition_size else None
        arrays.unmasked(x, "x")
        x = arrays.with_channel(np.asarray(x), self.event_shape)
        # Checked here, and not only in the compiled body: TensorFlow wraps exceptions that are raised during tracing.
        resolve(self.latent)
        checks.shape(x.shape, self.event_shape)
        scaling = Scaling.identity() if x.dtype.kind == "f" else self.scaling
        examples = Split(x)
        checks.values(examples, scaling, self.likelihood)
        checks.familiar(self, examples, scaling)
        y = self._condition_of(y, len(x))
        return {"x": x} if y is None else {"x": x, "y": np.asarray(y)}

    def _condition_of(self: Any, y: Any, count: Any) -> Any:
        """y in the form that the networks need, `[batch, C]`; inside a `tf.function` it must have that form already."""
        if self.condition_size is None:
            if y is not None:
                raise UserError("y: the model is not conditional; leave y out.")
            return None
        if y is None:
            what = ", ".join(self.condition.names[:8]) if self.condition else f"{self.condition_size} values"
            raise UserError(f"y: the model is conditioned on {what}; pass y for each example.")
        if tf.is_tensor(y) and not hasattr(y, "numpy"):
            return y
        if (
            self.condition is None
            and tf.is_tensor(y)
            and y.dtype.is_floating
            and y.shape == (count, self.condition_size)
        ):
            return y
        if self.condition is None:
            raise UserError("y: the meaning of y is not known yet; call fit first, or set the model's condition.")
        return tf.constant(self.condition.encode(np.asarray(y), int(count)))

    def _sampled_condition(self: Any, y: Any, count: int, seed: int) -> Any:
        if y is None and self.condition_size and self.condition is not None:
            return tf.constant(self.condition.draw(seed, count))
        return self._condition_of(y, count)

    def _model_units(self: Any, x: Any) -> tf.Tensor:
        arrays.unmasked(x, "x")
        x = arrays.with_channel(tf.convert_to_tensor(x), self.event_shape)
        checks.shape(x.shape, self.event_shape)
        if hasattr(x, "numpy"):  # not inside a `tf.function`
            checks.familiar(self, Split(x.numpy()), Scaling.identity() if x.dtype.is_floating else self.scaling)
        return x if x.dtype.is_floating else self.scaling.forward(x)

    def _function(self: Any, name: str) -> Callable[..., Any]:
        """The compiled body of a call, created once: `(values, seed, first_example) -> tensors`."""
        if name not in self._functions:
            self._functions[name] = compiled.function(inference.BODIES[name](self), reduce_retracing=True)
        return self._functions[name]


def fresh_seed(seed: int | None) -> int:
    """The seed itself, after a check, or a random one."""
    if seed is None:
        return secrets.randbits(63)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise UserError(f"seed: got {seed!r}, expected an integer in [0, 2^63).")
    return int(seed)
