"""What fails after training costs neither the model nor what else can be made; `--resume` makes the rest."""

from __future__ import annotations

import numpy as np
import pytest

import tfvae
from tfvae import plot, train
from tfvae.errors import UserError
from tfvae.plots import image_pictures, latent_pictures
from tfvae.runs import execution, keras_files, report
from tfvae.runs.folder import Run

SETTINGS = [
    "network.hidden=[8]",
    "network.latent_dim=2",
    "training.epochs=1",
    "training.batch_size=256",
    "training.jit=off",
]


def trained(folder, *more):
    return train.main(["--set", *SETTINGS, "--out", str(folder), *more])


def failing(*arguments, **options):
    raise RuntimeError("no way")


def test_a_picture_and_the_diagnosis_fail_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(image_pictures, "manifold", failing)
    monkeypatch.setattr(latent_pictures, "curves", failing)
    monkeypatch.setattr(report, "gather", failing)
    assert trained(tmp_path / "run", "--sample-every", "1") == 0
    run = Run.open(tmp_path / "run")
    assert run.ended
    made = run.read_json("report.json")
    assert made["failed"] == [
        {"name": "diagnosis", "reason": "RuntimeError: no way"},
        {"name": "curves, manifold", "reason": "RuntimeError: no way"},
    ]
    assert np.isfinite(made["test"]["elbo"])
    assert (run.plots / "samples.png").is_file()
    said = capsys.readouterr().out
    assert "not made: curves, manifold (RuntimeError: no way)" in said
    assert "nothing stands out" not in said
    assert plot.main([str(run.folder)]) == 2
    assert "not drawn: curves (RuntimeError: no way); manifold" in capsys.readouterr().err
    monkeypatch.undo()
    assert plot.main([str(run.folder)]) == 0
    assert (run.plots / "manifold.png").is_file()


def test_samples_of_an_epoch_do_not_end_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(execution.gallery, "draw_samples", failing)
    assert trained(tmp_path / "run", "--sample-every", "1") == 0
    assert "samples-epoch-0001.png: not drawn (RuntimeError: no way)." in capsys.readouterr().out


def test_the_model_and_the_report_are_there_before_the_first_picture(tmp_path, monkeypatch, capsys):
    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(execution.gallery, "draw", killed)
        assert trained(tmp_path / "run") == 130
    run = Run.open(tmp_path / "run")
    assert not run.ended
    assert np.isfinite(run.read_json("report.json")["test"]["elbo"])
    weights = tfvae.load(run.folder).get_weights()
    assert {"encoder.keras", "decoder.keras", "scaling.json"} <= {path.name for path in run.folder.iterdir()}
    assert train.main(["--out", str(run.folder), "--resume"]) == 0
    assert run.ended
    assert (run.plots / "samples.png").is_file()
    for one, other in zip(tfvae.load(run.folder).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_test_figures_that_fail_leave_the_model_and_a_way_to_go_on(tmp_path, monkeypatch, capsys):
    def bad(self, split):
        raise UserError("photos/7.png: the image cannot be decoded (x); replace or remove it.")

    with monkeypatch.context() as patched:
        patched.setattr(execution.Loop, "evaluate", bad)
        assert trained(tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert "photos/7.png: the image cannot be decoded" in said
    assert f"the model is saved in {tmp_path / 'run'}" in said
    run = Run.open(tmp_path / "run")
    assert tfvae.load(run.folder).latent_dim == 2
    assert (run.plots / "samples.png").is_file()
    assert not run.ended
    assert train.main(["--out", str(run.folder), "--resume"]) == 0
    assert run.ended
    assert run.read_json("report.json")["failed"] == []


def test_the_other_files_do_not_cost_the_model(tmp_path, monkeypatch):
    write = keras_files.write

    def only_the_model(path, writer):
        if path.name != "model.keras":
            raise OSError(28, "No space left on device")
        write(path, writer)

    monkeypatch.setattr(keras_files, "write", only_the_model)
    assert trained(tmp_path / "run") == 2
    assert tfvae.load(tmp_path / "run").latent_dim == 2


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch, capsys):
    whole = execution.gallery.tempfile.TemporaryFile

    def read_only(*arguments, **options):
        if options.get("dir"):
            raise OSError(30, "Read-only file system")
        return whole(*arguments, **options)

    assert trained(tmp_path / "run") == 0
    monkeypatch.setattr(execution.gallery.tempfile, "TemporaryFile", read_only)
    capsys.readouterr()
    assert plot.main([str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'run' / 'plots'}: pictures cannot be written there (read-only file system); make" in said


@pytest.mark.parametrize("report_text", ['{"test": {}}', '{"complete": true}'])
def test_a_report_of_an_earlier_version_counts_as_complete(tmp_path, report_text):
    run = Run.create(tmp_path / "run", tfvae.config.Config(), {})
    run.model.write_text("")
    (run.folder / "report.json").write_text(report_text)
    assert run.ended
    (run.folder / "report.json").write_text('{"complete": false}')
    assert not run.ended
