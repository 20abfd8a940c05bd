"""The Markdown of the results."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table, targets

Row = dict[str, Any]


def markdown(results: dict[str, Any]) -> str:
    """The complete page."""
    parts = [_head(results), targets(results["targets"]), _losses(results["timings"])]
    parts += [_timed(row, results["copy"]["bytes_per_second"]["median"]) for row in results["timings"]]
    parts += [_single_core(results["single_core"]), _memory(results["memory"]), _gpu(results["gpu"])]
    return "\n\n".join(parts) + "\n"


def _head(results: dict[str, Any]) -> str:
    machine, copy = results["machine"], results["copy"]["bytes_per_second"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    library, threads = results["library"], results["threads"]
    paragraphs = [
        "# The fused latent op, timed",
        f"Made by `python -m benchmarks.latent_op`, {results['date']}.",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}; {threads} threads; instruction set {results['single_core'][0]['isa']}. "
        f"Versions: {versions}. The library: commit {library['commit']}, {library['compiler']}.",
        "All in float32. All take turns, in another order each round, in one process per case; a "
        "call is timed by itself, with its start from Python, until all outputs are there. Times are medians with "
        "their 20 % and 80 % quantiles; ratios are of medians, with the quantiles of the ratios round by round.",
        "Bytes are those that must move: forward reads z_mean and z_log_var and writes z and kl; backward reads both "
        "again, and the gradients of z and kl, and writes two gradients. "
        f"Copying {results['copy']['bytes'] / 2**20:.0f} MiB with {threads} threads moved {copy['median'] / 1e9:.1f} "
        f"GB/s [{copy['low'] / 1e9:.1f}, {copy['high'] / 1e9:.1f}], read and written, before and after all else.",
        "`formula`, `product` and `solve` are plain TensorFlow expressions with TensorFlow's own Philox noise "
        "(`stateless_normal`; `stateful`: `random.normal`), with TensorFlow's gradients or their own; the fastest of "
        "them and `latent/plain.py` is the best plain one.",
    ]
    if results["quick"]:
        paragraphs.insert(1, "**A quick run: few rounds of small cases, which measure nothing.**")
    return "\n\n".join(paragraphs)


def _losses(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        for each in row["providers"]:
            fused = f"fused, {each['setting']}"
            ratio = each["times_as_long_as"].get(fused, {"median": 1.0})["median"]
            if each["group"] != "fused" and ratio < 1.0:
                name = f"{row['case']}, {row['mode']}: {each['name']}"
                lines.append(f"- {name} takes {ratio:.2f} of the time of {fused}.")
        lines += [f"- {row['case']}, {row['mode']}: {name} did not run: {why}" for name, why in row["failed"].items()]
    return "## Where the op loses in the same setting, and what did not run\n\n" + (
        "\n".join(lines) or "Nowhere in these cases."
    )


def _timed(row: Row, copy: float) -> str:
    fused = [name for name in ("fused, graph", "fused, jit", "fused, eager") if name not in row["failed"]]
    fused = [name for name in fused if any(each["name"] == name for each in row["providers"])]
    cells = []
    for each in sorted(row["providers"], key=lambda each: each["seconds"]["median"]):
        seconds = {key: 1e3 * value for key, value in each["seconds"].items()}
        ratios = [each["times_as_long_as"][name] for name in fused]
        cells.append(
            [
                each["name"],
                f"{seconds['median']:.3f} [{seconds['low']:.3f}, {seconds['high']:.3f}]",
                f"{each['ns_per_element']:.2f}",
                f"{each['bytes_per_second'] / 1e9:.2f}",
                f"{each['bytes_per_second'] / copy:.0%}",
                *(f"{ratio['median']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]" for ratio in ratios),
                each["rounds"],
            ]
        )
    head = ["", "ms", "ns an element", "GB/s", "of copy", *(f"over {name}" for name in fused), "rounds"]
    return f"## {row['case']}, {row['mode']}\n\n" + table(head, cells)


def _single_core(rows: list[Row]) -> str:
    modes = ("forward", "backward")
    cells = [[row["isa"], *(f"{row['ns_per_element'][mode]['median']:.2f}" for mode in modes)] for row in rows]
    head = ["instruction set", "forward, ns an element", "backward, ns an element"]
    about = f"By `_tfvae_kernels`, {rows[0]['shape']}, Philox and Box-Muller included."
    return f"## One core\n\n{about}\n\n" + table(head, cells)


def _memory(rows: list[Row]) -> str:
    cells = [[row["case"], row["mode"], row["name"], *_mebibytes(row, "outputs", "extra")] for row in rows]
    about = (
        "What the process grew by at most in the first call of that size, less the outputs. Under TensorFlow this "
        "counts memory that the first call leaves resident and a second does not take again; its origin is unknown. "
        "The target is judged on the bindings, the same launchers with no framework to count."
    )
    return f"## Memory\n\n{about}\n\n" + table(["case", "mode", "", "outputs, MiB", "extra, MiB"], cells)


def _mebibytes(row: Row, *keys: str) -> list[str]:
    return ["did not run"] * len(keys) if "failed" in row else [f"{row[key] / 2**20:.1f}" for key in keys]


def _gpu(sections: dict[str, Row]) -> str:
    lines = [f"Not run by {name}: {each['not_run']}." for name, each in sections.items() if "not_run" in each]
    ran = [each for each in sections.values() if "rows" in each]
    if not ran:
        return "## GPU\n\n" + "\n".join(lines)
    cells = [
        [row["name"], f"{1e3 * row['seconds']['median']:.3f}", f"{row['bytes_per_second'] / 1e9:.0f}"]
        for each in ran
        for row in each["rows"]
    ]
    rates = table(["", "ms", "GB/s"], cells)
    return "\n\n".join([f"## GPU: {ran[0]['device']}", rates, *lines])
