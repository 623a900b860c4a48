"""The command `runpod-sdk` (extra `cli`), which uses the public API only."""

from __future__ import annotations

import os
import sys
from typing import TextIO

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    # From here: no frame of this exit has a variable that an error tracker should not record.
    sys.exit(_exit_status())


def _exit_status() -> int | str | None:
    """Run the command, and return its exit status."""
    # If a stream is closed: writing output fails, as it should, and notes are lost.
    for name, mode in (("stdin", "r"), ("stdout", "r"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the end
    try:
        from runpod_sdk.cli.app import command

        command()()
    except SystemExit as end:
        return end.code
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.stderr.write("the command needs an extra: pip install 'runpod_sdk[cli]'\n")
        return 2
    except KeyboardInterrupt:  # before the command begins; later, it handles this itself
        return 130
    except OSError as error:  # while click printed; other output handles its errors itself
        return _not_written(error)
    return 0


def _not_written(error: OSError) -> int:
    """Print that output can't be written, and return the exit status."""
    refusal: int | None = getattr(error.__context__, "exit_code", None)
    if refusal is not None:  # an error of usage could not be printed to standard error
        _discard(sys.stderr)
        return refusal
    _discard(sys.stdout)
    try:
        sys.stderr.write(f"can't write to standard output: {error.strerror or 'it is closed'}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)
    return 5


def _discard(stream: TextIO) -> None:
    """Write what is left in the buffer of *stream*, which Python does at exit, to nowhere."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
