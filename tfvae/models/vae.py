"""The variational autoencoder: an encoder, a decoder, a prior and a likelihood as one Keras model."""

from __future__ import annotations

import copy
import dataclasses
import secrets
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import config, likelihoods, networks, noise
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.errors import UserError
from tfvae.latent import priors, sample_and_kl
from tfvae.latent.sample import LatentSample, resolve
from tfvae.models import checks, inference
from tfvae.models.results import Elbo, LogLikelihood, Samples
from tfvae.objectives.bound import vae_loss
from tfvae.objectives.loss import Loss, Schedule


@keras.saving.register_keras_serializable(package="tfvae")
class VAE(keras.Model):
    """A variational autoencoder, with the habits of a Keras model.

    ELBO(x) = E_q(z|x)[log p(x|z)] - KL(q(z|x) || p(z)), in nats, summed over pixels and latent dimensions.

    x given as floating numbers is in model units; x given as integers is in the user's units, and scaled.

    Args:
      encoder: functional model, x `[batch, …]` to `[z_mean, z_log_var]`, both `[batch, latent]`.
      decoder: functional model, z `[batch, latent]` to the likelihood's parameter, or to a dictionary of several.
      prior: p(z); None: standard normal.
      likelihood: p(x|z), or the name of one: `bernoulli`, `continuous_bernoulli`, `gaussian`, `laplace`, or `mse`,
        which is the Gaussian of scale 1/sqrt(2).
      scaling: between the user's units and model units; None: they are the same.
      latent: implementation of the latent op: auto, fused, plain or reference.
      name: of the model.
      **objective: fields of `tfvae.config.Objective`, such as `kl_weight=4.0`, `free_bits=0.1`, `num_samples=5`.

    Raises:
      UserError: parts that do not fit together, or an unknown objective.

    Example:
      >>> vae = VAE.from_variant("micro", input_shape=(8, 8, 1), latent_dim=2)
      >>> vae.sample(3, seed=0).x.shape
      (3, 8, 8, 1)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        prior: priors.Prior | None = None,
        likelihood: likelihoods.Likelihood | str = "bernoulli",
        *,
        scaling: Scaling | None = None,
        latent: str = "auto",
        name: str = "vae",
        **objective: Any,
    ) -> None:
        super().__init__(name=name)
        self.latent_dim = checks.latent_dim(encoder)
        self.encoder, self.decoder = encoder, decoder
        self.prior = priors.StandardNormal(self.latent_dim, name="prior") if prior is None else prior
        self.likelihood = likelihoods.named(likelihood)
        checks.parts(encoder, decoder, self.prior, self.likelihood)
        self.scaling = Scaling.identity() if scaling is None else scaling
        if latent != "fused":  # which is looked for where it runs: a model saved with it loads everywhere
            resolve(latent)
        self.latent = latent
        self.objective: config.Objective = config.from_dict(config.Objective, objective, "objective")
        checks.objective(self.objective)
        self.event_shape: tuple[int, ...] = tuple(encoder.input_shape[1:])
        self.built = True

    @property
    def scaling(self) -> Scaling:
        """Between the user's units and model units."""
        return self._scaling

    @scaling.setter
    def scaling(self, scaling: Scaling) -> None:
        self._scaling = scaling
        # Compiled calls hold the scaling that they were traced with.
        self._functions: dict[str, Callable[..., Any]] = {}

    @classmethod
    def from_variant(
        cls,
        variant: str,
        input_shape: tuple[int, ...],
        latent_dim: int | None = None,
        *,
        prior: priors.Prior | None = None,
        likelihood: likelihoods.Likelihood | str = "bernoulli",
        **kwargs: Any,
    ) -> VAE:
        """A VAE with residual networks of a named size: micro, small, medium, large or xlarge."""
        settings = config.from_dict(
            config.Network, {"name": "resnet", "variant": variant, "latent_dim": latent_dim}, "network"
        )
        likelihood = likelihoods.named(likelihood)
        encoder, decoder = networks.build(settings, tuple(input_shape), likelihood.parameters)
        return cls(encoder, decoder, prior, likelihood, **kwargs)

    def call(self, x: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Without noise: z_mean, z_log_var, and the reconstruction through z_mean."""
        z_mean, z_log_var = self.encoder(self._model_units(x), training=training)
        reconstruction = self.likelihood.mean(self._parameters(z_mean, training))
        return {"z_mean": z_mean, "z_log_var": z_log_var, "reconstruction": reconstruction}

    def encode(self, x: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and log variance of q(z|x), each `[batch, latent]`."""
        z_mean, z_log_var = self.encoder(self._model_units(x), training=False)
        return z_mean, z_log_var

    def decode(self, z: Any) -> tf.Tensor:
        """Mean of p(x|z) in model units, `[batch, …]` for z `[batch, latent]`."""
        z = tf.convert_to_tensor(z)
        if z.shape.rank is None or z.shape.rank < 2 or z.shape[-1] != self.latent_dim:
            raise UserError(f"z: got shape {z.shape}, want [batch, {self.latent_dim}].")
        return self.likelihood.mean(self._parameters(z, False))

    def reconstruct(self, x: Any) -> tf.Tensor:
        """Mean of p(x|z) at z = z_mean(x), in model units, `[batch, …]`."""
        return self.decode(self.encode(x)[0])

    def sample(self, num_samples: int, seed: int | None = None, *, draw: bool = False) -> Samples:
        """Examples from the prior, in the user's units.

        Args:
          num_samples: how many.
          seed: key of the noise; None: a fresh one, which stands in the result.
          draw: draw x from p(x|z), instead of its mean.
        """
        if isinstance(num_samples, bool) or not isinstance(num_samples, (int, np.integer)) or num_samples < 0:
            raise UserError(f"num_samples: got {num_samples!r}, want a number of samples, 0 or more.")
        seed = _seed(seed)
        z = self.prior.sample(noise.Address(_int64(seed), noise.PRIOR), num_samples)
        x = inference.batched(
            self._function("draw" if draw else "decode"), {"z": z.numpy()}, num_samples, seed, batch_size=256
        )
        return Samples(self.scaling.inverse(x), z.numpy(), seed)

    def elbo(self, x: Any, seed: int | None = None, *, batch_size: int = 256) -> Elbo:
        """The ELBO of each example from one posterior sample, noise of purpose 2; see `Elbo`."""
        seed, x = _seed(seed), self._examples(x)
        terms = inference.batched(self._function("elbo"), {"x": x}, len(x), seed, batch_size)
        return Elbo(**terms, seed=seed)

    def log_likelihood(
        self, x: Any, samples: int = 100, seed: int | None = None, *, batch_size: int = 64
    ) -> LogLikelihood:
        """The importance-weighted bound log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x) of each example; see `LogLikelihood`.

        Args:
          x: `[n, …]`.
          samples: K in [1, 65536]; the bound rises to log p(x) with it.
          seed: key of the noise; None: a fresh one, which stands in the result.
          batch_size: examples at a time.

        Source: Burda et al., Importance weighted autoencoders, arXiv:1509.00519, equation 8 and theorem 1.
        """
        return inference.log_likelihood(self, self._examples(x), samples, _seed(seed), batch_size)

    def predict(self, x: Any, batch_size: int = 256, verbose: Any = "auto", seed: int | None = None) -> dict[str, Any]:
        """z_mean, z_log_var, a sample z of q(z|x), the reconstruction through z_mean, and the seed, as NumPy arrays."""
        seed, x = _seed(seed), self._examples(x)
        values = inference.batched(self._function("predict"), {"x": x}, len(x), seed, batch_size)
        return {**values, "seed": seed}

    def evaluate(
        self, x: Any, y: Any = None, batch_size: int = 256, verbose: Any = "auto", seed: int = 0
    ) -> dict[str, float]:
        """Means over the examples, in nats: loss at the full weight and capacity, elbo, reconstruction, kl.

        Labels are taken as Keras takes them, and not used. With several samples there is the bound `iwae` too.
        """
        x = self._examples(x)
        if not len(x):
            raise UserError("evaluate: got no examples, want at least one.")
        terms = inference.batched(self._function("evaluate"), {"x": x}, len(x), _seed(seed), batch_size)
        return {name: float(np.mean(term, dtype=np.float64)) for name, term in terms.items()}

    def compile(self, optimizer: Any = "adam", loss: Any = None, **kwargs: Any) -> None:
        """As Keras's, without a loss: the objective is the loss.

        Raises:
          UserError: a loss was given.
        """
        if loss is not None:
            raise UserError(
                f"compile: got loss={loss!r}; the loss of a VAE is its objective: choose the likelihood, and kl_weight "
                "and its like, where the VAE is made."
            )
        super().compile(optimizer=optimizer, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as the saved model was; Keras does this itself only where `compile` is its own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any,
        y: Any = None,
        epochs: int = 1,
        batch_size: int = 128,
        validation_data: Any = None,
        *,
        seed: int = 0,
        verbose: int = 1,
        **training: Any,
    ) -> keras.callbacks.History:
        """Trains with tfvae's own loop.

        Args:
          x: `[n, …]`: integers in the user's units (images of uint8 set the scaling), or floating in model units.
          y: labels `[n]`, kept beside the examples.
          epochs: passes over the examples.
          batch_size: examples a step; a last partial batch is dropped.
          validation_data: x, or (x, y).
          seed: of the order, the noise, and nothing else.
          verbose: 0 is silent.
          **training: `accumulation`, `clip_norm`, `early_stopping`, `jit`, `on_nonfinite`, `steps_per_call`; and, where
            `compile` was not called, `optimizer`, `learning_rate`, `learning_rate_schedule`, `learning_rate_warmup`,
            `weight_decay`, `ema`, all as in `tfvae.config.Training`.

        Returns:
          A Keras `History`; its `history` has lists such as `loss`, `elbo`, `kl`, `val_elbo`, in nats an example.
        """
        from tfvae.runs.fit import fit  # the loop stands below the models in the layout, and imports them

        resolve(self.latent)
        checks.fit_arguments(training, bool(self.compiled))
        settings = config.from_dict(
            config.Training, {**training, "epochs": epochs, "batch_size": batch_size, "latent": self.latent}, "training"
        )
        return fit(self, x, y, validation_data, settings, seed, verbose)

    def objectives(self) -> list[tuple[str, list[keras.Variable], Callable[..., Loss]]]:
        """What the training step minimises: name, variables and loss of each objective."""
        return [("vae", self.trainable_variables, self.loss_terms)]

    def loss_terms(self, batch: Batch, address: noise.Address, schedule: Schedule, training: bool = True) -> Loss:
        """The loss of each example, in nats, with its terms; see `tfvae.objectives.bound.vae_loss`.

        Args:
          batch: x in model units.
          address: seed, purpose and step of the posterior noise.
          schedule: weight and capacity at this step.
          training: passed on to the networks.
        """
        samples = self.objective.num_samples
        z_mean, z_log_var = self.encoder(batch.x, training=training)
        address = address._replace(first_example=batch.first_example)
        latent = self._latent(z_mean, z_log_var, address, samples, log_q=samples > 1)
        reconstruction = self.likelihood.log_prob(batch.x, self._parameters(latent.z, training))
        log_ratio = self.prior.log_prob(latent.z) - latent.log_q if samples > 1 else None
        loss = vae_loss(reconstruction, latent.kl, schedule, self.objective, log_ratio)
        # The two moments from which active units are counted.
        moments = {"z_mean": z_mean, "z_mean_square": tf.square(z_mean)}
        return loss._replace(terms={**loss.terms, **moments})

    def get_config(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in ("encoder", "decoder", "prior", "likelihood")}
        return {
            **{name: keras.saving.serialize_keras_object(part) for name, part in parts.items()},
            "scaling": self.scaling.to_dict(),
            "latent": self.latent,
            "name": self.name,
            **dataclasses.asdict(self.objective),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> VAE:
        """The model of `get_config`, with fresh weights."""
        values = copy.deepcopy(config)  # Keras takes apart what it deserialises
        for name in ("encoder", "decoder", "prior", "likelihood"):
            values[name] = keras.saving.deserialize_keras_object(values[name], custom_objects=custom_objects)
        values["scaling"] = Scaling.from_dict(values["scaling"])
        return cls(**values)

    def _latent(
        self, z_mean: tf.Tensor, z_log_var: tf.Tensor, address: noise.Address, samples: int = 1, log_q: bool = False
    ) -> LatentSample:
        return sample_and_kl(
            z_mean,
            z_log_var,
            self.prior,
            address,
            samples=samples,
            per_dimension=True,
            log_q=log_q,
            implementation=self.latent,
        )

    def _parameters(self, z: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        """The decoder's outputs by name, `[…, *event]` for z `[…, latent]`."""
        outputs = self.decoder(tf.reshape(z, [-1, self.latent_dim]), training=training)
        named = outputs if isinstance(outputs, dict) else {self.likelihood.parameters[0]: outputs}
        if z.shape.rank == 2:
            return named
        leading = tf.shape(z)[:-1]
        return {name: tf.reshape(v, tf.concat([leading, self.event_shape], 0)) for name, v in named.items()}

    def _examples(self, x: Any) -> np.ndarray:
        x = np.asarray(x)
        # Said here, and not only in the compiled body: TensorFlow wraps what is raised while it traces.
        resolve(self.latent)
        checks.shape(x.shape, self.event_shape)
        checks.values(x, Scaling.identity() if x.dtype.kind == "f" else self.scaling, self.likelihood)
        return x

    def _model_units(self, x: Any) -> tf.Tensor:
        x = tf.convert_to_tensor(x)
        checks.shape(x.shape, self.event_shape)
        return x if x.dtype.is_floating else self.scaling.forward(x)

    def _function(self, name: str) -> Callable[..., Any]:
        """The compiled body of a call, made once: `(values, seed, first_example) -> tensors`."""
        if name not in self._functions:
            self._functions[name] = tf.function(inference.BODIES[name](self), reduce_retracing=True)
        return self._functions[name]


def _seed(seed: int | None) -> int:
    if seed is None:
        return secrets.randbits(63)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise UserError(f"seed: got {seed!r}, want an integer in [0, 2^63).")
    return int(seed)


def _int64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.int64)
