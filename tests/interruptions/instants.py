"""
Interrupt a call at each of its instants.

An exception is raised at the n-th instruction of this package's code, as Ctrl-C or a signal
handler raises one: between any two of them, and nowhere else.
"""

from __future__ import annotations

import dis
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from hypothesis import settings

import runpod_sdk
import runpod_serverless_api

SDK, GENERATED = (str(Path(one.__file__).parent) for one in (runpod_sdk, runpod_serverless_api))
_RETURNS = {code for name, code in dis.opmap.items() if name.startswith("RETURN")}
KINDS = (KeyboardInterrupt, TimeoutError, OSError, RuntimeError)
"""Exceptions that callers raise, and exceptions that the package itself may meet."""


class Interrupter:
    """Raises an exception at one instant of the code of *files*, counted from when it is armed."""

    def __init__(
        self,
        at: int = 0,
        *,
        last: str = "",
        files: tuple[str, ...] = (SDK, GENERATED),
        kinds: Sequence[type[BaseException]] = KINDS,
    ) -> None:
        self.at = at
        self.error: BaseException = kinds[at % len(kinds)]("the caller's own")
        self.count = 0
        self.where: tuple[str, str, int] | None = None
        """The file, the function and the offset of the instant."""
        self.armed = False
        self._last = last
        """The public function under test: with its return it is over."""
        self._files = files
        self._thread = threading.get_ident()

    def sees(self, code: CodeType) -> bool:
        return code.co_filename.startswith(self._files)

    def step(self, frame: FrameType, offset: int) -> None:
        """Count an instruction, and raise if it is the one."""
        code = frame.f_code
        if not self.armed or threading.get_ident() != self._thread:
            return
        if code.co_qualname.endswith(f"Endpoint.{self._last}") and code.co_code[offset] in _RETURNS:
            return
        self.count += 1
        if 0 < self.at <= self.count and not _in_destructor():
            self.armed, self.where = False, (Path(code.co_filename).name, code.co_name, offset)
            self.interrupt()

    def interrupt(self) -> None:
        raise self.error


def _in_destructor() -> bool:
    """Tell whether `__del__` runs, which nothing can be raised out of."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


if sys.version_info >= (3, 12):
    _monitoring = sys.monitoring

    @contextmanager
    def _watching(interrupter: Interrupter) -> Iterator[None]:
        tool, events = _monitoring.DEBUGGER_ID, _monitoring.events

        def step(code: CodeType, offset: int, frame: FrameType | None = None) -> object:
            if not interrupter.sees(code):
                return _monitoring.DISABLE
            frame = sys._getframe(1)  # a signal handler is given it, and is known by that
            return interrupter.step(frame, offset)

        _monitoring.use_tool_id(tool, "interrupter")
        _monitoring.register_callback(tool, events.INSTRUCTION, step)
        _monitoring.set_events(tool, events.INSTRUCTION)
        try:
            yield
        finally:
            _monitoring.set_events(tool, events.NO_EVENTS)
            _monitoring.free_tool_id(tool)

else:

    @contextmanager
    def _watching(interrupter: Interrupter) -> Iterator[None]:
        def trace(frame: FrameType, event: str, _: object) -> Any:
            if not interrupter.sees(frame.f_code):
                return None
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            if event == "opcode":
                interrupter.step(frame, frame.f_lasti)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            yield
        finally:
            sys.settrace(before)


@contextmanager
def watching(interrupter: Interrupter) -> Iterator[Interrupter]:
    """Let *interrupter* see what this thread does."""
    with warnings.catch_warnings():
        # A coroutine that was made, and interrupted before it was begun.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        with _watching(interrupter):
            yield interrupter


def instants(call: Callable[[Interrupter], Any], some: int, **how: Any) -> Iterator[Interrupter]:
    """
    Yield an interrupter for each instant of a call; make the call with it.

    Only *some* of the instants are tried, spread evenly, at a hundred examples of a property; at
    more of these more, in proportion.

    Args:
        call: Arms the interrupter, and makes the call.
        how: What `Interrupter` takes.
    """
    for _ in range(2):  # the first one imports things and makes connections
        with watching(Interrupter(**how)) as whole:
            call(whole)
    assert whole.count > 10, "there is nothing to interrupt"
    wanted = some * settings().max_examples // 100
    for at in range(1, whole.count + 1, max(whole.count // wanted, 1)):
        yield Interrupter(at, **how)


def _within_generator(
    call: Callable[[Interrupter], Any], interrupter: Interrupter
) -> Iterator[None]:
    """
    Make the call where the exception being handled is the generator's, not the thread's.

    An instant at the end of an `except` clause, where no signal handler runs, leaves it set.
    """
    call(interrupter)
    yield


def interrupted(call: Callable[[Interrupter], Any], interrupter: Interrupter) -> bool:
    """
    Make the call, and see that the exception propagates as it is.

    Returns:
        False if the call was over before the instant. One call can have a few more instants than
        the next: a garbage collection may fall into it.
    """
    caught: BaseException | None = None
    try:
        with watching(interrupter):
            next(_within_generator(call, interrupter))
    except type(interrupter.error) as error:
        caught = error
    if caught is not None:
        assert caught is interrupter.error, interrupter.where
        return True
    assert interrupter.where is None, f"the exception was lost: {interrupter.where}"
    assert interrupter.count > 0.8 * interrupter.at, "the call is another one"
    return False
