"""The log of this package, and its way to standard error, which `RUNPOD_SDK_LOG` asks for."""

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
    """Write the log to standard error, if the environment asks for it; each client calls this."""
    wanted = os.environ.get(_VARIABLE, "").strip().lower()
    if not wanted:
        return
    if wanted not in _LEVELS:
        warn(f"{_VARIABLE} must be debug or info, not {wanted!r:.40}: no log is written")
        return
    logger.setLevel(_LEVELS[wanted])
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        handler = _StandardError()
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)


class _StandardError(logging.Handler):
    """Writes to what is standard error then, unless the program's own handler does so too."""

    def emit(self, record: logging.LogRecord) -> None:
        for other in logging.getLogger().handlers if logger.propagate else ():
            if isinstance(other, logging.StreamHandler) and other.stream is sys.stderr:
                return
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)
