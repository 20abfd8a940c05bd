"""`python -m tfvae.encode RUN [FILE] --out codes.npz`: the numbers of `encode`, from every source; bad input."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tests.tolerance import fan_in, rounding
from tfvae import encode, train
from tfvae.data import load, shards
from tfvae.runs import execution
from tfvae.runs.folder import Run

QUICK = ["network.hidden=[8]", "network.latent_dim=2", "training.epochs=1", "training.jit=off"]
KINDS = ("cat", "dog", "emu")


def trained(folder, *settings):
    """A run of one epoch, without pictures."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(execution.gallery, "draw", lambda *arguments, **options: [])
        assert train.main(["--quiet", "--out", str(folder), "--set", *QUICK, *settings]) == 0
    return folder


def rows(path, count, kinds=KINDS, columns=("a", "b"), seed=0):
    """A table with a column of labels; returns its numbers and labels."""
    x = np.random.default_rng(seed).normal(5.0, 3.0, [count, len(columns)]).round(3)
    y = [kinds[i % len(kinds)] for i in range(count)]
    lines = [",".join([*map(str, values), label]) for values, label in zip(x.tolist(), y, strict=True)]
    path.write_text("\n".join([",".join([*columns, "kind"]), *lines, ""]))
    return x, y


def pictures(folder, count, first=0):
    folder.mkdir()
    for i in range(first, first + count):
        pixels = np.random.default_rng(i).integers(0, 256, [8, 8, 1], np.uint8)
        (folder / f"{i:03}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run that is conditioned on labels with names."""
    folder = tmp_path_factory.mktemp("runs")
    rows(folder / "rows.csv", 60)
    source = ["data.name=csv", f"data.path={folder / 'rows.csv'}", "data.label=kind", "likelihood.name=gaussian"]
    return trained(folder / "table", *source, "training.batch_size=8", "network.condition=label")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A run on files that stay on disk."""
    folder = tmp_path_factory.mktemp("runs")
    source = ["data.name=images", f"data.path={pictures(folder / 'photos', 20)}", "data.image_size=[8,8]"]
    return trained(folder / "faces", *source, "data.channels=1", "training.batch_size=4")


def codes(tmp_path, *arguments):
    assert encode.main([*map(str, arguments), "--out", str(tmp_path / "codes.npz")]) == 0
    with np.load(tmp_path / "codes.npz") as found:
        return dict(found)


def assert_codes(found, run, x, y=None):
    """The file has what `encode` gives for x in model units."""
    vae = tfvae.load(run)
    weights = [abs(kernel).sum(axis=0).max() for kernel in vae.encoder.get_weights() if kernel.ndim > 1]
    size = max(1.0, float(abs(x).max())) * np.prod([max(1.0, weight) for weight in weights])
    slack = rounding("float32", fan_in(vae.encoder), size)
    for name, expected in zip(("z_mean", "z_log_var"), vae.encode(x, y), strict=True):
        np.testing.assert_allclose(found[name], expected, atol=slack, rtol=0, err_msg=name)


def test_the_runs_own_data_have_their_splits(digits, tmp_path, capsys):
    found = codes(tmp_path, digits)
    assert list(found) == ["split", "label", "z_mean", "z_log_var"]
    data = load.for_recipe(Run.open(digits).config)
    for name in ("train", "validation", "test"):
        split, of_split = getattr(data, name), found["split"] == name
        assert of_split.sum() == len(split)
        assert found["label"][of_split].tolist() == list(map(str, split.y))
        assert_codes({key: values[of_split] for key, values in found.items()}, digits, split.x)
    said = capsys.readouterr()
    assert f"1,797 examples encoded to {tmp_path / 'codes.npz'}: split, label, z_mean [2], z_log_var [2].\n" in said.out
    assert said.err == ""


def test_a_file_of_another_kind_and_the_same_in_shards(digits, tmp_path, capsys):
    data = load.for_recipe(Run.open(digits).config)
    x = np.concatenate([data.test.x, data.train.x[:300]])
    np.savez(tmp_path / "x.npz", x=x[..., 0], y=np.arange(len(x)) % 7)
    found = codes(tmp_path, digits, tmp_path / "x.npz", "--set", "data.name=npz", "--quiet")
    assert list(found) == ["label", "z_mean", "z_log_var"]
    assert found["label"].tolist() == (np.arange(len(x)) % 7).tolist()
    assert_codes(found, digits, x)
    settings = ["data.name=npz", f"data.path={tmp_path / 'x.npz'}"]
    assert shards.main(["--out", str(tmp_path / "shards"), "--shards", "3", "--set", *settings]) == 0
    capsys.readouterr()
    again = codes(tmp_path, digits, tmp_path / "shards", "--set", "data.name=shards", "--quiet")
    assert capsys.readouterr() == ("", "")
    for name, values in found.items():
        np.testing.assert_array_equal(again[name], values)


def test_a_table_gives_y_by_name(table, tmp_path):
    x, y = rows(tmp_path / "new.csv", 31, kinds=("emu", "cat"), seed=1)  # numbered otherwise than in the run
    found = codes(tmp_path, table, tmp_path / "new.csv")
    assert found["label"].tolist() == y
    assert_codes(found, table, tfvae.load(table).scaling.forward(x), np.array(y))


def test_a_table_gives_the_attributes(tmp_path):
    x, _ = rows(tmp_path / "rows.csv", 40)
    source = ["data.name=csv", f"data.path={tmp_path / 'rows.csv'}", "data.label=kind", "data.attributes=[b]"]
    source += ["network.condition=attributes", "likelihood.name=gaussian", "training.batch_size=8"]
    run = trained(tmp_path / "run", *source)
    assert list(Run.open(run).facts["fingerprint"]["columns"]) == ["a"]
    found = codes(tmp_path, run, tmp_path / "rows.csv")
    assert_codes(found, run, tfvae.load(run).scaling.forward(x[:, :1]), x[:, 1:].astype(np.float32))


def test_images_stay_on_disk_and_are_named(faces, tmp_path):
    folder = pictures(tmp_path / "more", 9, first=100)
    found = codes(tmp_path, faces, folder)
    assert found["path"].tolist() == [str(path) for path in sorted(folder.iterdir())]
    pixels = np.stack([tf.io.decode_png(tf.io.read_file(path)).numpy() for path in found["path"]])
    assert_codes(found, faces, pixels)
    assert len(codes(tmp_path, faces)["split"]) == 20


def test_binary_examples_are_those_of_the_evaluation(tmp_path):
    from tfvae.data import views

    run = trained(tmp_path / "run", "data.binarize=dynamic")
    found = codes(tmp_path, run)
    view = views.first(load.for_recipe(Run.open(run).config), "test")
    assert_codes({name: values[found["split"] == "test"] for name, values in found.items()}, run, view.x)


def test_parquet_has_a_column_for_each_number(table, digits, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra [tables]")
    _, y = rows(tmp_path / "new.csv", 9)
    assert encode.main([str(table), str(tmp_path / "new.csv"), "--out", str(tmp_path / "codes.parquet")]) == 0
    found = parquet.read_table(tmp_path / "codes.parquet").to_pydict()
    assert list(found) == ["label", "z_mean_0", "z_mean_1", "z_log_var_0", "z_log_var_1"]
    assert found["label"] == y
    expected = codes(tmp_path, table, tmp_path / "new.csv")
    for name in ("z_mean", "z_log_var"):
        np.testing.assert_array_equal(np.stack([found[f"{name}_{i}"] for i in (0, 1)], 1), expected[name])
    # An unlabelled example has no label; and a file of two groups of rows is one table.
    np.savez(tmp_path / "x.npz", x=np.zeros([3, 8, 8], np.uint8), y=[4, -1, 2])
    kind = ["--set", "data.name=npz", "--out"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tfvae.runs.codes._ROWS", 2)
        patched.setattr("tfvae.runs.embeddings.BATCH", 2)
        assert encode.main([str(digits), str(tmp_path / "x.npz"), *kind, str(tmp_path / "codes.parquet")]) == 0
    assert parquet.read_table(tmp_path / "codes.parquet")["label"].to_pylist() == [4, None, 2]


def refuse(capsys, tmp_path, *arguments):
    """The one sentence of a command that must fail and write nothing."""
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert encode.main([*map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tfvae: ")
    assert said.count("\n") == 1
    assert "unexpected error" not in said
    assert sorted(tmp_path.rglob("*")) == before
    return said


@pytest.mark.parametrize(
    ("columns", "kinds", "said"),
    [
        (("b", "a"), KINDS, "has the columns in another order (b, a); the run's columns are a, b."),
        (("a", "c"), KINDS, "has no column 'b' and has the column 'c', which the run has not"),
        (("a",), KINDS, "has no column 'b'; the run's columns are a, b."),
        (("a", "b", "c"), KINDS, "has the column 'c', which the run has not"),
        (("a", "b"), ("cat", "dgo"), "the label 'dgo' is not one of the run's (did you mean dog?): cat, dog, emu."),
    ],
)
def test_a_table_that_does_not_fit(table, tmp_path, capsys, columns, kinds, said):
    rows(tmp_path / "new.csv", 9, kinds, columns)
    assert said in refuse(capsys, tmp_path, table, tmp_path / "new.csv", "--out", tmp_path / "codes.npz")


def test_a_file_that_does_not_fit(digits, table, tmp_path, capsys):
    out = ["--out", tmp_path / "codes.npz"]
    for name, x in {
        "wide": np.zeros([3, 9, 9]),
        "floats": np.full([3, 8, 8], 0.5),
        "high": np.full([3, 8, 8], 99),
    }.items():
        np.savez(tmp_path / f"{name}.npz", x=x)

    def said(name):
        return refuse(capsys, tmp_path, digits, tmp_path / f"{name}.npz", "--set", "data.name=npz", *out)

    assert "an example has shape [9, 9, 1], but the run was trained on [8, 8, 1]" in said("wide")
    assert "has float64 from 0.5 to 0.5, but the run was trained on whole numbers from 0 to 16" in said("floats")
    assert "ranges from 6.188 to 6.188 in model units, but Bernoulli needs [0, 1]" in said("high")
    assert "nowhere.npz does not exist" in said("nowhere")
    assert "digits, reads no file; name the kind of this one" in refuse(capsys, tmp_path, digits, "x.npz", *out)
    (tmp_path / "bare.csv").write_text("a,b\n1,2\n")
    assert "has no column 'kind'" in refuse(capsys, tmp_path, table, tmp_path / "bare.csv", *out)
    assert "come without" in refuse(capsys, tmp_path, table, tmp_path / "bare.csv", "--set", "data.label=", *out)


def test_other_data_in_the_place_of_the_runs_own(tmp_path, capsys):
    table = tmp_path / "rows.csv"
    rows(table, 40)
    source = ["data.name=csv", f"data.path={table}", "data.label=kind", "likelihood.name=gaussian"]
    run, out = trained(tmp_path / "run", *source, "training.batch_size=8"), tmp_path / "codes.npz"
    moved = table.rename(tmp_path / "moved.csv")
    assert "rows.csv does not exist" in refuse(capsys, tmp_path, run, "--out", out)
    rows(table, 40, seed=1)
    assert "the values of columns a and b" in refuse(capsys, tmp_path, run, "--out", out)
    other = codes(tmp_path, run, "--allow-changed-data")
    own = codes(tmp_path, run, "--set", f"data.path={moved}")
    assert (other["z_mean"] != own["z_mean"]).any()
    said = refuse(capsys, tmp_path, run, moved, "--allow-changed-data", "--out", tmp_path / "other.npz")
    assert "leave it out" in said


def test_a_broken_image_leaves_nothing(faces, tmp_path, capsys):
    folder = pictures(tmp_path / "more", 9)
    broken = folder / "007.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tfvae.runs.embeddings.BATCH", 4)
        assert "007.png" in refuse(capsys, tmp_path, faces, folder, "--out", tmp_path / "codes.npz")


def test_names_that_cannot_be_written_or_read(digits, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", x=np.zeros([3, 8, 8], np.uint8))
    kind = ["--set", "data.name=npz"]
    before = (tmp_path / "x.npz").read_bytes()
    assert "expected a name that ends in .npz or .parquet" in refuse(capsys, tmp_path, digits, "--out", "codes.csv")
    assert "the folder no does not exist" in refuse(capsys, tmp_path, digits, "--out", "no/codes.npz")
    assert "this is the file to encode" in refuse(capsys, tmp_path, digits, "./x.npz", *kind, "--out", "x.npz")
    assert (tmp_path / "x.npz").read_bytes() == before
    assert "not a run folder" in refuse(capsys, tmp_path, tmp_path, "--out", "codes.npz")
    said = refuse(capsys, tmp_path, digits, "--set", "training.epochs=3", "--out", "codes.npz")
    assert "only settings of the section data apply here" in said
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert 'pip install "tfvae[tables]"' in refuse(capsys, tmp_path, digits, "--out", "codes.parquet")


@pytest.mark.slow
def test_help_needs_no_tensorflow():
    code = (
        "import sys; from tfvae import encode\n"
        "try: encode.main(['--help'])\nexcept SystemExit as end: status = end.code\n"
        "sys.exit(status or 'tensorflow' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "z_log_var" in result.stdout


def test_other_images_need_none_of_the_files_that_name_the_run_s(tmp_path, capsys):
    for folder in ("ours", "others"):
        (tmp_path / folder).mkdir()
        for i in range(30):
            image = np.random.default_rng(i).integers(0, 256, [8, 8, 1]).astype(np.uint8)
            (tmp_path / folder / f"{folder}{i}.png").write_bytes(tf.io.encode_png(image).numpy())
    groups = tmp_path / "groups.txt"
    groups.write_text("".join(f"ours{i}.png p{i // 3}\n" for i in range(30)))
    data = ["data.name=images", f"data.path={tmp_path / 'ours'}", f"data.group={groups}", "data.channels=1"]
    small = ["data.image_size=[8,8]", "network.hidden=[4]", "network.name=mlp", "training.epochs=1"]
    run, out = tmp_path / "run", tmp_path / "codes.npz"
    assert train.main(["--quiet", "--out", str(run), "--set", *data, *small, "training.batch_size=8"]) == 0
    assert encode.main([str(run), str(tmp_path / "others"), "--out", str(out)]) == 0
    assert "30 examples encoded" in capsys.readouterr().out
