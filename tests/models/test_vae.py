"""`VAE` as a Keras model, and its own calls: encode, decode, sample, elbo, log_likelihood."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tolerance import rounding
from tfvae import VAE, CorrelatedNormal, Gaussian, UserError, native, networks, noise
from tfvae.config.network import Mlp
from tfvae.data import scaling

SHAPE = (8, 8, 1)
# The networks of `build` take 64, 16, 2 and 16 values at a time; the density of an example is a sum of 64.
SLACK = rounding("float32", 64 + 16 + 2 + 16 + 64)


def build(seed: int = 0, **kwargs: Any) -> VAE:
    keras.utils.set_random_seed(seed)
    return VAE(*networks.build(Mlp(hidden=(16,), latent_dim=2), SHAPE), **kwargs)


def images(count: int = 32) -> np.ndarray:
    patterns = np.random.default_rng(0).random((2, *SHAPE)) > 0.5
    return patterns[np.arange(count) % 2].astype("float32")


@pytest.fixture(scope="module")
def trained() -> VAE:
    vae = build()
    vae.compile(optimizer=keras.optimizers.Adam(1e-2))
    vae.fit(images(), epochs=3, batch_size=8, verbose=0)
    return vae


def same_weights(one: VAE, other: VAE) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_from_variant() -> None:
    vae = VAE.from_variant("micro", input_shape=(9, 12, 3), latent_dim=2, kl_weight=0.5)
    assert (vae.latent_dim, vae.event_shape, vae.objective.kl_weight) == (2, (9, 12, 3), 0.5)
    assert VAE.from_variant("micro", (8, 8, 1)).latent_dim == 32
    prior = CorrelatedNormal(2, trainable=True)
    likelihood = Gaussian(scale_mode="per_pixel")
    vae = VAE.from_variant("micro", (8, 8, 1), 2, prior=prior, likelihood=likelihood)
    assert vae.prior is prior
    assert vae.likelihood is likelihood
    assert set(vae.decoder.output_names) == {"mean", "log_scale"}
    with pytest.raises(UserError, match=r"network.variant: got 'smal' \(did you mean small\?\)"):
        VAE.from_variant("smal", (8, 8, 1))
    with pytest.raises(UserError, match=r"network.latent_dim: got 0, expected at least 1"):
        VAE.from_variant("small", (8, 8, 1), latent_dim=0)


def test_fit_returns_a_history_and_lowers_the_loss() -> None:
    vae, x = build(), images()
    history = vae.fit(x, epochs=4, batch_size=8, validation_data=x[:8], learning_rate=1e-2, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert history.epoch == [0, 1, 2, 3]
    for name in ("loss", "elbo", "reconstruction", "kl", "val_loss", "val_elbo", "active_units", "gradient_norm"):
        assert len(history.history[name]) == 4
        assert np.isfinite(history.history[name]).all()
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]


def test_fit_uses_the_compiled_optimizer_and_goes_on_with_it() -> None:
    vae = build()
    vae.compile(optimizer=keras.optimizers.SGD(1e-3, momentum=0.9))
    vae.fit(images(), epochs=2, batch_size=8, jit="off", verbose=0)
    assert int(vae.optimizer.iterations) == 8
    vae.fit(images(), epochs=1, batch_size=8, jit="off", verbose=0)
    assert int(vae.optimizer.iterations) == 12


def test_fit_with_the_same_seed_gives_the_same_weights() -> None:
    models = [build() for _ in range(3)]
    for vae, seed in zip(models, (1, 1, 2), strict=True):
        vae.fit(images(), epochs=1, batch_size=8, seed=seed, jit="off", verbose=0)
    same_weights(models[0], models[1])
    assert any(np.any(a != b) for a, b in zip(models[0].get_weights(), models[2].get_weights(), strict=True))


def test_predict(trained: VAE) -> None:
    x = images(5)
    got = trained.predict(x, batch_size=2, verbose=0, seed=4)
    assert set(got) == {"z_mean", "z_log_var", "z", "reconstruction", "seed"}
    assert got["seed"] == 4
    assert all(isinstance(got[name], np.ndarray) for name in ("z_mean", "z_log_var", "z", "reconstruction"))
    np.testing.assert_allclose(got["z_mean"], trained.encode(x)[0], rtol=SLACK, atol=SLACK)
    np.testing.assert_allclose(got["reconstruction"], trained.reconstruct(x), rtol=SLACK, atol=SLACK)
    eps = noise.normal(noise.Address(4, noise.EVALUATION), [5, 2])[0]
    wanted = got["z_mean"] + np.exp(got["z_log_var"] / 2) * eps
    np.testing.assert_allclose(got["z"], wanted, rtol=SLACK, atol=SLACK)


def test_calling_the_model_is_encoding_and_reconstructing(trained: VAE) -> None:
    x = images(3)
    got = trained(x)
    for name, value in zip(("z_mean", "z_log_var"), trained.encode(x), strict=True):
        np.testing.assert_array_equal(got[name], value)
    np.testing.assert_array_equal(got["reconstruction"], trained.reconstruct(x))
    np.testing.assert_array_equal(trained.reconstruct(x), trained.decode(trained.encode(x)[0]))


def test_summary_counts_every_parameter() -> None:
    vae, lines = build(prior=CorrelatedNormal(2, trainable=True, name="prior")), []
    vae.summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert all(name in text for name in ("encoder", "decoder", "prior", "likelihood"))
    assert vae.count_params() == vae.encoder.count_params() + vae.decoder.count_params() + 6
    assert f"{vae.count_params():,}" in text


def test_save_and_load(trained: VAE, tmp_path: Path) -> None:
    trained.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert type(loaded) is VAE
    same_weights(trained, loaded)
    x = images(3)
    for draw in (False, True):
        one, other = (vae.sample(4, seed=9, draw=draw, details=True) for vae in (trained, loaded))
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.z, other.z)
    np.testing.assert_array_equal(trained.elbo(x, seed=1).elbo, loaded.elbo(x, seed=1).elbo)
    one, other = (vae.log_likelihood(x, 5, seed=1) for vae in (trained, loaded))
    np.testing.assert_array_equal(one.log_likelihood, other.log_likelihood)
    np.testing.assert_array_equal(trained.predict(x, seed=1)["z"], loaded.predict(x, seed=1)["z"])


def test_settings_and_scaling_are_saved(tmp_path: Path) -> None:
    fitted = scaling.fit("unit", np.array([[0], [255]], np.uint8))
    vae = build(scaling=fitted, kl_weight=4.0, free_bits=0.2, latent="plain", name="mine")
    vae.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.objective == vae.objective
    assert (loaded.name, loaded.latent) == ("mine", "plain")
    assert loaded.scaling.to_dict() == fitted.to_dict()
    assert loaded.sample(2, seed=0).dtype == np.uint8


def test_the_compiled_optimizer_is_saved_with_its_state(trained: VAE, tmp_path: Path) -> None:
    trained.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.compiled
    assert int(loaded.optimizer.iterations) == int(trained.optimizer.iterations) == 12
    for one, other in zip(trained.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    loaded.fit(images(), epochs=1, batch_size=8, jit="off", verbose=0)
    assert int(loaded.optimizer.iterations) == 16


def test_weights_alone_and_pickle(trained: VAE, tmp_path: Path) -> None:
    trained.save_weights(tmp_path / "w.weights.h5")
    other = build(seed=5)
    other.load_weights(tmp_path / "w.weights.h5")
    same_weights(trained, other)
    same_weights(trained, pickle.loads(pickle.dumps(trained)))


def test_evaluate(trained: VAE) -> None:
    x = images(7)
    got, elbo = trained.evaluate(x, batch_size=3, verbose=0), trained.elbo(x, seed=0)
    assert set(got) == {"loss", "elbo", "reconstruction", "kl"}
    for name in ("elbo", "reconstruction", "kl"):
        assert got[name] == pytest.approx(getattr(elbo, name).mean(), rel=SLACK)
    assert got["loss"] == pytest.approx(-got["elbo"], rel=SLACK)
    assert trained.evaluate(x, np.zeros(7), verbose=0) == pytest.approx(got, rel=SLACK)


@pytest.mark.parametrize(
    "objective",
    [
        dict(kl_weight=3.0, free_bits=1.5),
        dict(capacity=2.0),
        dict(num_samples=3, importance_weighted=True),
        dict(kl_weight=2.0, kl_schedule="linear"),
    ],
)
def test_evaluate_gives_the_loss_of_validation(objective: dict[str, Any]) -> None:
    vae, x = build(**objective), images()
    history = vae.fit(x, epochs=1, batch_size=8, validation_data=x, jit="off", verbose=0).history
    got = vae.evaluate(x)
    for name in got:
        assert got[name] == pytest.approx(history[f"val_{name}"][-1], rel=SLACK)
    assert ("iwae" in got) == ("num_samples" in objective)


def test_elbo_is_its_parts(trained: VAE) -> None:
    got = trained.elbo(images(6), seed=3)
    np.testing.assert_allclose(got.elbo, got.reconstruction - got.kl, rtol=SLACK)
    np.testing.assert_allclose(got.kl, got.kl_per_dimension.sum(axis=1), rtol=SLACK)
    assert got.kl_per_dimension.shape == (6, 2)
    assert got.seed == 3


def test_a_call_without_a_seed_draws_a_fresh_one_and_says_it(trained: VAE) -> None:
    x = images(3)
    calls = (
        lambda seed: trained.sample(3, seed=seed, details=True)._asdict(),
        lambda seed: trained.elbo(x, seed=seed)._asdict(),
        lambda seed: trained.log_likelihood(x, 3, seed=seed)._asdict(),
        lambda seed: trained.predict(x, seed=seed),
    )
    for call in calls:
        first, second = call(None), call(None)
        assert first["seed"] != second["seed"]
        assert 0 <= first["seed"] < 2**63
        again = call(first["seed"])
        assert again.keys() == first.keys()
        for name in first:
            np.testing.assert_array_equal(first[name], again[name])


def test_samples(trained: VAE) -> None:
    got = trained.sample(300, seed=1, details=True)  # more than one batch
    np.testing.assert_array_equal(got.z, noise.normal(noise.Address(1, noise.PRIOR), [300, 2])[0])
    np.testing.assert_allclose(got.x, trained.decode(got.z), rtol=SLACK, atol=SLACK)
    np.testing.assert_array_equal(trained.sample(5, seed=1, details=True).z, got.z[:5])
    drawn = trained.sample(300, seed=1, draw=True, details=True)
    assert set(np.unique(drawn.x)) == {0.0, 1.0}
    np.testing.assert_array_equal(trained.sample(270, seed=1, draw=True), drawn.x[:270])
    assert trained.sample(1, seed=2**63 - 1, details=True).seed == 2**63 - 1


def test_integers_are_in_the_users_units() -> None:
    whole = (images() * 255).astype(np.uint8)
    vae = build()
    vae.fit(whole, epochs=1, batch_size=8, jit="off", verbose=0)
    x = (whole / 255).astype("float32")
    np.testing.assert_allclose(vae.elbo(whole, seed=0).elbo, vae.elbo(x, seed=0).elbo, rtol=SLACK)
    np.testing.assert_allclose(vae.encode(whole)[0], vae.encode(x)[0], rtol=SLACK, atol=SLACK)
    np.testing.assert_allclose(vae(whole)["reconstruction"], vae.reconstruct(x), rtol=SLACK, atol=SLACK)
    assert vae.sample(2, seed=0).dtype == np.uint8
    assert vae.sample(20, seed=0).max() > 1


def test_a_scaling_that_comes_later_counts() -> None:
    whole, vae = (images() * 255).astype(np.uint8), build()
    vae.elbo((whole > 127).astype(np.uint8), seed=0)
    with pytest.raises(UserError, match=r"x: ranges from 0 to 255 in model units, but Bernoulli needs \[0, 1\]"):
        vae.elbo(whole, seed=0)
    vae.fit(whole, epochs=1, batch_size=8, jit="off", verbose=0)
    got = vae.elbo(whole, seed=0).elbo
    np.testing.assert_allclose(got, vae.elbo((whole / 255).astype("float32"), seed=0).elbo, rtol=SLACK)


def test_float64_lists_and_tensors_are_taken(trained: VAE) -> None:
    x = images(3)
    wanted = trained.elbo(x, seed=0).elbo
    for other in (x.astype(np.float64), x.tolist(), tf.constant(x), x.astype(bool)):
        np.testing.assert_allclose(trained.elbo(other, seed=0).elbo, wanted, rtol=SLACK)


def test_objectives_and_loss_terms_name_the_variables(trained: VAE) -> None:
    [objective] = trained.objectives()
    name, variables = objective.name, objective.variables
    assert (name, objective.main) == ("vae", True)
    assert {variable.path for variable in variables} == {v.path for v in trained.trainable_variables}


def test_what_is_refused(trained: VAE) -> None:
    with pytest.raises(UserError, match=r"which is empty"):
        build().fit(images(0), verbose=0)
    with pytest.raises(UserError, match=r"training.epochs: got 0"):
        build().fit(images(), epochs=0, verbose=0)
    with pytest.raises(UserError, match=r"batch_size: got 64, expected at most the 32"):
        build().fit(images(), batch_size=64, verbose=0)
    with pytest.raises(UserError, match="nan at index"):
        build().fit(np.where(np.arange(64).reshape(SHAPE) == 9, np.nan, images()), verbose=0)
    with pytest.raises(UserError, match=r"got shape .*, expected \[batch, 8, 8, 1\]"):
        build().fit(np.zeros((16, 9, 8, 1), "float32"), batch_size=8, verbose=0)
    with pytest.raises(UserError, match=r"fit: no argument learning_rte \(did you mean learning_rate\?\)"):
        build().fit(images(), learning_rte=1.0, verbose=0)
    with pytest.raises(UserError, match=r"did you mean plain\?"):
        build(latent="plane")


@pytest.mark.parametrize("call", ["elbo", "fit"])
def test_fused_is_refused_where_it_runs_and_not_where_it_is_loaded(monkeypatch, call):
    monkeypatch.setattr(native, "_loaded", lambda: (None, UserError("the compiled latent op is not built.")))
    vae = build(latent="fused")
    with pytest.raises(UserError, match=r"^latent: fused was requested, but the compiled latent op is not built\.$"):
        getattr(vae, call)(images())


def test_compile_refuses_a_loss():
    vae = VAE.from_variant("micro", (8, 8, 1), 2)
    with pytest.raises(UserError, match="the loss of this model is its objective"):
        vae.compile(optimizer="adam", loss="mse")


def test_a_likelihood_by_name():
    vae = VAE.from_variant("micro", (8, 8, 1), 2, likelihood="mse")
    assert isinstance(vae.likelihood, Gaussian)
    assert vae.likelihood.scale == pytest.approx(2**-0.5)
    with pytest.raises(UserError, match=r"likelihood.name: got 'bernouli' \(did you mean bernoulli\?\)"):
        VAE.from_variant("micro", (8, 8, 1), 2, likelihood="bernouli")
    with pytest.raises(UserError, match="prior: got 'correlated', expected a Prior such as StandardNormal, Diag"):
        VAE.from_variant("micro", (8, 8, 1), 2, prior="correlated")


def test_validation_data_in_other_units_is_refused():
    with pytest.raises(UserError, match="validation data: ranges from 0 to "):
        build().fit(images(), validation_data=images() * 255, verbose=0)
