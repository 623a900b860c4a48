"""What worker processes print, passed on to the log."""

from __future__ import annotations

import json
import logging
from typing import IO, Any, cast

logger = logging.getLogger("runpod_sdk.local")

_LONGEST = 64 * 1024  # bytes of a line; a longer one comes as several

_SHORTEST_SECRET = 8

_LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "TIP": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
}
"""Those of RunPod's package."""


def relay(stream: IO[bytes], worker: str, secrets: tuple[str, ...]) -> bool:
    """
    Log each line of *stream* until it ends, with the name of the worker, and without secrets.

    Return whether there was any.
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
    """Take *secrets* out of what is to be logged; words as short as those of any text stay."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return text


def _read(text: str) -> tuple[int, str]:
    """Read a line; the package's own are JSON: what it is about, its level and the job."""
    if text.startswith('{"requestId":'):
        try:
            record = cast(dict[str, Any], json.loads(text))
            level = _LEVELS[record["level"]]
            job = record["requestId"]
        except (ValueError, KeyError, TypeError):
            return logging.INFO, text
        return level, f"{job} | {record['message']}" if job else str(record["message"])
    return logging.INFO, text
