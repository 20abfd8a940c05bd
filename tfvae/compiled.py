"""`tf.function` for bodies that are made anew for each model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def function(body: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`tf.function(body, **options)` that does not warn of retracing.

    TensorFlow counts the traces of a line of code, so several models in a process, such as a sweep's, would look to it
    like one function that is traced again and again.
    """
    compiled = tf.function(body, **options)
    compiled._omit_frequent_tracing_warning = True
    return compiled
