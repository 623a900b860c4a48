"""`RunPodLogger`, as in RunPod's own package."""

from __future__ import annotations

import os
import sys
from typing import Final

_LEVELS: Final = ("NOTSET", "TRACE", "DEBUG", "INFO", "WARN", "ERROR")


class RunPodLogger:
    """
    Prints messages to standard output; there is one instance.

    Its level is `RUNPOD_LOG_LEVEL`, else `RUNPOD_DEBUG_LEVEL`, else DEBUG. For new code,
    use `logging.getLogger(__name__)`.
    """

    _instance: RunPodLogger | None = None
    level: str

    def __new__(cls) -> RunPodLogger:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            found = os.environ.get("RUNPOD_LOG_LEVEL") or os.environ.get("RUNPOD_DEBUG_LEVEL")
            cls._instance.level = _level(found or "DEBUG")
        return cls._instance

    def set_level(self, new_level: str | int) -> None:
        """Set the lowest level that is printed, by its name or its number from 0 to 5."""
        self.level = _level(new_level)
        self.info(f"log level set to {self.level}")

    def log(self, message: object, message_level: str = "INFO", job_id: str | None = None) -> None:
        """Print a message, unless the logger's level is higher or NOTSET."""
        rank = _LEVELS.index("INFO" if message_level == "TIP" else message_level)
        if self.level != "NOTSET" and rank >= _LEVELS.index(self.level):
            about = f"{job_id} | " if job_id else ""
            sys.stdout.write(f"{message_level:<7}| {about}{message}\n")
            sys.stdout.flush()

    def trace(self, message: object, request_id: str | None = None) -> None:
        """Print a message of the level TRACE."""
        self.log(message, "TRACE", request_id)

    def debug(self, message: object, request_id: str | None = None) -> None:
        """Print a message of the level DEBUG."""
        self.log(message, "DEBUG", request_id)

    def info(self, message: object, request_id: str | None = None) -> None:
        """Print a message of the level INFO."""
        self.log(message, "INFO", request_id)

    def tip(self, message: object) -> None:
        """Print a message of the level INFO, named TIP."""
        self.log(message, "TIP")

    def warn(self, message: object, request_id: str | None = None) -> None:
        """Print a message of the level WARN."""
        self.log(message, "WARN", request_id)

    def error(self, message: object, request_id: str | None = None) -> None:
        """Print a message of the level ERROR."""
        self.log(message, "ERROR", request_id)

    def secret(self, secret_name: str, secret: object) -> None:
        """Print the name of a secret, without the secret."""
        self.info(f"{secret_name}: {'*' * 8 if str(secret) else '(empty)'}")


def _level(value: str | int) -> str:
    if isinstance(value, int) and 0 <= value < len(_LEVELS):
        return _LEVELS[value]
    if isinstance(value, str) and value.upper() in _LEVELS:
        return value.upper()
    raise ValueError(f"the level must be one of {', '.join(_LEVELS)}, or 0 to 5, not {value!r}")
