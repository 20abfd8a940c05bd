"""`python -m tfvae.plot RUN`: draws the pictures of a run again."""

from __future__ import annotations

import argparse
import functools
import sys
import textwrap
from collections.abc import Sequence

from tfvae.command import allow_code_option, data_options, guarded, parsed
from tfvae.errors import UserError
from tfvae.plots import gallery
from tfvae.runs.folder import Run

_WIDTH = 104
_DESCRIPTION = """\
Draws the pictures of a run into RUN/plots, from its best weights and its test examples.

Training draws them at its end; use this command after an update of tfvae.
The data are read again from the path that training used, or the one in --set, and must be the same data; the same run
gives the same pictures.
"""

_EPILOG = """\
pictures, each as NAME.png, and what each needs:
{pictures}

units: KL, reconstruction and loss in nats per example; codes in latent units; images in grey levels or
colours; rows in the units of your file.

example:
  python -m tfvae.train --preset digits --out runs/digits
  python -m tfvae.plot runs/digits
  python -m tfvae.plot runs/rows --set data.path=moved/rows.csv

Prints the path of each picture, and on standard error which pictures were left out and why.
Exit status: 0, or 2 after an error, printed as one sentence.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the arguments, draws, prints the path of each picture; returns the exit status."""
    pictures = "\n".join(
        textwrap.fill(needs, _WIDTH, initial_indent=f"  {name:<18} ", subsequent_indent=21 * " ")
        for name, needs in gallery.table()
    )
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.plot",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(pictures=pictures),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", help="the run folder that training made (it holds config.yaml)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error (default: one sentence)")
    data_options(parser)
    allow_code_option(parser)
    options = parsed(parser, arguments)
    return guarded(lambda: _draw(options), options.debug)


def _draw(options: argparse.Namespace) -> None:
    run = Run.open(options.run, options.allow_code)
    if not run.model.is_file():
        raise UserError(
            f"{run.model}: not found, because the run has not finished. "
            f"Continue it: python -m tfvae.train --out {run.folder} --resume."
        )
    from tfvae.quiet import quiet_start

    with quiet_start():  # importing TensorFlow takes seconds; --help and a wrong name do not need it
        from tfvae.runs import identity, saved
    there, say = identity.placed(run, options.set), functools.partial(print, file=sys.stderr)
    run, data = identity.of_run(run, there, allow_changed=options.allow_changed_data, say=say)
    vae = saved.load(run.folder, run.allow_code)
    drawn = gallery.draw(vae, data, run.metrics(), run.plots)
    for path in drawn.files:
        print(path)
    if drawn.left_out:
        print(drawn.left_out, file=sys.stderr)
    if drawn.failed:
        raise UserError(f"not drawn: {'; '.join(f'{name} ({reason})' for name, reason in drawn.failed)}.")


if __name__ == "__main__":
    sys.exit(main())
