"""The functions of a model that files are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import tensorflow as tf

Outputs = dict[str, tf.Tensor]


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
    """One exported function.

    Attributes:
      name: as programs call it.
      inputs: by name, float32 with an unknown batch: `TensorSpec([None, …])`.
      function: takes them by name and gives named outputs; of TensorFlow ops that TFLite has.
      gates: by the name of an error, the largest that a file of full precision may have.
      noise: the input that is drawn from a seed, where there is one.
    """

    name: str
    inputs: Mapping[str, tf.TensorSpec]
    function: Callable[..., Outputs]
    gates: Mapping[str, float] = MappingProxyType({})
    noise: Noise | None = None
