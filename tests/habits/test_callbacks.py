"""Keras's callbacks around tfvae's loop."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.habits.conftest import X, build, fit

callbacks = keras.callbacks


class Seen(callbacks.Callback):
    """Notes every hook that is called."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("epoch", epoch))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("end", epoch, dict(logs)))

    def on_train_end(self, logs=None):
        self.calls.append("over")


class OfBatches(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise AssertionError


def test_hooks_and_their_logs(vae):
    seen = Seen()
    history = fit(vae, X, epochs=4, initial_epoch=2, validation_split=0.25, callbacks=[seen])
    kinds = [call if isinstance(call, str) else call[:2] for call in seen.calls]
    assert kinds == ["begin", ("epoch", 2), ("end", 2), ("epoch", 3), ("end", 3), "over"]
    logs = [call[2] for call in seen.calls if call[0] == "end"]
    assert {"loss", "elbo", "kl", "val_loss", "val_elbo"} <= set(logs[0])
    assert [log["val_loss"] for log in logs] == history.history["val_loss"]
    assert all(isinstance(value, float) for value in logs[0].values())
    assert vae.history is history


def test_batch_hooks_are_said_not_to_be_called(vae, capsys):
    fit(vae, X, epochs=1, verbose=1, callbacks=[OfBatches()])
    said = capsys.readouterr().out
    assert "OfBatches: on_train_batch_end is not called, because several steps run in one compiled call" in said


def test_early_stopping_restores_the_best_weights(vae):
    kept = []

    class Keep(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept.append(self.model.get_weights())

    stopping = callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=1e9, restore_best_weights=True)
    history = fit(vae, X, epochs=50, validation_split=0.25, callbacks=[Keep(), stopping])
    assert history.epoch == [0, 1]
    np.testing.assert_array_equal(vae.get_weights()[0], kept[0][0])
    assert fit(vae, X, epochs=2).epoch == [0, 1]  # the request to stop ends with its call


def test_learning_rates_of_callbacks_are_used(vae):
    rates = []

    class Read(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: 0.0 if epoch == 1 else rate)
    before = []
    fit(vae, X, epochs=1)
    before.append(vae.get_weights()[0])
    fit(vae, X, epochs=2, initial_epoch=1, callbacks=[schedule, Read()])
    np.testing.assert_array_equal(vae.get_weights()[0], before[0])
    assert rates == [0.0]


@pytest.mark.parametrize("compiled", [True, False])
def test_reduce_on_plateau(compiled, vae):
    model = vae if compiled else build()
    options = {} if compiled else {"learning_rate": 1e-2}
    plateau = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.1, patience=0, min_delta=1e9)
    fit(model, X, epochs=3, callbacks=[plateau], **options)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-4, rel=1e-5)


def test_checkpoints_boards_and_logs(vae, tmp_path):
    calls = [
        callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}.keras", monitor="val_elbo", mode="max"),
        callbacks.TensorBoard(tmp_path / "board"),
        callbacks.CSVLogger(tmp_path / "log.csv"),
        callbacks.TerminateOnNaN(),
    ]
    fit(vae, X, epochs=2, validation_data=(X[:20],), callbacks=calls)
    loaded = keras.models.load_model(tmp_path / "02.keras")
    assert loaded.evaluate(X) == vae.evaluate(X)
    assert loaded.trained.steps == 12
    assert {path.name for path in (tmp_path / "board").iterdir()} == {"train", "validation"}
    assert (tmp_path / "log.csv").read_text().startswith("epoch,active_units,elbo")


def test_backup_and_restore_goes_on_in_another_model(tmp_path):
    class Fails(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise ZeroDivisionError

    def train(*others):
        model = build()
        model.compile(optimizer=keras.optimizers.Adam(1e-2))
        fit(model, X, epochs=4, callbacks=[callbacks.BackupAndRestore(tmp_path / "backup"), *others])
        return model

    with pytest.raises(ZeroDivisionError):
        train(Fails())
    resumed = train()
    whole = build()
    whole.compile(optimizer=keras.optimizers.Adam(1e-2))
    fit(whole, X, epochs=4)
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
