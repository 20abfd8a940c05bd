"""The Markdown of the results."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table, targets

Row = dict[str, Any]


def markdown(results: dict[str, Any]) -> str:
    """The complete page."""
    decoders = results["decoders"]
    return (
        "\n\n".join([_head(results), targets(results["targets"]), _glance(decoders), *map(_decoder, decoders)]) + "\n"
    )


def _head(results: dict[str, Any]) -> str:
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    runs = " --run RUN …" if any(decoder["trained"] for decoder in results["decoders"]) else ""
    paragraphs = [
        "# Decoders, timed",
        f"Made by `python -m benchmarks.decoder{runs}`, {results['date']}.",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['system']}. Versions: {versions}.",
        f"All take turns in one process, in {results['rounds']} rounds, in another order each round: a rest, calls "
        f"that are not timed, then {1e3 * results['turn']:.0f} ms of calls timed one by one. A call goes from a batch "
        "of latents to the mean of p(x|z) as a NumPy array. TensorFlow starts from a tensor and takes a thread a core; "
        "the others are TFLite files by kind, which LiteRT runs with XNNPACK from a NumPy array.",
        "Times are of a whole batch: medians of the rounds' medians with their 20 % and 80 % quantiles; p95 is over "
        "all calls. Factors are of the medians, with the quantiles of the factors round by round; float32 is the "
        "float32 file on the same number of threads. A file holds both batch sizes; the SavedModel holds the "
        "encoder too.",
    ]
    return "\n\n".join(paragraphs)


def _glance(decoders: list[Row]) -> str:
    columns = [{row["name"]: row for row in decoder["rows"] if row["batch"] == 1} for decoder in decoders]
    names = list(dict.fromkeys(name for column in columns for name in column))
    cells = [[name, *(_short(column[name]) if name in column else "" for column in columns)] for name in names]
    return "## Batch 1: µs (kB)\n\n" + table(["", *(f"`{decoder['name']}`" for decoder in decoders)], cells)


def _short(row: Row) -> str:
    size = f" ({row['bytes'] / 1000:,.0f})" if row["bytes"] else ""
    return f"{row['microseconds']['median']:,.0f}{size}"


def _decoder(decoder: Row) -> str:
    head = ["", "batch", "µs", "p95", "times as fast as `tf.function`", "as float32", "bytes", "calls"]
    cells = []
    for row in sorted(decoder["rows"], key=lambda row: (row["batch"], row["microseconds"]["median"])):
        time = row["microseconds"]
        cells.append(
            [
                row["name"],
                row["batch"],
                f"{time['median']:,.0f} [{time['low']:,.0f}, {time['high']:,.0f}]",
                f"{time['p95']:,.0f}",
                _factor(row["times_as_fast_as_tf_function"]),
                _factor(row["times_as_fast_as_float32"]),
                f"{row['bytes']:,}" if row["bytes"] else "",
                f"{row['calls']:,}",
            ]
        )
    drawn = "untrained; of trained ones the quantized files may keep more in float"
    weights = "trained" if decoder["trained"] else drawn
    size = f"{decoder['parameters']:,} parameters, {decoder['latent_dim']} latents to {decoder['event_shape']}"
    about = f"{size}; weights {weights}."
    return f"## `{decoder['name']}`\n\n{about}\n\n" + table(head, cells)


def _factor(spread: Row | None) -> str:
    return f"{spread['median']:.2f} [{spread['low']:.2f}, {spread['high']:.2f}]" if spread else ""
