"""Keras's callbacks around the epochs of tfvae's loop."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import keras

_UNCALLED = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


class Callbacks:
    """The user's callbacks: epoch and train hooks are called with Keras's log names.

    Args:
      callbacks: the user's; None: none.
      model: is trained; `stop_training` set by a callback ends its training.
      epochs: number of the epoch that training ends before.
      steps: per epoch.
      say: called with a sentence about hooks that are not called.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback] | keras.callbacks.CallbackList | None,
        model: Any,
        epochs: int,
        steps: int,
        say: Callable[[str], None],
    ) -> None:
        self._model = model
        if isinstance(callbacks, keras.callbacks.CallbackList):
            self._calls = callbacks
        else:
            self._calls = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs, steps=steps, verbose=0)
        for callback in self._calls.callbacks:
            if uncalled := _uncalled(callback):
                say(
                    f"{type(callback).__name__}: {', '.join(uncalled)} is not called, because several steps run in one "
                    "compiled call; on_epoch_end and on_train_end are."
                )
        self._logs: dict[str, float] = {}

    def begin(self) -> None:
        """Before the first step."""
        self._model.stop_training = False
        self._calls.on_train_begin()

    def epoch_begin(self, epoch: int) -> None:
        """Before the steps of an epoch."""
        self._calls.on_epoch_begin(epoch)

    def epoch_end(self, done: int, line: dict[str, Any]) -> bool:
        """After the validation of an epoch; returns whether training ends."""
        self._logs = {
            prefix + name: float(value)
            for prefix, split in (("", "train"), ("val_", "validation"))
            for name, value in line[split].items()
            if isinstance(value, numbers.Real)
        }
        self._calls.on_epoch_end(done - 1, self._logs)
        return bool(self._model.stop_training)

    def end(self) -> None:
        """After the last step."""
        self._calls.on_train_end(self._logs)


def _uncalled(callback: keras.callbacks.Callback) -> list[str]:
    """The hooks of a user's own class that are not called; of Keras's classes those that were asked for."""
    if type(callback).__module__.startswith("keras."):
        frequency = getattr(callback, "save_freq", "epoch")
        return ["on_train_batch_end (save_freq)"] if frequency != "epoch" else []
    own = type(callback)
    return [name for name in _UNCALLED if getattr(own, name) is not getattr(keras.callbacks.Callback, name)]
