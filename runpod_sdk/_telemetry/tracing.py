"""Spans and metrics of a client's jobs and requests."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from runpod_sdk import _forks
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._telemetry import attributes, instruments
from runpod_sdk._telemetry.attributes import Route, ServerAttributes
from runpod_sdk._telemetry.job_span import JobSpan, JobSpanRef, fail
from runpod_sdk.models import JobState

_SUBMITTED: Final = contexts.create_key("runpod_sdk-submitted")
"""The context key of the job span whose submission is in progress."""
_SUPPRESS_HTTP_SPANS: Final = str(getattr(contexts, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "none"))
"""The context key that suppresses spans by instrumentations of HTTP clients."""


class Tracing:
    """Records the jobs and requests of one client."""

    def __init__(self, base_url: str) -> None:
        self._server = ServerAttributes.of(base_url)
        self.after_fork()
        _forks.watch(self)
        self._refs = WeakValueDictionary[tuple[str, str], JobSpanRef]()
        self._submitted: dict[tuple[str, str], JobSpanRef] = {}
        """References to spans of new jobs, until `follow_job` is called."""
        self._released = deque[JobSpan]()

    def after_fork(self) -> None:
        """Replace the lock, which a thread of the parent may hold."""
        self._lock = threading.RLock()

    async def attempt(self, request: Request, sending: Coroutine[Any, Any, Response]) -> Response:
        """Await *sending*, and record it as a span and a metric."""
        self._end_released()
        route, start, clock = Route.of(request), time.time_ns(), time.perf_counter()
        job_span = self._job_span_of(route, waits="wait" in request.params)
        if job_span is not None and route.job_id is None:
            job_span.submitted_at = start
        parent = contexts.get_current() if job_span is None else job_span.context
        labels = self._server.shared(request, route)
        span = instruments.tracer.start_span(
            f"{request.method} {labels['url.template']}",
            parent,
            SpanKind.CLIENT,
            labels | self._server.particular(request, route),
            start_time=start,
        )
        error: str | None = None
        try:
            with _current(
                contexts.set_value(
                    _SUPPRESS_HTTP_SPANS, True, trace.set_span_in_context(span, parent)
                )
            ):
                response = await sending
            labels["http.response.status_code"] = response.status_code
            error = str(response.status_code) if response.status_code >= 400 else None
            return response
        except BaseException as fault:
            error = attributes.error_type(fault)
            raise
        finally:
            if error is not None:
                labels["error.type"] = error
            span.set_attributes(labels)
            fail(span, error)
            end = time.time_ns()
            span.end(end)
            instruments.attempts.record(time.perf_counter() - clock, labels)
            if job_span is not None:
                job_span.last_event = end

    @contextmanager
    def submission(self, endpoint_id: str) -> Iterator[Callable[[JobState], object]]:
        self._end_released()
        job_span = JobSpan(endpoint_id, None)
        job_span.begin()
        try:
            with _current(contexts.set_value(_SUBMITTED, job_span, job_span.context)):
                yield partial(self._was_submitted, job_span)
        except BaseException as fault:
            job_span.last_event = time.time_ns()
            job_span.end(attributes.error_type(fault))
            raise

    def follow_job(self, endpoint_id: str, job_id: str) -> JobSpanRef:
        with self._lock:
            key = endpoint_id, job_id
            ref = self._submitted.pop(key, None) or self._refs.get(key)
            if ref is None or ref.job_span.process != os.getpid():
                ref = self._refs[key] = JobSpanRef(JobSpan(endpoint_id, job_id), self._released)
            return ref

    def job_seen(self, endpoint_id: str, state: JobState) -> None:
        with self._lock:
            ref = self._refs.get((endpoint_id, state.id))
            if ref is None or ref.job_span.span is None:
                return
            job_span = ref.job_span
            if job_span.ended:
                if state.completed:
                    return
                job_span.begin()  # only a retry continues an ended job
                job_span.submitted_at = job_span.last_event
            job_span.state, job_span.last_event = state, time.time_ns()
        if state.completed:
            job_span.end()

    def close(self) -> None:
        """End all job spans at their last event."""
        self._end_released()
        with self._lock:
            open = [ref.job_span for ref in self._refs.values()]
            self._submitted.clear()
        for job_span in open:
            job_span.end()

    def _was_submitted(self, job_span: JobSpan, state: JobState) -> None:
        job_span.job_id = state.id
        if job_span.span is not None:
            job_span.span.set_attributes(attributes.names(job_span.endpoint_id, state.id))
        key = job_span.endpoint_id, state.id
        with self._lock:
            self._refs[key] = self._submitted[key] = JobSpanRef(job_span, self._released)
        self.job_seen(job_span.endpoint_id, state)

    def _end_released(self) -> None:
        while self._released:
            try:
                job_span = self._released.popleft()
            except IndexError:  # another thread took it
                return
            job_span.end()

    def _job_span_of(self, route: Route, *, waits: bool) -> JobSpan | None:
        """Return the started job span of a request; start it if the request is a wait."""
        if route.job_id is None:
            submitted = contexts.get_value(_SUBMITTED)
            return submitted if isinstance(submitted, JobSpan) else None
        with self._lock:
            ref = self._refs.get((route.endpoint_id, route.job_id))
            if ref is None or ref.job_span.ended or ref.job_span.process != os.getpid():
                return None
            if ref.job_span.span is None:
                if not waits:
                    return None
                ref.job_span.begin()
            return ref.job_span


@contextmanager
def _current(context: Context) -> Iterator[None]:
    """Make *context* the current OpenTelemetry context."""
    token = contexts.attach(context)
    try:
        yield
    finally:
        if contexts.get_current() is context:  # a coroutine may be closed in another context
            contexts.detach(token)
