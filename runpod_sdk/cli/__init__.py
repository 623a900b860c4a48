"""The command `runpod-sdk` (extra `cli`), a user of the public API like any other."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    # If a stream is closed: writing output fails, as it should, and notes are lost.
    for name, mode in (("stdin", "r"), ("stdout", "r"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the end
    try:
        from runpod_sdk.cli.app import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write("the command needs an extra: pip install 'runpod_sdk[cli]'\n")
        sys.exit(2)
    except KeyboardInterrupt:  # before any work has begun
        sys.exit(130)
    try:
        app()
    except OSError as error:  # while click printed; other output handles its errors itself
        refusal = getattr(error.__context__, "exit_code", None)  # of a usage error
        if refusal is None:
            words = f"can't write to standard output: {error.strerror or 'it is closed'}\n"
        else:
            words = ""  # standard error can't be written to
        try:
            sys.stderr.write(words)
            sys.stderr.flush()
        except OSError:
            with open(os.devnull, "wb") as nowhere:  # for the rest of its buffer
                os.dup2(nowhere.fileno(), sys.stderr.fileno())
        sys.exit(5 if refusal is None else refusal)
