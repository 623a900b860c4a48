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
        sys.exit(missing("cli", "the command"))
    app()


def missing(extra: str, what: str) -> int:
    """Say which extra *what* needs, and give the exit status for it."""
    sys.stderr.write(f'{what} needs an extra: pip install "runpod_sdk[{extra}]"\n')
    return 2
