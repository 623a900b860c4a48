"""The line that says where a job is while it is waited for, where a person reads along."""

from __future__ import annotations

import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from runpod_sdk.cli import history
from runpod_sdk.cli.terminal import columns, is_terminal, json_line, styled, without_controls

if TYPE_CHECKING:
    from runpod_sdk import Endpoint, EndpointHealth, Explanation, JobState

_DELAY: Final = 0.4
"""Seconds before the line appears: what is over sooner needs none."""
_TICK: Final = 0.1
_ASK_FIRST: Final = 1.0
_ASK_GROWTH: Final = 1.5
_ASK_IN_QUEUE: Final = 5.0
_ASK_RUNNING: Final = 2.0
"""Seconds from one question to the next: growing to this while there is nothing new."""
_PATIENCE: Final = 10.0

_SPINNER, _PLAIN_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_BECAUSE: Final = {
    "STARTING": "a worker is idle and should take it now",
    "QUEUE_AHEAD": "other jobs wait too",
    "ALL_BUSY": "all workers are busy",
    "INITIALIZING": "a worker is starting",
    "THROTTLED": "no free hardware for its workers",
    "UNHEALTHY": "its workers are unhealthy",
    "NO_WORKERS": "no workers yet",
}
_WORKERS: Final = ("idle", "running", "initializing", "throttled", "unhealthy")


@contextmanager
def status_line(endpoint: Endpoint, job_id: str, *, quiet: bool) -> Iterator[None]:
    """Show where the job is for as long as the block runs, if somebody can see it."""
    if quiet or not is_terminal(sys.stderr):
        yield
        return
    line = StatusLine(endpoint, job_id)
    try:
        yield
    except KeyboardInterrupt:  # the terminal has written ^C behind the line
        line.stop(clear=False)
        raise
    except BaseException:
        line.stop()
        raise
    line.stop()


class StatusLine:
    """Asks after a job now and then in one thread, and draws in another."""

    def __init__(self, endpoint: Endpoint, job_id: str) -> None:
        self._endpoint = endpoint
        self._job_id = job_id
        self._began = time.monotonic() - _seconds_since_submission(job_id)
        self._seen: Explanation | None = None
        self._over = threading.Event()
        self._drawn = 0
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._ask, self._draw)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, *, clear: bool = True) -> None:
        """End it, and take the line away, unless told to leave it."""
        self._over.set()
        for thread in self._threads:
            thread.join(_DELAY)  # one that waits for an answer is left to itself
        if self._drawn and clear:
            sys.stderr.write("\r" + " " * self._drawn + "\r")
            sys.stderr.flush()
            self._drawn = 0

    def _ask(self) -> None:
        pause = _DELAY
        while not self._over.wait(pause):
            try:
                before, now = self._seen, self._endpoint.explain(self._job_id, timeout=_PATIENCE)
                news = before is None or (before.reason, before.state) != (now.reason, now.state)
            except Exception:  # the wait itself tells what is wrong; this only looks on
                pause = _ASK_IN_QUEUE
                continue
            self._seen = now
            longest = _ASK_RUNNING if now.state and now.state.started else _ASK_IN_QUEUE
            pause = _ASK_FIRST if news else min(max(pause, _ASK_FIRST) * _ASK_GROWTH, longest)

    def _draw(self) -> None:
        spinner = _SPINNER if _can_show(_SPINNER) else _PLAIN_SPINNER
        turn = 0
        if self._over.wait(_DELAY):
            return
        while True:
            elapsed = time.monotonic() - self._began
            text = truncated(
                f"{spinner[turn % len(spinner)]} {status_text(self._seen, elapsed)}",
                columns(sys.stderr),
            )
            blank = " " * max(0, self._drawn - display_width(text))
            self._drawn = display_width(text)
            sys.stderr.write(f"\r{styled(text[:1], '36', sys.stderr)}{text[1:]}{blank}")
            sys.stderr.flush()
            turn += 1
            if self._over.wait(_TICK):
                return


def status_text(seen: Explanation | None, elapsed: float) -> str:
    """Say where a job is, in a line of any length, *elapsed* seconds after its submission."""
    state = None if seen is None else seen.state
    if seen is None or state is None:
        return f"{clock(elapsed)} waiting"
    if state.completed:
        return f"{clock(elapsed)} {state.status}, getting the result"
    if not state.started:
        parts = [f"{clock(elapsed)} in the queue", _BECAUSE.get(seen.reason, "")]
        parts += _worker_counts(seen.health)
    elif state.status == "IN_PROGRESS":
        parts = [f"{clock(elapsed)} running", _progress(state), *_history(state)]
    else:
        parts = [f"{clock(elapsed)} {state.status}", _progress(state)]
    return without_controls(" · ".join(" ".join(part.split()) for part in parts if part))


def clock(seconds: float) -> str:
    """Spell a length of time as a clock would show it."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def display_width(text: str) -> int:
    """Count the columns that *text* takes in a terminal."""
    return sum(map(_width, text))


def truncated(text: str, width: int) -> str:
    """Cut *text* to *width* columns."""
    if display_width(text) <= width:
        return text
    end = "…" if _can_show("…") else "~"
    room, kept = width - 1, ""
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return (kept + end)[: max(width, 0)]


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _progress(state: JobState) -> str:
    """Show what the worker reported as a person would write it."""
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


def _history(state: JobState) -> Iterator[str]:
    if state.retries:
        yield f"lost {state.retries} times before"
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
    """Return how many seconds ago a job was submitted, as far as that is known."""
    for entry in history.entries():
        if entry.id == job_id:
            return max(0.0, (datetime.now(UTC) - entry.submitted).total_seconds())
    return 0.0


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
