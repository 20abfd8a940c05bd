"""The command that keeps the presets' figures."""

import json

import pytest

from benchmarks import presets


@pytest.mark.slow
def test_keeps_the_figures_of_a_run_and_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(presets, "RESULTS", tmp_path / "presets")
    quick = ["training.epochs=1", "training.jit=off", "network.hidden=[8]"]
    monkeypatch.setattr("sys.argv", ["presets", "digits", "--data", str(tmp_path), "--set", *quick])
    assert presets.main() == 0
    kept = json.loads((tmp_path / "presets" / "digits.json").read_text())
    assert kept["epochs"] == 1
    table = (tmp_path / "presets" / "README.md").read_text()
    assert f"| digits | {-kept['test']['elbo']:.2f} |" in table
    assert table in capsys.readouterr().out


def test_an_unknown_preset_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["presets", "digit"])
    assert presets.main() == 2
    assert "got 'digit' (did you mean digits?)" in capsys.readouterr().err
