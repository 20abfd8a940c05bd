"""The examples of a split as batches in model units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from tfvae import noise
from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.data.splits import DataSet, Split
from tfvae.engine.cluster.workers import Place
from tfvae.engine.plan import Plan


@dataclass(frozen=True)
class Batches:
    """The examples of a split, and how they are converted to batches for a model.

    Attributes:
      feed: passes the examples to the compiled step.
      examples: number of examples.
      scaling: from the user's units to model units.
      binarize: none, threshold or dynamic.
      seed: of all noise.
      dtype: of x in model units; default: the dtype of variables.
    """

    feed: pipeline.Feed
    examples: int
    scaling: Scaling
    binarize: str = "none"
    seed: int = 0
    # Read here, not in the step: Keras keeps its policy per thread, and replicas are threads.
    dtype: str = field(default_factory=lambda: keras.config.dtype_policy().variable_dtype)

    @classmethod
    def of(cls, split: Split, data: DataSet, config: Config) -> Batches:
        """The batches of a split under a configuration.

        Raises:
          UserError: the data set's condition needs labels or attributes that the split does not have.
        """
        feed = pipeline.feed(split, data.condition)
        return cls(feed, len(split), data.scaling, config.data.binarize, config.seed)

    def replace(self, split: Split) -> None:
        """Uses other examples: as many, of the same shape and type, in what was compiled for these."""
        self.feed.replace(split)

    def release(self) -> None:
        """Frees the memory of the examples, until `replace` gives others."""
        self.feed.release()

    def indices(self, plan: Plan, place: Place, steps_done: int, epochs: int, order: int = 0) -> Iterator[np.ndarray]:
        """This worker's part of each remaining batch, over all epochs, int64 `[share * its replicas]`.

        Args:
          plan: batch size and steps per epoch.
          place: the replicas of this worker.
          steps_done: in these epochs.
          epochs: number of epochs.
          order: epochs whose orders were used before these.
        """
        mine = slice(place.first_replica * plan.share, (place.first_replica + place.replicas) * plan.share)
        first, done = divmod(steps_done, plan.steps_per_epoch)
        for epoch in range(first, epochs):
            rows = pipeline.order(self.seed, order + epoch, self.examples)[: plan.steps_per_epoch * plan.batch_size]
            batches = rows.reshape(plan.steps_per_epoch, plan.batch_size)
            yield from batches[done if epoch == first else 0 :, mine]

    def batch(
        self,
        raw: tuple[tf.Tensor, tf.Tensor | None],
        step: tf.Tensor | int,
        first_example: tf.Tensor,
        weight: tf.Tensor | None = None,
    ) -> Batch:
        """A batch in model units.

        Args:
          raw: x `[batch, …]` in the user's units and y, as returned by `Feed.fetch`.
          step: addresses the noise of dynamic binarisation.
          first_example: position of x[0] in the global batch, or in the data set.
          weight: `[batch]`, 0 for padding; None: no padding.
        """
        x, y = raw
        address = noise.Address(self.seed, noise.BINARISATION, step, first_example)
        return Batch.of(
            pipeline.model_units(x, self.scaling, self.binarize, address, self.dtype), y, first_example, weight
        )
