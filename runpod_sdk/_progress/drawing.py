"""Draw progress, without ending the work if drawing fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from runpod_sdk._signals import raised_by_signal_handler

logger = logging.getLogger("runpod_sdk")


def attempt(draw: Callable[..., object], *args: Any) -> bool:
    """
    Call *draw*; log its exception at DEBUG, and return whether there was none.

    An exception of a signal handler propagates.
    """
    try:
        draw(*args)
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        logger.debug("cannot draw the progress", exc_info=True)
        return False
    return True
