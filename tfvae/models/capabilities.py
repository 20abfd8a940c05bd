"""What a model can do with a data set; pictures, metrics and findings that need more are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfvae import noise
from tfvae.data import views
from tfvae.data.splits import DataSet
from tfvae.latent.density import DiagonalDensity
from tfvae.latent.priors import Prior

DIMENSIONS = {2: "two dimensions", 3: "three dimensions"}


def capabilities(model: Any, data: DataSet, metrics: Sequence[Mapping[str, Any]] = ()) -> frozenset[str]:
    """The capabilities of a model and its data, by name; `tfvae.plots.gallery.WORDS` describes each.

    Args:
      model: a model with a latent space.
      data: its data set.
      metrics: the lines of `metrics.jsonl`.
    """
    recorded = frozenset({"metrics"} if metrics else ())
    return recorded | _of_data(data) | _of_model(model) | _of_latents(model, data)


def gaussian_prior(model: Any) -> Any:
    """The prior as one Gaussian for all examples; None if it is not such a prior."""
    gaussian = model.prior.as_gaussian()
    return None if gaussian is None or gaussian.kind == "batch" else gaussian


def _of_data(data: DataSet) -> frozenset[str]:
    values = int(tf.TensorShape(data.shape).num_elements())
    names = {"images"} if len(data.shape) == 3 else {"rows", *(["two columns"] if values > 1 else [])}
    return frozenset(names | ({"two examples"} if len(getattr(data, views.held_out(data))) > 1 else set()))


def _of_model(model: Any) -> frozenset[str]:
    names = set()
    gaussian = gaussian_prior(model)
    if gaussian is not None:
        names.add("gaussian prior")
        factor, mean = gaussian.scale_tril, gaussian.mean
        standard = tf.reduce_all(factor == tf.eye(mean.shape[0], dtype=factor.dtype)) & tf.reduce_all(mean == 0)
        if not standard:
            names.add("correlated prior")
    if model.prior.noise_shape is not None or type(model.prior).sample is not Prior.sample:
        names.add("sampling")
    if model.condition_size is not None and model.condition is not None and model.condition.kind == "label":
        names.add("label condition")
    if len(model.latent_shape) == 1:
        names.add("vector latents")
        if model.latent_dim in DIMENSIONS:
            names.add(DIMENSIONS[model.latent_dim])
        if model.latent_dim > max(DIMENSIONS):
            names.add("more dimensions")
    return frozenset(names)


def _of_latents(model: Any, data: DataSet) -> frozenset[str]:
    """Capabilities that can be seen from the latents of one example."""
    view = views.first(data, views.held_out(data), 1, condition=model.condition)
    x, y = tf.constant(view.x), None if model.condition_size is None else tf.constant(view.y)
    outputs, prior = model.infer(x, y)
    names = set()
    if isinstance(model.posterior.density(outputs), DiagonalDensity):
        names.add("diagonal posterior")
    kl = model.posterior.sample(outputs, prior, noise.Address(0, noise.EVALUATION)).kl
    if kl is not None:
        names |= {"kl", *(["kl per dimension"] if kl.shape[1] == model.latent_dim else [])}
    return frozenset(names)
