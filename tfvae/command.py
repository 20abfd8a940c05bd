"""Shared by all commands: exit statuses, and errors printed as one line."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable

from tfvae.errors import UserError


def allow_code_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--allow-code`, for commands that read presets, run folders or models."""
    parser.add_argument(
        "--allow-code",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="import code of this package if a file names it; may be repeated (default: none)",
    )


def data_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--set` and `--allow-changed-data`, for commands that read the data of a run again."""
    parser.add_argument(
        "--set",
        metavar="data.path=PATH",
        nargs="+",
        action="extend",
        default=[],
        help="where the data are now, if they have moved: data.path or data.dir; the run keeps it",
    )
    parser.add_argument(
        "--allow-changed-data", action="store_true", help="accept data that differ from those of the training"
    )


def guarded(body: Callable[[], int | None], debug: bool) -> int:
    """Runs a command and returns its exit status; an error is printed as one line on standard error, with status 2.

    Args:
      body: does the work; returns an exit status, None for 0.
      debug: raise errors, with their traceback.
    """
    try:
        return body() or 0
    except (UserError, OSError) as error:
        if debug:
            raise
        print(f"tfvae: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if debug:
            raise
        print("tfvae: interrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        print(f"tfvae: unexpected error: {kind}: {_sentence(error)} (--debug shows the traceback)", file=sys.stderr)
        return 2


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = error.filename or "the run folder"
        return f"no space left on the device ({place}); free some space and run the command again (to train: --resume)."
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}."
    return " ".join(str(error).split())
