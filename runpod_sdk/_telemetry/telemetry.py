"""
Export to OpenTelemetry, if the program has imported it.

Otherwise, the only cost is a look into `sys.modules`, and nothing is imported.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory

from runpod_sdk import _forks
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response

if TYPE_CHECKING:
    from runpod_sdk._telemetry.tracing import Tracing
    from runpod_sdk.models import JobState

Sending = Coroutine[Any, Any, Response]


class Telemetry:
    """The telemetry of one client's ports."""

    def __init__(self, base_url: str, enabled: bool) -> None:
        self._base_url = base_url
        self._enabled = enabled
        self._created: Tracing | None = None
        self.after_fork()
        _forks.watch(self)

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.RLock()

    def attempt(
        self, send: Callable[[Request, TimeLimit], Sending], request: Request, limit: TimeLimit
    ) -> Sending:
        """Record a request: its start, and its response or failure."""
        sending = send(request, limit)
        return (
            sending if (tracing := self._tracing()) is None else tracing.attempt(request, sending)
        )

    def submission(self, endpoint_id: str) -> AbstractContextManager[Callable[[JobState], object]]:
        return (
            _NO_SUBMISSION_SPAN
            if (tracing := self._tracing()) is None
            else tracing.submission(endpoint_id)
        )

    def follow_job(self, endpoint_id: str, job_id: str) -> object:
        return (
            None
            if (tracing := self._tracing()) is None
            else tracing.follow_job(endpoint_id, job_id)
        )

    def job_seen(self, endpoint_id: str, state: JobState) -> None:
        if (tracing := self._tracing()) is not None:
            tracing.job_seen(endpoint_id, state)

    def close(self) -> None:
        """End the open spans, because the program cannot see the jobs' ends."""
        if self._created is not None:
            self._created.close()

    def _tracing(self) -> Tracing | None:
        if self._created is None and self._enabled and "opentelemetry.trace" in sys.modules:
            with self._lock:
                self._create()
        return self._created

    def _create(self) -> None:
        try:
            from runpod_sdk._telemetry.tracing import Tracing
        except ImportError:  # the installed version is too old
            self._enabled = False
        else:
            self._created = self._created or Tracing(self._base_url)


def _follow(job: Any) -> object:
    telemetry: Telemetry = job.endpoint.client._io.telemetry
    return telemetry.follow_job(job.endpoint.id, job.id)


JOB_SPAN: Final[Any] = Factory(_follow, takes_self=True)
"""The default of a job's field, which keeps the job's span open while the object exists."""


def _ignore(state: JobState) -> None:
    pass


_NO_SUBMISSION_SPAN: Final = nullcontext(_ignore)
