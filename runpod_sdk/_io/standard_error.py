"""The handler that writes the package's log to standard error."""

from __future__ import annotations

import logging
import sys
from typing import Final

from runpod_sdk._signals import raised_by_signal_handler

_FORMAT: Final = "%(asctime)s %(name)s %(levelname)s %(message)s"


def write_log(logger: logging.Logger, level: int) -> None:
    """Write a logger's records from *level* on to standard error, once each."""
    logger.setLevel(level)
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        handler = _StandardError(logger)
        handler.setFormatter(logging.Formatter(_FORMAT))
        logger.addHandler(handler)


class _StandardError(logging.Handler):
    """Writes to the current `sys.stderr`, unless a handler of the program does so, too."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        for other in logging.getLogger().handlers if self._logger.propagate else ():
            if isinstance(other, logging.StreamHandler) and other.stream is sys.stderr:
                return
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception as error:
            if raised_by_signal_handler(error):
                raise
            self.handleError(record)
