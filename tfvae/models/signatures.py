"""The functions of a model that are exported; SavedModel, TFLite, proof, runners and card are built from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

import tensorflow as tf

Outputs = dict[str, tf.Tensor]

# The TFLite files; all signatures with the same file name share a file.
DECODER, GENERATOR, SCORER = "decoder", "generator", "scorer"


class Unit(Enum):
    """The unit of an output, in words; it determines the divisor of the output's error.

    MODEL: the range of the data, or the scale of p(x|z) if that is larger. USER: likewise; `function` returns model
    units, and each file converts them in its own precision. LATENT: the size of z under the prior. DENSITY: the
    output's own size, at least half a nat per value of x. NATS, CODE: the output's own size, at least 1.
    """

    MODEL = "model units"
    USER = "the user's units"
    LATENT = "a latent"
    CODE = "an output of the encoder"
    NATS = "nats per example"
    DENSITY = "nats per example, with log p(x|z) in it"


class Noise(NamedTuple):
    """An input of a signature that is standard normal noise.

    SavedModel and TFLite files draw it from a seed, example i at example i of the purpose.

    Attributes:
      input: its name among the inputs.
      purpose: of the noise.
    """

    input: str
    purpose: int


class Signature(NamedTuple):
    """One exported function. A model's first signature is its decoder: it is served by default and returns means of x.

    Attributes:
      name: the name that programs call.
      inputs: by name, float32 with an unknown batch: `TensorSpec([None, …])`.
      outputs: their units, by name.
      function: maps the inputs, passed by name, to the outputs; uses only TensorFlow ops that TFLite has.
      reference: the same from the model's own calls, for arrays, with `seed` instead of the noise. Files are compared
        with it. An output in the user's units may be left out: it is compared with the decoder's at the file's own z.
      gates: by the name of an error, the largest value that a file of full precision may have. `NAME` is the error of
        all outputs, `NAME_OUTPUT` of one; for the decoder's means they are `max`, `mean` and `elbo`.
      noise: the input that is drawn from a seed, if any.
      file: the TFLite file that contains it: `DECODER`, `GENERATOR` or `SCORER`; None: only the SavedModel has it.
    """

    name: str
    inputs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, Unit]
    function: Callable[..., Outputs]
    reference: Callable[..., Mapping[str, Any]]
    gates: Mapping[str, float] = MappingProxyType({})
    noise: Noise | None = None
    file: str | None = None
