"""Which pictures a model and its data get, and from which examples."""

from __future__ import annotations

import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfvae import likelihoods, networks
from tfvae.config.data import Images
from tfvae.config.network import Mlp
from tfvae.data import views
from tfvae.data.condition import Condition
from tfvae.data.load import load
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError
from tfvae.latent import priors
from tfvae.models.capabilities import capabilities
from tfvae.models.vae import VAE
from tfvae.plots import gallery, image_pictures, latent_pictures, style
from tfvae.plots.gallery import PICTURES, WORDS, draw, draw_samples
from tfvae.plots.subject import Subject, in_turn

METRICS = [{"epoch": 1, "train": {"loss": 2.0, "reconstruction": -1.5, "kl": 0.5}, "validation": {"loss": 2.5}}]
ALWAYS = {"curves", "kl_per_dimension", "latent_variance", "reconstructions", "traversals", "interpolations"}


def model(shape, latent_dim, *, correlated=False, scaling=None):
    likelihood = likelihoods.Bernoulli(name="likelihood")
    settings = Mlp(hidden=(8,), latent_dim=latent_dim)
    encoder, decoder = networks.build(settings, shape, likelihood.parameters)
    prior = None
    if correlated:
        prior = priors.CorrelatedNormal(latent_dim, covariance=0.6 * np.eye(latent_dim) + 0.4, name="prior")
    return VAE(encoder, decoder, prior, likelihood, scaling=scaling)


def data_set(shape, *, labels=True, names=None, test=40):
    generator = np.random.default_rng(0)
    x = generator.random((60, *shape)).astype(np.float32)
    y = generator.integers(0, 3, 60) if labels else None
    split = Split(x, y)
    first, rest = split.take(np.arange(test)), split.take(np.arange(test, 60))
    return DataSet(
        "npz", rest, rest, first, Scaling.identity(), shape, ("cat", "dog", "owl") if labels else None, names
    )


IMAGE, ROW = (8, 8, 1), (4,)
CASES = {
    "D2": (IMAGE, 2, {}, {"samples", "latent_scatter", "manifold"}),
    "D2 correlated": (IMAGE, 2, {"correlated": True}, {"samples", "latent_scatter", "manifold", "covariance"}),
    "D3": (IMAGE, 3, {}, {"samples", "latent_scatter", "latent_projections", "manifold_slices"}),
    "D5": (IMAGE, 5, {}, {"samples"}),
    "D5 correlated": (IMAGE, 5, {"correlated": True}, {"samples", "covariance", "latent_scatter"}),
    "D1": (IMAGE, 1, {}, {"samples"}),
    "rows": (ROW, 2, {}, {"histograms", "real_and_generated", "latent_scatter"}),
    "one column": ((1,), 1, {}, {"histograms"}),
    "sequences": ((6, 2), 3, {}, {"histograms", "real_and_generated", "latent_scatter", "latent_projections"}),
}


@pytest.mark.parametrize(("case", "labels"), [*((case, True) for case in CASES), ("D2", False), ("rows", False)])
def test_each_case_gets_its_pictures(case, labels, tmp_path):
    shape, latent_dim, options, also = CASES[case]
    written = draw(
        model(shape, latent_dim, **options), data_set(shape, labels=labels), METRICS, tmp_path / "plots"
    ).files
    assert {path.stem for path in written} == ALWAYS | also
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {path.name for path in written}
    for path in written:
        with Image.open(path) as image:
            assert min(image.size) > 150


def test_a_second_call_gives_the_same_pictures(tmp_path):
    vae, data = model(IMAGE, 2), data_set(IMAGE)
    first = {path.name: path.read_bytes() for path in draw(vae, data, METRICS, tmp_path).files}
    assert {path.name: path.read_bytes() for path in draw(vae, data, METRICS, tmp_path).files} == first


def test_without_metrics_there_are_no_curves(tmp_path):
    assert "curves" not in {path.stem for path in draw(model(ROW, 2), data_set(ROW), [], tmp_path).files}


def test_one_example_is_enough(tmp_path):
    written = draw(model(IMAGE, 2), data_set(IMAGE, test=1), METRICS, tmp_path).files
    assert {path.stem for path in written} == (ALWAYS | {"samples", "latent_scatter", "manifold"}) - {"interpolations"}


@pytest.mark.parametrize("shape", [IMAGE, (16, 48, 3), (64, 64, 2), ROW, (1,)])
def test_samples_during_training(shape, tmp_path):
    path = draw_samples(model(shape, 2), data_set(shape), tmp_path / "samples-0003.png", when="after epoch 3")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_examples_come_from_the_first_split_that_has_any():
    assert Subject(model(ROW, 2), data_set(ROW)).examples == "40 test examples"
    assert Subject(model(ROW, 2), data_set(ROW, test=0)).examples == "60 validation examples"


