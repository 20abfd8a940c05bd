"""Pictures of the run and its latent space, from a subject."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import covariance as covariances
from tfvae.plots import curves as epochs
from tfvae.plots import latent_kl
from tfvae.plots import scatter as scatters
from tfvae.plots.subject import Subject


def curves(subject: Subject) -> Figure:
    """The terms of the model by epoch."""
    return epochs.curves(subject.metrics, subject.vae.terms, tuple(subject.vae.schedule()))


def kl_per_dimension(subject: Subject) -> Figure:
    """The KL of each dimension; for spatial latents, of each channel, summed over its positions."""
    shape = subject.vae.latent_shape
    kl = subject.kl.reshape(-1, shape[-1]).sum(axis=0)
    return latent_kl.kl_per_dimension(kl, examples=subject.examples, unit="dimension" if len(shape) == 1 else "channel")


def latent_variance(subject: Subject) -> Figure:
    """The variance of each dimension in its two parts, with that of a Gaussian prior."""
    prior = np.diag(subject.prior_moments[1]) if "gaussian prior" in subject.capabilities else None
    between, within = subject.codes.var(axis=0), subject.code_variances.mean(axis=0)
    return latent_kl.variance_per_dimension(between, within, prior, examples=subject.examples)


def scatter_2d(subject: Subject) -> Figure:
    """Codes over two latent dimensions."""
    return _scatter(subject, (0, 1))


def scatter_3d(subject: Subject) -> Figure:
    """Codes in three dimensions."""
    labels, names = subject.view.labels, subject.data.label_names
    return scatters.latent_scatter_3d(subject.codes, labels, names, examples=subject.examples)


def projections(subject: Subject) -> Figure:
    """Codes in three latent dimensions, from three sides."""
    labels, names = subject.view.labels, subject.data.label_names
    return scatters.latent_projections(subject.codes, labels, names, prior=_prior(subject), examples=subject.examples)


def scatter_most_kl(subject: Subject) -> Figure:
    """Codes over the two dimensions with most KL."""
    first, second = sorted(subject.by_kl[:2])
    return _scatter(subject, (first, second))


def covariance(subject: Subject) -> Figure:
    """The covariance of the prior."""
    return covariances.covariance(subject.prior_moments[1])


def _scatter(subject: Subject, dimensions: tuple[int, int]) -> Figure:
    labels, names = subject.view.labels, subject.data.label_names
    return scatters.latent_scatter(
        subject.codes, labels, names, prior=_prior(subject), dimensions=dimensions, examples=subject.examples
    )


def _prior(subject: Subject) -> scatters.Gaussian | None:
    return scatters.Gaussian(*subject.prior_moments) if "gaussian prior" in subject.capabilities else None
