"""`python -m benchmarks.streaming --data FILE`: is input from disk fast enough for the training step?

Trains on the same images from memory, from a folder of PNG files, from shards of their values and from shards of those
files; FILE is an npz in Keras's layout. Writes `streaming.json` and `streaming.md` to `benchmarks/results/`.
It takes about ten minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latent import machine, timing
from benchmarks.results import FOLDER, keep
from tfvae.command import guarded, parsed

MEMORY = "in memory"
GOAL = 0.9

Feeds = dict[str, list[str]]
# For each round: examples per second, and milliseconds of processor time per example, over all cores.
Turns = dict[str, list[tuple[float, float]]]

_MICRO = ("network.name=mlp", "network.hidden=[8]", "network.latent_dim=2")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="npz with x_train")
    parser.add_argument("--quick", action="store_true", help="few rounds of few images, to see that it runs")
    parser.add_argument("--out", type=Path, default=FOLDER, help=f"folder of the results (default: {FOLDER})")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    options = parsed(parser, arguments)
    return guarded(lambda: _run(options.data, options.quick, options.out), options.debug)


def _run(data: Path, quick: bool, out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        results = measure(data, Path(folder), quick)
    text = markdown(results)
    print(text)
    keep(results, text, "streaming", out)


def measure(data: Path, folder: Path, quick: bool) -> dict[str, Any]:
    """The content of `streaming.json`: examples per second of each feed and round, for a real step and cheaper ones."""
    few, many = (256, 1024) if quick else (1280, 8000)
    rounds, most = (2, 4) if quick else (10, 10)
    trained = _prepared(data, folder / "trained", few)
    stressed = _prepared(data, folder / "stressed", many)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "machine": machine.facts(),
        "images": {"trained": few, "stressed": many},
        "cifar10-resnet": _turns(_train, trained, rounds, ()),
        "micro": _turns(_train, stressed, most, _MICRO),
        "alone": _turns(_read, {name: sets for name, sets in stressed.items() if name != MEMORY}, most, ()),
    }


def markdown(results: dict[str, Any]) -> str:
    """The page."""
    facts, images = results["machine"], results["images"]
    resnet = _table(results["cifar10-resnet"])
    worst = min(_against_memory(results["cifar10-resnet"], name)["median"] for name in results["cifar10-resnet"])
    verdict = "reached" if worst >= GOAL else "missed"
    return "\n".join(
        [
            "# Input from disk, timed",
            "",
            f"Made by `python -m benchmarks.streaming`, {results['date']}. Machine: {facts['cpu']}, {facts['cores']} "
            f"cores, {facts['system']}. TensorFlow {facts['versions']['tensorflow']}.",
            "",
            "Each has its own process; they take turns, an epoch at a time. Examples a second in training, medians "
            "with their 20 % and 80 % quantiles; shares are medians of the ratios round by round. Processor time, with "
            "that of the validation, is the better measure where other work disturbs the speeds. Files are in the "
            f"page cache. Batches of 128; from {images['trained']:,} and {images['stressed']:,} images of 32 x 32, of "
            "which a tenth is validation.",
            *(["", "**Quick: a trial of the command; the figures mean nothing.**"] if results["quick"] else []),
            "",
            "## `cifar10-resnet`",
            "",
            f"At least {GOAL:.0%} of the speed in memory is required; the least is {worst:.1%}, {verdict}.",
            "",
            *resnet,
            "",
            "## A step that costs almost nothing (dense networks of 8 units)",
            "",
            *_table(results["micro"]),
            "",
            "## The reader alone, without a step",
            "",
            *_table(results["alone"]),
            "",
        ]
    )


def _prepared(data: Path, folder: Path, count: int) -> Feeds:
    """Writes the first images of a file in each form; returns the data settings of each."""
    import tensorflow as tf

    from tfvae.data import load, shard_writer

    x = np.load(data)["x_train"][:count]
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    np.savez(folder / "images.npz", x=x)
    for i, image in enumerate(x):
        (pictures / f"{i:06d}.png").write_bytes(tf.io.encode_png(image).numpy())
    files = ["data.name=images", f"data.path={pictures}", "data.image_size=[32,32]"]
    feeds = {MEMORY: ["data.name=npz", f"data.path={folder / 'images.npz'}"], "folder of PNG files": files}
    for name, made_of in (("shards", MEMORY), ("shards of PNG files", "folder of PNG files")):
        shards = folder / name.replace(" ", "-")
        source = load.read(_config(feeds[made_of]).data, seed=0)
        shard_writer.write(source, made_of, shards, 8, lambda line: None)
        feeds[name] = ["data.name=shards", f"data.path={shards}", "data.image_size=[32,32]"]
    return feeds


def _turns(work: Callable[..., None], feeds: Feeds, rounds: int, settings: tuple[str, ...]) -> Turns:
    """The figures of each feed and round; the first rounds, which compile and warm up, are left out."""
    warm_up, context, pipes = 2, multiprocessing.get_context("spawn"), {}
    turns: Turns = {name: [] for name in feeds}
    for name, sets in feeds.items():
        pipes[name], theirs = context.Pipe()
        context.Process(target=work, args=(theirs, [*sets, *settings], warm_up + rounds), daemon=True).start()
    start = time.perf_counter()
    for turn in range(warm_up + rounds):
        for pipe, did in zip(pipes.values(), turns.values(), strict=True):
            pipe.send("go")
            did.append(pipe.recv())
        print(f"{time.perf_counter() - start:5.0f} s  {work.__name__[1:]} {' '.join(settings)} {turn}", flush=True)
    return {name: did[warm_up:] for name, did in turns.items()}


def _train(pipe: Connection, settings: list[str], rounds: int) -> None:
    """One epoch of the training loop per turn."""
    import tensorflow as tf

    from tfvae.data import load
    from tfvae.engine.loop import Loop
    from tfvae.runs import experiment

    config = _config([*settings, f"training.epochs={rounds}"])
    data = load.for_recipe(config)
    loop = Loop(experiment.build(config, data), data, config, tf.distribute.get_strategy())

    def epoch_end(epoch: int, line: dict[str, Any]) -> None:
        nonlocal begun
        spent = 1e3 * (time.process_time() - begun) / len(data.train)
        pipe.send((line["train"]["examples_per_second"], spent))
        if epoch < rounds:
            pipe.recv()
        begun = time.process_time()

    pipe.recv()
    begun = time.process_time()
    loop.run(epoch_end)


def _read(pipe: Connection, settings: list[str], rounds: int) -> None:
    """All batches of an epoch per turn, 16 per call."""
    from tfvae.data import load, pipeline

    config = _config(settings)
    train = load.for_recipe(config).train
    feed, size = pipeline.feed(train), config.training.batch_size
    for epoch in range(rounds):
        steps = len(train) // size
        indices = pipeline.order(config.seed, epoch, len(train))[: steps * size].reshape(steps, size)
        pipe.recv()
        start, begun = time.perf_counter(), time.process_time()
        for _ in feed.calls(indices, lambda: 16):
            pass
        spent = 1e3 * (time.process_time() - begun) / (steps * size)
        pipe.send((steps * size / (time.perf_counter() - start), spent))


def _config(settings: list[str]) -> Any:
    from tfvae import config, presets

    return config.override(presets.load("cifar10-resnet"), settings)


def _table(turns: Turns) -> list[str]:
    lines = ["| feed | examples/s | of the speed in memory | processor ms an example |", "|---|---|---|---|"]
    for name, values in turns.items():
        rate, spent = (timing.spread(np.array(each)) for each in zip(*values, strict=True))
        share = ""
        if MEMORY in turns:
            against = _against_memory(turns, name)
            share = f"{against['median']:.1%} [{against['low']:.1%}, {against['high']:.1%}]"
        lines.append(
            f"| {name} | {rate['median']:,.0f} [{rate['low']:,.0f}, {rate['high']:,.0f}] | {share} "
            f"| {spent['median']:.3f} [{spent['low']:.3f}, {spent['high']:.3f}] |"
        )
    return lines


def _against_memory(turns: Turns, name: str) -> timing.Spread:
    own, memory = (np.array(turns[each])[:, 0] for each in (name, MEMORY))
    return timing.spread(own / memory)


if __name__ == "__main__":
    sys.exit(main())
