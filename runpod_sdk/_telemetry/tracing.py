"""The stories of one client, and its requests, as spans and measures."""

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
from runpod_sdk._flows.io import Call, Reply
from runpod_sdk._telemetry import attributes, instruments
from runpod_sdk._telemetry.attributes import Route, Server
from runpod_sdk._telemetry.job_span import Hold, Story, fail
from runpod_sdk.models import JobState

_SUBMITTED: Final = contexts.create_key("runpod_sdk-submitted")
"""The key of the story whose job is being submitted."""
_QUIET: Final = str(getattr(contexts, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "none"))
"""Tells instrumentations of HTTP clients that a request has its span already."""


class Spans:
    """The stories of one client, and its requests."""

    def __init__(self, base_url: str) -> None:
        self._server = Server.of(base_url)
        self.after_fork()
        _forks.watch(self)
        self._holds = WeakValueDictionary[tuple[str, str], Hold]()
        self._submitted: dict[tuple[str, str], Hold] = {}
        """Kept for whoever will follow the job, which was submitted just now."""
        self._let_go = deque[Story]()

    def after_fork(self) -> None:
        """Use a lock that no thread of the parent holds."""
        self._lock = threading.Lock()

    async def attempt(self, call: Call, sending: Coroutine[Any, Any, Reply]) -> Reply:
        """Await what sends a request, as a span and a measure."""
        self._end_what_was_let_go()
        route, start, clock = Route.of(call), time.time_ns(), time.perf_counter()
        story = self._story_of(route, waits="wait" in call.params)
        if story is not None and route.job_id is None:
            story.asked = start
        parent = contexts.get_current() if story is None else story.context
        labels = self._server.shared(call, route)
        span = instruments.tracer.start_span(
            f"{call.method} {labels['url.template']}",
            parent,
            SpanKind.CLIENT,
            labels | self._server.particular(call, route),
            start_time=start,
        )
        error: str | None = None
        try:
            with _current(
                contexts.set_value(_QUIET, True, trace.set_span_in_context(span, parent))
            ):
                reply = await sending
            labels["http.response.status_code"] = reply.status_code
            error = str(reply.status_code) if reply.status_code >= 400 else None
            return reply
        except BaseException as fault:
            error = attributes.kind(fault)
            raise
        finally:
            if error is not None:
                labels["error.type"] = error
            span.set_attributes(labels)
            fail(span, error)
            end = time.time_ns()
            span.end(end)
            instruments.attempts.record(time.perf_counter() - clock, labels)
            if story is not None:
                story.touched = end

    @contextmanager
    def submission(self, endpoint_id: str) -> Iterator[Callable[[JobState], object]]:
        self._end_what_was_let_go()
        story = Story(endpoint_id, None)
        story.begin()
        try:
            with _current(contexts.set_value(_SUBMITTED, story, story.context)):
                yield partial(self._was_submitted, story)
        except BaseException as fault:
            story.touched = time.time_ns()
            story.end(attributes.kind(fault))
            raise

    def following(self, endpoint_id: str, job_id: str) -> Hold:
        with self._lock:
            key = endpoint_id, job_id
            hold = self._submitted.pop(key, None) or self._holds.get(key)
            if hold is None or hold.story.process != os.getpid():
                hold = self._holds[key] = Hold(Story(endpoint_id, job_id), self._let_go)
            return hold

    def saw(self, endpoint_id: str, state: JobState) -> None:
        with self._lock:
            hold = self._holds.get((endpoint_id, state.id))
            if hold is None or hold.story.span is None:
                return
            story = hold.story
            if story.ended:
                if state.completed:
                    return
                story.begin()  # a job that has ended goes on if it was retried, and only then
                story.asked = story.touched
            story.state, story.touched = state, time.time_ns()
        if state.completed:
            story.end()

    def close(self) -> None:
        """End the spans of all stories, where they stopped."""
        self._end_what_was_let_go()
        with self._lock:
            open = [hold.story for hold in self._holds.values()]
            self._submitted.clear()
        for story in open:
            story.end()

    def _was_submitted(self, story: Story, state: JobState) -> None:
        story.job_id = state.id
        if story.span is not None:
            story.span.set_attributes(attributes.names(story.endpoint_id, state.id))
        key = story.endpoint_id, state.id
        with self._lock:
            self._holds[key] = self._submitted[key] = Hold(story, self._let_go)
        self.saw(story.endpoint_id, state)

    def _end_what_was_let_go(self) -> None:
        while self._let_go:
            try:
                story = self._let_go.popleft()
            except IndexError:  # another thread was faster
                return
            story.end()

    def _story_of(self, route: Route, *, waits: bool) -> Story | None:
        """Return the story that a request belongs to, if it has begun or begins with it."""
        if route.job_id is None:
            submitted = contexts.get_value(_SUBMITTED)
            return submitted if isinstance(submitted, Story) else None
        with self._lock:
            hold = self._holds.get((route.endpoint_id, route.job_id))
            if hold is None or hold.story.ended or hold.story.process != os.getpid():
                return None
            if hold.story.span is None:
                if not waits:
                    return None
                hold.story.begin()
            return hold.story


@contextmanager
def _current(context: Context) -> Iterator[None]:
    """Make *context* the current one, for what is called meanwhile."""
    token = contexts.attach(context)
    try:
        yield
    finally:
        if contexts.get_current() is context:  # a coroutine may be closed from anywhere
            contexts.detach(token)
