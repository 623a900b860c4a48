"""
Tell the exceptions of signal handlers from those of the code that they interrupt.

For a place that catches what other code raises, and must not take a `TimeoutError` of the
caller's own alarm for one of that code. A handler runs in the main thread, between any two
instructions of whatever runs there, so its frame is in the traceback of what it raises.
"""

from __future__ import annotations

import signal
from functools import partial
from types import CodeType
from typing import Any


def raised_by_signal_handler(error: BaseException) -> bool:
    """Tell whether a signal handler raised *error*, such as the handler of `signal.alarm`."""
    return interruption_in(error, error.__cause__ or error.__context__) is error


def interruption_in(
    error: BaseException | None, before: BaseException | None
) -> BaseException | None:
    """
    Return what a signal handler raised, of *error* and the exceptions that it was made of.

    Other code may have wrapped it, as httpcore does with each `TimeoutError`.

    Args:
        before: Where to stop: what was being handled when the code was called, if anything.
    """
    handlers = handler_codes()
    while error is not None and error is not before:
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code in handlers:
                return error
            traceback = traceback.tb_next
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                if (found := interruption_in(part, before)) is not None:
                    return found
        error = error.__cause__ or error.__context__
    return None


def handler_codes() -> set[CodeType]:
    """Return what runs when a signal handler of this process is called."""
    codes = (_code(signal.getsignal(one)) for one in signal.valid_signals())
    return {code for code in codes if code is not None}


def _code(handler: Any) -> CodeType | None:
    """Return what runs when a handler is called; None of one that is not written in Python."""
    while isinstance(handler, partial):
        handler = handler.func
    function = getattr(handler, "__func__", handler)
    if callable(function) and not hasattr(function, "__code__"):
        function = type(function).__call__
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else None
