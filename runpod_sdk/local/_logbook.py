"""The lines that handlers write, by job and by worker, up to a size."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from attrs import define, field, frozen

MAX_LINES = 1_000
"""The lines that are kept of each job and of each worker: the last ones."""
_LONGEST_LINE = 4_000
_MAX_TEXT = 8 * 1024 * 1024
"""The size of all kept lines; the logs that were silent for the longest time go first."""
_LINE_SIZE = 100
"""The size of a line without its characters, so that empty lines are not free."""
_MAX_PENDING = 20_000
"""The lines that wait for the event loop."""


@frozen
class LogLine:
    """A line that a handler has written."""

    at: float
    source: str
    """`stdout`, `stderr`, `output` (either of them, of a process), or the level of a log record."""
    text: str
    worker: str
    job_id: str | None


@frozen
class LogExcerpt:
    """The lines of a log after the first *after* of them."""

    after: int
    """The lines before these, read before or dropped."""
    lines: tuple[LogLine, ...]


@define
class _Log:
    lines: deque[LogLine] = field(factory=deque[LogLine])
    dropped: int = 0
    size: int = 0


@frozen
class _Written:
    worker: str
    job_id: str | None
    source: str
    text: str


class LogBook:
    """
    The logs of an endpoint's jobs and workers.

    `write` may be called from any thread. All other methods belong to the event loop.

    Args:
        clock: Returns the time of a line.
        job_of: Returns the one job that a worker runs, for lines that name no job.
        announce: Called, from any thread, when lines wait to be filed.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        job_of: Callable[[str], str | None],
        announce: Callable[[], object],
    ) -> None:
        self._clock = clock
        self._job_of = job_of
        self._announce = announce
        self._lock = threading.RLock()  # a finalizer may print, in the same thread
        self._pending: deque[_Written] = deque(maxlen=_MAX_PENDING)
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._size = 0

    def write(self, worker: str, job_id: str | None, source: str, text: str) -> None:
        """Add a line of a worker's current job; without *job_id*, of the one job that it runs."""
        with self._lock:
            first = not self._pending
            self._pending.append(_Written(worker, job_id, source, text[:_LONGEST_LINE]))
        if first:
            self._announce()

    def file(self) -> bool:
        """File the lines that were written; return whether there were any."""
        with self._lock:
            written = [*self._pending]
            self._pending.clear()
        now = self._clock()
        for one in written:
            job_id = self._job_of(one.worker) if one.job_id is None else one.job_id
            line = LogLine(now, one.source, one.text, one.worker, job_id)
            for owner in filter(None, (one.worker, job_id)):
                self._append(owner, line)
        return bool(written)

    def read(self, owner: str, after: int = 0) -> LogExcerpt:
        """Return the lines of a job or a worker, by its id, without the first *after*."""
        log = self._logs.get(owner)
        if log is None:
            return LogExcerpt(0, ())
        skipped = max(after - log.dropped, 0)
        return LogExcerpt(log.dropped + min(skipped, len(log.lines)), tuple(log.lines)[skipped:])

    def count(self, owner: str) -> int:
        """Return how many lines a job or a worker has written."""
        log = self._logs.get(owner)
        return 0 if log is None else log.dropped + len(log.lines)

    def _append(self, owner: str, line: LogLine) -> None:
        log = self._logs.setdefault(owner, _Log())
        self._logs.move_to_end(owner)
        log.lines.append(line)
        self._grow(log, _size(line))
        if len(log.lines) > MAX_LINES:
            log.dropped += 1
            self._grow(log, -_size(log.lines.popleft()))
        while self._size > _MAX_TEXT:
            _, silent = self._logs.popitem(last=False)
            self._size -= silent.size

    def _grow(self, log: _Log, size: int) -> None:
        log.size += size
        self._size += size


def _size(line: LogLine) -> int:
    return _LINE_SIZE + len(line.text)
