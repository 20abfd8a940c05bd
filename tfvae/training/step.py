"""One step: gradients of every objective on every replica, their sum, clipping, the update; many steps in one call.

The step knows the contract `objectives() -> [(name, variables, loss_fn)]` and no family of models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.latent import noise
from tfvae.training import schedules
from tfvae.training.record import Layout


class Step:
    """The compiled training step.

    Args:
      model: gives `objectives()`.
      optimizers: one for each objective, prepared.
      feed: where the examples come from.
      scaling: from the user's units to model units.
      config: batch size, binarisation, clipping, schedules, seed.
      steps_per_epoch: what the schedules count in.
      strategy: whose scope the variables were made in.
      counter: int64 variable, steps done.
      jit: compile the gradient with XLA.

    `step(elements)` does one step for each element and gives their records, float64 `[steps, values]`; `layout` names
    the values. Terms of the loss are averages over the global batch, in nats an example.
    """

    def __init__(
        self,
        model: Any,
        optimizers: list[keras.optimizers.Optimizer],
        feed: pipeline.Feed,
        scaling: Scaling,
        config: Config,
        steps_per_epoch: int,
        strategy: tf.distribute.Strategy,
        counter: tf.Variable,
        jit: bool,
    ) -> None:
        self._feed, self._scaling, self._config = feed, scaling, config
        self._steps_per_epoch, self._strategy, self._counter = steps_per_epoch, strategy, counter
        self.layout = Layout()
        self._updates = [
            (name, variables, optimizer, tf.function(self._gradients(variables, loss_fn), jit_compile=jit))
            for (name, variables, loss_fn), optimizer in zip(model.objectives(), optimizers)
        ]
        with strategy.scope():
            alone = not tf.distribute.has_strategy()
        # XLA fuses the update too, where no strategy's variables stand in its way: a quarter more steps a second.
        self._replica: Callable[[Any], tf.Tensor] = (
            tf.function(self._replica_step, jit_compile=True) if jit and alone else self._on_replicas
        )
        self._call = tf.function(self._steps, reduce_retracing=True)

    def __call__(self, elements: Any) -> tf.Tensor:
        return self._call(elements)

    def _steps(self, elements: Any) -> tf.Tensor:
        count = tf.shape(tf.nest.flatten(elements)[0])[0]
        records = tf.TensorArray(tf.float64, size=count, infer_shape=False)
        for k in tf.range(count):
            element = tf.nest.map_structure(lambda t, k=k: t[k], elements)
            records = records.write(k, self._replica(element))
        return records.stack()

    def _on_replicas(self, element: Any) -> tf.Tensor:
        # Every replica has reduced the same record.
        return self._strategy.experimental_local_results(self._strategy.run(self._replica_step, args=(element,)))[0]

    def _replica_step(self, element: Any) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        size = self._config.training.batch_size // context.num_replicas_in_sync
        first = tf.cast(context.replica_id_in_sync_group, tf.int64) * size
        shard = tf.nest.map_structure(lambda t: t[first : first + size], element)
        x, y = self._feed.fetch(shard)
        step = tf.identity(self._counter)
        schedule = schedules.at(step, self._config.objective, self._steps_per_epoch)
        record: dict[str, tf.Tensor] = {}
        for name, variables, optimizer, gradients in self._updates:
            grads, terms = gradients(x, y, first, step, schedule)
            grads, terms = context.all_reduce(tf.distribute.ReduceOp.SUM, [grads, terms])
            norm = tf.linalg.global_norm(grads)
            optimizer.apply(_clipped(grads, norm, self._config.training.clip_norm), variables)
            prefix = "" if len(self._updates) == 1 else f"{name}/"
            record.update({prefix + key: value for key, value in terms.items()})
            record[prefix + "gradient_norm"] = norm
        record["kl_weight"] = schedule.kl_weight
        self._counter.assign_add(1)
        return self.layout.pack(record)

    def _gradients(self, variables: list[keras.Variable], loss_fn: Callable[..., Any]) -> Callable[..., Any]:
        """A pure function of a replica's part of the batch, all that XLA sees: its part of the global average."""
        scaling, config = self._scaling, self._config
        batch_size = config.training.batch_size
        dtype = keras.config.dtype_policy().variable_dtype

        def gradients(x: tf.Tensor, y: Any, first: tf.Tensor, step: tf.Tensor, schedule: Any) -> tuple[list, dict]:
            address = noise.Address(config.seed, noise.BINARISATION, step, first)
            x = pipeline.model_units(x, scaling, config.data.binarize, address, dtype)
            weight = tf.ones([tf.shape(x)[0]], dtype)
            values = [variable.value for variable in variables]
            with tf.GradientTape() as tape:
                loss = loss_fn(Batch(x, y, first, weight), noise.Address(config.seed, noise.TRAINING, step), schedule)
                total = tf.reduce_sum(loss.total) / batch_size
            grads = tape.gradient(total, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            terms = {name: tf.reduce_sum(term, axis=0) / batch_size for name, term in loss.terms.items()}
            return grads, {"loss": total, **terms}

        return gradients


def _clipped(grads: list[tf.Tensor], norm: tf.Tensor, bound: float | None) -> list[tf.Tensor]:
    if bound is None:
        return grads
    factor = tf.minimum(tf.ones([], norm.dtype), bound / (norm + 1e-6))
    return [grad * tf.cast(factor, grad.dtype) for grad in grads]
