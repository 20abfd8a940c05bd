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
    """Where the examples come from, and how they become what a model takes.

    Attributes:
      feed: how they reach the compiled step.
      examples: how many there are.
      scaling: from the user's units to model units.
      binarize: none, threshold or dynamic.
      seed: of all noise.
      dtype: of x in model units; that of variables, unless it is given.
    """

    feed: pipeline.Feed
    examples: int
    scaling: Scaling
    binarize: str = "none"
    seed: int = 0
    # Not asked for in the step: Keras keeps its policy by thread, and replicas are threads.
    dtype: str = field(default_factory=lambda: keras.config.dtype_policy().variable_dtype)

    @classmethod
    def of(cls, split: Split, data: DataSet, config: Config) -> Batches:
        """A split of a data set as a recipe wants it.

        Raises:
          UserError: the data set's condition asks for labels or attributes that the split has not.
        """
        feed = pipeline.feed(split, data.condition)
        return cls(feed, len(split), data.scaling, config.data.binarize, config.seed)

    def indices(self, plan: Plan, place: Place, steps_done: int, epochs: int) -> Iterator[np.ndarray]:
        """This worker's part of every batch to come, over all epochs, int64 `[share * its replicas]`."""
        mine = slice(place.first_replica * plan.share, (place.first_replica + place.replicas) * plan.share)
        first, done = divmod(steps_done, plan.steps_per_epoch)
        for epoch in range(first, epochs):
            order = pipeline.order(self.seed, epoch, self.examples)[: plan.steps_per_epoch * plan.batch_size]
            batches = order.reshape(plan.steps_per_epoch, plan.batch_size)
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
          raw: x `[batch, …]` in the user's units and y, as `Feed.fetch` gives them.
          step: addresses the noise of dynamic binarisation.
          first_example: where x[0] stands in the global batch, or in the data set.
          weight: `[batch]`, 0 for padding; None: there is none.
        """
        x, y = raw
        address = noise.Address(self.seed, noise.BINARISATION, step, first_example)
        return Batch.of(
            pipeline.model_units(x, self.scaling, self.binarize, address, self.dtype), y, first_example, weight
        )
