"""The pictures of a run: what each needs from the model and its data, and which function draws it.

The table imports little: drawing functions are imported when a picture is drawn.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tfvae.errors import UserError, reason

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tfvae.data.splits import DataSet
    from tfvae.models.vae import VAE
    from tfvae.plots.subject import Subject

# Each capability of `tfvae.models.capabilities` that a picture needs, worded to follow "needs".
WORDS = {
    "metrics": "the metrics of an epoch",
    "images": "images",
    "rows": "rows of numbers",
    "two columns": "two columns or more",
    "two examples": "two examples or more",
    "vector latents": "latents without a grid",
    "two dimensions": "two latent dimensions",
    "three dimensions": "three latent dimensions",
    "more dimensions": "more than three latent dimensions",
    "gaussian prior": "a Gaussian prior",
    "correlated prior": "a Gaussian prior other than N(0, I)",
    "diagonal posterior": "a diagonal Gaussian posterior",
    "kl per dimension": "a KL of each latent dimension",
    "sampling": "a prior that can be sampled",
    "label condition": "a model conditioned on class labels",
}


class Picture(NamedTuple):
    """One picture; several rows with one name are its variants for different models or data.

    Attributes:
      name: of the PNG, without its suffix.
      needs: capabilities that it requires.
      draw: "module:function" in `tfvae.plots`; the function takes a `Subject` and returns a figure.
    """

    name: str
    needs: frozenset[str]
    draw: str

    def figure(self, subject: Subject) -> Figure:
        """Draws the picture."""
        module, _, function = self.draw.partition(":")
        figure: Figure = getattr(importlib.import_module(f"tfvae.plots.{module}"), function)(subject)
        return figure


class Drawn(NamedTuple):
    """The result of `draw`.

    Attributes:
      files: the pictures written, in the order of drawing.
      left_out: one sentence that names the pictures left out, and what each needs.
      failed: the pictures that could not be drawn, each with the reason.
    """

    files: list[Path]
    left_out: str
    failed: tuple[tuple[str, str], ...] = ()


def _picture(name: str, draw: str, *needs: str) -> Picture:
    return Picture(name, frozenset(needs), draw)


PICTURES = (
    _picture("curves", "latent_pictures:curves", "metrics"),
    _picture("kl_per_dimension", "latent_pictures:kl_per_dimension", "kl per dimension"),
    _picture("latent_variance", "latent_pictures:latent_variance", "vector latents", "diagonal posterior"),
    _picture("latent_scatter", "latent_pictures:scatter_2d", "two dimensions"),
    _picture("latent_scatter", "latent_pictures:scatter_3d", "three dimensions"),
    _picture(
        "latent_scatter",
        "latent_pictures:scatter_most_kl",
        "more dimensions",
        "correlated prior",
        "kl per dimension",
    ),
    _picture("latent_projections", "latent_pictures:projections", "three dimensions"),
    _picture("covariance", "latent_pictures:covariance", "correlated prior"),
    _picture("reconstructions", "image_pictures:reconstructions", "images"),
    _picture("reconstructions", "row_pictures:reconstructions", "rows"),
    _picture("samples", "image_pictures:samples", "images", "sampling"),
    _picture("class_samples", "image_pictures:class_samples", "images", "sampling", "label condition"),
    _picture("real_and_generated", "row_pictures:real_and_generated", "rows", "two columns", "sampling"),
    _picture("histograms", "row_pictures:histograms", "rows", "sampling"),
    _picture(
        "traversals", "image_pictures:traversals", "images", "vector latents", "gaussian prior", "kl per dimension"
    ),
    _picture("traversals", "row_pictures:traversals", "rows", "vector latents", "gaussian prior", "kl per dimension"),
    _picture("interpolations", "image_pictures:interpolations", "images", "two examples"),
    _picture("interpolations", "row_pictures:interpolations", "rows", "two examples"),
    _picture("manifold", "image_pictures:manifold", "images", "two dimensions", "gaussian prior"),
    _picture("manifold_slices", "image_pictures:manifold_slices", "images", "three dimensions", "gaussian prior"),
)


def draw(vae: VAE, data: DataSet, metrics: Sequence[Mapping[str, Any]], folder: Path) -> Drawn:
    """Draws every picture that the model and the data allow, as PNG; `docs/pictures.md` explains them.

    A picture that fails is reported in the result, and the others are drawn.

    Args:
      vae: the trained model.
      data: the source of the test examples; without a test split, validation or else training examples are used.
      metrics: the lines of `metrics.jsonl`; empty: no curves.
      folder: to write to; created if missing. A picture of the same name is replaced.

    Raises:
      UserError: nothing can be written to the folder, or no example can be read.
    """
    from tfvae.plots.style import save
    from tfvae.plots.subject import Subject

    _writable(folder)
    subject = Subject(vae, data, metrics)
    able = subject.capabilities
    files, failed = [], []
    for picture in PICTURES:
        if picture.needs <= able:
            try:
                files.append(save(picture.figure(subject), folder / f"{picture.name}.png"))
            except Exception as error:  # whatever it is, it must not cost the other pictures or the run
                failed.append((picture.name, reason(error)))
    return Drawn(files, left_out(able), tuple(failed))


def draw_samples(vae: VAE, data: DataSet, path: Path, *, when: str = "", seed: int = 0) -> Path | None:
    """Draws samples from the prior, always with the same noise, so that two pictures of one run can be compared.

    Images: means of p(x|z) in a grid. Rows: draws of p(x|z) beside real rows, over the two most correlated columns.

    Args:
      vae: the model, trained or in training.
      data: its data set, for the real rows.
      path: the PNG to write.
      when: words for the title, such as "after epoch 3".
      seed: of the noise.

    Returns:
      The path; None if the prior cannot be sampled.
    """
    from tfvae.plots.style import save
    from tfvae.plots.subject import Subject

    subject = Subject(vae, data, seed=seed, when=when)
    for picture in PICTURES:
        if picture.name in ("samples", "real_and_generated", "histograms") and picture.needs <= subject.capabilities:
            return save(picture.figure(subject), path)
    return None


def left_out(able: frozenset[str]) -> str:
    """One sentence that lists the pictures left out for a model with these capabilities, and what each needs.

    Example:
      >>> left_out(frozenset(WORDS) - {"label condition"})
      'Left out: class_samples (needs a model conditioned on class labels).'
    """
    reasons: dict[str, list[str]] = {}
    for name in dict.fromkeys(picture.name for picture in PICTURES):
        missing = min((picture.needs - able for picture in PICTURES if picture.name == name), key=len)
        if missing:
            reasons.setdefault(_in_words(missing), []).append(name)
    parts = [
        f"{', '.join(names)} ({'needs' if len(names) == 1 else 'need'} {reason})" for reason, names in reasons.items()
    ]
    return f"Left out: {'; '.join(parts)}." if parts else ""


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"{folder}: pictures cannot be written there ({(error.strerror or str(error)).lower()}); make the folder "
            "writable, or copy the run folder to another place."
        ) from error


def table() -> list[tuple[str, str]]:
    """Each picture's name, and its needs in words."""
    rows = []
    for name in dict.fromkeys(picture.name for picture in PICTURES):
        forms = [picture.needs for picture in PICTURES if picture.name == name]
        common = frozenset.intersection(*forms)
        parts = [", or ".join(_in_words(needs - common) for needs in forms), _in_words(common)]
        rows.append((name, "; ".join(part for part in parts if part)))
    return rows


def _in_words(needs: frozenset[str]) -> str:
    return ", ".join(words for need, words in WORDS.items() if need in needs)
