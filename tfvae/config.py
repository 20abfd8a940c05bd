"""The whole recipe of a run as frozen dataclasses, to and from YAML.

Every field carries its help, unit and limits, so that `--help`, the checks and the documentation cannot disagree.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

from tfvae.errors import UserError

T = TypeVar("T")
Matrix = tuple[tuple[float, ...], ...]

# What config.yaml says of a run beside its settings.
FACTS = ("preset", "noise_version", "versions", "latent", "examples")


def _option(
    default: Any,
    help: str,  # noqa: A002 - the word that argparse uses
    *,
    unit: str = "",
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
) -> Any:
    metadata = dict(help=help, unit=unit, choices=choices, minimum=minimum, above=above, maximum=maximum)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Data:
    """Section `data`."""

    name: str = _option(
        "digits",
        "source of the examples",
        choices=("digits", "mnist", "fashion_mnist", "cifar10", "blobs", "csv", "npz", "images", "shards"),
    )
    dir: str | None = _option(None, "folder that holds NAME.npz in Keras's layout, instead of a download")
    path: str | None = _option(None, "the file (csv, npz) or folder (images; shards: gs://… too) to read")
    label: str | None = _option(None, "csv: the column that holds labels")
    scaling: str = _option(
        "auto",
        "how user's units become model units; auto: unit for images, z-score for tables, none for arrays in [0, 1]",
        choices=("auto", "none", "unit", "min-max", "z-score"),
    )
    binarize: str = _option(
        "none", "x in {0, 1}: by a threshold, or drawn afresh each step", choices=("none", "threshold", "dynamic")
    )
    image_size: tuple[int, int] = _option(
        (64, 64), "images, also in shards: height and width after resize and crop", minimum=8
    )
    channels: int = _option(3, "images, also in shards: 1 for grey, 3 for colour", minimum=1, maximum=3)
    num_examples: int = _option(500, "blobs: number of points", minimum=10)
    num_clusters: int = _option(2, "blobs: number of Gaussians", minimum=1)
    validation_fraction: float = _option(
        0.1, "part of the training examples kept for validation", above=0.0, maximum=0.9
    )
    test_fraction: float = _option(
        0.2, "part kept for the test, where the source has no test split of its own", above=0.0, maximum=0.9
    )


@dataclass(frozen=True)
class Network:
    """Section `network`."""

    name: str = _option("mlp", "family of encoder and decoder", choices=("mlp", "conv", "resnet"))
    latent_dim: int | None = _option(None, "number of latent dimensions D; none: the variant's, else 16", minimum=1)
    hidden: tuple[int, ...] = _option((512, 256), "mlp: widths of the encoder; the decoder mirrors them", minimum=1)
    filters: tuple[int, ...] = _option(
        (32, 64), "conv: channels of each level, each halving height and width", minimum=1
    )
    variant: str | None = _option(None, "resnet: its size", choices=("micro", "small", "medium", "large", "xlarge"))
    activation: str = _option("relu", "any Keras activation by name")
    z_log_var_range: tuple[float, float] = _option((-16.0, 8.0), "smooth bounds of z_log_var", unit="log variance")


@dataclass(frozen=True)
class Prior:
    """Section `prior`."""

    name: str = _option(
        "standard",
        "p(z); a variance makes it diagonal, a covariance correlated",
        choices=("standard", "diagonal", "correlated"),
    )
    mean: tuple[float, ...] | None = _option(None, "diagonal, correlated: mean, D numbers; none: zero")
    variance: tuple[float, ...] | None = _option(None, "diagonal: variances, D numbers; none: one", above=0.0)
    covariance: Matrix | None = _option(None, "correlated: covariance, D x D; none: identity")
    trainable: bool = _option(False, "diagonal, correlated: learn mean and scale, or Cholesky factor, from there")


@dataclass(frozen=True)
class Likelihood:
    """Section `likelihood`."""

    name: str = _option(
        "bernoulli",
        "p(x|z); mse is the Gaussian of scale 1/sqrt(2)",
        choices=("bernoulli", "continuous_bernoulli", "gaussian", "laplace", "mse"),
    )
    scale: float = _option(1.0, "gaussian, laplace: scale, or where its training starts", unit="model units", above=0.0)
    scale_mode: str = _option("fixed", "gaussian, laplace: whose scale it is", choices=("fixed", "shared", "per_pixel"))


@dataclass(frozen=True)
class Objective:
    """Section `objective`; also what a `VAE` takes as keyword arguments."""

    kl_weight: float = _option(1.0, "weight of the KL (beta)", minimum=0.0)
    kl_schedule: str = _option(
        "constant", "how the weight gets there", choices=("constant", "linear", "cyclical", "sigmoid")
    )
    kl_warmup: float = _option(10.0, "length of the warm-up, or of all cycles", unit="epochs", above=0.0)
    kl_cycles: int = _option(4, "cyclical: number of cycles", minimum=1)
    free_bits: float = _option(0.0, "KL of each dimension below which it is not pushed", unit="nats", minimum=0.0)
    capacity: float | None = _option(
        None, "final C(t): the loss takes |KL - C| for KL; none: off", unit="nats", minimum=0.0
    )
    capacity_warmup: float = _option(10.0, "length of C(t)'s rise from 0", unit="epochs", above=0.0)
    num_samples: int = _option(1, "samples of z for each example", minimum=1, maximum=65535)
    importance_weighted: bool = _option(False, "train on the importance-weighted bound (IWAE) of those samples")


@dataclass(frozen=True)
class Training:
    """Section `training`."""

    epochs: int = _option(50, "passes over the training examples", minimum=1)
    batch_size: int = _option(128, "examples a step, over all replicas", minimum=1)
    optimizer: str = _option("adam", "any Keras optimizer by name")
    learning_rate: float = _option(1e-3, "peak learning rate", above=0.0)
    learning_rate_schedule: str = _option(
        "cosine", "from the peak: stay, or fall to zero at the end", choices=("constant", "cosine", "linear")
    )
    learning_rate_warmup: float = _option(0.0, "linear rise to the peak", unit="epochs", minimum=0.0)
    weight_decay: float | None = _option(None, "the optimizer's weight decay", minimum=0.0)
    clip_norm: float | None = _option(None, "bound on the global norm of the gradient", above=0.0)
    accumulation: int = _option(
        1, "parts that a replica takes its share of a batch in, to save memory; changes no result", minimum=1
    )
    ema: float | None = _option(
        None,
        "decay of a moving average of the weights, then judged and kept in their place",
        above=0.0,
        maximum=0.99999,
    )
    early_stopping: int | None = _option(
        None, "stop after so many epochs without a better validation loss", unit="epochs", minimum=1
    )
    precision: str = _option(
        "float32",
        "of the networks; losses are float32 at least",
        choices=("float32", "mixed_bfloat16", "mixed_float16", "float64"),
    )
    jit: str = _option(
        "auto", "XLA for the gradient; auto: on a GPU, or without convolutions", choices=("auto", "on", "off")
    )
    steps_per_call: int | None = _option(None, "steps in one compiled call; none: what takes about a second", minimum=1)
    on_nonfinite: str = _option(
        "stop",
        "a loss or gradient that is not finite: stop, or leave out that step and count it",
        choices=("stop", "skip"),
    )
    strategy: str = _option("default", "how replicas work together", choices=("default", "mirrored", "multiworker"))
    replicas: int = _option(0, "mirrored: logical CPU devices, for trying; 0: every GPU", minimum=0)
    latent: str = _option("auto", "implementation of the latent op", choices=("auto", "fused", "plain", "reference"))
    sample_every: int = _option(0, "write a picture of samples every so many epochs; 0: never", minimum=0)


@dataclass(frozen=True)
class Config:
    """The whole recipe of a run."""

    data: Data = Data()
    network: Network = Network()
    prior: Prior = Prior()
    likelihood: Likelihood = Likelihood()
    objective: Objective = Objective()
    training: Training = Training()
    seed: int = _option(0, "the key of every random number, in [0, 2^63)", minimum=0, maximum=2**63 - 1)


def to_dict(config: Any) -> dict[str, Any]:
    """The settings as plain lists, numbers and strings, ready for YAML or JSON."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, tuple) else value

    return {key: plain(value) for key, value in dataclasses.asdict(config).items()}


