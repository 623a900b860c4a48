"""Pass the output of worker processes on to the log."""

from __future__ import annotations

import json
import logging
from typing import IO, Any, cast

logger = logging.getLogger("runpod_sdk.local")

_LONGEST = 64 * 1024  # bytes of a line; a longer one comes as several

_MIN_SECRET = 8

_LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "TIP": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
}
"""The log levels of RunPod's package."""


def relay(stream: IO[bytes], worker: str, secrets: tuple[str, ...]) -> bool:
    """
    Log each line of *stream* until it ends, with the worker's id and without secrets.

    Return whether the stream had any line.
    """
    any_line = False
    with stream:
        while line := stream.readline(_LONGEST):
            any_line = True
            level, message = _read(censored(line.decode("utf-8", "replace").rstrip(), secrets))
            for part in message.splitlines() or [""]:
                logger.log(level, "%s | %s", worker, part)
    return any_line


def censored(text: str, secrets: tuple[str, ...]) -> str:
    """Remove *secrets* from a text; secrets as short as ordinary words stay."""
    for secret in secrets:
        if len(secret) >= _MIN_SECRET:
            text = text.replace(secret, "…")
    return text


def _read(text: str) -> tuple[int, str]:
    """Return the level and the text of a line; lines of RunPod's package are JSON."""
    if text.startswith('{"requestId":'):
        try:
            record = cast(dict[str, Any], json.loads(text))
            level = _LEVELS[record["level"]]
            job = record["requestId"]
        except (ValueError, KeyError, TypeError):
            return logging.INFO, text
        return level, f"{job} | {record['message']}" if job else str(record["message"])
    return logging.INFO, text
