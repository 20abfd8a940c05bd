"""`python -m tfvae.export RUN`: writes a SavedModel and TFLite files of a trained model, and verifies them."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tfvae.command import allow_code_option, data_options, guarded, parsed
from tfvae.export import gates
from tfvae.export.options import FORMATS, QUANTIZE, Options
from tfvae.quiet import quiet_start

_DESCRIPTION = """\
Writes a new version, RUN/export/1, 2, 3 …: saved_model/, decoder.tflite and its quantized forms, decoder.json,
report.json and a model card. Every file is loaded in another process and compared with the model on 1,000 latents of
the prior and 1,000 of the posterior; if a file exceeds a gate, the export fails and writes nothing.

examples:
  python -m tfvae.export runs/digits
  python -m tfvae.export runs/digits --formats tflite --quantize int8 --batch 1 32
  python -m tfvae.export runs/digits --generator --scorer --gate int8.max=0.08 int8.elbo=0.01
"""

_EPILOG = """\
gates, changed by --gate int8.max=0.1 and so on; errors are divided by the range of the data, or a Gaussian's scale:
{gates}
  saved_model, float32, generator, scorer: as the model declares; a table of them is in docs/export.md

exit status: 0, or 2 with one sentence on what to fix. docs/export.md says what each file holds.
"""


def main(arguments: list[str] | None = None) -> int:
    """Parses the arguments, exports, prints the table; returns the exit status."""
    options = parsed(_parser(), arguments)
    return guarded(lambda: _run(options), options.debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.export",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(gates=_gates_help()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("run", metavar="RUN", help="the folder of a finished run; must come before the options")
    add("--formats", metavar="LIST", default=",".join(FORMATS), help="what to write (default: saved_model,tflite)")
    add(
        "--quantize",
        metavar="LIST",
        default=",".join(QUANTIZE),
        help=f"which TFLite decoders to write (default: {','.join(QUANTIZE)})",
    )
    add(
        "--batch",
        metavar="N",
        type=int,
        nargs="+",
        default=[1],
        help="batch sizes of the TFLite signatures: decode for the first, decode_N for the others (default: 1)",
    )
    add("--out", metavar="DIR", type=Path, help="folder of the versions (default: RUN/export)")
    add("--generator", action="store_true", help="also generator.tflite: sample(seed), which draws the noise itself")
    add("--scorer", action="store_true", help="also scorer.tflite: encode, and score(x, seed) in nats")
    add(
        "--gate",
        metavar="NAME=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="set gates; see below",
    )
    data_options(parser)
    allow_code_option(parser)
    add("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    options = Options(
        formats=_list(arguments.formats),
        quantize=_list(arguments.quantize),
        batch=arguments.batch,
        out=arguments.out,
        generator=arguments.generator,
        scorer=arguments.scorer,
        gates=gates.parse(arguments.gate),
        allow_code=arguments.allow_code,
        places=arguments.set,
        allow_changed_data=arguments.allow_changed_data,
    )
    with quiet_start():
        from tfvae.export.exporting import export
    print(f"exported to {export(arguments.run, options)}")
    return 0


def _gates_help() -> str:
    return "\n".join(
        f"  {kind:<8} {' '.join(f'{name}={gate.most:g}' for name, gate in of_kind.items())}"
        for kind, of_kind in gates.QUANTIZED.items()
    )


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
    )  # exit normally, to remove unfinished files
    sys.exit(main())
