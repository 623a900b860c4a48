"""
The span of a job.

It lasts from the submission, or from the first request of a wait, to the response with the job's
final status. Requests for the job are its children. Each `Job` object and each wait keeps a
reference to the span. When the last reference is gone, the program cannot see the job's end, and
the span ends at its last event.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from datetime import timedelta
from typing import Any, Final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from runpod_sdk._job_output import failure_of
from runpod_sdk._telemetry import attributes, instruments
from runpod_sdk.models import JobState, JobStatus

_MICROSECOND: Final = timedelta(microseconds=1)


class JobSpan:
    """The span of one job."""

    def __init__(self, endpoint_id: str, job_id: str | None) -> None:
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.span: Span | None = None
        self.state: JobState | None = None
        self.submitted_at: int | None = None
        """The time of the submission; None if another program submitted the job."""
        self.last_event = 0
        """Time of the last event, in nanoseconds since the epoch."""
        self.ended = False
        self.process = os.getpid()
        """The process that started the span; a fork must not end it again."""
        self._lock = threading.RLock()

    @property
    def context(self) -> Context:
        return contexts.get_current() if self.span is None else trace.set_span_in_context(self.span)

    def begin(self) -> None:
        self.last_event, self.ended = time.time_ns(), False
        self.span = instruments.tracer.start_span(
            f"job {self.endpoint_id}", attributes=self._names(), start_time=self.last_event
        )

    def end(self, error: str | None = None) -> None:
        """End the span; add the spans of its phases if the job's end was seen."""
        if self.process != os.getpid():  # a thread of the parent may hold the lock
            return
        with self._lock:
            if self.span is None or self.ended:
                return
            self.ended = True
        state = self.state
        if state is not None:
            self.span.set_attributes(attributes.of_state(state))
            if state.completed:
                error = _error_type(state)
                self._measure(state, error)
                self._add_phases(state)
        fail(self.span, error)
        self.span.end(self.last_event)

    def _names(self) -> attributes.Attributes:
        return attributes.names(self.endpoint_id, self.job_id)

    def _measure(self, state: JobState, error: str | None) -> None:
        labels: attributes.Attributes = {
            "runpod.endpoint.id": self.endpoint_id,
            "runpod.job.status": str(state.status),
        }
        if error is not None:
            labels["error.type"] = error
        instruments.jobs.add(1, labels)
        if state.delay_time is not None:
            instruments.queue_time.record(state.delay_time.total_seconds(), labels)
        if state.execution_time is not None:
            instruments.execution_time.record(state.execution_time.total_seconds(), labels)

    def _add_phases(self, state: JobState) -> None:
        """
        Add the spans of the job's queue time and execution time, if its submission was seen.

        The server reports only durations, which are placed one after another from the submission.
        """
        start = self.submitted_at
        for name, length in ("queue", state.delay_time), ("execution", state.execution_time):
            if start is None or length is None:
                return
            end = min(start + max(length // _MICROSECOND, 0) * 1_000, self.last_event)
            part = instruments.tracer.start_span(
                name, self.context, attributes=self._names(), start_time=start
            )
            part.end(end)
            start = end


def _error_type(state: JobState) -> str | None:
    """Return an ended job's `error.type`: its status, or a class if it completed with an error."""
    if (failure := failure_of(state)) is not None:
        return attributes.error_type(failure)
    is_success = state.succeeded or state.status == JobStatus.CANCELLED
    return None if is_success else str(state.status)


class JobSpanRef:
    """A reference to a job's span, kept by objects that may see the job's end."""

    __slots__ = ("__weakref__", "_released", "job_span")

    def __init__(self, job_span: JobSpan, released: deque[JobSpan]) -> None:
        self.job_span = job_span
        self._released = released

    def __del__(self) -> None:
        self._released.append(self.job_span)  # only an append: it may run at any instant

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a copy of a job starts without a span


def fail(span: Span, error: str | None) -> None:
    """Mark *span* as failed, if there is an error."""
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
