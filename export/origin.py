"""What is recorded about a model's origin, for `decoder.json` and the model card."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

# What only a run records.
_UNRECORDED = ("batch size", "seed", "training and validation examples", "versions of the packages", "diagnosis")

Values = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Origin:
    """The origin of a model, as far as it is recorded.

    Attributes:
      name: of the model.
      network: the settings of its networks; None: not recorded.
      binarize: how training made x binary; None: not recorded.
      dataset: the name of the data set; None: not recorded.
      trained_prior: whether the parameters of the prior were trained.
      parameters: the number of weights.
      figures: means over test examples, by the name of the term.
      examples: the number of those test examples.
      data: rows of the card's table of the data.
      training: rows of the card's table of the training.
      findings: of the diagnosis after training, in words.
    """

    name: str
    network: Values | None = None
    binarize: str | None = None
    dataset: str | None = None
    trained_prior: bool = False
    parameters: int = 0
    figures: Values = dataclasses.field(default_factory=dict)
    examples: int = 0
    data: Mapping[str, str] = dataclasses.field(default_factory=dict)
    training: Mapping[str, str] = dataclasses.field(default_factory=dict)
    findings: Sequence[str] = ()


def of_run(name: str, settings: Values, report: Values) -> Origin:
    """The origin of a run's model.

    Args:
      name: of the run's folder.
      settings: the content of the run's `config.yaml`.
      report: the content of the run's `report.json`.
    """
    return Origin(
        name,
        network=settings["network"],
        binarize=settings["data"]["binarize"],
        dataset=settings["data"]["name"],
        trained_prior=bool(settings["prior"].get("trainable")),
        parameters=report["parameters"],
        figures=report["test"],
        examples=report["test_examples"],
        data=_data(settings["data"], report["examples"]),
        training=_training(settings, report),
        findings=[f"{finding['name']}, {finding['evidence']}" for finding in report["diagnosis"]],
    )


def of_model(model: Any, figures: Values, examples: int, data: Mapping[str, str]) -> Origin:
    """The origin of a model in Python: what it holds itself; the rest is listed as not recorded.

    Args:
      model: a `LatentModel`, as it was trained.
      figures: its means over test examples, by the name of the term.
      examples: the number of those examples.
      data: rows of the card's table of the data.
    """
    trained = model.trained
    values = {} if trained.low is None else {"training values": f"{trained.low:.4g} to {trained.high:.4g}, model units"}
    return Origin(
        model.name,
        trained_prior=bool(model.prior.trainable_variables),
        parameters=model.count_params(),
        figures=figures,
        examples=examples,
        data={**data, **values},
        training=_training_of_model(model),
    )


def _data(data: Values, examples: Values) -> dict[str, str]:
    path = f", `{PurePath(data['path']).name}`" if data.get("path") else ""
    counts = (f"{examples[split]:,} {split}" for split in ("train", "validation", "test"))
    return {"source": f"{data['name']}{path}", "examples": ", ".join(counts)}


def _training(settings: Values, report: Values) -> dict[str, str]:
    training = settings["training"]
    return {
        **({"preset": f"`{settings['preset']}`"} if settings.get("preset") else {}),
        **_objective(settings["objective"]),
        "epochs": f"{report['epochs']}, weights of epoch {report['best_epoch']}",
        "optimizer": f"{_optimizer(training)}, batch {training['batch_size']}",
        "precision": f"{training['precision']}; exported from float32",
        "seed": str(settings["seed"]),
        "versions": ", ".join(f"{name} {version}" for name, version in report["versions"].items()),
    }


def _training_of_model(model: Any) -> dict[str, str]:
    trained, rows = model.trained, _objective(dataclasses.asdict(model.objective))
    if trained.steps:
        rows["epochs"] = f"{trained.orders} of `fit`, {trained.steps:,} steps"
    if trained.steps and model.compiled:
        rows["optimizer"] = (
            _optimizer(model.chosen) if model.chosen else f"{type(model.optimizer).__name__}, of `compile`"
        )
    layers = [*model.encoder.layers, *model.decoder.layers]
    policies = sorted({layer.dtype_policy.name for layer in layers})
    rows["precision"] = f"{', '.join(policies)}; exported from float32"
    missing = [*(name for name in ("epochs", "optimizer") if name not in rows), *_UNRECORDED]
    return {**rows, "not recorded": ", ".join(missing)}


def _optimizer(settings: Values) -> str:
    rate = f"{settings['learning_rate']:g}, {settings['learning_rate_schedule']}"
    return f"{settings['optimizer']}, learning rate {rate}"


def _objective(settings: Values) -> dict[str, str]:
    bound = f"importance-weighted bound of {settings['num_samples']}" if settings["importance_weighted"] else "ELBO"
    rows = {
        "objective": f"{bound}, KL weight {settings['kl_weight']:g} ({settings['kl_schedule']})",
        "free bits": f"{settings['free_bits']:g} nats per dimension" if settings["free_bits"] else "",
        "capacity": "" if settings["capacity"] is None else f"{settings['capacity']:g} nats",
    }
    return {name: text for name, text in rows.items() if text}
