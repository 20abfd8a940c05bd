"""The arithmetic of docs/distributed.md."""

from pathlib import Path

import pytest

from benchmarks import scaling

DOCS = Path(__file__).parents[2] / "docs" / "distributed.md"


def test_prints_the_tables_of_the_docs(capsys):
    assert scaling.main() == 0
    tables = capsys.readouterr().out.strip().split("\n\n")
    assert len(tables) == 2
    assert all(table in DOCS.read_text() for table in tables)


def test_the_link_that_is_needed_scales_to_the_target():
    size = scaling.Size(parameters=10_000_000, operations=1e9)
    assert scaling.sent(size, 8) == 7 / 4 * 4e7
    for gpus in (8, 64):
        link = scaling.needed(size, 0.1, gpus)
        assert scaling.efficiency(size, 0.1, gpus, link) == pytest.approx(scaling.TARGET)
    assert scaling.needed(size, 1e-3, 64) is None


def test_a_network_is_counted():
    # By hand: a 3x3 convolution of 2 to 4 channels on 5x5, then 100 values to 3.
    import keras

    x = keras.Input([5, 5, 2])
    y = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Conv2D(4, 3, padding="same")(x)))
    assert sum(map(scaling._operations, keras.Model(x, y).layers)) == 2 * (9 * 2 * 4 * 25 + 100 * 3)
