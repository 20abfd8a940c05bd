"""`python -m tfvae.data.shards`: writes any source of examples as TFRecord shards, each with an index file."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from tfvae import config
from tfvae.command import guarded
from tfvae.config.data import Shards
from tfvae.errors import UserError

_DESCRIPTION = """\
Writes the examples of a source as TFRecord shards of tf.train.Example (x: bytes, y: int64), in the source's order, each
with an index file. Image files keep their bytes. Training on the shards gives the same numbers as on the source.

examples:
  python -m tfvae.data.shards --set data.name=cifar10 --out shards/cifar10
  python -m tfvae.data.shards --set data.name=images data.path=photos --shards 64 --out shards/photos

exit status: 0, or 2 for an error that you can fix, printed as one sentence.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses the arguments, writes the shards, and prints how to train on them; returns the exit status."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options), options.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.data.shards",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--set",
        metavar="data.key=value",
        nargs="+",
        action="extend",
        default=[],
        help="data settings, as listed by python -m tfvae.train --help (default: the bundled digits)",
    )
    add("--out", metavar="DIR", required=True, help="folder for the shards, new or empty")
    add("--shards", type=int, default=8, metavar="N", help="number of files for the training examples (default: 8)")
    add("--seed", type=int, default=0, metavar="N", help="seed of the points of the blobs source (default: 0)")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _run(options: argparse.Namespace) -> None:
    others = [assignment for assignment in options.set if not assignment.startswith("data.")]
    if others:
        raise UserError(
            f"--set {others[0]}: only settings of the data section apply here, such as --set data.name=mnist."
        )
    settings = config.override(config.Config(), [*options.set, f"seed={options.seed}"])
    if isinstance(settings.data, Shards):
        raise UserError("data.name: got shards, which are already written; name the original source.")
    if "://" in options.out:
        raise UserError(
            f"--out {options.out}: expected a local folder; write it there, then copy it to the object store."
        )
    if getattr(settings.data, "group", None):
        raise UserError("data.group: shards keep no groups; leave it out, or name the split of each row (data.split).")
    from tfvae.quiet import quiet_start

    with quiet_start():
        from tfvae.data import load, shard_writer
    source = load.read(settings.data, settings.seed)
    for note in source.notes:
        print(note)
    paths = (getattr(settings.data, name) for name in config.paths(settings.data))
    origin = " ".join([settings.data.name, *filter(None, paths)])
    folder = Path(options.out).expanduser()
    facts = shard_writer.write(source, origin, folder, options.shards, lambda line: print(line, flush=True))
    assignments = ["data.name=shards", f"data.path={shlex.quote(str(folder))}"]
    if facts.encoded:
        height, width, channels = source.train.x.shape
        assignments += [f"data.image_size=[{height},{width}]", f"data.channels={channels}"]
    print(f"Train on them with: python -m tfvae.train --set {' '.join(assignments)}")


if __name__ == "__main__":
    sys.exit(main())
