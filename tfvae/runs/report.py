"""What stands in `report.json` and is printed at the end of a run."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfvae import noise
from tfvae.data import pipeline
from tfvae.data.splits import DataSet
from tfvae.engine.loop import Loop
from tfvae.models.vae import VAE
from tfvae.runs.diagnosis import Evidence, diagnose

_LOOKED_AT = 2000  # test examples and samples that the diagnosis looks at


def make(vae: VAE, data: DataSet, loop: Loop, binarize: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Figures of the test split with the best weights, the cost of the run, and the diagnosis.

    Args:
      vae: with the best weights in place.
      data: its test split is looked at here, and nowhere else.
      loop: that trained it.
      binarize: as in training.
      facts: of the run: versions, latent implementation.
    """
    test = vae.summarise(loop.evaluate(data.test))
    findings = diagnose(_evidence(vae, data, binarize, test, loop.history[loop.best_epoch - 1]))
    return {
        "test": test,
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
    }


def lines(report: dict[str, Any]) -> list[str]:
    """The summary of a report, for people."""
    test, latent = report["test"], len(report["test"]["kl_per_dimension"])
    speed = f"{report['steps_per_second']:,}" if report["steps_per_second"] else "too short to tell"
    shown = [
        ("test ELBO", f"{test['elbo']:.2f} nats ({report['test_examples']:,} examples)"),
        (
            "reconstruction",
            f"{test['reconstruction']:.2f} nats, squared error {test['squared_error_per_value']:.4f} in model units",
        ),
        ("KL", f"{test['kl']:.2f} nats"),
        ("active units", f"{test['active_units']} of {latent}"),
        ("time", f"{report['seconds']:.1f} s, {report['epochs']} epochs, best {report['best_epoch']}"),
        ("steps/s", speed),
        ("parameters", f"{report['parameters']:,}"),
    ]
    if report["host_share"] is not None:
        shown.append(("host time", f"{100 * report['host_share']:.1f} % of the loop passed between compiled calls"))
    if report["skipped_steps"]:
        shown.append(("skipped", f"{report['skipped_steps']} steps, whose loss or gradient was not finite"))
    if "iwae" in test:
        shown.insert(1, (f"IWAE, K = {report['test_samples']}", f"{test['iwae']:.2f} nats"))
    text = [f"  {name:<15} {value}" for name, value in shown]
    for finding in report["diagnosis"]:
        text.append(f"  {finding['name']}: {finding['evidence']}. Try {finding['advice']}.")
    return text if report["diagnosis"] else [*text, "  diagnosis       nothing stands out"]


def _evidence(vae: VAE, data: DataSet, binarize: str, test: dict[str, Any], best: dict[str, Any]) -> Evidence:
    address = noise.Address(0, noise.BINARISATION, noise.LAST_STEP)
    raw = tf.constant(pipeline.first(data.test, _LOOKED_AT))
    x = pipeline.model_units(raw, data.scaling, binarize, address).numpy()
    encoded = vae.predict(x, seed=0)
    # The spread of a Gaussian is part of what it makes; that of a Bernoulli on grey levels is not.
    drawn = vae.likelihood.support is None
    sampled = vae.scaling.forward(vae.sample(500, seed=0, draw=drawn).x)
    return Evidence(
        z_mean=encoded["z_mean"],
        z_log_var=encoded["z_log_var"],
        active_units=test["active_units"],
        kl=test["kl"],
        data_variance=float(x.var(axis=0).mean()),
        squared_error=test["squared_error_per_value"],
        sample_variance=float(sampled.var(axis=0).mean()),
        train_elbo=best["train"]["elbo"],
        test_elbo=test["elbo"],
        prior_mean=vae.prior.mean.numpy(),
        prior_scale_tril=vae.prior.scale_tril.numpy(),
        kl_weight=vae.objective.kl_weight,
    )
