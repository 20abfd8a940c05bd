"""Finds, checks and loads the compiled library of the latent op, once per process, or explains why it cannot."""

from __future__ import annotations

import functools
import importlib
import json
import os
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfvae.errors import UserError

LIBRARY = Path(__file__).with_name("_tfvae_ops.so")
FACTS = Path(__file__).with_name("_build.json")  # written next to the library by the build

_BUILD = "build it with `make native`, or install tfvae again with TFVAE_NATIVE=1"


def available() -> tuple[bool, str]:
    """Whether the compiled op can run here, and the reason if not (else "")."""
    _, error = _loaded()
    return error is None, str(error or "").removesuffix(".")


def ops() -> Any:
    """The module of the compiled ops, from `tf.load_op_library`.

    Raises:
      UserError: the library is not built, was built for another TensorFlow or without CUDA, or does not load.
    """
    module, error = _loaded()
    if error is not None:
        raise error
    return module


def facts() -> dict[str, Any]:
    """Versions, CUDA, architectures and compiler, as recorded by the build; empty if the library is not built."""
    if not FACTS.is_file():
        return {}
    built: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    return built


@functools.cache
def _loaded() -> tuple[Any, UserError | None]:
    # Cached, because loading a second copy would make TensorFlow abort the process.
    try:
        _check()
        module = _open()
    except UserError as error:
        return None, error
    _register_gradients(module)
    return module, None


def _check() -> None:
    if not LIBRARY.is_file() or not FACTS.is_file():
        missing = FACTS if LIBRARY.is_file() else LIBRARY
        raise UserError(f"the compiled latent op is not built ({missing} does not exist); {_BUILD}.")
    if os.environ.get("TFVAE_ISA"):
        # The bindings select the instruction set with the same code, so they report now the error of every later call.
        try:
            importlib.import_module("_tfvae_kernels").isa()
        except ValueError as error:
            raise UserError(str(error)) from error
    built = facts()
    # Checked before opening, because TensorFlow's C++ interface changes with the minor version and loading may crash.
    if _minor(built["tensorflow"]) != _minor(tf.__version__):
        raise UserError(
            f"the compiled latent op was built for TensorFlow {built['tensorflow']}, but this is {tf.__version__}; "
            f"{_BUILD}."
        )
    if built["cuda"] is None and tf.config.get_visible_devices("GPU"):
        raise UserError(
            "the compiled latent op was built without CUDA, but TensorFlow has a GPU; build it with TFVAE_CUDA=1 and "
            "nvcc, or hide the GPU (CUDA_VISIBLE_DEVICES=-1)."
        )


def _open() -> Any:
    try:
        return tf.load_op_library(str(LIBRARY))
    except tf.errors.OpError as error:
        raise UserError(f"the compiled latent op does not load ({error.message}); {_BUILD}.") from error


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _register_gradients(module: Any) -> None:
    tf.RegisterGradient("Tfvae>SampleAndKl")(functools.partial(_gradient, module))
    tf.RegisterGradient("Tfvae>SampleAndKlGrad")(_no_second_gradient)


def _gradient(module: Any, op: Any, d_z: tf.Tensor, d_kl: tf.Tensor, d_log_q: tf.Tensor) -> list[tf.Tensor | None]:
    attributes = {name: op.get_attr(name) for name in ("samples", "prior", "per_dimension", "prior_gradient")}
    log_q = [d_log_q] if op.get_attr("with_log_q") else []
    d_mean, d_log_var, *d_prior = module.tfvae_sample_and_kl_grad(
        *op.inputs, d_z=_used(d_z), d_kl=_used(d_kl), d_log_q=_used(*log_q), **attributes
    )
    return [d_mean, d_log_var, *(d_prior if attributes["prior_gradient"] else [None, None]), None, None, None]


def _used(*upstream: tf.Tensor) -> list[tf.Tensor]:
    # The tape gives zeros for an output that the loss does not use; in a graph these are recognisable by their op.
    return [gradient for gradient in upstream if tf.executing_eagerly() or gradient.op.type != "ZerosLike"]


def _no_second_gradient(op: Any, *upstream: tf.Tensor) -> None:
    raise UserError(
        "latent: the fused op has no second derivatives; use implementation='plain' (--latent plain) for them."
    )
