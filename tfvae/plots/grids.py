"""Grids of images, with labelled rows and columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tfvae.errors import UserError
from tfvae.plots.style import LONGEST_NAME, WIDTH, new_figure, styled, text

Images = NDArray[np.floating]


def tile(images: Images, gap: float = 0.08) -> NDArray[np.float32]:
    """One RGB image made of a grid of images on white.

    Args:
      images: floats [rows, columns, height, width, channels] in [0, 1]; values outside are clipped. One channel is
        grey, three are colour, four are colour and alpha, laid on white; for any other number only the first channel
        is shown.
      gap: white space between two images, as a fraction of the shorter side; 0 for none.

    Returns:
      float32 [height', width', 3] in [0, 1].

    Raises:
      UserError: the array does not have five axes.
    """
    if images.ndim != 5:
        raise UserError(f"grid of images: got shape {images.shape}, expected [rows, columns, height, width, channels].")
    rows, columns, height, width, _ = images.shape
    colours = _colours(np.clip(images, 0.0, 1.0))
    space = _space(images, gap)
    cells = np.pad(colours, ((0, 0), (0, 0), (0, space), (0, space), (0, 0)), constant_values=1.0)
    flat = cells.transpose(0, 2, 1, 3, 4).reshape(rows * (height + space), columns * (width + space), 3)
    return flat[: flat.shape[0] - space, : flat.shape[1] - space].astype(np.float32)


def _colours(images: Images) -> Images:
    channels = images.shape[-1]
    if channels == 4:
        alpha = images[..., 3:]
        return images[..., :3] * alpha + (1.0 - alpha)
    return images if channels == 3 else np.repeat(images[..., :1], 3, axis=-1)


def show_grid(
    axes: Axes,
    images: Images,
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    gap: float = 0.08,
) -> None:
    """Draws a grid of images [rows, columns, height, width, channels]; empty labels are left out."""
    height, width = images.shape[2:4]
    space = _space(images, gap)
    axes.imshow(tile(images, gap))
    axes.grid(False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    across = [(i, label) for i, label in enumerate(column_labels) if label]
    down = [(i, label) for i, label in enumerate(row_labels) if label]
    axes.set_xticks([i * (width + space) + (width - 1) / 2 for i, _ in across], [label for _, label in across])
    axes.set_yticks([i * (height + space) + (height - 1) / 2 for i, _ in down], [label for _, label in down])


def grid_height(images: Images, width: float = WIDTH) -> float:
    """Height in inches of a grid of images [rows, columns, height, width, channels] drawn `width` inches wide."""
    rows, columns, height, across = images.shape[:4]
    return width * rows * height / (columns * across)


def channel_note(images: Images) -> str:
    """A note for the title if only one of several channels is shown."""
    return "" if images.shape[-1] in (1, 3, 4) else f" (channel 0 of {images.shape[-1]} shown)"


@styled
def samples(images: Images, seed: int, *, when: str = "") -> Figure:
    """Images decoded from samples of the prior, in a roughly square grid.

    Args:
      images: floats [n, height, width, channels] in [0, 1].
      seed: the seed that reproduces them, for the title.
      when: words for the title, such as "after epoch 3".
    """
    columns = min(len(images), max(1, round(np.sqrt(len(images) * images.shape[1] / images.shape[2]))))
    rows = -(-len(images) // columns)
    filled = np.ones((rows * columns, *images.shape[1:]), np.float32)
    filled[: len(images)] = images
    grid = filled.reshape(rows, columns, *images.shape[1:])
    title = " ".join(f"{len(images)} samples from the prior {when}".split()) + f", seed {seed}{channel_note(images)}"
    figure = new_figure(title, 0.5 + grid_height(grid, 6.0), 6.2)
    show_grid(figure.add_subplot(), grid)
    return figure


@styled
def class_samples(images: Images, class_names: Sequence[str], seed: int) -> Figure:
    """Samples of each class, one row per class; the images of a column share their noise and differ only in the class.

    Args:
      images: floats [rows, columns, height, width, channels] in [0, 1].
      class_names: of all classes; the rows are the first of them.
      seed: the seed that reproduces them, for the title.
    """
    rows = len(images)
    rest = f" (first {rows} of {len(class_names)} classes)" if rows < len(class_names) else ""
    title = f"Samples of each class{rest}; a column shares its noise, seed {seed}{channel_note(images)}"
    names = [text(name, LONGEST_NAME) for name in class_names[:rows]]
    figure = new_figure(title, 0.5 + grid_height(images, 6.0), 6.3 + 0.085 * max(map(len, names)))
    show_grid(figure.add_subplot(), images, row_labels=names)
    return figure


def _space(images: Images, gap: float) -> int:
    return max(1, round(gap * min(images.shape[2:4]))) if gap else 0
