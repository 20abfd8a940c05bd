"""`tfvae.engine.record`."""

import numpy as np
import tensorflow as tf

from tfvae.engine.record import Layout


def test_values_come_back_by_name_from_a_vector_and_from_many():
    layout = Layout()
    values = {"loss": tf.constant(1.5), "kl": tf.constant([1, 2, 3]), "last": tf.constant(0.1, tf.float64)}
    vector = tf.function(lambda: layout.pack(values))().numpy()
    assert vector.dtype == np.float64
    np.testing.assert_array_equal(vector, [1.5, 1, 2, 3, 0.1])
    one = layout.unpack(vector)
    assert (float(one["loss"]), one["kl"].tolist(), float(one["last"])) == (1.5, [1, 2, 3], 0.1)
    assert list(one) == list(values)
    many = layout.unpack(np.stack([vector, 2 * vector]))
    assert (many["loss"].shape, many["kl"].shape) == ((2,), (2, 3))
    assert many["kl"][1].tolist() == [2, 4, 6]
