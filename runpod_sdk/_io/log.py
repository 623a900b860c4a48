"""The package's log, which `RUNPOD_SDK_LOG` writes to standard error."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final

from runpod_sdk._warn import warn

logger = logging.getLogger("runpod_sdk")
"""The package's logger: attempts and retries at DEBUG, submitted jobs at INFO."""
logger.addHandler(logging.NullHandler())

_VARIABLE: Final = "RUNPOD_SDK_LOG"
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO}
_FORMAT: Final = "%(asctime)s %(name)s %(levelname)s %(message)s"


def follow_environment() -> None:
    """Write the log to standard error, if `RUNPOD_SDK_LOG` is set; each client calls this."""
    level = os.environ.get(_VARIABLE, "").strip().lower()
    if not level:
        return
    if level not in _LEVELS:
        warn(f"{_VARIABLE} must be debug or info, not {level!r:.40}: no log is written")
        return
    logger.setLevel(_LEVELS[level])
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        handler = _StandardError()
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)


class _StandardError(logging.Handler):
    """Writes to the current `sys.stderr`, unless a handler of the program does so, too."""

    def emit(self, record: logging.LogRecord) -> None:
        for other in logging.getLogger().handlers if logger.propagate else ():
            if isinstance(other, logging.StreamHandler) and other.stream is sys.stderr:
                return
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)
