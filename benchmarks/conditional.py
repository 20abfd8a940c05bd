"""`python -m benchmarks.conditional`: the effect of conditioning on labels, and whether samples have the given class.

Trains `mnist-20d`, `mnist-conditional`, and the latter with a learned prior at two KL weights, each for the same number
of steps, and a small classifier on the real training digits; then counts the samples of each class that the classifier
assigns to that class. Writes `benchmarks/results/conditional.md` and `.json`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latent import machine
from benchmarks.results import FOLDER, keep, table
from benchmarks.trained import report_of
from tfvae.command import guarded, parsed

SAMPLES = 1000  # per class
LEARNED = "prior.name=conditional"
# Name in the tables, preset and settings. The first is not conditional; the others are compared with it.
MODELS = {
    "mnist-20d": ("mnist-20d", []),
    "mnist-conditional": ("mnist-conditional", []),
    "learned p(z\\|y)": ("mnist-conditional", [LEARNED]),
    "learned p(z\\|y), KL weight 1.8": ("mnist-conditional", [LEARNED, "objective.kl_weight=1.8"]),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conditional", description=__doc__)
    parser.add_argument("--data", default="../shared/data", help="folder with mnist.npz (default: ../shared/data)")
    parser.add_argument("--epochs", type=int, default=60, help="of every model (default: 60, the presets')")
    parser.add_argument("--set", nargs="+", default=[], help="settings of every model, as for python -m tfvae.train")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser)
    return guarded(lambda: _run(Path(options.data), options.epochs, options.set), options.debug)


def _run(data: Path, epochs: int, changes: list[str]) -> None:
    settings = [f"data.dir={data}", f"training.epochs={epochs}", *changes]
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: Path(folder) / str(i) for i, name in enumerate(MODELS)}
        reports = {}
        for name, (preset, own) in MODELS.items():
            reports[name] = report_of(preset, runs[name], [*settings, *own])
        accuracy, found = _found(runs, data)
    row = {
        "machine": machine.facts(),
        "epochs": epochs,
        "settings": changes,
        "elbo": {name: report["test"]["elbo"] for name, report in reports.items()},
        "kl": {name: report["test"]["kl"] for name, report in reports.items()},
        "classifier_accuracy": accuracy,
        "samples_found": found,
    }
    keep(row, _page(row), "conditional", FOLDER)
    print(_page(row))


def _found(runs: dict[str, Path], data: Path) -> tuple[float, dict[str, list[float]]]:
    """The classifier's accuracy on real test digits, and the share of samples that it assigns to the given class."""
    import keras

    import tfvae

    with np.load(data / "mnist.npz") as digits:
        x_train, y_train, x_test, y_test = (digits[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    keras.utils.set_random_seed(0)
    layers = keras.layers
    classifier = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile("adam", loss, metrics=["accuracy"])
    classifier.fit(x_train[..., None], y_train, batch_size=128, epochs=4, verbose=0)
    accuracy = float(classifier.evaluate(x_test[..., None], y_test, batch_size=500, verbose=0)[1])
    found: dict[str, list[float]] = {}
    for name in list(runs)[1:]:
        vae = tfvae.load(runs[name])
        samples = [vae.sample(SAMPLES, seed=digit, y=digit) for digit in range(10)]
        assigned = [classifier.predict(x, 500, verbose=0).argmax(axis=1) for x in samples]
        found[name] = [float(np.mean(classes == digit)) for digit, classes in enumerate(assigned)]
    return accuracy, found


def _page(row: dict[str, Any]) -> str:
    elbo, kl, found = row["elbo"], row["kl"], row["samples_found"]
    without = elbo[next(iter(MODELS))]
    options = ["--epochs", str(row["epochs"]), *(["--set", *row["settings"]] if row["settings"] else [])]
    lines = [
        "# Conditional VAE on MNIST",
        "",
        f"Made by `python -m benchmarks.conditional {' '.join(options)}` on {row['machine']['cpu']}.",
        "",
        table(
            ["model", "test ELBO, nats", "gain by the label, nats", "KL, nats"],
            [[name, f"{elbo[name]:.2f}", f"{elbo[name] - without:.2f}", f"{kl[name]:.2f}"] for name in MODELS],
        ),
        "",
        "The label has log 10 = 2.303 nats, the most that a fixed prior can gain on average if everything else is "
        "ideal; these networks and posteriors are not, and gain more.",
        "",
        f"A classifier that is right on {100 * row['classifier_accuracy']:.2f} % of the real test digits finds the "
        f"requested class in this share of {SAMPLES:,} samples each:",
        "",
        table(
            ["model", *range(10), "least"],
            [[name, *(f"{100 * share:.1f} %" for share in (*shares, min(shares)))] for name, shares in found.items()],
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
