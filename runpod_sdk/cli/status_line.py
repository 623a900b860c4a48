"""The line on a terminal that shows where a job is while a command waits for it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from runpod_sdk.cli import history
from runpod_sdk.cli.terminal import is_terminal, json_line, without_controls

if TYPE_CHECKING:
    from runpod_sdk import Endpoint, EndpointHealth, Explanation, JobState

_DELAY: Final = 0.4
"""Seconds before the line appears: a job that ends sooner needs none."""
_TICK: Final = 0.1
_FIRST_PAUSE: Final = 1.0
_PAUSE_GROWTH: Final = 1.5
_MAX_PAUSE_QUEUED: Final = 5.0
_MAX_PAUSE_RUNNING: Final = 2.0
"""Seconds between two requests: the pause grows while nothing changes."""
_REQUEST_TIMEOUT: Final = 10.0

_BECAUSE: Final = {
    "STARTING": "an idle worker should take it now",
    "QUEUE_AHEAD": "other jobs wait too",
    "ALL_BUSY": "all workers are busy",
    "INITIALIZING": "a worker is starting",
    "THROTTLED": "no free hardware for its workers",
    "UNHEALTHY": "its workers are unhealthy",
    "NO_WORKERS": "no workers yet",
}
_WORKERS: Final = ("idle", "running", "initializing", "throttled", "unhealthy")


@contextmanager
def status_line(
    endpoint: Endpoint, job_id: str, *, quiet: bool
) -> Iterator[Callable[[JobState], None] | None]:
    """
    Show where the job is while the block runs, if standard error is a terminal.

    The context is a function that shows an update of the job, or None if nothing is shown.
    """
    if quiet or not is_terminal(sys.stderr):
        yield None
        return
    line = StatusLine(endpoint, job_id)
    try:
        yield line.update
    except KeyboardInterrupt:
        line.stop(clear=False)
        raise
    except BaseException:
        line.stop()
        raise
    line.stop()


class StatusLine:
    """
    One thread draws the line, another one asks why a job is still queued.

    The command's own wait reports updates of the job. A stream reports none, so that the second
    thread asks for the job's status too.
    """

    def __init__(self, endpoint: Endpoint, job_id: str) -> None:
        self._endpoint = endpoint
        self._job_id = job_id
        self._began = time.monotonic() - _seconds_since_submission(job_id)
        self._explanation: Explanation | None = None
        self._update: JobState | None = None
        self._stopped = threading.Event()
        self._clear = True
        self._polling = threading.Thread(target=self._poll, daemon=True)
        self._drawing = threading.Thread(target=self._draw, daemon=True)
        self._polling.start()
        self._drawing.start()

    def update(self, state: JobState) -> None:
        """Show another state of the job."""
        self._update = state

    def stop(self, *, clear: bool = True) -> None:
        """Stop drawing. Remove the line, or leave it."""
        self._clear = clear
        self._stopped.set()
        self._drawing.join()  # else it might draw over what the command prints
        self._polling.join(_DELAY)  # a request that is still unanswered is abandoned

    def _poll(self) -> None:
        pause = _DELAY
        while not self._stopped.wait(pause):
            if self._update is not None and self._update.started:
                pause = _MAX_PAUSE_QUEUED
                continue
            before = self._explanation
            try:
                now = self._endpoint.explain(self._job_id, timeout=_REQUEST_TIMEOUT)
            except Exception:  # the command itself reports errors
                pause = _MAX_PAUSE_QUEUED
                continue
            self._explanation = now
            if before is None or (before.reason, before.state) != (now.reason, now.state):
                pause = _FIRST_PAUSE
            else:
                running = now.state is not None and now.state.started
                longest = _MAX_PAUSE_RUNNING if running else _MAX_PAUSE_QUEUED
                pause = min(max(pause, _FIRST_PAUSE) * _PAUSE_GROWTH, longest)

    def _draw(self) -> None:
        if self._stopped.wait(_DELAY):
            return
        from rich.console import Console  # not sooner: many commands end before
        from rich.control import Control
        from rich.segment import ControlType
        from rich.spinner import Spinner
        from rich.text import Text

        console = Console(file=sys.stderr)
        unicode = console.encoding.startswith("utf")
        spinner = Spinner("dots" if unicode else "line")
        begin = Control(ControlType.CARRIAGE_RETURN)
        clear = Control((ControlType.ERASE_IN_LINE, 0))
        while True:
            frame = str(spinner.render(time.monotonic()))
            line = Text.assemble((frame, "cyan"), " ", self._text())
            # The last column stays free, as some terminals would begin a new line.
            line.truncate(console.width - 1, overflow="ellipsis" if unicode else "crop")
            console.print(begin, line, clear, sep="", end="", soft_wrap=True)
            if self._stopped.wait(_TICK):
                break
        if self._clear:
            console.control(begin, clear)

    def _text(self) -> str:
        from runpod_sdk import Explanation, JobReason

        explanation, update = self._explanation, self._update
        if update is not None and update.started:
            reason = JobReason.DONE if update.completed else JobReason.RUNNING
            explanation = Explanation(reason=reason, text="", state=update)
        return status_text(explanation, time.monotonic() - self._began)


def status_text(explanation: Explanation | None, elapsed: float) -> str:
    """Describe in one line where a job is, *elapsed* seconds after its submission."""
    state = None if explanation is None else explanation.state
    if explanation is None or state is None:
        return f"{clock(elapsed)} waiting"
    if state.completed:
        return f"{clock(elapsed)} {state.status}, getting the result"
    if not state.started:
        parts = [f"{clock(elapsed)} in the queue", _BECAUSE.get(explanation.reason, "")]
        parts += _worker_counts(explanation.health)
    elif state.status == "IN_PROGRESS":
        parts = [f"{clock(elapsed)} running", _progress(state), *_attempt(state)]
    else:
        parts = [f"{clock(elapsed)} {state.status}", _progress(state)]
    return without_controls(" · ".join(" ".join(part.split()) for part in parts if part))


def clock(seconds: float) -> str:
    """Format a duration as `M:SS` or `H:MM:SS`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _progress(state: JobState) -> str:
    """Format the progress that the worker reported; an object without JSON syntax."""
    value: Any = state.progress
    if value is None:
        return ""
    if isinstance(value, dict) and all(not isinstance(v, dict | list) for v in value.values()):
        text = ", ".join(f"{key} {_word(inner)}" for key, inner in value.items())
    else:
        text = _word(value)
    return text[:500]


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json_line(value)


def _attempt(state: JobState) -> Iterator[str]:
    if state.retries:
        yield f"lost attempts: {state.retries}"
    if state.delay_time is not None and state.delay_time.total_seconds() >= 1:
        yield f"waited {clock(state.delay_time.total_seconds())}"
    if state.worker_id:
        yield f"worker {state.worker_id}"


def _worker_counts(health: EndpointHealth | None) -> Iterator[str]:
    if health is None:
        return
    counts = [(getattr(health.workers, name), name) for name in _WORKERS]
    if found := ", ".join(f"{count} {name}" for count, name in counts if count):
        yield f"workers: {found}"
    if (waiting := health.jobs.in_queue) and waiting > 1:
        yield f"{waiting} jobs in the queue"


def _seconds_since_submission(job_id: str) -> float:
    """Return the job's age by the history; 0 for a job that is not in it."""
    entry = history.find(job_id)
    return 0.0 if entry is None else entry.age.total_seconds()