def test_examples_take_turns_by_class():
    assert in_turn(np.array([1, 1, 0, 2, 0, 1]), 6).tolist() == [2, 0, 3, 4, 1, 5]
    assert in_turn(None, 3).tolist() == [0, 1, 2]


def test_pictures_show_the_binary_data_of_the_evaluation():
    data = data_set(IMAGE)
    data = DataSet("npz", data.train, data.validation, data.test, data.scaling, IMAGE, binarize="dynamic", seed=5)
    subject = Subject(model(IMAGE, 2), data)
    x = views.first(data, "test").x
    assert set(np.unique(x)) == {0.0, 1.0}
    np.testing.assert_array_equal(subject.view.x, x)
    np.testing.assert_allclose(subject.codes, subject.vae.encode(x)[0], rtol=1e-5, atol=1e-6)


def test_model_units_outside_the_unit_interval_are_spread_over_it():
    data = data_set(IMAGE)
    x, vae = data.test.x[:5], model(IMAGE, 2)
    np.testing.assert_array_equal(Subject(vae, data).shown(x), x)
    wide = DataSet("npz", data.train, data.validation, Split(10 * data.test.x - 5), Scaling.identity(), IMAGE)
    values = Subject(vae, wide).shown(10 * data.test.x - 5)
    assert values.min() == 0.0
    assert values.max() == 1.0


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "images"
    for name in ("cat", "dog"):
        (images / name).mkdir(parents=True)
        for i in range(6):
            Image.fromarray(np.full((12, 10, 3), 20 * i, np.uint8)).save(images / name / f"{i}.png")
    return images


def test_streamed_images_are_read_for_their_pictures(folder, tmp_path):
    data = load(Images(path=str(folder), image_size=(8, 8)), 0)
    vae = model((8, 8, 3), 2, scaling=data.scaling)
    assert Subject(vae, data).view.raw.dtype == np.uint8
    assert "samples" in {path.stem for path in draw(vae, data, METRICS, tmp_path / "plots").files}


def test_a_broken_image_is_named(folder):
    data = load(Images(path=str(folder), image_size=(8, 8)), 0)
    assert not isinstance(data.test.x, np.ndarray)
    broken = data.test.x.paths[0]
    with open(broken, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\nhalf")
    with pytest.raises(UserError, match=r"\.png: the image cannot be decoded"):
        _ = Subject(model((8, 8, 3), 2), data).view


def conditional(shape, latent_dim, condition):
    """A model whose encoder and decoder take y as a second input."""
    x, z, y = keras.Input(shape), keras.Input([latent_dim]), keras.Input([condition.size])
    flat = keras.layers.Concatenate()([keras.layers.Flatten()(x), y])
    encoder = keras.Model([x, y], [keras.layers.Dense(latent_dim)(flat), keras.layers.Dense(latent_dim)(flat)])
    logits = keras.layers.Dense(int(np.prod(shape)))(keras.layers.Concatenate()([z, y]))
    decoder = keras.Model([z, y], keras.layers.Reshape(shape)(logits))
    return VAE(encoder, decoder, condition=condition)


LABELS = Condition("label", ("cat", "_dog$", "owl"), (0.5, 0.3, 0.2))


def test_a_model_conditioned_on_labels_gets_samples_of_each_class(tmp_path, words):
    vae, data = conditional(IMAGE, 2, LABELS), data_set(IMAGE)
    drawn = draw(vae, data, METRICS, tmp_path)
    names = ALWAYS | {"samples", "class_samples", "latent_scatter", "manifold"}
    assert {path.stem for path in drawn.files} == names
    subject = Subject(vae, data)
    assert style.text("_dog$") in words(image_pictures.class_samples(subject))
    held = ("cat", "dog", "owl")[subject.view.labels[subject.held]]
    for picture in (image_pictures.traversals, image_pictures.manifold, image_pictures.interpolations):
        assert f", class {held}" in words(picture(subject))
    starts, ends = subject.pairs()
    assert set(subject.view.labels[np.concatenate([starts, ends])]) == {subject.view.labels[subject.held]}


def test_the_images_of_a_column_share_their_noise(monkeypatch):
    vae, data, seen = conditional(IMAGE, 2, LABELS), data_set(IMAGE), []
    sample = vae.sample

    def watched(*arguments, **options):
        seen.append(sample(*arguments, **options, details=True))
        return seen[-1].x

    monkeypatch.setattr(vae, "sample", watched)
    image_pictures.class_samples(Subject(vae, data))
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0].z, seen[1].z)
    assert np.abs(seen[0].x - seen[1].x).max() > 0