def from_dict(kind: type[T], values: Any, where: str = "") -> T:
    """Builds a dataclass from plain values, each checked for name, type and range.

    Raises:
      UserError: names the key, what came and what was wanted, with the nearest name for an unknown one.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where or 'configuration'}: got {values!r}, want a table of settings.")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    arguments = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in fields:
            raise UserError(f"{name}: no such setting{nearest(str(key), fields)}. There are: {', '.join(fields)}.")
        if dataclasses.is_dataclass(hints[key]):
            arguments[key] = from_dict(hints[key], value, name)
        else:
            arguments[key] = _convert(hints[key], value, name, fields[key].metadata)
    return kind(**arguments)


def nearest(name: str, names: Any) -> str:
    """ " (did you mean X?)" for the closest of the names, or nothing."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""


def override(config: Config, assignments: list[str]) -> Config:
    """The configuration with each `section.key=value` put in; values are YAML.

    Example:
      >>> override(Config(), ["training.epochs=3"]).training.epochs
      3
    """
    values = to_dict(config)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set {assignment}: want section.key=value, as in --set training.epochs=3.")
        section, dot, key = path.partition(".")
        try:
            value = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, such as 2026-99-99
            raise UserError(f"--set {assignment}: the value is not YAML ({_one_line(error)}).") from error
        if section not in values:
            raise UserError(f"{section}: no such section{nearest(section, values)}. There are: {', '.join(values)}.")
        if not dot:
            values[section] = value
        elif isinstance(values[section], dict):
            values[section][key] = value
        else:
            raise UserError(f"{path}: {section} is a single value; want {section}={text}.")
    return from_dict(Config, values)


