"""Why a job failed: what to say of it, out of the text that came as its error."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

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
    details = details_of(error)
    if details.type is not None:
        text = f"{details.type}: {details.message}" if details.message else details.type
    else:
        text = error if details.message is None else f"{_YIELDING}{details.message}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def line_of(error: str) -> str:
    """Shorten the error of a job to a line."""
    return reason_of(error).strip().partition("\n")[0]


class ErrorDetails(NamedTuple):
    """What a worker sent of the exception of a handler."""

    type: str | None = None
    message: str | None = None
    traceback: str | None = None


def details_of(error: str) -> ErrorDetails:
    """Take the error of a job apart; all is None of a text that RunPod's worker did not make."""
    return _of_object(error) or _of_text(error) or ErrorDetails()


def _of_object(error: str) -> ErrorDetails | None:
    try:
        details: Any = read(error)
        kind, message = str(details["error_type"]), details["error_message"]
        text = message if isinstance(message, str) else write(message)
        trace = details.get("error_traceback")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    kind = kind.removeprefix("<class '").removesuffix("'>").removeprefix("__main__.")
    return ErrorDetails(kind, text, trace if isinstance(trace, str) else None)


def _of_text(error: str) -> ErrorDetails | None:
    said, cut, traceback = error.partition(_TRACEBACK)
    if not cut or not said.startswith(_YIELDING):
        return None
    message = said.removeprefix(_YIELDING)
    # Not simply the last line: a message may have several, and notes come after it.
    ending = f": {re.escape(message)}" if message else ""
    kinds = re.findall(rf"^([^\s:]+){ending}$", traceback, re.MULTILINE)
    return ErrorDetails(kinds[-1] if kinds else None, message, traceback)
