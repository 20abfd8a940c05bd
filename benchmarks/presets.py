"""`python -m benchmarks.presets [NAME …]`: trains presets to the end and saves their test figures.

Writes one JSON file per preset, and a table of all, to `benchmarks/results/presets/`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.latent import machine
from benchmarks.trained import report_of
from tfvae import config, presets
from tfvae.command import guarded, parsed
from tfvae.files import write

RESULTS = Path(__file__).parent / "results" / "presets"
DEFAULT = ("digits", "blobs", "mnist-2d", "mnist-3d", "mnist-correlated", "mnist-20d", "mnist-conv")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.presets", description=__doc__)
    parser.add_argument("names", nargs="*", default=DEFAULT, help=f"presets (default: {' '.join(DEFAULT)})")
    parser.add_argument("--data", default="../shared/data", help="folder with mnist.npz (default: ../shared/data)")
    parser.add_argument("--set", nargs="+", default=[], help="settings, as for python -m tfvae.train")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser)
    return guarded(lambda: _run(options.names, options.data, options.set), options.debug)


def _run(names: list[str], data: str, settings: list[str]) -> None:
    for name in names:
        downloads = "dir" in config.paths(presets.load(name).data)
        changes = [*([f"data.dir={data}"] if downloads else []), *settings]
        with tempfile.TemporaryDirectory() as folder:
            _keep(name, settings, report_of(name, Path(folder) / "run", changes))
    _table()
    print((RESULTS / "README.md").read_text(encoding="utf-8"))


def _keep(name: str, settings: list[str], report: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    facts = {"preset": name, "settings": settings, "cpu": machine.cpu(), "cores": os.cpu_count(), **report}
    write(RESULTS / f"{name}.json", lambda path: path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8"))


def _table() -> None:
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    lines = [
        "Test figures of the presets, in nats an example, one posterior sample, seed 0.",
        "Made by `python -m benchmarks.presets`.",
        "",
        "| preset | loss = -ELBO | reconstruction | KL | active units | epochs |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        test = row["test"]
        lines.append(
            f"| {row['preset']} | {-test['elbo']:.2f} | {test['reconstruction']:.2f} | {test['kl']:.2f} "
            f"| {test['active_units']} of {len(test['kl_per_dimension'])} | {row['epochs']} |"
        )
    changed = [f"`{row['preset']}` with --set {' '.join(row['settings'])}" for row in rows if row.get("settings")]
    lines += ["", f"Not as the preset has it: {'; '.join(changed)}."] if changed else []
    machines = sorted({f"{row['cpu']}, {row['cores']} cores" for row in rows})
    lines += ["", f"Machine: {'; '.join(machines)}. TensorFlow {rows[0]['versions']['tensorflow']}."]
    write(RESULTS / "README.md", lambda path: path.write_text("\n".join(lines) + "\n", encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
