"""`tfvae.engine.checkpoints`: broken ones are skipped, and a failed write damages no other."""

from __future__ import annotations

import contextlib
import random
import resource

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.engine.checkpoints import Checkpoints
from tfvae.errors import UserError


class Kept:
    """A small model whose weights equal the step at which they were saved."""

    def __init__(self, folder):
        self.model = keras.Sequential([keras.Input([40]), keras.layers.Dense(50)])
        self.optimizer = keras.optimizers.Adam()
        self.optimizer.build(self.model.trainable_variables)
        self.counter = tf.Variable(0, dtype=tf.int64)
        self.said = []
        self.checkpoints = Checkpoints(folder, self.model, self.counter, [self.optimizer], self.said.append)

    def set(self, step):
        self.counter.assign(step)
        self.model.set_weights([np.full(w.shape, step) for w in self.model.get_weights()])
        self.optimizer.variables[-1].assign(tf.ones_like(self.optimizer.variables[-1]) * step)

    def save(self, *steps):
        for step in steps:
            self.set(step)
            self.checkpoints.save({"best": step / 3, "sums": [0.1, 1e-300]})

    def stands_at(self, step):
        values = [*self.model.get_weights(), self.counter.numpy(), self.optimizer.variables[-1].numpy()]
        return all(np.all(value == step) for value in values)


@pytest.fixture
def folder(tmp_path):
    Kept(tmp_path).save(10, 20, 30)
    return tmp_path


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_the_last_two_are_kept_and_the_newest_comes_back(folder):
    assert sorted(path.stem for path in folder.glob("*.index")) == ["last-20", "last-30"]
    kept = Kept(folder)
    assert kept.checkpoints.last == folder / "last-30"
    assert kept.checkpoints.restore() == {"best": 10.0, "sums": [0.1, 1e-300]}
    assert kept.stands_at(30)
    assert kept.said == []


def test_the_order_is_that_of_numbers(tmp_path):
    Kept(tmp_path).save(9, 10)
    assert Kept(tmp_path).checkpoints.last == tmp_path / "last-10"


def test_none(tmp_path):
    kept = Kept(tmp_path)
    assert kept.checkpoints.last is None
    assert kept.checkpoints.restore() is None


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: cut(next(folder.glob("last-30.data*"))),
        lambda folder: next(folder.glob("last-30.data*")).write_bytes(b""),
        lambda folder: next(folder.glob("last-30.data*")).unlink(),
        lambda folder: cut(folder / "last-30.index"),
        lambda folder: (folder / "last-30.index").write_bytes(b""),
    ],
    ids=["half the data", "empty data", "no data", "half the index", "empty index"],
)
def test_one_cut_short_is_passed_over_and_that_is_said(folder, harm):
    harm(folder)
    kept = Kept(folder)
    assert kept.checkpoints.restore()["best"] == 20 / 3
    assert kept.stands_at(20)
    [said] = kept.said
    assert said.startswith(f"checkpoint {folder / 'last-30'} is broken (")
    assert said.endswith("; trying the one before it.")
    kept.save(25, 30)  # and continues
    assert Kept(folder).checkpoints.restore()["best"] == 10


def test_other_shapes_are_not_taken_for_the_weights(folder):
    kept = Kept(folder)
    other = keras.Sequential([keras.Input([40]), keras.layers.Dense(7)])
    checkpoints = Checkpoints(folder, other, kept.counter, [], kept.said.append)
    with pytest.raises(UserError, match="broken"):
        checkpoints.restore()


def test_all_broken_is_one_sentence(folder):
    for path in folder.glob("last-*.data*"):
        cut(path)
    with pytest.raises(UserError, match=r"last-30: this checkpoint and all earlier ones are broken; .*--out"):
        Kept(folder).checkpoints.restore()


def test_the_best_weights_go_with_every_checkpoint(tmp_path):
    kept = Kept(tmp_path)
    kept.set(10)
    kept.checkpoints.keep_best()
    kept.save(20, 30)
    for again in (kept, Kept(tmp_path)):
        again.checkpoints.restore()
        assert again.stands_at(30)
        again.checkpoints.restore_best()
        assert np.all(again.model.get_weights()[0] == 10)


def test_only_two_are_left_whatever_kills_left_there(folder):
    (folder / "last-40_temp").mkdir()
    (folder / "last-40_temp" / "part-00000-of-00001.data-00000-of-00001.tempstate1").write_bytes(b"x")
    (folder / "last-5.data-00000-of-00001").write_bytes(b"its index went first")
    cut(folder / "last-30.index")
    kept = Kept(folder)
    kept.checkpoints.restore()
    kept.save(25)
    left = {path.name for path in folder.iterdir()}
    assert left == {f"last-{step}.{kind}" for step in (20, 25) for kind in ("index", "data-00000-of-00001")}


def test_the_one_that_is_there_is_not_written_again(folder):
    kept = Kept(folder)
    kept.checkpoints.restore()
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert kept.checkpoints.save({"best": 0}) == str(folder / "last-30")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_no_flipped_bit_changes_what_comes_back(tmp_path):
    """TensorFlow verifies checksums of all data; the few bytes of an index without one have no meaning."""
    kept, dice, refused = Kept(tmp_path), random.Random(0), 0
    kept.save(10)
    for part in sorted(tmp_path.iterdir()):
        whole = part.read_bytes()
        for place in [0, len(whole) - 1, *dice.sample(range(len(whole)), 60)]:
            flipped = bytearray(whole)
            flipped[place] ^= 1 << dice.randrange(8)
            part.write_bytes(flipped)
            kept.set(0)
            try:
                notes = kept.checkpoints.restore()
            except UserError:
                refused += 1
            else:
                assert part.suffix == ".index"
                assert notes == {"best": 10 / 3, "sums": [0.1, 1e-300]}
                assert kept.stands_at(10)
        part.write_bytes(whole)
    assert refused > 100


@contextlib.contextmanager
def no_room():
    """Files of this process may not grow beyond a kilobyte: TensorFlow gets a real write error.

    Held no longer than the write: pytest's own log is a file of this process too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_one_that_cannot_be_written_names_the_folder_and_leaves_the_one_before(folder):
    kept = Kept(folder)
    kept.set(50)
    match = r"the checkpoint of step 50 cannot be written \(.*--resume"
    with pytest.raises(UserError, match=match) as caught, no_room():
        kept.checkpoints.save({"best": 0})
    assert str(folder) in str(caught.value)
    again = Kept(folder)
    assert again.checkpoints.restore()["best"] == 10
    assert again.stands_at(30)
    kept.checkpoints.save({"best": 1})  # once there is space
    assert Kept(folder).checkpoints.restore() == {"best": 1}


def test_a_full_disk_is_said_so(folder, monkeypatch):
    def full(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "last-40.data; No space left on device")

    kept = Kept(folder)
    monkeypatch.setattr(tf.train.Checkpoint, "write", full)
    with pytest.raises(UserError, match=r"No space left on device.*free some space"):
        kept.checkpoints.save({})
