"""Conditional models, spatial latents and priors that are not a single Gaussian, from signatures to verified files."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.export import small_models
from tests.export.small_models import CONDITION, Bent, ConditionalGaussian, conditional, conditions, examples
from tests.tolerance import NOISE, fan_in, rounding
from tfvae import VAE, noise
from tfvae.data.condition import Condition
from tfvae.errors import UserError
from tfvae.export import description, gates, latents, quantization, saved_model, tflite
from tfvae.export.__main__ import main
from tfvae.export.exporting import _without_noise, export
from tfvae.export.options import Options
from tfvae.export.proof import Evidence, prove
from tfvae.export.proof import elbo as proof_elbo
from tfvae.latent.priors import StandardNormal
from tfvae.runs import keras_files
from tfvae.runs.folder import Run

litert = pytest.importorskip("ai_edge_litert.interpreter")

N, SEED = 6, 2**40 + 7
MODELS: dict[str, Callable[[], VAE]] = {
    "label": conditional,
    "label, prior of y": lambda: conditional(ConditionalGaussian(small_models.LATENT, CONDITION.size)),
    "bent prior": lambda: small_models.unconditional(Bent(small_models.LATENT)),
    "spatial": small_models.spatial,
}


@pytest.fixture(scope="module", params=MODELS)
def vae(request: pytest.FixtureRequest) -> VAE:
    return MODELS[request.param]()


@pytest.fixture(scope="module")
def conditioned() -> VAE:
    """With a prior that depends on y: has every signature."""
    return MODELS["label, prior of y"]()


def elbo_slack(vae: VAE, elbo: np.ndarray) -> float:
    """For sums over the values of an example, each term bounded by 2."""
    values = math.prod(vae.encoder.inputs[0].shape[1:])
    return rounding("float32", fan_in(vae.encoder, vae.decoder) + values, np.abs(elbo).max() + 2 * values)


def test_functions_give_what_the_models_own_calls_give(vae: VAE) -> None:
    x, y = examples(vae, N), conditions(vae, N)
    given = {} if y is None else {"y": tf.constant(y)}
    there = {signature.name: signature for signature in vae.signatures()}
    for name in ("encode", "reconstruct"):
        got, wanted = there[name].function(x=tf.constant(x), **given), there[name].reference(x=x, y=y)
        for output in there[name].outputs:
            slack = rounding("float32", fan_in(vae.encoder, vae.decoder), max(1, np.abs(wanted[output]).max()))
            np.testing.assert_allclose(got[output], wanted[output], rtol=0, atol=slack)
    eps = noise.normal(noise.Address(SEED, noise.EVALUATION), [N, *vae.latent_shape])[0]
    scored, terms = there["score"].function(x=tf.constant(x), eps=eps, **given), vae.elbo(x, seed=SEED, y=y)
    for output in ("elbo", "reconstruction", "kl"):
        np.testing.assert_allclose(scored[output], getattr(terms, output), rtol=0, atol=elbo_slack(vae, terms.elbo))
    eps = noise.normal(noise.Address(SEED, noise.PRIOR), [N, *vae.latent_shape])[0]
    sampled, wanted = there["sample"].function(eps=eps, **given), vae.sample(N, seed=SEED, y=y, details=True)
    np.testing.assert_allclose(sampled["z"], wanted.z, atol=NOISE)
    np.testing.assert_allclose(vae.scaling.inverse(sampled["x"]), wanted.x, atol=1)
    assert ("prior" in there) == (vae.prior.as_gaussian() is None)


def test_only_parts_that_take_y_have_it_as_input() -> None:
    inputs = {signature.name: set(signature.inputs) for signature in conditional().signatures()}
    assert inputs == {
        "decode": {"z", "y"},
        "encode": {"x", "y"},
        "reconstruct": {"x", "y"},
        "score": {"x", "eps", "y"},
        "sample": {"eps", "y"},
    }


def test_a_prior_that_is_no_function_of_noise_has_no_sample() -> None:
    prior = Bent(small_models.LATENT)
    prior.noise_shape = None
    vae = small_models.unconditional(prior)
    assert {"sample", "prior"}.isdisjoint(signature.name for signature in vae.signatures())
    assert description._prior(vae) is None


def test_a_condition_is_described(conditioned: VAE) -> None:
    assert description._condition(conditioned) == {"kind": "label", "names": list(CONDITION.names)}
    assert description._condition(small_models.spatial()) is None
    assert description._prior(conditioned) == {"kind": "signature", "noise_shape": [small_models.LATENT]}
    assert description._prior(conditional())["kind"] == "standard"


def test_sample_of_a_saved_model_takes_one_condition_for_all(tmp_path: Path, conditioned: VAE) -> None:
    saved_model.write(conditioned, tmp_path / "saved_model")
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    y = CONDITION.encode("owl", N)
    for rows in (y, y[:1]):
        got = loaded.signatures["sample"](
            seed=tf.constant(SEED, tf.int64), n=tf.constant(N, tf.int64), y=tf.constant(rows)
        )
        wanted = conditioned.sample(N, seed=SEED, y="owl", details=True)
        np.testing.assert_allclose(got["z"], wanted.z, atol=NOISE)
        np.testing.assert_allclose(got["x"].numpy().astype(int), wanted.x, atol=1)


@pytest.fixture(scope="module")
def files(conditioned: VAE) -> dict[str, bytes]:
    """Of the model whose prior depends on y: decoders of every kind, generator, scorer; batches of 4."""
    float32 = tflite.decoder(conditioned, [4, 1])
    x, y = examples(conditioned, 50), conditions(conditioned, 50)
    calibration = latents.calibration(conditioned, x, 5, y)
    spread = proof_elbo.spread(conditioned, x, calibration.posterior, y)
    made = {
        kind: quantization.quantize(kind, float32, calibration, spread).data for kind in ("float16", "dynamic", "int8")
    }
    made |= {"float32": float32, "generator": tflite.generator(conditioned, [4])}
    made["scorer"] = tflite.scorer(conditioned, [4])
    return {tflite.FILES[kind]: data for kind, data in made.items()}


def test_every_decoder_takes_y_and_has_the_prior_in_full_precision(files: dict[str, bytes], conditioned: VAE) -> None:
    z = np.random.default_rng(3).normal(size=(4, small_models.LATENT)).astype(np.float32)
    y, eps = conditions(conditioned, 4), z[::-1].copy()
    wanted = conditioned.decode(z, tf.constant(y)).numpy()
    allowed = {"float32": rounding("float32", fan_in(conditioned.decoder))}
    allowed |= {kind: of_kind["max"].most for kind, of_kind in gates.QUANTIZED.items()}
    for kind, most in allowed.items():
        interpreter = litert.Interpreter(model_content=files[tflite.FILES[kind]])
        mean = interpreter.get_signature_runner("decode")(z=z, y=y)["mean"]
        assert np.abs(mean - wanted).max() < most
        drawn = interpreter.get_signature_runner("prior")(eps=eps, y=y)["z"]
        prior_slack = rounding("float32", CONDITION.size + 1, 10.0)  # y A + exp(y B / 2) eps
        np.testing.assert_allclose(drawn, conditioned.prior.from_noise(eps, y), rtol=0, atol=prior_slack)


@pytest.mark.slow
def test_the_proof_passes_honest_files(files: dict[str, bytes], conditioned: VAE, tmp_path: Path) -> None:
    saved_model.write(conditioned, tmp_path / "saved_model")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    x, y = examples(conditioned, 40), conditions(conditioned, 40)
    prior_z = latents.prior(conditioned, 41, SEED, latents.repeated(y, 41))
    evidence = Evidence(conditioned, x, prior_z, latents.posterior(conditioned, x, SEED, y), SEED, y)
    kinds = {"saved_model": "saved_model", **{tflite.FILES[kind]: kind for kind in tflite.FILES}}
    rows = prove(tmp_path, kinds, evidence)
    # It is untrained, so only full-precision files must meet their gates.
    bounds = {
        name: gate
        for name, gate in gates.of_model(conditioned.signatures()).items()
        if name.partition(".")[0] in ("saved_model", "float32", "generator", "scorer") or name.endswith(".prior")
    }
    assert gates.failures(rows, bounds) == []
    other = MODELS["label, prior of y"]()
    weights = other.decoder.get_weights()
    weights[0][small_models.LATENT :] = np.roll(weights[0][small_models.LATENT :], 1, axis=0)  # one label for another
    other.decoder.set_weights(weights)
    wrong = Evidence(other, x, prior_z, evidence.posterior_z, SEED, y)
    missed = gates.failures(prove(tmp_path, {"decoder.tflite": "float32"}, wrong), bounds)
    assert [line.split()[1] for line in missed] == ["max", "relative"]


@pytest.mark.slow
def test_the_proof_of_spatial_latents_and_of_a_bent_prior(tmp_path: Path) -> None:
    for name in ("spatial", "bent prior"):
        vae, folder = MODELS[name](), tmp_path / name
        folder.mkdir()
        made = {"float32": tflite.decoder(vae, [2]), "generator": tflite.generator(vae, [2])}
        made["scorer"] = tflite.scorer(vae, [2])
        for kind, data in made.items():
            (folder / tflite.FILES[kind]).write_bytes(data)
        x = examples(vae, 20)
        evidence = Evidence(vae, x, latents.prior(vae, 21, 1), latents.posterior(vae, x, 1), 1)
        rows = prove(folder, {tflite.FILES[kind]: kind for kind in made}, evidence)
        assert gates.failures(rows, gates.of_model(vae.signatures())) == []


def test_the_runner_samples_decodes_and_scores(
    files: dict[str, bytes], conditioned: VAE, tmp_path: Path, capsys: Any
) -> None:
    from tfvae.export.edge import runner

    there = runner.Runner(small_models.version(tmp_path, conditioned, files))
    for y in ("owl", 2, CONDITION.encode("owl", N)):
        x, z = there.sample(N, SEED, y)
        wanted = conditioned.sample(N, seed=SEED, y="owl", details=True)
        np.testing.assert_allclose(z, wanted.z, atol=NOISE)
        np.testing.assert_allclose(x.astype(int), wanted.x, atol=1)
    x, rows = examples(conditioned, N), conditions(conditioned, N)
    wanted = conditioned.elbo(x, seed=SEED, y=rows)
    slack = elbo_slack(conditioned, wanted.elbo)
    np.testing.assert_allclose(there.score(x, SEED, rows)["elbo"], wanted.elbo, rtol=0, atol=slack)
    for y, sentence in (
        (None, "pass y"),
        ("own", "got 'own', expected one of cat, dog, owl"),
        (3, "a number up to 2"),
        (np.zeros((2, 3)), r"got float64 of shape \[2, 3\]"),
    ):
        with pytest.raises(ValueError, match=sentence):
            there.sample(N, SEED, y)
    out, rows_file = tmp_path / "out.npy", tmp_path / "y.npy"
    np.save(rows_file, CONDITION.encode("dog", 2))
    for y in ("dog", "1", str(rows_file)):
        arguments = [str(tmp_path), "sample", "--n", "2", "--seed", "5", "--y", y, "--out", str(out)]
        assert runner.main(arguments) == 0
        np.testing.assert_array_equal(np.load(out), there.sample(2, 5, "dog")[0])
    assert runner.main([str(tmp_path), "sample", "--y", "bird"]) == 2
    assert "runner: y: got 'bird'" in capsys.readouterr().err


LABELS = Condition("label", ("cat", "dog", "owl"))
AGE = Condition("attributes", ("age",))
SIZES = Condition("attributes", ("width", "height"))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    ("condition", "y"),
    [
        *((LABELS, y) for y in ("dog", 1, -1, -2, 3, 0.5, "bird", [0, 1, 2], [0.0, 1.0, 0.0], [2.0, 0.0], [1], [0, 1])),
        *(
            (LABELS, y)
            for y in ([0.2, 0.3, 0.5], [[0, 0, 1]], [[9, 0, 0]], [[-1, 1, 0]], [[np.nan, 0, 0]], [True, False])
        ),
        *((LABELS, y) for y in (["owl", "cat"], [["owl"], ["cat"]], np.zeros((2, 3)), np.zeros((0, 3)))),
        *((AGE, y) for y in (0.5, [0.5], [0.5, 1.0], [[0.5]], "old", [[np.inf]])),
        *((SIZES, y) for y in (0.5, [1, 2], [1.0, 2.0], [[1, 2]], [[1, 2], [3, 4]], [True, False], [1, 2, 3])),
    ],
)
def test_the_runner_reads_y_as_the_model_does(condition: Condition, y: Any, n: int) -> None:
    from tfvae.export.edge import runner

    try:
        wanted = condition.encode(y, n)
    except UserError:
        with pytest.raises(ValueError, match=r"^y: got |^y: expected ") as refused:
            runner.condition_rows(condition.to_dict(), y, n)
        assert "\n" not in str(refused.value)
    else:
        np.testing.assert_array_equal(runner.condition_rows(condition.to_dict(), y, n), wanted)


def test_the_runner_of_spatial_latents(tmp_path: Path) -> None:
    from tfvae.export.edge.runner import Runner

    vae = small_models.spatial()
    folder = small_models.version(tmp_path, vae, {"decoder.tflite": tflite.decoder(vae, [3])})
    x, z = Runner(folder).sample(N, SEED)
    wanted = vae.sample(N, seed=SEED, details=True)
    np.testing.assert_allclose(z, wanted.z, atol=NOISE)
    np.testing.assert_allclose(x.astype(int), wanted.x, atol=1)
    with pytest.raises(ValueError, match="not conditional"):
        Runner(folder).decode(z, "owl")


def test_a_file_that_was_asked_for_and_cannot_be_made_is_refused() -> None:
    prior, said = StandardNormal(small_models.LATENT), []
    prior.noise_shape = None
    vae = small_models.unconditional(prior)
    _without_noise(vae, Options(), said.append)
    assert said == ["no file can draw samples: StandardNormal is not a function of noise (Prior.noise_shape)"]
    with pytest.raises(UserError, match=r"--generator: this model has no signature for generator\.tflite"):
        _without_noise(vae, Options(generator=True), said.append)


def test_a_model_that_declares_nothing_is_refused(mlp_run: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VAE, "signatures", lambda vae: [])
    assert main([str(mlp_run), "--formats", "saved_model"]) == 2
    assert "VAE has no functions to export (LatentModel.signatures)." in capsys.readouterr().err


@pytest.mark.slow
def test_a_conditional_run_takes_y_from_its_data(mlp_run: Path, tmp_path: Path) -> None:
    """A run whose model and data are replaced; saved and proved with the labels of the data."""
    folder, random = tmp_path / "run", np.random.default_rng(0)
    shutil.copytree(mlp_run, folder, ignore=shutil.ignore_patterns("export"))
    x = random.integers(0, 256, (60, *small_models.SHAPE), np.uint8)
    np.savez(tmp_path / "labelled.npz", x_train=x, y_train=random.integers(0, CONDITION.size, 60))
    settings = (folder / "config.yaml").read_text()
    path = re.search(r"path: (\S*grey\.npz)", settings)
    assert path is not None
    (folder / "config.yaml").write_text(settings.replace(path[1], str(tmp_path / "labelled.npz")))
    keras_files.save(conditional(), Run.open(folder))
    said: list[str] = []
    made = export(folder, Options(formats=["saved_model"], allow_changed_data=True), say=said.append)
    assert "the data are not those that the run was trained on" in " ".join(said)
    described = json.loads((made / "decoder.json").read_text())
    assert described["condition"] == {"kind": "label", "names": list(CONDITION.names)}
    assert (
        described["files"]["saved_model"]["score_error"]
        < gates.of_model(conditional().signatures())["saved_model.score"].most
    )
    page = (made / "README.md").read_text()
    assert "Labels: cat, dog, owl" in page
    names: dict[str, Any] = {}
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block.replace('"saved_model"', repr(str(made / "saved_model"))), "card", "exec"), names)
    assert names["sample"]["x"].shape == (4, *small_models.SHAPE)
