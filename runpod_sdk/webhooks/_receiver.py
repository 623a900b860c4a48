"""The receiver of webhook calls."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field

from runpod_sdk import _forks, errors
from runpod_sdk import _messages as messages
from runpod_sdk._io import event_loop
from runpod_sdk.models import JobState
from runpod_sdk.settings import (
    POLL_WAIT,
    Timeout,
    checked_function,
    length_of_time,
    whole_number,
)
from runpod_sdk.webhooks import _apps
from runpod_sdk.webhooks._seen import InHandError, Seen, SeenStore, checked_store, is_new
from runpod_sdk.webhooks._signing import EXPIRES_IN, Delivery, Secret, check, parse, sign_url

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from runpod_sdk._async.job import AsyncJob
    from runpod_sdk._sync.job import Job

MAX_BODY = 64 * 2**20


@contextmanager
def _outages_survived() -> Iterator[None]:
    """Suppress errors of a status request after which the next request may succeed."""
    try:
        yield
    except errors.ClientClosedError:
        raise
    except (
        errors.APIConnectionError,
        errors.RunpodTimeoutError,
        errors.ServerError,
        errors.RateLimitError,
    ):
        pass


def _check_job(job: object, method: str, *, kind: str, other: str) -> None:
    """Raise TypeError if *method* cannot wait for *job*."""
    if type(job).__name__ == other or not (hasattr(job, "id") and hasattr(job, "status")):
        raise TypeError(
            f"{method} needs a job of class {kind}, not {job!r:.60}: endpoint.job(id) makes one of"
            " an id; for a Job call wait, for an AsyncJob await wait_async"
        )


@define(eq=False)
class _Wait:
    """A pending `Receiver.wait`."""

    job: Any
    timeout: float | None
    every: float
    deadline: float | None = field(init=False)
    called: Future[None] = field(factory=Future[None], init=False)
    told: JobState | None = field(default=None, init=False)
    """The state in the call, after it arrived."""
    state: JobState | None = field(default=None, init=False)
    """The state in the last status response."""

    def __attrs_post_init__(self) -> None:
        self.deadline = None if self.timeout is None else time.monotonic() + self.timeout

    def left(self) -> float:
        """Return the seconds to wait for the call before the next status request."""
        if self.deadline is None:
            return self.every
        return max(min(self.every, self.deadline - time.monotonic()), 0.0)

    def patience(self) -> float:
        """Return the timeout of the next status request."""
        if self.deadline is None:
            return self.every
        left = self.deadline - time.monotonic()
        if left <= 0:
            text = messages.timed_out(f"job {self.job.id}", self.timeout, state=self.state)
            raise errors.RunpodTimeoutError(text, job=self.job, state=self.state)
        return min(left, self.every)


class Receiver:
    """
    Receives webhook calls to one URL.

    One receiver is enough for a process. All threads and tasks can call its methods.

    Args:
        url: The URL at which RunPod reaches this process, with its path and query.
        secret: The secret, or several, as in `sign_url`.
        expires_in: Lifetime of a URL from `url_for`, in seconds.
        seen: A store that recognizes duplicates; by default, the last 10,000 calls to this
            process.
        max_body: Largest body in bytes; a body contains a result and its input.
    """

    def __init__(
        self,
        url: str,
        secret: Secret,
        *,
        expires_in: float | timedelta = EXPIRES_IN,
        seen: SeenStore | None = None,
        max_body: int = MAX_BODY,
    ) -> None:
        self._url = url
        self._secret = secret
        self._expires_in = expires_in
        self._seen = Seen() if seen is None else checked_store(seen)
        self.max_body = whole_number(max_body, "max_body", 1)
        self._ended = Seen()
        self.after_fork()
        _forks.watch(self)
        self.url_for()  # a mistake shows here, and not at the first job

    def after_fork(self) -> None:
        """Forget the parent process's calls and waits."""
        self._in_hand: set[str] = set()
        self._waits: defaultdict[str, list[_Wait]] = defaultdict(list)
        self._lock = threading.Lock()

    def url_for(self, reference: str | None = None) -> str:
        """Return a signed URL for one job, for the argument `webhook=`. See `sign_url`."""
        return sign_url(self._url, self._secret, reference=reference, expires_in=self._expires_in)

    def check(self, url: str | bytes) -> None:
        """
        Verify a call's URL before you read its body.

        Use it in your own view, because a forged call may have a large body. `receive` verifies
        the URL too.

        Args:
            url: The called URL: complete, from the path on, or the query alone.

        Raises:
            WebhookError: The URL is forged, expired, or not signed. See `parse`.
        """
        try:
            check(url, self._secret)
        finally:
            del url  # which a traceback would show

    def receive(self, url: str | bytes, body: str | bytes) -> Delivery | None:
        """
        Verify a call, wake the waits for its job, and return the delivery; None for a duplicate.

        Use it in your own view, in any framework. Respond with 200, or with the exception's
        `.status_code`. If you cannot process the delivery, call `forget` and respond with 500:
        RunPod calls again.

        Args:
            url: The called URL: complete, from the path on, or the query alone.
            body: The received body.

        Raises:
            WebhookError: The call is forged, expired, or malformed. See `parse`.
        """
        try:
            delivery = parse(url, body, self._secret)
        finally:
            del url, body  # which a traceback would show
        return delivery if self._is_new(delivery) else None

    @contextmanager
    def taking(self, url: str | bytes, body: str | bytes) -> Iterator[Delivery | None]:
        """
        Receive a call for a `with` block that handles it; forget the delivery if the block raises.

        Raises:
            InHandError: Another block is handling the same call.
        """
        try:
            delivery = parse(url, body, self._secret)
        finally:
            del url, body  # which a traceback would show
        with self._lock:
            if delivery.key in self._in_hand:
                raise InHandError
            self._in_hand.add(delivery.key)
        try:
            if not self._is_new(delivery):
                yield None
                return
            try:
                yield delivery
            except BaseException:
                self.forget(delivery)
                raise
        finally:
            with self._lock:
                self._in_hand.discard(delivery.key)

    def forget(self, delivery: Delivery) -> None:
        """Forget a delivery, so that the next call with it is not a duplicate."""
        if not isinstance(delivery, Delivery):
            raise TypeError(f"delivery must be the Delivery of a call, not {delivery!r:.60}")
        self._seen.discard(delivery.key)

    def wait(
        self, job: Job, *, timeout: Timeout = None, poll_every: float | timedelta = POLL_WAIT
    ) -> JobState:
        """
        Wait for a job's webhook call, and return the job's final state.

        The wait holds no connection. Because a call can be lost, the receiver also reads the job's
        status every *poll_every* seconds.

        Args:
            job: The job that `run(…, webhook=receiver.url_for())` returned, or
                `endpoint.job(id)`.
            timeout: Longest total time, in seconds; None means no limit.
            poll_every: Seconds between two status requests.

        Returns:
            The final state, usually without `worker_id`.

        Raises:
            RunpodTimeoutError: The call timed out.
            NotFoundError: The job does not exist, or its result has expired.
        """
        _check_job(job, "wait", kind="Job", other="AsyncJob")
        with self._waiting(job, timeout, poll_every) as wait:
            while True:
                futures.wait([wait.called], wait.left())
                if wait.told is not None:
                    return wait.told
                patience = wait.patience()
                with _outages_survived():
                    wait.state = job.status(timeout=patience)
                    if wait.state.completed:
                        return wait.state
                self._again(wait)

    async def wait_async(
        self, job: AsyncJob, *, timeout: Timeout = None, poll_every: float | timedelta = POLL_WAIT
    ) -> JobState:
        """
        Wait for a job's webhook call under asyncio or trio, and return the job's final state.

        The wait holds no connection. Because a call can be lost, the receiver also reads the job's
        status every *poll_every* seconds.

        Args:
            job: The job that `run(…, webhook=receiver.url_for())` returned, or
                `endpoint.job(id)`.
            timeout: Longest total time, in seconds; None means no limit.
            poll_every: Seconds between two status requests.

        Returns:
            The final state, usually without `worker_id`.

        Raises:
            RunpodTimeoutError: The call timed out.
            NotFoundError: The job does not exist, or its result has expired.
        """
        _check_job(job, "wait_async", kind="AsyncJob", other="Job")
        with self._waiting(job, timeout, poll_every) as wait:
            while True:
                await event_loop.wait_for_future(wait.called, wait.left())
                if wait.told is not None:
                    return wait.told
                patience = wait.patience()
                with _outages_survived():
                    wait.state = await job.status(timeout=patience)
                    if wait.state.completed:
                        return wait.state
                self._again(wait)

    def asgi(
        self, handler: Callable[[Delivery], Awaitable[object] | object] | None = None
    ) -> _apps.ASGIApplication:
        """
        Return an ASGI application that receives the calls, at any path.

        Args:
            handler: A function or coroutine function, called with each `Delivery` that is not a
                duplicate, before the response is sent. It should return quickly, because RunPod
                does not wait long. If it raises, the response is 500 and RunPod calls again.
        """
        if handler is not None:
            checked_function(handler, "handler")
        return _apps.asgi(self, handler)

    def wsgi(self, handler: Callable[[Delivery], object] | None = None) -> WSGIApplication:
        """
        Return a WSGI application that receives the calls, at any path.

        Args:
            handler: A function, called with each `Delivery` that is not a duplicate, before the
                response is sent. It should return quickly, because RunPod does not wait long. If
                it raises, the response is 500 and RunPod calls again.
        """
        if handler is not None:
            checked_function(handler, "handler")
        return _apps.wsgi(self, handler)

    def _is_new(self, delivery: Delivery) -> bool:
        new = is_new(self._seen, delivery.key)
        if delivery.state.completed:
            self._tell(delivery.state, new=new)
        return new

    def _tell(self, state: JobState, *, new: bool) -> None:
        """Wake the waits; after a duplicate they read the status, as the job may be retried."""
        with self._lock:
            self._ended.add(state.id)
            for wait in self._waits.get(state.id, ()):
                if new:
                    wait.told = state
                if not wait.called.done():
                    wait.called.set_result(None)

    def _again(self, wait: _Wait) -> None:
        """Wait for the next call, if the last one was from before a retry."""
        with self._lock:
            if wait.told is None and wait.called.done():
                wait.called = Future()

    @contextmanager
    def _waiting(
        self, job: Any, timeout: Timeout, poll_every: float | timedelta
    ) -> Iterator[_Wait]:
        every = length_of_time(poll_every, "poll_every")
        wait = _Wait(job, length_of_time(timeout), POLL_WAIT if every is None else every)
        with self._lock:
            self._waits[job.id].append(wait)
            if job.id in self._ended:  # its call has come, and went to nobody: ask at once
                wait.called.set_result(None)
        try:
            yield wait
        except errors.RunpodError:
            raise
        except BaseException as interruption:
            interruption.add_note(messages.about(job.id, messages.detached(job.id)))
            raise
        finally:
            with self._lock:
                self._waits[job.id].remove(wait)
                if not self._waits[job.id]:
                    del self._waits[job.id]
