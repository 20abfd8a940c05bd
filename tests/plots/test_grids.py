"""Images in grids: positions, clipping, channels, labels."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.errors import UserError
from tfvae.plots.grids import channel_note, class_samples, samples, tile
from tfvae.plots.interpolations import column_interpolations, interpolations
from tfvae.plots.reconstructions import column_reconstructions, reconstructions


def test_tile_puts_each_image_in_its_row_and_column():
    images = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1, 1) / 10 * np.ones((2, 3, 4, 5, 1), np.float32)
    joined = tile(images, gap=0)
    assert joined.shape == (8, 15, 3)
    np.testing.assert_allclose(joined[0::4, 0::5, 0], [[0, 0.1, 0.2], [0.3, 0.4, 0.5]])


def test_tile_leaves_white_between_images_and_none_around():
    joined = tile(np.zeros((2, 2, 10, 10, 1)), gap=0.1)
    assert joined.shape == (21, 21, 3)
    assert (joined[10] == 1).all()
    assert (joined[:10, :10] == 0).all()
    assert (joined[-1, -1] == 0).all()


def test_values_outside_are_clipped_and_colours_kept():
    image = np.array([[[[[-1.0, 0.5, 2.0]]]]])
    np.testing.assert_array_equal(tile(image, gap=0)[0, 0], np.float32([0, 0.5, 1]))


@pytest.mark.parametrize("channels", [2, 5])
def test_other_channel_counts_show_the_first_and_say_so(channels, words):
    images = np.random.default_rng(0).random((1, 1, 3, 3, channels))
    np.testing.assert_allclose(tile(images, gap=0)[..., 2], images[0, 0, ..., 0], rtol=1e-6)
    assert channel_note(images) == f" (channel 0 of {channels} shown)"
    assert f"channel 0 of {channels}" in words(samples(images[0], seed=0))


def test_tile_needs_five_axes():
    with pytest.raises(UserError, match=r"\(2, 3, 3, 1\)"):
        tile(np.zeros((2, 3, 3, 1)))


@pytest.mark.parametrize("count", [1, 7, 100])
def test_samples_say_how_many_and_from_which_seed(count, words, cut_off):
    figure = samples(np.zeros((count, 8, 6, 1), np.float32), 42, when="after epoch 3")
    assert f"{count} samples from the prior after epoch 3, seed 42" in words(figure)
    assert cut_off(figure) == []


@pytest.mark.parametrize("count", [1, 3, 20])
def test_reconstructions_name_rows_and_classes(count, words, cut_off):
    x = np.random.default_rng(0).random((count, 8, 8, 1))
    figure = reconstructions(x, 0.5 * x, names=[f"class {i}" for i in range(count)])
    said = words(figure)
    for word in (f"{count} test images", "original", "reconstruction", "class 0", f"class {count - 1}"):
        assert word in said
    assert cut_off(figure) == []
    shown = figure.axes[0].get_images()[0].get_array()
    np.testing.assert_allclose(shown[:8, :8, 0], x[0, ..., 0], rtol=1e-6)
    np.testing.assert_allclose(shown[-8:, :8, 0], 0.5 * x[0, ..., 0], rtol=1e-6)


def test_column_reconstructions_draw_a_panel_a_column_and_say_which(words, cut_off):
    x = np.random.default_rng(0).normal(size=(30, 14))
    figure = column_reconstructions(x, 0.9 * x, [f"column {i}" for i in range(14)])
    said = words(figure)
    assert "first 12 of 14 columns" in said
    assert "column 11" in said
    assert "column 12" not in said
    assert cut_off(figure) == []
    drawn = figure.axes[3].get_lines()[1].get_xydata()
    np.testing.assert_array_equal(drawn, np.stack([x[:, 3], 0.9 * x[:, 3]], axis=1))


def test_interpolations_show_both_paths_between_their_originals(words, cut_off):
    generator = np.random.default_rng(0)
    straight, great = generator.random((2, 3, 5, 8, 8, 1))
    starts, ends = generator.random((2, 3, 8, 8, 1))
    figure = interpolations(straight, great, starts, ends)
    for word in ("linear", "spherical", "original", "0.25"):
        assert word in words(figure)
    assert len(figure.axes) == 3
    shown = figure.axes[1].get_images()[0].get_array()[..., 0]
    np.testing.assert_allclose(shown[:8, :8], starts[1, ..., 0], rtol=1e-6)
    np.testing.assert_allclose(shown[:8, 9:17], straight[1, 0, ..., 0], rtol=1e-6)
    np.testing.assert_allclose(shown[9:, 9:17], great[1, 0, ..., 0], rtol=1e-6)
    np.testing.assert_allclose(shown[:8, -8:], ends[1, ..., 0], rtol=1e-6)
    assert cut_off(figure) == []


def test_column_interpolations_keep_the_columns_that_move(words):
    paths = np.zeros((2, 5, 12))
    paths[:, -1, 2:10] = 1.0
    figure = column_interpolations(paths, paths, [f"column {i:02d}" for i in range(12)])
    said = words(figure)
    assert "column 02" in said
    assert "column 00" not in said
    assert "8 that change most" in said


@pytest.mark.parametrize(("rows", "classes"), [(3, 3), (20, 100)])
def test_samples_of_classes_name_their_rows(rows, classes, words, cut_off):
    names = [f"class number {i} of a long name" for i in range(classes)]
    figure = class_samples(np.zeros((rows, 10, 8, 8, 1)), names, seed=3)
    said = words(figure)
    assert "class number 0 of a l…" in said
    assert (f"first {rows} of {classes} classes" in said) == (rows < classes)
    assert "seed 3" in said
    assert cut_off(figure) == []


def test_colours_with_alpha_lie_on_white():
    images = np.array([[1.0, 0.0, 0.5, 1.0], [1.0, 0.0, 0.5, 0.25], [1.0, 0.0, 0.5, 0.0]]).reshape(1, 1, 1, 3, 4)
    np.testing.assert_allclose(tile(images)[0], [[1, 0, 0.5], [1, 0.75, 0.875], [1, 1, 1]], rtol=1e-6)
    assert channel_note(images) == ""
