"""What is recorded about a model's origin, for `decoder.json` and the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
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
    figures: Values = field(default_factory=dict)
    examples: int = 0
    data: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)
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


def _data(data: Values, examples: Values) -> dict[str, str]:
    path = f", `{PurePath(data['path']).name}`" if data.get("path") else ""
    counts = (f"{examples[split]:,} {split}" for split in ("train", "validation", "test"))
    return {"source": f"{data['name']}{path}", "examples": ", ".join(counts)}


def _training(settings: Values, report: Values) -> dict[str, str]:
    training = settings["training"]
    rate = f"{training['learning_rate']:g}, {training['learning_rate_schedule']}"
    return {
        **({"preset": f"`{settings['preset']}`"} if settings.get("preset") else {}),
        **objective(settings["objective"]),
        "epochs": f"{report['epochs']}, weights of epoch {report['best_epoch']}",
        "optimizer": f"{training['optimizer']}, learning rate {rate}, batch {training['batch_size']}",
        "precision": f"{training['precision']}; exported from float32",
        "seed": str(settings["seed"]),
        "versions": ", ".join(f"{name} {version}" for name, version in report["versions"].items()),
    }


def objective(settings: Values) -> dict[str, str]:
    """Rows of the table of the training for the settings of `tfvae.config.Objective`."""
    bound = f"importance-weighted bound of {settings['num_samples']}" if settings["importance_weighted"] else "ELBO"
    rows = {
        "objective": f"{bound}, KL weight {settings['kl_weight']:g} ({settings['kl_schedule']})",
        "free bits": f"{settings['free_bits']:g} nats per dimension" if settings["free_bits"] else "",
        "capacity": "" if settings["capacity"] is None else f"{settings['capacity']:g} nats",
    }
    return {name: text for name, text in rows.items() if text}
