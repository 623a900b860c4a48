"""The command `runpod-sdk` (extra `cli`), a user of the public API like any other."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # whoever started us has closed it
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the end
    try:
        from runpod_sdk.cli.app import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write("the command needs an extra: pip install 'runpod_sdk[cli]'\n")
        sys.exit(2)
    except KeyboardInterrupt:  # before there is anything to be said of it
        sys.exit(130)
    app()
