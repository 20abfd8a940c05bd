"""`tfvae.presets`: listed, shown, copied; and each runs to its end on a small stand-in for its data."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import presets, train
from tfvae.config import Config
from tfvae.errors import UserError
from tfvae.presets.__main__ import main
from tfvae.runs import execution
from tfvae.runs.folder import Run

NAMES = presets.names()
# An image and a table; which pictures a model gets is tested in tests/plots.
WITH_PICTURES = ("digits", "tabular")


@pytest.mark.parametrize("name", NAMES)
def test_each_loads_and_has_a_title(name):
    assert isinstance(presets.load(name), Config)
    assert presets.text(name).startswith("# ")
    assert 10 < len(presets.title(name)) < 100


def test_digits_is_among_them_and_they_are_sorted():
    assert "digits" in NAMES
    assert sorted(NAMES) == NAMES


def test_an_unknown_one_has_the_nearest_name():
    with pytest.raises(UserError, match=r"got 'digit' \(did you mean digits\?\), expected one of .*, or a file\.yaml"):
        presets.load("digit")
    with pytest.raises(UserError, match="did you mean"):
        presets.load("../presets/digits")


def test_list(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert all(line.endswith(presets.title(name)) for line, name in zip(lines, NAMES, strict=True))


def test_show(capsys):
    assert main(["show", "digits"]) == 0
    assert capsys.readouterr().out == presets.text("digits")


def test_copy_and_load_again_but_never_over_a_file(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    assert main(["copy", "digits", str(path)]) == 0
    assert presets.load(str(path)) == presets.load("digits")
    path.write_text("seed: 7")
    assert main(["copy", "digits", str(path)]) == 2
    assert path.read_text() == "seed: 7"
    assert capsys.readouterr().err == f"tfvae: {path}: this file exists and was not changed; choose a new file.\n"


@pytest.mark.parametrize("arguments", [["show", "digit"], ["copy", "digit", "x.yaml"], ["copy", "digits", "no/x.yaml"]])
def test_mistakes(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("tfvae: ")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_verb_is_wanted(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "list | show NAME | copy NAME FILE" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """Settings that put a small made-up data set in the place of each source."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name, shape in (("mnist", (28, 28)), ("fashion_mnist", (28, 28)), ("cifar10", (32, 32, 3))):
        x, y = rng.integers(0, 256, [80, *shape], np.uint8), np.arange(80) % 10
        np.savez(folder / f"{name}.npz", x_train=x[:64], y_train=y[:64], x_test=x[64:], y_test=y[64:])
    (folder / "faces").mkdir()
    for i in range(40):
        image = tf.io.encode_png(rng.integers(0, 256, [70, 66, 3], np.uint8)).numpy()
        (folder / "faces" / f"{i:02}.png").write_bytes(image)
    rows = "".join(f"{a},{b},{c},{'yes' if a > 0 else 'no'}\n" for a, b, c in rng.normal(size=[80, 3]))
    (folder / "rows.csv").write_text("a,b,c,label\n" + rows)
    return {
        "digits": [],
        "blobs": ["data.num_examples=80"],
        "csv": [f"data.path={folder / 'rows.csv'}", "data.label=label"],
        "images": [f"data.path={folder / 'faces'}"],
        **{name: [f"data.dir={folder}"] for name in ("mnist", "fashion_mnist", "cifar10")},
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_runs_to_its_end(name, stand_ins, tmp_path, monkeypatch):
    if name not in WITH_PICTURES:
        monkeypatch.setattr(execution.gallery, "draw", lambda *arguments, **options: execution.gallery.Drawn([], ""))
    settings = presets.load(name)
    small = ["training.epochs=1", "training.batch_size=16", "training.jit=off"]
    if settings.network.name == "mlp":
        small.append("network.hidden=[8]")
    elif settings.network.name == "conv":
        small.append(f"network.filters={[4] * len(settings.network.filters)}")
    else:
        small.append("network.variant=micro")
    changes = [*small, *stand_ins[settings.data.name]]
    assert train.main(["--preset", name, "--out", str(tmp_path / "run"), "--quiet", "--debug", "--set", *changes]) == 0
    run = Run.open(tmp_path / "run")
    assert np.isfinite(run.read_json("report.json")["test"]["elbo"])
    assert run.facts["preset"] == name
    assert (len(list(run.plots.glob("*.png"))) >= 5) == (name in WITH_PICTURES)
    assert tfvae.load(run.folder).sample(2, seed=0).shape[0] == 2
