"""
Capture the lines that handlers in this process print and log.

A worker runs each job in a context of its own (`contextvars`), so lines of jobs that run at the
same time do not mix. Tasks and `asyncio.to_thread` inherit the context; threads that a handler
starts do not. While an endpoint with handlers runs, `sys.stdout` and `sys.stderr` are
stand-ins that pass everything on, and the factory of log records is wrapped; neither changes what
is written where. Only `prefixed_output` does.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .output import log_line

_LONGEST = 64 * 1024
"""Characters of a line that is not ended; a longer one comes as several."""

Emit = Callable[[str, str], object]
"""Takes the source and the text of a line."""


class _LineCutter:
    """Cuts text into lines; of a line that was written over (`\\r`), the last state."""

    def __init__(self, emit: Callable[[str], object]) -> None:
        self._emit = emit
        self._lock = threading.RLock()  # a finalizer or a signal handler may print meanwhile
        self._rest = ""

    def write(self, text: str) -> None:
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            if len(self._rest) > _LONGEST:
                lines.append(self._rest)
                self._rest = ""
        for line in lines:
            self._emit(line.rstrip("\r").rpartition("\r")[2])

    def close(self) -> None:
        if self._rest:
            self.write("\n")


class JobOutput:
    """
    The output of one run of a job, cut into lines.

    Args:
        prefix: Begins the lines in the log of this process, if its output is prefixed.
        emit: Receives the lines.
    """

    def __init__(self, prefix: str, emit: Emit) -> None:
        self._prefix = prefix
        self._emit = emit
        self._streams: dict[tuple[str, bool], _LineCutter] = {}

    def write(self, source: str, text: str, *, logged: bool) -> None:
        """Add text of a stream; *logged*: it is a log record, which `record` has added."""
        if not logged:
            self._stream(source, own=False).write(text)

    def write_prefixed(self, source: str, text: str) -> None:
        """Add text of a stream to the log of this process."""
        self._stream(source, own=True).write(text)

    def record(self, record: logging.LogRecord) -> None:
        """Add a log record."""
        try:
            text = record.getMessage()
        except Exception:  # logging itself reports that the arguments do not fit
            text = str(record.msg)
        if record.exc_info and record.exc_info[0] is not None:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        for line in f"{record.name}: {text}".splitlines():
            self._emit(record.levelname, line)

    def close(self) -> None:
        """Emit the lines that have not been ended."""
        for stream in list(self._streams.values()):
            stream.close()

    def _log(self, line: str) -> None:
        # What the log handlers of a program write here is not this job's.
        token = _output.set(None)
        try:
            log_line(logging.INFO, self._prefix, line)
        finally:
            _output.reset(token)

    def _stream(self, source: str, *, own: bool) -> _LineCutter:
        lines = self._streams.get((source, own))
        if lines is None:
            if own:
                lines = _LineCutter(self._log)
            else:
                lines = _LineCutter(lambda line: self._emit(source, line))
            lines = self._streams.setdefault((source, own), lines)
        return lines


_output: ContextVar[JobOutput | None] = ContextVar("runpod_sdk.local.output", default=None)


@contextmanager
def job_output(output: JobOutput) -> Generator[None, None, None]:
    """Hand what this context writes to *output*."""
    token = _output.set(output)
    try:
        yield
    finally:
        _output.reset(token)
        output.close()


class _StandIn:
    """Stands in for a stream of `sys`: hands what jobs write to their outputs, and passes it on."""

    def __init__(self, stream: Any, source: str) -> None:
        self.replaced = stream
        self._source = source

    def __getattr__(self, name: str) -> Any:
        if name == "replaced":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self.replaced, name)

    def write(self, text: str) -> Any:
        output = _output.get()
        if output is not None:
            logged = sys._getframe(1).f_globals.get("__name__") == "logging"
            output.write(self._source, text, logged=logged)
            if _capture.prefixing:
                output.write_prefixed(self._source, text)
                return len(text)
        return self.replaced.write(text)  # some streams return nothing

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)


class _Capture:
    """Puts the stand-ins in place while anybody needs them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._factory: Callable[..., logging.LogRecord] | None = None
        self.prefixing = False

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            for source in ("stdout", "stderr"):  # somebody may have replaced them since
                stream = getattr(sys, source)
                if stream is not None and not isinstance(stream, _StandIn):
                    setattr(sys, source, _StandIn(stream, source))
            if logging.getLogRecordFactory() is not self._factory:
                self._factory = _recording(logging.getLogRecordFactory())
                logging.setLogRecordFactory(self._factory)

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for source in ("stdout", "stderr"):
                stream = getattr(sys, source)
                if isinstance(stream, _StandIn):  # else somebody has replaced it since
                    setattr(sys, source, stream.replaced)
            if self._factory is not None and logging.getLogRecordFactory() is self._factory:
                logging.setLogRecordFactory(vars(self._factory)["wrapped"])
            self._factory = None


_capture = _Capture()


def _recording(wrapped: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = wrapped(*args, **kwargs)
        output = _output.get()
        if output is not None and not str(record.name).startswith("runpod_sdk.local"):
            output.record(record)
        return record

    vars(make)["wrapped"] = wrapped
    return make


def begin_capture() -> None:
    """Begin to hand what jobs write to their outputs; each call needs an `end_capture`."""
    _capture.begin()


def end_capture() -> None:
    """End what `begin_capture` began."""
    _capture.end()


@contextmanager
def prefixed_output() -> Generator[None, None, None]:
    """
    Send what handlers write to the log, each line with its worker and job, not to the streams.

    Load handlers within it: their log handlers then write to the stand-ins too.
    """
    _capture.begin()
    _capture.prefixing = True
    try:
        yield
    finally:
        _capture.prefixing = False
        _capture.end()
