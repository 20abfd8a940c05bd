"""What all commands share: exit statuses, and errors as one line."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable

from tfvae.errors import UserError


def allow_code_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--allow-code`, for the commands that read presets, run folders or models."""
    parser.add_argument(
        "--allow-code",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="a file may name code of this package, which is then imported; repeat it for others (default: none)",
    )


def guarded(body: Callable[[], int | None], debug: bool) -> int:
    """Runs a command; gives its exit status: 0, or 2 after one line on standard error.

    Args:
      body: does the work; gives an exit status, None for 0.
      debug: let errors through with their traceback.
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
        print(
            f"tfvae: an error that should not happen: {kind}: {_sentence(error)} (--debug shows where)", file=sys.stderr
        )
        return 2


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = error.filename or "the run folder"
        return f"no space left on the device ({place}); free some and run it again (training: with --resume)."
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}."
    return " ".join(str(error).split())
