"""Which pictures a model and its data get, and from which examples."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tfvae import likelihoods, networks
from tfvae.config.data import Images
from tfvae.config.network import Mlp
from tfvae.data.load import load
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.errors import UserError
from tfvae.latent import priors
from tfvae.models.vae import VAE
from tfvae.plots.examples import Examples, binarised, examples_of, shown
from tfvae.plots.gallery import draw, draw_samples

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
    written = draw(model(shape, latent_dim, **options), data_set(shape, labels=labels), METRICS, tmp_path / "plots")
    assert {path.stem for path in written} == ALWAYS | also
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {path.name for path in written}
    for path in written:
        with Image.open(path) as image:
            assert min(image.size) > 150


def test_a_second_call_gives_the_same_pictures(tmp_path):
    vae, data = model(IMAGE, 2), data_set(IMAGE)
    first = {path.name: path.read_bytes() for path in draw(vae, data, METRICS, tmp_path)}
    assert {path.name: path.read_bytes() for path in draw(vae, data, METRICS, tmp_path)} == first


def test_without_metrics_there_are_no_curves(tmp_path):
    assert "curves" not in {path.stem for path in draw(model(ROW, 2), data_set(ROW), [], tmp_path)}


def test_one_example_is_enough(tmp_path):
    written = draw(model(IMAGE, 2), data_set(IMAGE, test=1), METRICS, tmp_path)
    assert {path.stem for path in written} == (ALWAYS | {"samples", "latent_scatter", "manifold"}) - {"interpolations"}


@pytest.mark.parametrize("shape", [IMAGE, (16, 48, 3), (64, 64, 2), ROW, (1,)])
def test_samples_during_training(shape, tmp_path):
    path = draw_samples(model(shape, 2), data_set(shape), tmp_path / "samples-0003.png", when="after epoch 3")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_examples_come_from_the_first_split_that_has_any():
    assert examples_of(data_set(ROW)).kind == "test"
    assert examples_of(data_set(ROW, test=0)).kind == "validation"


def test_examples_take_turns_by_class():
    y = np.array([1, 1, 0, 2, 0, 1])
    assert Examples(np.zeros((6, 2)), y, "test").one_of_each_class().tolist() == [2, 0, 3, 4, 1, 5]
    assert Examples(np.zeros((3, 2)), None, "test").one_of_each_class().tolist() == [0, 1, 2]


def test_binarised_is_what_training_gave():
    x = np.float32([[0.2, 0.5, 0.7]])
    np.testing.assert_array_equal(binarised(x, "none"), x)
    np.testing.assert_array_equal(binarised(x, "threshold"), [[0, 0, 1]])
    many = binarised(np.full((1, 4000), 0.3, np.float32), "dynamic")
    assert set(np.unique(many)) == {0.0, 1.0}
    assert abs(many.mean() - 0.3) < 0.03


def test_model_units_outside_the_unit_interval_are_spread_over_it():
    data = data_set(IMAGE)
    x = data.test.x[:5]
    np.testing.assert_array_equal(shown(x, data), x)
    wide = DataSet("npz", data.train, data.validation, Split(10 * data.test.x - 5), Scaling.identity(), IMAGE)
    values = shown(10 * data.test.x - 5, wide)
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
    assert examples_of(data).x.dtype == np.uint8
    assert "samples" in {path.stem for path in draw(vae, data, METRICS, tmp_path / "plots")}


def test_a_broken_image_is_named(folder):
    data = load(Images(path=str(folder), image_size=(8, 8)), 0)
    assert not isinstance(data.test.x, np.ndarray)
    broken = data.test.x.paths[0]
    with open(broken, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\nhalf")
    with pytest.raises(UserError, match=r"\.png: the image cannot be decoded"):
        examples_of(data)
