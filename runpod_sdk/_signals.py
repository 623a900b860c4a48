"""
Distinction of signal handlers' exceptions from exceptions of the code that they interrupt.

Code that catches exceptions must not mistake a `TimeoutError` of the caller's alarm for its own. A
handler runs in the main thread, between any two instructions of the interrupted code, so its frame
is in its exception's traceback.
"""

from __future__ import annotations

from inspect import CO_VARARGS
from types import FrameType


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return whether a signal handler raised *error*, such as the handler of `signal.alarm`."""
    return interruption_in(error, error.__cause__ or error.__context__) is error


def interruption_in(
    error: BaseException | None, before: BaseException | None
) -> BaseException | None:
    """
    Return a signal handler's exception among *error*, its causes and its contexts, if any.

    Other code may have wrapped it; httpcore wraps each `TimeoutError`.

    Args:
        before: The exception that was being handled when the code was called; the search ends
            there.
    """
    while error is not None and error is not before:
        traceback = error.__traceback__
        while traceback is not None:
            if is_signal_handler(traceback.tb_frame):
                return error
            traceback = traceback.tb_next
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                if (found := interruption_in(part, before)) is not None:
                    return found
        error = error.__cause__ or error.__context__
    return None


def is_signal_handler(frame: FrameType) -> bool:
    """
    Return whether *frame* belongs to a signal handler.

    The interpreter passes the interrupted frame to a handler, and to a trace function. The
    installed handlers are not sufficient: a handler may have removed itself before it raised.
    """
    interrupted, code = frame.f_back, frame.f_code
    given = code.co_argcount + bool(code.co_flags & CO_VARARGS) + code.co_kwonlyargcount
    if interrupted is None or not given:
        return False
    values = [frame.f_locals.get(name) for name in code.co_varnames[:given]]
    return any(
        value is interrupted or (type(value) is tuple and any(one is interrupted for one in value))
        for value in values
    )
