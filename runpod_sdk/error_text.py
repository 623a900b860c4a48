"""The text of a failed job's error: type, message and traceback of a handler's exception."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any, Final, NamedTuple

from runpod_sdk.json_text import read, write

__all__ = ["details_of", "folded", "last_frame", "line_of", "reason_of", "traceback_of"]

_LONGEST: Final = 500
_YIELDING: Final = "handler: "
_TRACEBACK: Final = " \ntraceback: "
_HEADING: Final = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File "(?P<path>[^"\n]+)", line \d+')
_NOT_THE_HANDLERS = re.compile(
    r"[/\\](?:(?:site|dist)-packages[/\\]runpod(?:_sdk)?|runpod_sdk[/\\]local|runpod[/\\]serverless)"
    r"[/\\]"
)


def reason_of(error: str) -> str:
    """
    Shorten the error of a job to what fits a message: of an exception, its type and message.

    RunPod's worker wraps the exceptions of handlers in two ways: as a JSON object, and where
    the handler yields, as a text with the traceback at its end. Of any other text, a traceback is
    left out.
    """
    details = details_of(error)
    if details.type is not None:
        text = f"{details.type}: {details.message}" if details.message else details.type
    elif details.message is not None:
        text = f"{_YIELDING}{details.message}"
    else:
        text = _split(error)[0]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def line_of(error: str) -> str:
    """Shorten the error of a job to a line."""
    return reason_of(error).strip().partition("\n")[0]


def traceback_of(error: str) -> str | None:
    """Return the traceback in the error of a job, also if the handler returned it in a text."""
    return details_of(error).traceback or _split(error)[1]


def folded(traceback: str) -> str:
    """Replace the frames of RunPod's package and of this one, which surround the handler's."""
    kept, hidden, hiding = list[str](), 0, False
    for line in [*traceback.strip("\n").splitlines(), ""]:
        if (frame := _FRAME.match(line)) is not None:
            hiding = _NOT_THE_HANDLERS.search(frame["path"]) is not None
            hidden += hiding
        elif not line.startswith("    "):
            hiding = False
        if not hiding:
            if hidden:
                frames = "frame" if hidden == 1 else "frames"
                kept.append(f"  … {hidden} {frames} outside the handler")
            kept.append(line)
            hidden = 0
    shown = kept if any(map(_FRAME.match, kept)) else [traceback]
    return "\n".join(shown).strip("\n")


def last_frame(traceback: str) -> str:
    """Return the lines of the last frame that is the handler's own; "" if there is none."""
    lines = folded(traceback).splitlines()
    places = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    if not places:
        return ""
    code = takewhile(lambda line: line.startswith("    "), lines[places[-1] + 1 :])
    return "\n".join([lines[places[-1]], *code])


def _split(error: str) -> tuple[str, str | None]:
    """Split a text of the handler's own into message and traceback."""
    said, heading, frames = error.partition(_HEADING)
    ends = [line for line in frames.splitlines() if line and not line[0].isspace()]
    if not ends or (said and not said[-1].isspace()):
        return error, None
    return said.strip() or ends[-1], heading + frames


class ErrorDetails(NamedTuple):
    """The parts of a handler's exception, as the worker sent them."""

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
