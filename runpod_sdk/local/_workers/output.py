"""Pass the output of worker processes on to the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
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


def relay(
    stream: IO[bytes],
    worker: str,
    secrets: tuple[str, ...],
    report: Callable[[str | None, str, str], object],
) -> bool:
    """
    Log each line of *stream* until it ends, with the worker's id and without secrets.

    Return whether the stream had any line.

    Args:
        stream: The output of a process.
        worker: The worker's id.
        secrets: The texts to leave out.
        report: Called with the job (None if the line does not name it), the source and the text.
    """
    any_line = False
    with stream:
        while line := stream.readline(_LONGEST):
            any_line = True
            text = censored(line.decode("utf-8", "replace").rstrip(), secrets)
            level, job, message = _read(text)
            source = "output" if message == text else logging.getLevelName(level)
            for part in message.splitlines() or [""]:
                log_line(level, f"{worker} | {job}" if job else worker, part)
                report(job, source, part)
    return any_line


def log_line(level: int, prefix: str, text: str) -> None:
    """Log a line that a worker has written; *prefix* names the worker, and the job if known."""
    logger.log(level, "%s | %s", prefix, text)


def censored(text: str, secrets: tuple[str, ...]) -> str:
    """Remove *secrets* from a text; secrets as short as ordinary words stay."""
    for secret in secrets:
        if len(secret) >= _MIN_SECRET:
            text = text.replace(secret, "…")
    return text


def _read(text: str) -> tuple[int, str | None, str]:
    """Return the level, the job and the text of a line; lines of RunPod's package are JSON."""
    if text.startswith('{"requestId":'):
        try:
            record = cast(dict[str, Any], json.loads(text))
            level, job = _LEVELS[record["level"]], record["requestId"]
        except (ValueError, KeyError, TypeError):
            return logging.INFO, None, text
        return level, str(job) if job else None, str(record["message"])
    return logging.INFO, None, text
