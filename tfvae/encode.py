"""`python -m tfvae.encode RUN [FILE] --out codes.npz`: writes the codes of examples, with their labels."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tfvae import config
from tfvae.command import allow_code_option, guarded, parsed
from tfvae.errors import UserError
from tfvae.runs.folder import Run

_DESCRIPTION = """\
Encodes the run's own data, or those of FILE, with the run's best weights, and writes one row for each example: all
outputs of the encoder by name, such as z_mean and z_log_var, and what is known of the example: its label, its path, and
its split if there are several. The numbers are those of tfvae.load(RUN).encode(x), with x in model units.

examples:
  python -m tfvae.encode runs/digits --out codes.npz
  python -m tfvae.encode runs/rows new-rows.csv --out codes.parquet
  python -m tfvae.encode runs/rows new-rows.csv --set data.label= --out codes.parquet   no column of labels
  python -m tfvae.encode runs/faces more-photos --out codes.npz
  python -m tfvae.encode runs/mnist images.npz --set data.name=npz --out codes.npz          another kind of file

.npz has an array for each output, [examples, *shape]; .parquet a column for each number, such as z_mean_0, and needs
pip install "tfvae[tables]". Latents are in latent units. The file is written whole or not at all.

exit status: 0, or 2 after an error, printed as one sentence.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses the arguments, encodes, prints what was written; returns the exit status."""
    options = parsed(_parser(), arguments)
    return guarded(lambda: _run(options), options.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.encode", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="the folder of a finished run; RUN and FILE come before the options")
    add(
        "file",
        metavar="FILE",
        nargs="?",
        help="a file or folder of the kind that the run was trained on (default: the run's own data)",
    )
    add("--out", metavar="FILE", type=Path, required=True, help="the file to write; replaced if it exists")
    add(
        "--set",
        metavar="data.key=value",
        nargs="+",
        action="extend",
        default=[],
        help="with FILE: how to read it, as in data.name=npz; else where the run's data are now, as data.path=PATH",
    )
    add("--allow-changed-data", action="store_true", help="accept data that differ from those of the training")
    allow_code_option(parser)
    add("--quiet", action="store_true", help="print only errors")
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _run(options: argparse.Namespace) -> None:
    if others := [assignment for assignment in options.set if not assignment.startswith("data.")]:
        raise UserError(f"--set {others[0]}: only settings of the section data apply here, such as data.path=FILE.")
    run = Run.open(options.run, options.allow_code)
    if options.file and options.allow_changed_data:
        raise UserError("--allow-changed-data: the data of FILE are others anyway; leave it out.")
    recipe = config.override(run.config, options.set)
    sources = [options.file, *(getattr(recipe.data, name) for name in config.paths(recipe.data))]
    if any(source and options.out.resolve() == Path(source).expanduser().resolve() for source in sources):
        raise UserError(f"--out {options.out}: this is the file to encode; name another.")
    from tfvae.quiet import quiet_start

    with quiet_start():
        from tfvae.runs import codes, embeddings, saved
    write = codes.writer(options.out)
    vae = saved.load(run.folder, run.allow_code)
    say: Callable[[str], None] = (lambda text: None) if options.quiet else print
    if options.file:
        examples = embeddings.of_file(recipe, options.file, run.config.data)
    else:
        examples = embeddings.of_run(run, options.set, options.allow_changed_data, say)
    for note in embeddings.check(examples, vae, run):
        say(note)
    batches = _Shown(embeddings.batches(examples, vae, recipe), len(examples), options.quiet)
    write(batches)
    say(f"{len(examples):,} examples encoded to {options.out}: {batches.columns}.")


class _Shown:
    """Passes batches on, with a bar in a terminal; knows afterwards what columns they had."""

    def __init__(self, batches: Iterable[dict[str, Any]], examples: int, quiet: bool) -> None:
        self._batches, self._examples, self._quiet = batches, examples, quiet
        self.columns = ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(file=sys.stdout, quiet=self._quiet)
        with Progress(console=console, transient=True, disable=self._quiet or not console.is_terminal) as bar:
            task = bar.add_task("encoding", total=self._examples)
            for batch in self._batches:
                shapes = {name: list(values.shape[1:]) for name, values in batch.items()}
                self.columns = ", ".join(f"{name} {shape}" if shape else name for name, shape in shapes.items())
                yield batch
                bar.advance(task, len(next(iter(batch.values()))))


if __name__ == "__main__":
    # Exit normally, to remove the unfinished file.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
