"""
Distinction of signal handlers' exceptions from exceptions of the code that they interrupt.

Code that catches exceptions must not mistake a `TimeoutError` of the caller's alarm for its own. A
handler runs in the main thread, between any two instructions of the interrupted code, so its frame
is in its exception's traceback.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from inspect import CO_VARARGS
from types import CodeType, FrameType, FunctionType, MethodType, TracebackType
from typing import Any


def raised_by_signal_handler(error: BaseException) -> bool:
    """Return whether a signal handler raised *error*, such as the handler of `signal.alarm`."""
    return interruption_in(error, error.__cause__ or error.__context__) is error


class ignored(suppress):
    """Ignore exceptions of the given kinds, unless a signal handler raised them."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None or raised_by_signal_handler(error):
            return False
        return super().__exit__(kind, error, traceback)


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
    installed handlers are not sufficient: a handler may have removed itself before it raised. They
    count for a handler that no longer has the frame, because it has assigned another one.
    """
    interrupted, code = frame.f_back, frame.f_code
    given = code.co_argcount + bool(code.co_flags & CO_VARARGS) + code.co_kwonlyargcount
    if interrupted is None or not given:
        return False
    values: list[object] = []
    for name in code.co_varnames[:given]:
        value = frame.f_locals.get(name)
        values += value if type(value) is tuple else (value,)
    return any(value is interrupted or _handles(code, value) for value in values)


def _handles(code: CodeType, signal_number: object) -> bool:
    """Return whether *code* belongs to the installed handler of a signal."""
    if type(signal_number) is not int:
        return False
    import signal

    if not 0 < signal_number < signal.NSIG:
        return False
    handler: Any = signal.getsignal(signal_number)
    while isinstance(handler, partial):
        handler = handler.func
    if not callable(handler):  # SIG_DFL, or none
        return False
    if not isinstance(handler, FunctionType | MethodType):  # an object, whose attributes may raise
        handler = type(handler).__call__
    return getattr(handler, "__code__", None) is code
