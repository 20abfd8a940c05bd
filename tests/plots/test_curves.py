"""The curves of a run: what is drawn, what is missing, what is out of view."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.plots.curves import curves


def lines(count, **also):
    part = {"loss": 5.0, "reconstruction": -4.0, "kl": 1.0, "active_units": 2, "gradient_norm": 3.0, "kl_weight": 1.0}
    return [
        {"epoch": e, "train": {**part, "loss": 5.0 + 1 / e, **also}, "validation": {**part, "loss": 6.0}}
        for e in range(1, count + 1)
    ]


def panel(figure, title):
    return next(axes for axes in figure.axes if axes.get_title("left").startswith(title))


@pytest.mark.parametrize("count", [1, 2, 50])
def test_both_splits_are_drawn_over_the_epochs(count, words, cut_off):
    figure = curves(lines(count))
    train, validation = panel(figure, "Loss").get_lines()
    np.testing.assert_allclose(train.get_xydata()[:, 1], [5 + 1 / e for e in range(1, count + 1)])
    assert validation.get_label() == "validation"
    assert f"Training over {count} epoch" in words(figure)
    assert cut_off(figure) == []


def test_the_ratio_is_of_sizes_and_reconstruction_is_an_error():
    figure = curves(lines(3))
    assert panel(figure, "KL / rec").get_lines()[0].get_ydata().tolist() == [0.25] * 3
    assert panel(figure, "Rec").get_lines()[0].get_ydata().tolist() == [4.0] * 3


def test_the_weight_takes_the_last_panel_where_it_moves():
    metrics = lines(4)
    for i, line in enumerate(metrics):
        line["train"]["kl_weight"] = i / 4
    assert panel(curves(metrics), "KL weight").get_lines()[0].get_ydata().tolist() == [0, 0.25, 0.5, 0.75]
    assert panel(curves(lines(4)), "Gradient norm").get_yscale() == "log"


def test_what_is_missing_is_left_out(words):
    metrics = [{"epoch": 1, "train": {"loss": 1.0}, "validation": None}, {"epoch": 2, "train": {"loss": None}}]
    figure = curves(metrics)
    assert [line.get_label() for line in panel(figure, "Loss").get_lines()] == ["train"]
    assert "not recorded" in words(figure)


def test_a_zero_reconstruction_has_no_ratio():
    figure = curves(lines(2, reconstruction=0.0))
    assert [line.get_label() for line in panel(figure, "KL / rec").get_lines()] == ["validation"]


def test_an_early_plunge_is_cut_and_said():
    metrics = lines(60)
    metrics[0]["train"]["loss"] = 1e4
    axes = panel(curves(metrics), "Loss")
    assert axes.get_ylim()[1] < 10
    assert "out of view" in axes.get_xlabel()
    assert "out of view" not in panel(curves(lines(60)), "KL(").get_xlabel()
