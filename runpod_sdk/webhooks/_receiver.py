"""What takes the calls to one address, and tells those who wait."""

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
from runpod_sdk.settings import HOLD, Timeout, length_of_time, whole_number
from runpod_sdk.webhooks import _apps
from runpod_sdk.webhooks._seen import InHandError, Seen, SeenStore
from runpod_sdk.webhooks._signing import EXPIRES_IN, Delivery, Secret, check, parse, sign_url

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from runpod_sdk._async.job import AsyncJob
    from runpod_sdk._sync.job import Job

MAX_BODY = 64 * 2**20


@contextmanager
def _outages_survived() -> Iterator[None]:
    """Suppress what a poll may fail by though the next one may succeed."""
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


@define(eq=False)
class _Wait:
    """Somebody who waits for a job to end, until *deadline*."""

    job: Any
    timeout: float | None
    every: float
    deadline: float | None = field(init=False)
    called: Future[None] = field(factory=Future[None], init=False)
    told: JobState | None = field(default=None, init=False)
    """What the call said, once it has come to us."""
    state: JobState | None = field(default=None, init=False)
    """What the last answer said."""

    def __attrs_post_init__(self) -> None:
        self.deadline = None if self.timeout is None else time.monotonic() + self.timeout

    def left(self) -> float:
        """Return for how long to wait for the call, before the job is asked after."""
        if self.deadline is None:
            return self.every
        return max(min(self.every, self.deadline - time.monotonic()), 0.0)

    def patience(self) -> float:
        """Return how long asking may take."""
        if self.deadline is None:
            return self.every
        left = self.deadline - time.monotonic()
        if left <= 0:
            text = messages.timed_out(f"job {self.job.id}", self.timeout, state=self.state)
            raise errors.RunpodTimeoutError(text, job=self.job, state=self.state)
        return min(left, self.every)


class Receiver:
    """
    Takes the calls of webhooks to one address.

    One is enough for a process; its methods can be called from all threads and tasks.

    Args:
        url: The address under which RunPod reaches this process, a path and a query included.
        secret: What signs it, as `sign_url` takes it.
        expires_in: How long a URL of `url_for` is good, in seconds.
        seen: What tells duplicates apart; else the last 10,000 calls to this process.
        max_body: Bytes of a body beyond which a call is refused: a result and its input.
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
        self._seen = Seen() if seen is None else seen
        self.max_body = whole_number(max_body, "max_body", 1)
        self._ended = Seen()
        self.after_fork()
        _forks.watch(self)
        self.url_for()  # a mistake shows here, and not at the first job

    def after_fork(self) -> None:
        """Begin without the calls that the parent deals with, and the waits of its threads."""
        self._in_hand: set[str] = set()
        self._waits: defaultdict[str, list[_Wait]] = defaultdict(list)
        self._lock = threading.Lock()

    def url_for(self, reference: str | None = None) -> str:
        """Return a URL for one job, to be given as `webhook=`. See `sign_url`."""
        return sign_url(self._url, self._secret, reference=reference, expires_in=self._expires_in)

    def check(self, url: str | bytes) -> None:
        """
        Check the URL of a call, before its body is read.

        For a view of your own: the body of a forged call may be large. `receive` checks the
        URL too.

        Args:
            url: The URL that was called: whole, from the path on, or the query alone.

        Raises:
            WebhookError: It is forged, expired, or was never signed. See `parse`.
        """
        check(url, self._secret)

    def receive(self, url: str | bytes, body: str | bytes) -> Delivery | None:
        """
        Check a call, wake who waits for its job, and return what it says; None of a duplicate.

        For a view of your own, in whatever framework; answer 200 to what this returns, and
        with `.status_code` what it raises. If the delivery can't be dealt with, `forget` it
        and answer 500: RunPod will call again.

        Args:
            url: The URL that was called: whole, from the path on, or the query alone.
            body: The body, as it came.

        Raises:
            WebhookError: It is forged, expired, or malformed. See `parse`.
        """
        delivery = parse(url, body, self._secret)
        return delivery if self._is_new(delivery) else None

    @contextmanager
    def taking(self, url: str | bytes, body: str | bytes) -> Iterator[Delivery | None]:
        """
        Do as `receive`, for a block that deals with the delivery, and forget it if that fails.

        Raises:
            InHandError: Another block deals with the same.
        """
        delivery = parse(url, body, self._secret)
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
        """Take a delivery for one that has not come, so that the next call is no duplicate."""
        self._seen.discard(delivery.key)

    def wait(
        self, job: Job, *, timeout: Timeout = None, poll_every: float | timedelta = HOLD
    ) -> JobState:
        """
        Wait until a job has ended, and return its terminal state: by its call or by asking.

        No connection is held meanwhile. The job, which was submitted with a URL of this
        receiver, is asked after every *poll_every* seconds, as a call may be lost.

        Args:
            job: What `run(…, webhook=receiver.url_for())` returned, or the job of its id.
            timeout: Longest total time, in seconds; None waits without limit.
            poll_every: Seconds from one question to the next.

        Returns:
            The state; that of a call has mostly no `worker_id`.

        Raises:
            RunpodTimeoutError: *timeout* passed first.
            NotFoundError: No such job, or its result has expired.
        """
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
        self, job: AsyncJob, *, timeout: Timeout = None, poll_every: float | timedelta = HOLD
    ) -> JobState:
        """Async twin of `Receiver.wait`, under asyncio and trio."""
        with self._waiting(job, timeout, poll_every) as wait:
            while True:
                await event_loop.come(wait.called, wait.left())
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
        Return an ASGI application that takes the calls, whatever their path.

        Args:
            handler: Called with each `Delivery` that is no duplicate, before it is answered;
                may be a coroutine function. It should only hand the delivery on: RunPod does
                not wait for long. If it raises, the answer is 500 and RunPod calls again.
        """
        return _apps.asgi(self, handler)

    def wsgi(self, handler: Callable[[Delivery], object] | None = None) -> WSGIApplication:
        """Return a WSGI application that does what that of `asgi` does, without awaiting."""
        return _apps.wsgi(self, handler)

    def _is_new(self, delivery: Delivery) -> bool:
        new = self._seen.add(delivery.key)
        if delivery.state.completed:
            self._tell(delivery.state, new=new)
        return new

    def _tell(self, state: JobState, *, new: bool) -> None:
        """Wake who waits; to ask, if the call is a duplicate: the job may have been retried."""
        with self._lock:
            self._ended.add(state.id)
            for wait in self._waits.get(state.id, ()):
                if new:
                    wait.told = state
                if not wait.called.done():
                    wait.called.set_result(None)

    def _again(self, wait: _Wait) -> None:
        """Wait for a call anew, where one that came earlier was of no use: the job was retried."""
        with self._lock:
            if wait.told is None and wait.called.done():
                wait.called = Future()

    @contextmanager
    def _waiting(
        self, job: Any, timeout: Timeout, poll_every: float | timedelta
    ) -> Iterator[_Wait]:
        every = length_of_time(poll_every, "poll_every")
        wait = _Wait(job, length_of_time(timeout), HOLD if every is None else every)
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
