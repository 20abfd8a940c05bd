"""The content of `report.json`, and the summary printed at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfvae.data.splits import DataSet
from tfvae.engine.loop import Loop
from tfvae.errors import reason
from tfvae.models import terms
from tfvae.models.terms import Term
from tfvae.models.vae import VAE
from tfvae.runs.diagnosis import Finding, diagnose, gather

_LABEL_WIDTH = 15
TEST = "test figures"


def make(vae: VAE, data: DataSet, loop: Loop, facts: dict[str, Any], *, alone: bool = False) -> dict[str, Any]:
    """Figures of the test split with the best weights, the cost of the run, and the diagnosis.

    `docs/training.md` has the schema.

    Args:
      vae: with the best weights restored.
      data: its test split is used only here.
      loop: the loop that trained the model.
      facts: about the run: versions, latent implementation.
      alone: no other worker waits for this one, so that test figures that fail may be left out and named in "failed".
    """
    failed: list[dict[str, str]] = []
    test: dict[str, Any] = {}
    findings: list[Finding] = []
    try:
        test = vae.summarise(loop.evaluate(data.test))
    except Exception as error:
        if not alone:
            raise
        failed.append({"name": TEST, "reason": reason(error)})
    try:
        if test:
            findings = diagnose(gather(vae, data, test, loop.history[loop.best_epoch - 1]["train"]))
    except Exception as error:  # it must not cost the report
        failed.append({"name": "diagnosis", "reason": reason(error)})
    return {
        "test": test,
        "terms": {name: _described(term) for name, term in terms.shown(vae.terms, "report").items() if name in test},
        "test_examples": len(data.test),
        "test_samples": vae.objective.num_samples,
        "epochs": len(loop.history),
        "best_epoch": loop.best_epoch,
        "seconds": round(loop.elapsed, 2),
        "steps_per_second": round(loop.clock.steps / loop.clock.seconds, 1) if loop.clock.seconds else None,
        "host_share": None if loop.clock.host_share is None else round(loop.clock.host_share, 4),
        "skipped_steps": sum(line["train"].get("skipped", 0) for line in loop.history),
        "parameters": int(vae.count_params()),
        "jit": loop.jit,
        **facts,
        "diagnosis": [finding._asdict() for finding in findings],
        "failed": failed,
        "complete": False,  # until the pictures are drawn
    }


def lines(report: Mapping[str, Any]) -> list[str]:
    """The summary of a report as text: a line for each term, in the model's order, then the cost of the run."""
    shown = _terms(report)
    if shown:
        label, value = shown[0]
        shown[0] = f"test {label}", f"{value} ({report['test_examples']:,} examples)"
    speed = f"{report['steps_per_second']:,}" if report["steps_per_second"] else "too short to measure"
    shown += [
        ("time", f"{report['seconds']:.1f} s, {report['epochs']} epochs, best {report['best_epoch']}"),
        ("steps/s", speed),
        ("parameters", f"{report['parameters']:,}"),
    ]
    if report["host_share"] is not None:
        shown.append(("host time", f"{100 * report['host_share']:.1f} % of the loop was spent between compiled calls"))
    if report["skipped_steps"]:
        shown.append(("skipped", f"{report['skipped_steps']} steps with a loss or gradient that was not finite"))
    width = max(_LABEL_WIDTH, *(len(label) for label, _ in shown))
    text = [f"  {label:<{width}} {value}" for label, value in shown]
    for finding in report["diagnosis"]:
        text.append(f"  {finding['name']}: {finding['evidence']}. Try {finding['advice']}.")
    failed = report.get("failed", [])  # reports of earlier versions have no such list
    if not report["diagnosis"] and not any(each["name"] in (TEST, "diagnosis") for each in failed):
        text.append(f"  {'diagnosis':<{width}} nothing stands out")
    return text + [f"  not made: {each['name']} ({each['reason']})" for each in failed]


def _terms(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and value with unit of each term; reports of earlier versions have no description of their terms."""
    test = report["test"]
    plain = {name: {"label": name, "unit": ""} for name, figure in test.items() if isinstance(figure, (int, float))}
    described = {name: Term(**fields) for name, fields in report.get("terms", plain).items()}
    return terms.texts(described, test)


def _described(term: Term) -> dict[str, Any]:
    return {"label": term.label, "unit": term.unit, "better": term.better, "digits": term.digits}
