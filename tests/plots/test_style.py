"""The style does not change matplotlib's settings, and pictures are written atomically."""

from __future__ import annotations

import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from tfvae.plots import style


def test_styled_restores_the_callers_settings():
    before = dict(matplotlib.rcParams)
    inside = style.styled(lambda: matplotlib.rcParams["axes.titlelocation"])()
    assert inside == "left"
    assert dict(matplotlib.rcParams) == before


def test_save_writes_a_png_and_leaves_nothing_else(tmp_path):
    path = style.save(style.new_figure("a title", 2.0), tmp_path / "new" / "picture.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")

    def breaks(self, name, **_):
        name.write_bytes(b"half")
        raise OSError("no space")

    monkeypatch.setattr(Figure, "savefig", breaks)
    with pytest.raises(OSError, match="no space"):
        style.save(style.new_figure("a title", 2.0), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_every_class_looks_different_up_to_eighty():
    assert len({style.class_style(i) for i in range(80)}) == 80


def test_class_names_are_those_given_and_numbers_beyond():
    assert style.class_names(np.array([2, 0, 0, 7]), ("cat", "dog", "owl")) == [(0, "cat"), (2, "owl"), (7, "7")]


def test_words_of_users_are_drawn_as_they_are(words):
    figure = style.new_figure(style.text("price_$ $x$"), 2.0)
    assert "price" in words(figure)
    assert style.text("_hidden").startswith(" ")
    assert style.text("a" * 30, 10) == "a" * 9 + "…"


def test_classes_without_a_name_and_unlabelled_examples():
    assert style.class_names(np.array([0, -1, 2, 0]), ("cat", "dog")) == [(-1, "unlabelled"), (0, "cat"), (2, "2")]


def test_letters_that_no_font_has_are_replaced_quietly(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "_fonts", lambda: (style.FONT,))
    style._letters.cache_clear()
    try:
        assert style.text("猫 cat ü 犬") == "□ cat ü □"
        assert style.text("a\ncat\x00") == "a□cat□"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            style.save(style.new_figure(style.text("猫"), 2.0), tmp_path / "a.png")
    finally:
        style._letters.cache_clear()
