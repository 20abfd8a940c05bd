"""One step: gradients of every objective on every replica, their sum, clipping, the update; many steps in one call.

The step knows the contract `objectives() -> [(name, variables, loss_fn)]` and no family of models.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae import noise
from tfvae.config import Config
from tfvae.data import pipeline
from tfvae.data.batch import Batch
from tfvae.data.scaling import Scaling
from tfvae.engine.cluster import workers
from tfvae.engine.precision import LossScale, update_if
from tfvae.engine.record import Layout
from tfvae.objectives.loss import Schedule

LOOP = 512  # the most steps of a loop that XLA compiles


class Update(NamedTuple):
    """What moves the variables of one objective.

    Attributes:
      optimizer: prepared by `optimizers.prepare`.
      loss_scale: of float16 networks, else None.
      guarded: leave out a step whose loss or gradient is not finite. It costs a copy of the weights and slots.
    """

    optimizer: keras.optimizers.Optimizer
    loss_scale: LossScale | None = None
    guarded: bool = False


class _Part(NamedTuple):
    """Examples of one replica, and where they stand."""

    x: tf.Tensor
    y: tf.Tensor | None
    first: tf.Tensor
    step: tf.Tensor
    schedule: Schedule


class Step:
    """The compiled training step.

    Args:
      model: gives `objectives()`.
      updates: one for each objective.
      feed: where the examples of this process come from.
      scaling: from the user's units to model units.
      config: batch size, accumulation, binarisation, clipping, schedules, seed.
      steps_per_epoch: what the schedules count in.
      strategy: whose scope the variables were made in.
      counter: int64 variable, steps done.
      jit: compile the gradient with XLA.
      jit_loop: compile the loop over steps with it, where no strategy stands in the way and the examples are in memory.

    `step(elements)` does one step for each element and gives their records, float64 `[steps, values]`; `layout` names
    the values. Terms of the loss are averages over the global batch, in nats an example; of a guarded update the
    record also says whether it was `skipped`, 1 or 0.
    """

    def __init__(
        self,
        model: Any,
        updates: list[Update],
        feed: pipeline.Feed,
        scaling: Scaling,
        config: Config,
        steps_per_epoch: int,
        strategy: tf.distribute.Strategy,
        counter: tf.Variable,
        jit: bool,
        jit_loop: bool = False,
    ) -> None:
        self._feed, self._scaling, self._config, self._model = feed, scaling, config, model
        self._steps_per_epoch, self._strategy, self._counter = steps_per_epoch, strategy, counter
        self._first_replica = workers.place(strategy).first_replica
        self.layout = Layout()
        self._goals = [
            (
                goal.name,
                goal.variables,
                update,
                tf.function(self._gradients(goal.variables, goal.loss), jit_compile=jit),
            )
            for goal, update in zip(model.objectives(), updates)
        ]
        with strategy.scope():
            alone = not tf.distribute.has_strategy()
        # Streamed examples are too large to be filled up to one shape, as XLA's loop wants them.
        self._in_loop = jit_loop and alone and isinstance(feed, pipeline.InMemory)
        self._norm = _norm_by_product if jit_loop and alone else tf.linalg.global_norm
        self._replica: Callable[[Any], tf.Tensor] = self._on_replicas
        if self._in_loop:
            self._replica = self._replica_step
        elif jit and alone:
            # XLA fuses the update too, where no strategy's variables stand in its way: a quarter more steps a second.
            self._replica = tf.function(self._replica_step, jit_compile=True)
        self._loop = tf.function(self._steps, jit_compile=True)
        self._call: Callable[..., tf.Tensor] | None = None

    def __call__(self, elements: Any) -> tf.Tensor:
        count = len(tf.nest.flatten(elements)[0])
        if self._in_loop:
            parts = [elements[begin : begin + LOOP] for begin in range(0, count, LOOP)]
            return tf.concat([self._looped(part) for part in parts], axis=0)
        if self._call is None:
            # Any number of steps: it moves from call to call, and none may trace again.
            signature = tf.nest.map_structure(lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), elements)
            self._call = tf.function(self._steps, input_signature=[signature, tf.TensorSpec([], tf.int32)])
        return self._call(elements, tf.constant(count))

    def _looped(self, indices: tf.Tensor) -> tf.Tensor:
        """In XLA's own loop, where nothing is launched and no weight moves between steps: a fifth more of them."""
        # XLA compiles for one shape: indices are filled up to it, and a number says how many of them are steps.
        filled = tf.pad(indices, [[0, LOOP - len(indices)], [0, 0]])
        return self._loop(filled, tf.constant(len(indices)))[: len(indices)]

    def _steps(self, elements: Any, count: tf.Tensor) -> tf.Tensor:
        size = tf.shape(tf.nest.flatten(elements)[0])[0]
        records = tf.TensorArray(tf.float64, size=size, infer_shape=False)
        k = tf.constant(0)
        while k < count:  # for an iteration over tf.range XLA would compile anew for each count
            element = tf.nest.map_structure(lambda t, k=k: t[k], elements)
            records = records.write(k, self._replica(element))
            k += 1
        return records.stack()

    def _on_replicas(self, element: Any) -> tf.Tensor:
        # Every replica has reduced the same record.
        return self._strategy.experimental_local_results(self._strategy.run(self._replica_step, args=(element,)))[0]

    def _replica_step(self, element: Any) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        size = self._config.training.batch_size // context.num_replicas_in_sync
        begin = (replica - self._first_replica) * size
        x, y = self._feed.fetch(tf.nest.map_structure(lambda t: t[begin : begin + size], element))
        step = tf.identity(self._counter)
        part = _Part(x, y, replica * size, step, self._model.schedule(step, self._steps_per_epoch))
        record: dict[str, tf.Tensor] = {}
        for name, variables, update, gradients in self._goals:
            prefix = "" if len(self._goals) == 1 else f"{name}/"
            scale = tf.ones([]) if update.loss_scale is None else tf.identity(update.loss_scale.value)
            sums = self._over_parts(gradients, part, scale)
            # Reduced before anything is judged, so that all replicas judge alike.
            grads, terms = context.all_reduce(tf.distribute.ReduceOp.SUM, sums)
            if update.loss_scale is not None:
                grads = [grad / tf.cast(scale, grad.dtype) for grad in grads]
            norm = self._norm(grads)
            record.update({prefix + key: value for key, value in terms.items()})
            record[prefix + "gradient_norm"] = norm
            told = _take(update, _clipped(grads, norm, self._config.training.clip_norm), variables, norm, terms["loss"])
            record.update({prefix + key: value for key, value in told.items()})
        if "kl_weight" in part.schedule:
            record["kl_weight"] = tf.cast(part.schedule["kl_weight"], tf.float32)
        self._counter.assign_add(1)
        return self.layout.pack(record)

    def _over_parts(self, gradients: Callable[..., Any], whole: _Part, scale: tf.Tensor) -> Any:
        """The sum of gradients and terms over the parts that accumulation asks for, one after the other."""
        count = self._config.training.accumulation
        size = self._config.training.batch_size // self._strategy.num_replicas_in_sync // count
        if count == 1:
            return gradients(whole, scale)

        def of(index: Any) -> Any:
            begin = index * size
            x, y = (None if t is None else _rows(t, begin, size) for t in (whole.x, whole.y))
            return gradients(whole._replace(x=x, y=y, first=whole.first + tf.cast(begin, tf.int64)), scale)

        sums = of(0)
        for index in tf.range(1, count):
            sums = tf.nest.map_structure(tf.add, sums, of(index))
        return sums

    def _gradients(self, variables: list[keras.Variable], loss_fn: Callable[..., Any]) -> Callable[..., Any]:
        """A pure function of a replica's part of the batch, all that XLA sees: its part of the global average."""
        scaling, config = self._scaling, self._config
        batch_size = config.training.batch_size
        dtype = keras.config.dtype_policy().variable_dtype

        def gradients(part: _Part, scale: tf.Tensor) -> tuple[list, dict]:
            address = noise.Address(config.seed, noise.BINARISATION, part.step, part.first)
            x = pipeline.model_units(part.x, scaling, config.data.binarize, address, dtype)
            batch = Batch(x, part.y, part.first, tf.ones([tf.shape(x)[0]], dtype))
            values = [variable.value for variable in variables]
            with tf.GradientTape() as tape:
                loss = loss_fn(batch, noise.Address(config.seed, noise.TRAINING, part.step), part.schedule, True)
                total = tf.reduce_sum(loss.total) / batch_size
                scaled = total * tf.cast(scale, total.dtype)
            grads = tape.gradient(scaled, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            terms = {name: tf.reduce_sum(term, axis=0) / batch_size for name, term in loss.terms.items()}
            return grads, {"loss": total, **terms}

        return gradients


def _rows(t: tf.Tensor, begin: tf.Tensor | int, size: int) -> tf.Tensor:
    # Not t[begin : begin + size], whose size XLA cannot know.
    return tf.slice(t, [begin, *[0] * (t.shape.rank - 1)], [size, *t.shape[1:]])


def _take(
    update: Update, grads: list[tf.Tensor], variables: list[keras.Variable], norm: tf.Tensor, loss: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Moves the variables, or where it is guarded leaves out what is not finite; what the record says of it."""
    optimizer = update.optimizer
    if not update.guarded:
        optimizer.apply(grads, variables)
        return {}
    finite = tf.math.is_finite(norm) & tf.math.is_finite(loss)
    update_if(finite, lambda: optimizer.apply(grads, variables), [*variables, *optimizer.variables])
    told = {"skipped": tf.cast(~finite, tf.float64)}
    if update.loss_scale is not None:
        update.loss_scale.update(finite)
        told["loss_scale"] = tf.identity(update.loss_scale.value)
    return told


def _norm_by_product(grads: list[tf.Tensor]) -> tf.Tensor:
    """The global norm, its sums as products with ones.

    XLA's sum over a large tensor on a CPU writes the squares out and goes over them again: a sixth of an MLP's step.
    """
    rows = [tf.reshape(grad, [-1, grad.shape[-1] if grad.shape.rank else 1]) for grad in grads]
    sums = [tf.reduce_sum(tf.matmul(tf.square(row), tf.ones([row.shape[1], 1], row.dtype))) for row in rows]
    return tf.sqrt(tf.add_n(sums))


def _clipped(grads: list[tf.Tensor], norm: tf.Tensor, bound: float | None) -> list[tf.Tensor]:
    if bound is None:
        return grads
    factor = tf.minimum(tf.ones([], norm.dtype), bound / (norm + 1e-6))
    return [grad * tf.cast(factor, grad.dtype) for grad in grads]