def test_reconstructions_have_their_own_y():
    vae, data = conditional(IMAGE, 2, LABELS), data_set(IMAGE)
    subject, chosen = Subject(vae, data), np.arange(6)
    expected = vae.reconstruct(data.test.x[:6], y=tf.one_hot(data.test.y[:6], 3))
    np.testing.assert_allclose(subject.reconstructed(chosen), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [IMAGE, ROW])
def test_a_model_conditioned_on_attributes(shape, tmp_path):
    vae, data = conditional(shape, 2, Condition("attributes", ("age", "size"))), data_set(shape)
    for split in (data.train, data.validation, data.test):
        object.__setattr__(split, "attributes", np.random.default_rng(1).random((len(split), 2), np.float32))
    drawn = draw(vae, data, METRICS, tmp_path)
    assert "a model conditioned on class labels" in drawn.left_out
    also = {"samples", "manifold"} if shape == IMAGE else {"histograms", "real_and_generated"}
    assert {path.stem for path in drawn.files} == ALWAYS | {"latent_scatter"} | also


@keras.saving.register_keras_serializable(package="test_gallery")
class TwoBumps(priors.Prior):
    """A prior without quantiles, which draws its own samples."""

    def __init__(self, latent_dim, **kwargs):
        super().__init__(latent_dim, **kwargs)
        self.noise_shape = None

    def log_prob(self, z, per_dimension=False):
        ends = [priors.StandardNormal(self.latent_dim).log_prob(z - mean) for mean in (-1.0, 1.0)]
        return tf.reduce_logsumexp(tf.stack(ends), axis=0) - np.log(2)

    def sample(self, address, n, y=None):
        return priors.StandardNormal(self.latent_dim).sample(address, n) + 1.0


def test_a_prior_without_quantiles_has_no_manifold(tmp_path, words):
    vae = model(IMAGE, 2)
    vae = VAE(vae.encoder, vae.decoder, TwoBumps(2), vae.likelihood)
    drawn = draw(vae, data_set(IMAGE), METRICS, tmp_path)
    assert {path.stem for path in drawn.files} == {
        *("curves", "latent_variance", "latent_scatter", "reconstructions", "samples", "interpolations")
    }
    assert "manifold (needs a Gaussian prior)" in drawn.left_out
    subject = Subject(vae, data_set(IMAGE))
    assert "spherical" not in words(image_pictures.interpolations(subject))
    assert "of the prior" not in words(latent_pictures.scatter_2d(subject))


def test_spatial_latents_have_the_pictures_that_need_no_vector(tmp_path, words):
    x, z = keras.Input(IMAGE), keras.Input([2, 2, 3])
    encoder = keras.Model(x, [keras.layers.Conv2D(3, 4, 4)(x), keras.layers.Conv2D(3, 4, 4)(x)])
    vae = VAE(encoder, keras.Model(z, keras.layers.Conv2DTranspose(1, 4, 4)(z)))
    drawn = draw(vae, data_set(IMAGE), METRICS, tmp_path)
    assert {path.stem for path in drawn.files} == {
        *("curves", "kl_per_dimension", "reconstructions", "samples", "interpolations")
    }
    assert "latent_variance, traversals (need latents without a grid)" in drawn.left_out
    figure = latent_pictures.kl_per_dimension(Subject(vae, data_set(IMAGE)))
    assert "KL by latent channel" in words(figure)
    assert len(figure.axes[0].patches) == 3


def test_every_picture_can_be_drawn_and_says_what_it_needs():
    for picture in PICTURES:
        module, _, function = picture.draw.partition(":")
        assert callable(getattr(importlib.import_module(f"tfvae.plots.{module}"), function))
        assert picture.needs <= WORDS.keys()
    assert WORDS.keys() == frozenset.union(*(picture.needs for picture in PICTURES))


def test_the_capabilities_are_those_of_the_table():
    seen = set()
    for shape, latent_dim, options, _ in CASES.values():
        seen |= capabilities(model(shape, latent_dim, **options), data_set(shape), METRICS)
    seen |= capabilities(conditional(IMAGE, 2, LABELS), data_set(IMAGE))
    assert seen == WORDS.keys() | {"kl"}


def test_the_docs_name_every_picture_and_nothing_else():
    text = (Path(__file__).parents[2] / "docs" / "pictures.md").read_text()
    named = {
        row.split(".png")[0].removeprefix("| `") for row in text.splitlines() if row.startswith("| `") and ".png" in row
    }
    assert named == {picture.name for picture in PICTURES}


def test_nothing_is_left_out_of_a_model_that_can_do_all():
    assert gallery.left_out(frozenset(WORDS)) == ""
