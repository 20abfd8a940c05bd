"""The Markdown of the results."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table, targets

Row = dict[str, Any]


def markdown(results: dict[str, Any]) -> str:
    """The complete page."""
    return "\n\n".join([_head(results), targets(results["targets"]), *map(_problem, results["problems"])]) + "\n"


def _head(results: dict[str, Any]) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    paragraphs = [
        "# Training, timed",
        f"Made by `python -m benchmarks.training`, {results['date']}.",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}; {results['threads']} threads each. Versions: {versions}.",
        f"MNIST in memory, batch {results['batch']}, Adam, float32, Bernoulli pixels. Each competitor has its own "
        "process; they take turns, in another order each round, and sleep while they wait. A round is an epoch, with "
        "everything that the framework does around one. Steps a second are medians with their 20 % and 80 % quantiles; "
        "ratios are of medians, with the quantiles of the ratios round by round. Compilation is the extra time of "
        "the first two rounds. Losses are the mean of the first and of the last round, in nats.",
        "`tfvae` is what a user gets; its other rows change one setting. `fit` trains tfvae's own networks; PyTorch "
        "and JAX have the same layers, without the smooth bounds of z_log_var, and one head for its two.",
    ]
    if results["quick"]:
        paragraphs.insert(1, "**A quick run: few rounds of few steps, which measure nothing.**")
    return "\n\n".join(paragraphs)


def _problem(problem: Row) -> str:
    cells = []
    for row in sorted(problem["rows"], key=lambda row: -row["steps_per_second"]["median"]):
        rate, ratio, losses = row["steps_per_second"], row["times_as_long_as_tfvae"], row["losses"]
        cells.append(
            [
                row["name"],
                f"{rate['median']:.1f} [{rate['low']:.1f}, {rate['high']:.1f}]",
                f"{ratio['median']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]",
                f"{row['compile_seconds']:.1f}",
                f"{losses[0]:.2f} to {losses[-1]:.2f}",
                "" if row["host_share"] is None else f"{row['host_share']:.2%}",
            ]
        )
    head = ["", "steps/s", "time over tfvae's", "compilation, s", "loss", "host share"]
    missing = [f"- {name} did not run: {why}" for name, why in problem["not_run"].items()]
    about = f"{problem['rounds']} rounds of {problem['steps']} steps."
    return "\n\n".join(
        [f"## {problem['title']}", about, table(head, cells), *(["\n".join(missing)] if missing else [])]
    )
