"""`python -m tfvae.presets list|show NAME|copy NAME FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tfvae import presets
from tfvae.command import guarded, parsed
from tfvae.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Lists, shows or copies presets; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tfvae.presets",
        description="Presets are training configurations. Copy one, edit it, and train with --preset FILE.yaml.",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list | show NAME | copy NAME FILE")
    verbs.add_parser("list", help="print one line per preset")
    verbs.add_parser("show", help="print the YAML of a preset").add_argument("name")
    copy = verbs.add_parser("copy", help="write the YAML of a preset to a new file")
    copy.add_argument("name")
    copy.add_argument("file", type=Path)
    options = parsed(parser, arguments)
    return guarded(lambda: _run(options), options.debug)


def _run(options: argparse.Namespace) -> None:
    if options.verb == "list":
        for name in presets.names():
            print(f"{name:<18} {presets.title(name)}")
        return
    text = presets.text(options.name)
    if options.verb == "show":
        print(text, end="")
        return
    try:
        with open(options.file, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{options.file}: this file exists and was not changed; choose a new file.") from None


if __name__ == "__main__":
    sys.exit(main())
