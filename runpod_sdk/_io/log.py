"""
The package's log, which `RUNPOD_SDK_LOG` writes to standard error.

`logging` is not imported here, because that takes a twentieth of the time to a first result. A
program that has not imported it does not read the log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

from runpod_sdk._flows.io import Level
from runpod_sdk._importing import whole_imports
from runpod_sdk._warn import warn

if TYPE_CHECKING:
    from logging import Logger

_VARIABLE: Final = "RUNPOD_SDK_LOG"
_NUMBERS: Final[Mapping[str, int]] = {"DEBUG": 10, "INFO": 20, "WARNING": 30}
_CHOICES: Final = ("DEBUG", "INFO")


@cache
def _logger() -> Logger:
    import logging

    logger = logging.getLogger("runpod_sdk")
    logger.addHandler(logging.NullHandler())
    return logger


def _is_imported() -> bool:
    """Return whether `logging` is imported, not only begun: a signal handler may interrupt that."""
    return hasattr(sys.modules.get("logging"), "NullHandler")


def log(level: Level, message: str, *args: object) -> None:
    """Log a message: attempts and retries at DEBUG, submitted jobs at INFO."""
    if _is_imported():
        _logger().log(_NUMBERS[level], message, *args)


def follow_environment() -> None:
    """Write the log to standard error, if `RUNPOD_SDK_LOG` is set; each client calls this."""
    if _is_imported():
        _logger()  # whose handler keeps Python from writing records that nobody asked for
    level = os.environ.get(_VARIABLE, "").strip().upper()
    if not level:
        return
    if level not in _CHOICES:
        warn(f"{_VARIABLE} must be debug or info, not {level.lower()!r:.40}: no log is written")
        return
    with whole_imports():
        from runpod_sdk._io.standard_error import write_log
    write_log(_logger(), _NUMBERS[level])
