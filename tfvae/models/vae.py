"""The variational autoencoder: encoder, posterior, prior, decoder and likelihood as one Keras model."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tfvae import config, likelihoods, metrics, networks, noise
from tfvae.data.batch import Batch
from tfvae.data.condition import Condition
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet
from tfvae.errors import UserError
from tfvae.latent import posteriors, priors
from tfvae.latent.density import Density
from tfvae.latent.posteriors import GaussianPosterior, LatentSample, Posterior
from tfvae.latent.priors import Prior, StandardNormal
from tfvae.models import checks, exported
from tfvae.models.base import LatentModel
from tfvae.models.calls import Calls
from tfvae.models.signatures import Signature
from tfvae.models.terms import Term, Terms
from tfvae.networks import calling, given
from tfvae.objectives import schedules
from tfvae.objectives.bound import vae_loss
from tfvae.objectives.loss import Loss, Objective, Schedule

Tensors = dict[str, tf.Tensor]


@keras.saving.register_keras_serializable(package="tfvae")
class VAE(Calls, LatentModel):
    """A variational autoencoder that works like a Keras model.

    ELBO(x) = E_q(z|x)[log p(x|z)] - KL(q(z|x) || p(z)), in nats, summed over pixels and latent dimensions.

    If encoder and decoder have a second input y `[batch, C]`, or the prior depends on it, every density is conditioned
    on y.

    Floating-point x is in model units; integer x is in the user's units and is scaled.

    Args:
      encoder: functional model, x `[batch, …]`, or `[x, y]`, to the posterior's outputs: a dictionary by name, or a
        list in their order, such as `[z_mean, z_log_var]`.
      decoder: functional model, z `[batch, *latent_shape]`, or `[z, y]`, to the likelihood's outputs likewise.
      prior: p(z) or p(z|y); None: standard normal.
      likelihood: p(x|z), or the name of one, such as `bernoulli`, `gaussian`, or `mse`, which is the Gaussian of scale
        1/sqrt(2).
      posterior: q(z|x); None: a diagonal Gaussian.
      scaling: between the user's units and model units; None: they are the same.
      condition: the meaning of y; None: set by `fit` from its y.
      latent: implementation of the latent op if `posterior` is None: auto, fused, plain or reference.
      name: of the model.
      **objective: fields of `tfvae.config.Objective`, such as `kl_weight=4.0`, `free_bits=0.1`, `num_samples=5`.

    Raises:
      UserError: parts that do not fit together, or an unknown setting of the objective.

    Example:
      >>> vae = VAE.from_variant("micro", input_shape=(8, 8, 1), latent_dim=2)
      >>> vae.sample(3, seed=0).shape
      (3, 8, 8, 1)

    Source: Kingma and Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114; Sohn et al., Learning structured
    output representation using deep conditional generative models, NeurIPS 2015 (y).
    """

    parts: ClassVar[tuple[str, ...]] = ("encoder", "decoder", "posterior", "prior", "likelihood")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        prior: Prior | None = None,
        likelihood: likelihoods.Likelihood | str = "bernoulli",
        *,
        posterior: Posterior | None = None,
        scaling: Scaling | None = None,
        condition: Condition | Mapping[str, Any] | None = None,
        latent: str = "auto",
        name: str = "vae",
        **objective: Any,
    ) -> None:
        super().__init__(scaling=scaling, name=name)
        given.functional(encoder, "encoder", "shape")
        given.functional(decoder, "decoder", "latent_shape")
        self.encoder, self.decoder = encoder, decoder
        self.posterior = GaussianPosterior(latent, name="posterior") if posterior is None else posterior
        self.latent_shape = checks.latent_shape(encoder, self.posterior)
        size, grid = self.latent_shape[-1], self.latent_shape[:-1]
        self.prior = StandardNormal(size, grid, name="prior") if prior is None else prior
        self.likelihood = likelihoods.named(likelihood)
        self.event_shape: tuple[int, ...] = calling.input_shape(encoder)
        self.condition_size = checks.parts(self)
        self.condition = Condition.from_dict(condition) if isinstance(condition, Mapping) else condition
        if "kl_loss_weight" in objective:
            objective = _renamed(objective)
        self.objective: config.Objective = config.from_dict(config.Objective, objective, "objective")
        checks.objective(self.objective)
        # They have no inputs of their own, and without a shape `summary` could not show one.
        for part, shape in (
            (self.posterior, self.latent_shape),
            (self.prior, self.latent_shape),
            (self.likelihood, self.event_shape),
        ):
            if type(part).build is keras.layers.Layer.build:
                part.build((None, *shape))
        self.built = True

    @classmethod
    def build(cls, recipe: config.Config, data: DataSet) -> VAE:
        likelihood = likelihoods.from_settings(recipe.likelihood)
        checks.support(data, recipe.data.binarize, likelihood)
        posterior = posteriors.from_settings(recipe.posterior, recipe.training.latent)
        shape = networks.latent_shape(recipe.network)
        size = None if data.condition is None else data.condition.size
        encoder, decoder = networks.build(
            recipe.network,
            data.shape,
            likelihood.outputs(data.shape),
            outputs=posterior.outputs(shape),
            condition=size,
        )
        return cls(
            encoder,
            decoder,
            priors.from_settings(recipe.prior, checks.latent_shape(encoder, posterior), size),
            likelihood,
            posterior=posterior,
            scaling=data.scaling,
            condition=data.condition,
            **dataclasses.asdict(recipe.objective),
            **recipe.model.arguments(),
        )

    @classmethod
    def from_variant(
        cls,
        variant: str,
        input_shape: tuple[int, ...],
        latent_dim: int | None = None,
        *,
        prior: Prior | None = None,
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

    @property
    def latent_dim(self) -> int:
        """The number of latent dimensions of one example."""
        return int(np.prod(self.latent_shape))

    @property
    def latent(self) -> str:
        """The implementation of the latent op that the posterior uses."""
        return getattr(self.posterior, "latent", "auto")

    @property
    def condition(self) -> Condition | None:
        """The meaning of y; None: the model is not conditional, or it is not known yet."""
        return self._condition

    @condition.setter
    def condition(self, condition: Condition | None) -> None:
        checks.condition(condition, self.condition_size)
        # A plain class, so that Keras does not track its tuples.
        self._condition = condition

    @property
    def terms(self) -> Terms:
        everywhere = Term("").shown
        terms = {"elbo": Term("ELBO", better="higher", shown=everywhere - {"curves"})}
        if (samples := self.objective.num_samples) > 1:
            terms["iwae"] = Term(f"IWAE, K = {samples}", better="higher", shown=frozenset({"report", "card"}))
        return {
            **terms,
            "loss": Term("loss", better="lower", shown=frozenset({"progress", "curves"})),
            "reconstruction": Term("reconstruction", better="higher"),
            "kl": Term("KL"),
            "regularization": Term("regularization", shown=frozenset({"report"})),
            "kl_ratio": Term("KL / reconstruction", "", shown=frozenset({"curves"}), digits=3, compute=_kl_ratio),
            "active_units": Term("active units", f"of {self.latent_dim}", "higher", everywhere - {"card"}, digits=0),
            "squared_error_per_value": Term(
                "squared error", "a value, in model units", "lower", frozenset({"report", "card"}), digits=4
            ),
        }

    def objectives(self) -> list[Objective]:
        # Only these parts: a family that adds a part may train it with another objective.
        variables = [variable for part in VAE.parts for variable in getattr(self, part).trainable_variables]
        return [Objective("vae", variables, self.loss_terms)]

    def schedule(self, step: tf.Tensor | None = None, steps_per_epoch: int = 1) -> Schedule:
        if step is None:
            values = {"kl_weight": self.objective.kl_weight, "capacity": self.objective.capacity}
            return {name: value for name, value in values.items() if value is not None}
        values = {"kl_weight": schedules.kl_weight(step, self.objective, steps_per_epoch)}
        if self.objective.capacity is not None:
            values["capacity"] = schedules.capacity(step, self.objective, steps_per_epoch)
        return values

    def test_terms(self, batch: Batch) -> dict[str, tf.Tensor]:
        """The mean squared error per value of the reconstruction at the point of q(z|x); it costs another
        pass through the encoder and the decoder."""
        error = tf.square(batch.x - tf.cast(self.reconstruct(batch.x, batch.y), batch.x.dtype))
        return {"squared_error_per_value": tf.reduce_mean(tf.reshape(error, [tf.shape(error)[0], -1]), axis=1)}

    def summarise(self, means: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Mean terms as values for JSON, with the active units instead of the moments of z_mean."""
        figures = super().summarise({name: v for name, v in means.items() if not name.startswith("z_mean")})
        return {**figures, "active_units": metrics.active_units(means["z_mean"], means["z_mean_square"])}

    def signatures(self) -> list[Signature]:
        return exported.signatures(self)

    def loss_terms(self, batch: Batch, address: noise.Address, schedule: Schedule, training: bool = True) -> Loss:
        """The loss of each example, in nats, with its terms; see `tfvae.objectives.bound.vae_loss`.

        Args:
          batch: x in model units, and y for a conditional model.
          address: seed, purpose and step of the posterior noise.
          schedule: weight and capacity at this step.
          training: passed on to the networks.
        """
        samples = self.objective.num_samples
        outputs, prior = self.infer(batch.x, batch.y, training)
        address = address._replace(first_example=batch.first_example)
        latent = self.posterior.sample(outputs, prior, address, samples=samples, log_q=samples > 1)
        reconstruction = self.likelihood.log_prob(batch.x, self.parameters(latent.z, batch.y, training))
        log_ratio = prior.log_prob(latent.z) - latent.log_q if samples > 1 else None
        loss = vae_loss(reconstruction, latent.kl, schedule, self.objective, log_ratio)
        if added := [value for part in VAE.parts for value in getattr(self, part).losses]:
            # A constant of the batch, so that the mean over examples, replicas and micro-batches is what Keras adds.
            total = tf.add_n([tf.cast(value, loss.total.dtype) for value in added])
            rows = tf.fill(tf.shape(loss.total), total)
            loss = loss._replace(total=loss.total + rows, terms={**loss.terms, "regularization": rows})
        # The two moments from which the active units are computed.
        point = self.posterior.point(outputs)
        point = tf.reshape(point, [-1, self.latent_dim])
        return loss._replace(terms={**loss.terms, "z_mean": point, "z_mean_square": tf.square(point)})

    def infer(self, x: tf.Tensor, y: tf.Tensor | None = None, training: bool = False) -> tuple[Tensors, Density]:
        """The encoder's outputs by name, and the prior bound to the batch, for x in model units."""
        prior = self.prior.bind(lambda other: self.encoded(other, y, training), y)
        return self.encoded(x, y, training), prior

    def encoded(self, x: tf.Tensor, y: tf.Tensor | None = None, training: bool = False) -> Tensors:
        """The encoder's outputs by name, for x in model units."""
        return calling.call(self.encoder, list(self.posterior.outputs(self.latent_shape)), x, y, training)

    def draw_posterior(
        self,
        x: tf.Tensor,
        y: tf.Tensor | None,
        address: noise.Address,
        samples: int = 1,
        log_q: bool = False,
    ) -> tuple[LatentSample, Density]:
        """Draws of q(z|x), and the prior bound to the batch, for x in model units."""
        outputs, prior = self.infer(x, y)
        return self.posterior.sample(outputs, prior, address, samples=samples, log_q=log_q), prior

    def parameters(self, z: tf.Tensor, y: tf.Tensor | None = None, training: bool = False) -> Tensors:
        """The decoder's outputs by name, `[…, batch, *shape]` for z `[…, batch, *latent_shape]` and y `[batch, C]`."""
        names = list(self.likelihood.outputs(self.event_shape))
        leading = z.shape.rank - len(self.latent_shape)
        if leading == 1:
            return calling.call(self.decoder, names, z, y, training)
        if y is not None and self.condition_size is not None:
            repeats = tf.reduce_prod(tf.shape(z)[: leading - 1])
            y = tf.tile(y, [repeats, 1])
        outputs = calling.call(self.decoder, names, tf.reshape(z, [-1, *self.latent_shape]), y, training)
        before = tf.shape(z)[:leading]
        return {name: tf.reshape(v, tf.concat([before, v.shape[1:]], 0)) for name, v in outputs.items()}

    def facts(self) -> dict[str, Any]:
        condition = None if self.condition is None else self.condition.to_dict()
        return {**super().facts(), "condition": condition}

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        super().set_facts(facts)
        if facts["condition"] is not None:
            self.condition = Condition.from_dict(facts["condition"])

    def arguments(self) -> dict[str, Any]:
        condition = None if self.condition is None else self.condition.to_dict()
        return {"condition": condition, **dataclasses.asdict(self.objective)}


def _renamed(objective: dict[str, Any]) -> dict[str, Any]:
    """The settings with kl_weight under its own name."""
    if "kl_weight" in objective:
        raise UserError("kl_loss_weight: is another name of kl_weight; pass one of them.")
    _say_the_name()
    return {"kl_weight" if name == "kl_loss_weight" else name: value for name, value in objective.items()}


@functools.cache
def _say_the_name() -> None:
    warnings.warn("kl_loss_weight: taken as kl_weight, which is its name in tfvae.", stacklevel=5)


def _kl_ratio(figures: Mapping[str, Any]) -> float:
    return float(abs(figures["kl"]) / abs(figures["reconstruction"]))
