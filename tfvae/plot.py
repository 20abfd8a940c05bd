"""`python -m tfvae.plot RUN`: draws the pictures of a run again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tfvae.command import allow_code_option
from tfvae.errors import UserError
from tfvae.runs.folder import Run

_DESCRIPTION = """\
Draws the pictures of a run into RUN/plots, from its best weights and its test examples.

Training does this at its end; call it for a run that was stopped, or after an update of tfvae.
The data set is read again from where training read it; the same run gives the same pictures.
"""

_EPILOG = """\
what is drawn (each as NAME.png):
  always           curves, kl_per_dimension, latent_variance, reconstructions, traversals, interpolations
  images           samples; with D = 2 manifold; with D = 3 manifold_slices
  rows of numbers  histograms; with two columns or more real_and_generated
  D = 2            latent_scatter: codes (z_mean) coloured by class, contours of the prior
  D = 3            latent_scatter in space, latent_projections
  correlated prior covariance; with D > 3 latent_scatter over the two dimensions with most KL

units: KL, reconstruction and loss in nats per example; codes in latent units; images in grey levels or
colours; rows in the units of your file.

example:
  python -m tfvae.train --preset digits --out runs/digits
  python -m tfvae.plot runs/digits

Exit status: 0, or 2 with one sentence on what to mend.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses, draws, prints the name of each picture; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.plot",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", help="the run folder that training made (it holds config.yaml)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error (default: one sentence)")
    allow_code_option(parser)
    options = parser.parse_args(arguments)
    try:
        _draw(Run.open(options.run, options.allow_code))
    except (UserError, OSError) as error:
        if options.debug:
            raise
        print(f"tfvae.plot: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _draw(run: Run) -> None:
    if not run.model.is_file():
        raise UserError(
            f"{run.model}: not there, for the run has not ended. "
            f"Go on with it: python -m tfvae.train --out {run.folder} --resume."
        )
    from tfvae.quiet import quiet_start

    with quiet_start():  # TensorFlow comes with the model, seconds after --help and a wrong name are done with
        from tfvae.data.load import for_recipe
        from tfvae.plots.gallery import draw
        from tfvae.runs import saved
    data = for_recipe(run.config)
    vae = saved.load(run.folder, run.allow_code)
    for path in draw(vae, data, run.metrics(), run.plots, binarize=run.config.data.binarize):
        print(path)


if __name__ == "__main__":
    sys.exit(main())
