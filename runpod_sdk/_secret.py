"""
Protection of secrets in tracebacks.

Error trackers, `pytest -l` and rich show the local variables of every frame of an exception, of its
causes and of its contexts. A frame that outlives an exception therefore holds a secret only in a
`Secret`, or in an object whose `repr` omits it. `clear_frames` clears the frames that send a
request, which hold the secret as text and bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from runpod_sdk._signals import is_signal_handler

_PACKAGE: Final = __name__.partition(".")[0]

T_co = TypeVar("T_co", covariant=True)


class Secret(Generic[T_co]):
    """A value that neither `repr` nor `str` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        self._value = value

    def reveal(self) -> T_co:
        """Return the value; do not assign it to a local variable of a function that may raise."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret cannot be pickled")


def clear_frames(
    error: BaseException, before: BaseException | None = None, *, only_ours: bool = False
) -> None:
    """
    Clear the local variables in the tracebacks of *error* and its causes.

    The traceback keeps its lines. The caller's signal handlers keep their variables.

    Args:
        before: The exception that was being handled when the call started; it is unchanged.
        only_ours: Whether to clear functions of this package only, not functions of the caller.
    """
    for one in chain(error, before):
        trace = one.__traceback__
        while trace is not None and not is_signal_handler(trace.tb_frame):
            module = trace.tb_frame.f_globals.get("__name__", "")
            if not only_ours or module.partition(".")[0] == _PACKAGE:
                with contextlib.suppress(RuntimeError):  # the frame still runs
                    trace.tb_frame.clear()
            trace = trace.tb_next


def chain(error: BaseException, before: BaseException | None) -> Iterator[BaseException]:
    """Return *error* with its causes, contexts and parts, but without *before* and its own."""
    waiting: list[BaseException | None] = [error]
    seen = {id(None), id(before)}
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]
            if isinstance(one, BaseExceptionGroup):
                waiting += one.exceptions
