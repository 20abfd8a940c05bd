"""The curves of a run: what is drawn, missing values, and cut epochs."""

from __future__ import annotations

import numpy as np
import pytest

from tfvae.models.terms import Term
from tfvae.plots import curves as module

TERMS = {
    "elbo": Term("ELBO", shown=frozenset({"report"})),
    "loss": Term("loss"),
    "reconstruction": Term("reconstruction"),
    "kl": Term("KL"),
    "ratio": Term("KL / reconstruction", "", compute=lambda part: part["kl"] / abs(part["reconstruction"])),
    "active_units": Term("active units", "of 3", digits=0),
}


def curves(metrics):
    return module.curves(metrics, TERMS, ("kl_weight", "capacity"))


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


def test_each_term_has_a_panel_with_its_unit(words):
    figure = curves(lines(3))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["Loss", "Reconstruction", "KL", "KL / reconstruction", "Active units", "Gradient norm"]
    units = [axes.get_ylabel() for axes in figure.axes]
    assert units == [*3 * ["nats per example"], "KL / reconstruction", "active units of 3", "global norm"]
    assert panel(figure, "KL / rec").get_lines()[0].get_ydata().tolist() == [0.25] * 3
    assert panel(figure, "Rec").get_lines()[0].get_ydata().tolist() == [-4.0] * 3


def test_the_terms_of_another_family(words, cut_off):
    terms = {name: Term(name, "bits") for name in ("code_length", "critic/loss")}
    figure = module.curves([{"epoch": 1, "train": {"code_length": 3.0, "critic/loss": 1.0}, "validation": {}}], terms)
    assert [axes.get_title("left") for axes in figure.axes] == ["Code_length", "Critic/loss", "Gradient norm"]
    assert "bits" in words(figure)
    assert cut_off(figure) == []


def test_the_weight_takes_the_last_panel_where_it_moves(words):
    metrics = lines(4)
    for i, line in enumerate(metrics):
        line["train"]["kl_weight"] = i / 4
    assert panel(curves(metrics), "Schedule of kl_weight").get_lines()[0].get_ydata().tolist() == [0, 0.25, 0.5, 0.75]
    assert "validation at the final kl_weight" in words(curves(metrics))
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
    assert "out of view" not in panel(curves(lines(60)), "KL").get_xlabel()