def from_yaml(text: str, origin: str) -> Config:
    """Reads a configuration; what it says of a run (FACTS) is passed over."""
    try:
        values = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{origin}: not YAML ({_one_line(error)}).") from error
    if not isinstance(values, Mapping):
        raise UserError(f"{origin}: got {type(values).__name__}, want a table of sections.")
    known = {key: value for key, value in values.items() if key not in FACTS}
    try:
        return from_dict(Config, known)
    except UserError as error:
        raise UserError(f"{origin}: {error}") from error


def _convert(hint: Any, value: Any, name: str, limits: Mapping[str, Any]) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is tuple:
        return _convert_tuple(hint, value, name, limits)
    if hint is float and isinstance(value, str):
        value = _number(value)  # YAML 1.1 reads 1e-3 as text
    if isinstance(value, bool) and "on" in limits["choices"]:
        value = "on" if value else "off"  # as YAML 1.1 reads these words
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        wanted = {int: "an integer", float: "a number", str: "text", bool: "true or false"}[hint]
        raise UserError(f"{name}: got {value!r}, want {wanted}.")
    if limits["choices"] and value not in limits["choices"]:
        choices, hint = ", ".join(limits["choices"]), nearest(str(value), limits["choices"])
        raise UserError(f"{name}: got {value!r}{hint}, want one of {choices}.")
    _check_range(value, name, limits)
    return value


def _convert_tuple(hint: Any, value: Any, name: str, limits: Mapping[str, Any]) -> Any:
    arguments = typing.get_args(hint)
    if not isinstance(value, (list, tuple)):
        raise UserError(f"{name}: got {value!r}, want a list such as [1, 2].")
    if arguments[-1] is not Ellipsis and len(value) != len(arguments):
        raise UserError(f"{name}: got {len(value)} values, want {len(arguments)}.")
    return tuple(_convert(arguments[0], item, name, limits) for item in value)


def _check_range(value: Any, name: str, limits: Mapping[str, Any]) -> None:
    if isinstance(value, (str, bool)):
        return
    if value != value or value in (float("inf"), float("-inf")):
        raise UserError(f"{name}: got {value}, want a finite number.")
    if limits["minimum"] is not None and value < limits["minimum"]:
        raise UserError(f"{name}: got {value}, want at least {limits['minimum']}.")
    if limits["above"] is not None and value <= limits["above"]:
        raise UserError(f"{name}: got {value}, want more than {limits['above']}.")
    if limits["maximum"] is not None and value > limits["maximum"]:
        raise UserError(f"{name}: got {value}, want at most {limits['maximum']}.")


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _one_line(error: Exception) -> str:
    # PyYAML's own account names a file that the user never wrote.
    return " ".join(str(getattr(error, "problem", None) or error).split())
