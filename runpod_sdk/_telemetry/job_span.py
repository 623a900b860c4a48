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

from runpod_sdk._telemetry import attributes, instruments
from runpod_sdk.models import JobState, JobStatus
from runpod_sdk.results import failure_of

_MICROSECOND: Final = timedelta(microseconds=1)


class JobSpan:
    """The span of one job."""

    def __init__(self, endpoint_id: str, job_id: str | None) -> None:
        self.endpoint_id = endpoint_id
        self.job_id = job_id
        self.span: Span | None = None
        self.state: JobState | None = None
        self.asked: int | None = None
        """When the request was sent that submitted it; None if another program did."""
        self.touched = 0
        """Time of the last event, in nanoseconds since the epoch."""
        self.ended = False
        self.process = os.getpid()
        """A fork has the span too, and must not end it once more."""
        self._lock = threading.Lock()

    @property
    def context(self) -> Context:
        return contexts.get_current() if self.span is None else trace.set_span_in_context(self.span)

    def begin(self) -> None:
        self.touched, self.ended = time.time_ns(), False
        self.span = instruments.tracer.start_span(
            f"job {self.endpoint_id}", attributes=self._names(), start_time=self.touched
        )

    def end(self, error: str | None = None) -> None:
        """End the span; there are no parts of one whose end was not seen."""
        if self.process != os.getpid():  # the lock may be held, by a thread of the parent
            return
        with self._lock:
            if self.span is None or self.ended:
                return
            self.ended = True
        state = self.state
        if state is not None:
            self.span.set_attributes(attributes.seen(state))
            if state.completed:
                error = _error_type(state)
                self._measure(state, error)
                self._tell_parts(state)
        fail(self.span, error)
        self.span.end(self.touched)

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

    def _tell_parts(self, state: JobState) -> None:
        """
        Tell when the job waited and ran, if it is known when it was submitted.

        The server tells lengths, and not instants: they are laid end to end from there.
        """
        start = self.asked
        for name, length in ("queue", state.delay_time), ("execution", state.execution_time):
            if start is None or length is None:
                return
            end = min(start + max(length // _MICROSECOND, 0) * 1_000, self.touched)
            part = instruments.tracer.start_span(
                name, self.context, attributes=self._names(), start_time=start
            )
            part.end(end)
            start = end


def _error_type(state: JobState) -> str | None:
    """Return the `error.type` of a job that has ended: its status, unless that says too little."""
    if (failure := failure_of(state)) is not None:
        return attributes.kind(failure)
    good = state.succeeded or state.status == JobStatus.CANCELLED
    return None if good else str(state.status)


class JobSpanRef:
    """Something in this program that may yet see the job's end."""

    __slots__ = ("__weakref__", "_let_go", "story")

    def __init__(self, job_span: JobSpan, let_go: deque[JobSpan]) -> None:
        self.story = job_span
        self._let_go = let_go

    def __del__(self) -> None:
        self._let_go.append(self.story)  # no more than that: it may be in the midst of anything

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a copy of a handle knows the job by its id


def fail(span: Span, error: str | None) -> None:
    """Say that what *span* is of went wrong, if it did."""
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR))
