"""The functions of a model that files are made of: SavedModel, TFLite, proof, runners and card read them here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

import tensorflow as tf

Outputs = dict[str, tf.Tensor]

# The TFLite files that a signature can stand in, each with the others of the same name.
DECODER, GENERATOR, SCORER = "decoder", "generator", "scorer"


class Unit(Enum):
    """The unit of an output, in words; it decides by what its error is divided.

    MODEL: by the range of the data, or the scale of p(x|z) where that is larger. USER: likewise; `function` gives
    model units, and the files convert them, so that each can do it in the precision that it has. LATENT: by the size
    of z under the prior. DENSITY: by its own size, at least half a nat a value of x. NATS, CODE: by its own size, at
    least 1.
    """

    MODEL = "model units"
    USER = "the user's units"
    LATENT = "a latent"
    CODE = "an output of the encoder"
    NATS = "nats an example"
    DENSITY = "nats an example, with log p(x|z) in it"


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
    """One exported function. A model's first signature is its decoder: it serves by default, and gives means of x.

    Attributes:
      name: as programs call it.
      inputs: by name, float32 with an unknown batch: `TensorSpec([None, …])`.
      outputs: their units, by name.
      function: takes the inputs by name and gives the outputs; of TensorFlow ops that TFLite has.
      reference: the same by the model's own calls, for arrays; takes `seed` in place of the noise. Files are compared
        with it. An output in the user's units may be left out: it is compared with the decoder's at the file's own z.
      gates: by the name of an error, the largest that a file of full precision may have. `NAME` is that of all
        outputs, `NAME_OUTPUT` of one; of the decoder's means, `max`, `mean` and `elbo`.
      noise: the input that is drawn from a seed, where there is one.
      file: the TFLite file that has it: `DECODER`, `GENERATOR` or `SCORER`; None: the SavedModel alone.
    """

    name: str
    inputs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, Unit]
    function: Callable[..., Outputs]
    reference: Callable[..., Mapping[str, Any]]
    gates: Mapping[str, float] = MappingProxyType({})
    noise: Noise | None = None
    file: str | None = None
