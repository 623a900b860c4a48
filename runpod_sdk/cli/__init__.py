"""The command `runpod-sdk` (extra `cli`), a user of the public API like any other."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
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
