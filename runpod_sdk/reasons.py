"""Why a job failed: what to say of it, out of the text that came as its error."""

from __future__ import annotations

import re
from typing import Any, Final

from runpod_sdk.json_text import read, write

__all__ = ["line_of", "reason_of"]

_LONGEST: Final = 500
_YIELDING: Final = "handler: "
_TRACEBACK: Final = " \ntraceback: "


def reason_of(error: str) -> str:
    """
    Shorten the error of a job to what fits a message: of an exception, its type and message.

    RunPod's worker wraps the exceptions of handlers in two ways: as a JSON object, and where
    the handler yields, as a text with the traceback at its end. Any other text stays.
    """
    text = _of_object(error) or _of_text(error) or error
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def line_of(error: str) -> str:
    """Shorten the error of a job to a line."""
    return reason_of(error).strip().partition("\n")[0]


def _of_object(error: str) -> str | None:
    try:
        details: Any = read(error)
        kind, message = str(details["error_type"]), details["error_message"]
        text = message if isinstance(message, str) else write(message)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    kind = kind.removeprefix("<class '").removesuffix("'>").removeprefix("__main__.")
    return f"{kind}: {text}" if text else kind


def _of_text(error: str) -> str | None:
    said, cut, traceback = error.partition(_TRACEBACK)
    if not cut or not said.startswith(_YIELDING):
        return None
    message = said.removeprefix(_YIELDING)
    # Not simply the last line: a message may have several, and notes come after it.
    ending = f": {re.escape(message)}" if message else ""
    lines = re.findall(rf"^[^\s:]+{ending}$", traceback, re.MULTILINE)
    return lines[-1] if lines else said
