"""`tfvae.data.sharded`: shards give what their source gives, and say what is wrong with them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import config
from tfvae.config.data import Shards
from tfvae.data import load, shards
from tfvae.engine.loop import Loop
from tfvae.errors import UserError
from tfvae.runs import experiment

RNG = np.random.default_rng(0)
SETTINGS = (
    "network.hidden=[6]",
    "network.latent_dim=2",
    "likelihood.name=gaussian",
    "training.batch_size=8",
    "training.epochs=2",
    "training.steps_per_call=2",
    "training.jit=off",
)


def _pictures(folder):
    for i in range(40):
        path = folder / "pictures" / "ab"[i % 2] / f"{i:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tf.io.encode_png(RNG.integers(0, 256, [8, 9 + i % 3, 3], np.uint8)).numpy())
    return ["data.name=images", f"data.path={folder / 'pictures'}", "data.image_size=[8,8]"]


def _npz(folder, **arrays):
    np.savez(folder / "x.npz", **arrays)
    return ["data.name=npz", f"data.path={folder / 'x.npz'}"]


SOURCES = {
    "bytes with a test split": lambda folder: _npz(
        folder,
        **{f"x_{split}": RNG.integers(0, 256, [n, 5, 4], np.uint8) for split, n in (("train", 40), ("test", 9))},
        y_train=np.array(list("cab" * 13 + "a")),
        y_test=np.array(list("abc" * 3)),
    ),
    "uint32 images": lambda folder: _npz(folder, x=RNG.integers(0, 2**32, [40, 5, 4, 1], np.uint32)),
    "int64 images": lambda folder: _npz(folder, x=RNG.integers(-(2**62), 2**62, [40, 5, 4, 1])),
    "a table": lambda folder: _npz(folder, x=RNG.normal(1e6, 3.0, [40, 4]), y=np.arange(40) - 7),
    "z-scored images": lambda folder: [*_npz(folder, x=RNG.normal(size=[40, 5, 4])), "data.scaling=z-score"],
    "digits": lambda folder: ["data.name=digits"],
    "blobs": lambda folder: ["data.name=blobs", "data.num_examples=60"],
    "image files": _pictures,
}


def both(folder, source, seed=3):
    """The settings of a source, and those of the shards made of it."""
    settings = SOURCES[source](folder)
    assert shards.main(["--set", *settings, "--out", str(folder / "shards"), "--shards", "3", "--seed", str(seed)]) == 0
    kept = [each for each in settings if not each.startswith(("data.name", "data.path", "data.num_examples"))]
    return settings, ["data.name=shards", f"data.path={folder / 'shards'}", *kept]


@pytest.mark.parametrize("source", SOURCES)
def test_shards_give_what_their_source_gives(tmp_path, source):
    direct, sharded = (
        load.load(config.override(config.Config(), settings).data, seed=3) for settings in both(tmp_path, source)
    )
    assert sharded.scaling.to_dict() == direct.scaling.to_dict()
    assert (sharded.shape, sharded.label_names, sharded.feature_names) == (
        direct.shape,
        direct.label_names,
        direct.feature_names,
    )
    for name in ("train", "validation", "test"):
        own, theirs = getattr(sharded, name), getattr(direct, name)
        at = RNG.permutation(len(theirs))
        wanted = theirs.x[at] if isinstance(theirs.x, np.ndarray) else theirs.x.read(at).numpy()
        got = own.x.read(at).numpy()
        assert got.dtype == wanted.dtype == own.x.dtype
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(own.y, theirs.y)


def _trained(settings):
    recipe = config.override(config.Config(), [*settings, *SETTINGS])
    keras.utils.set_random_seed(0)
    data = load.load(recipe.data, recipe.seed)
    model = experiment.build(recipe, data)
    loop = Loop(model, data, recipe, tf.distribute.get_strategy())
    loop.run()
    for line in loop.history:
        del line["train"]["examples_per_second"]
    return loop.history, loop.evaluate(data.test), model.get_weights()


@pytest.mark.parametrize("source", ["bytes with a test split", "image files"])
def test_training_on_shards_is_training_on_their_source(tmp_path, source):
    (history, test, weights), (sharded_history, sharded_test, sharded_weights) = map(_trained, both(tmp_path, source))
    assert history == sharded_history
    assert len(history) == 2
    np.testing.assert_equal(sharded_test, test)
    for ours, theirs in zip(sharded_weights, weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_object_store_gives_the_same(tmp_path):
    both(tmp_path, "bytes with a test split")
    remote = f"ram://{tmp_path.name}/shards/"
    for path in (tmp_path / "shards").iterdir():
        with tf.io.gfile.GFile(remote + path.name, "wb") as file:
            file.write(path.read_bytes())
    here, there = (load.load(Shards(path=path), 0) for path in (str(tmp_path / "shards"), remote))
    at = RNG.permutation(len(here.train))
    np.testing.assert_array_equal(there.train.x.read(at), here.train.x.read(at))


FIRST = "train-00000-of-00003.tfrecord"


def _changed(path, change):
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def _flipped(at):
    def change(content):
        content[at] ^= 1

    return change


def _cut(content):
    del content[-1]


def _facts(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        (FIRST, lambda path: path.unlink(), "cannot be read"),
        (FIRST, lambda path: _changed(path, _cut), "copy the shard again"),
        (FIRST + ".index", lambda path: path.unlink(), "cannot be read"),
        (FIRST + ".index", lambda path: _changed(path, _flipped(50)), "its checksum differs"),
        (FIRST + ".index", lambda path: _changed(path, _flipped(8)), "an index of version 0"),
        ("shards.json", lambda path: path.unlink(), "want a folder that python -m tfvae.data.shards wrote"),
        ("shards.json", lambda path: path.write_text("{"), "cannot be read"),
        ("shards.json", lambda path: path.write_text("[]"), "cannot be read"),
        ("shards.json", lambda path: _facts(path, format="x"), "cannot be read"),
        ("shards.json", lambda path: _facts(path, version=2), "shards of version 2, and this tfvae reads version 1"),
        ("shards.json", lambda path: _facts(path, counts={"train": [0, 1, 2]}), "cannot be read"),
        ("shards.json", lambda path: _facts(path, counts={"train": [9, 9, 9]}), "says 9; write the shards anew"),
        ("shards.json", lambda path: _facts(path, dtype="float2"), "cannot be read"),
        ("shards.json", lambda path: _facts(path, more=1), "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_before_training(tmp_path, name, damage, said):
    both(tmp_path, "bytes with a test split")
    damage(tmp_path / "shards" / name)
    with pytest.raises(UserError, match=rf"{name}.*{said}" if "want a folder" not in said else said):
        load.load(Shards(path=str(tmp_path / "shards")), 0)


@pytest.mark.parametrize("at", [2, 9, 60, -1], ids=["length", "its checksum", "content", "checksum"])
def test_a_damaged_record_is_named(tmp_path, at):
    both(tmp_path, "bytes with a test split")
    _changed(tmp_path / "shards" / FIRST, _flipped(at))
    train = load.load(Shards(path=str(tmp_path / "shards"), validation_fraction=0.01), 0).train
    with pytest.raises(UserError, match=rf"{FIRST}: the record at byte \d+ is damaged"):
        train.x.read(np.arange(len(train)))


def test_no_folder_is_a_sentence():
    with pytest.raises(UserError, match=r"data\.path: the shards source needs a folder"):
        load.load(Shards(), 0)
    with pytest.raises(UserError, match=r"data\.path: no shards\.json in nowhere"):
        load.load(Shards(path="nowhere"), 0)
