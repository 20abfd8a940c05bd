"""The contenders: each decodes a batch of latents to the mean of p(x|z), as a NumPy array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from benchmarks.decoders.subject import Subject

THREADS = (1, 2)


@dataclass(frozen=True)
class Contender:
    """One way to decode.

    Attributes:
      form: "Keras call", "tf.function" with and without XLA, "SavedModel", or the kind of a TFLite file.
      threads: of a TFLite file; None: TensorFlow's default, one per core.
      decode: without arguments; returns when the means are computed.
    """

    form: str
    threads: int | None
    decode: Callable[[], np.ndarray]

    @property
    def name(self) -> str:
        """The name in tables."""
        if self.threads is None:
            return self.form
        return f"{self.form}, {self.threads} thread{'s' if self.threads > 1 else ''}"


def contenders(subject: Subject, z: np.ndarray) -> list[Contender]:
    """All contenders that can decode a batch of this size.

    TensorFlow's forms get a tensor, the files a NumPy array: the fastest input for each.
    """
    given = tf.constant(z)
    decode = subject.vae.signatures()[0].function
    graph = tf.function(decode)
    compiled = tf.function(decode, jit_compile=True)
    found = [
        Contender("Keras call", None, lambda: decode(given)["mean"].numpy()),
        Contender("tf.function", None, lambda: graph(given)["mean"].numpy()),
        Contender("tf.function, XLA", None, lambda: compiled(given)["mean"].numpy()),
    ]
    if subject.saved_model.is_dir():
        loaded = tf.saved_model.load(subject.saved_model)
        signature = loaded.signatures["decode"]
        # The model too: the signature alone does not keep its variables alive.
        found.append(Contender("SavedModel", None, lambda loaded=loaded: signature(z=given)["mean"].numpy()))
    for kind, data in subject.files.items():
        for threads in THREADS:
            runner = _runner(data, threads, len(z))
            if runner is not None:
                found.append(Contender(kind, threads, lambda runner=runner: runner(z=z)["mean"]))
    return found


def _runner(data: bytes, threads: int, batch: int) -> Any:
    """The `decode` signature of this batch size; None if the file has none."""
    interpreter = Interpreter(model_content=data, num_threads=threads)
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        if runner.get_input_details()["z"]["shape"][0] == batch:
            return runner
    return None
