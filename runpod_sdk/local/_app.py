"""The API over HTTP: which request is which event of the queue, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from . import _requests, _wire
from ._broker import Broker, ClientGone
from ._http import Answer, BodyTooLarge, Receive, Request, Scope, Send
from ._jobs import Job, NotRetryable, UnknownJob
from ._limits import Limits
from ._requests import Refusal
from ._wire import Operation


class App:
    """
    An ASGI application that serves one endpoint.

    A request is checked in this order: key (401), endpoint and path (404), verb (405), query
    and body (400), job (404).
    """

    def __init__(self, broker: Broker, *, endpoint_id: str, api_key: str, limits: Limits) -> None:
        self._broker = broker
        self._queue = broker.queue
        self._endpoint_id = endpoint_id
        self._api_key = api_key
        self._limits = limits
        self._of_the_endpoint: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            Operation.RUN: self._run,
            Operation.RUN_SYNC: self._run_sync,
            Operation.PURGE_QUEUE: self._purge_queue,
            Operation.HEALTH: self._health,
        }
        self._of_a_job: dict[str, Callable[[Request, str], Awaitable[Answer]]] = {
            Operation.STATUS: self._status,
            Operation.STATUS_SYNC: self._status_sync,
            Operation.STREAM: self._stream,
            Operation.CANCEL: self._cancel,
            Operation.RETRY: self._retry,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientGone:
            return
        except Refusal as refusal:
            answer = Answer.problem(refusal.status, refusal.detail, **refusal.headers)
        except UnknownJob:
            answer = Answer.problem(HTTPStatus.NOT_FOUND, "job not found")
        finally:
            request.close()
        await answer.send(send)

    async def _answer(self, request: Request) -> Answer:
        root, *segments = request.path.removeprefix("/").split("/")
        if root != _wire.ROOT:
            raise Refusal(HTTPStatus.NOT_FOUND, "not found")
        _requests.check_key(request.header(_wire.KEY_HEADER), self._api_key)
        match segments:
            case [endpoint_id, *_] if endpoint_id != self._endpoint_id:
                raise Refusal(HTTPStatus.NOT_FOUND, "endpoint not found")
            case [_, name] if (plain := self._of_the_endpoint.get(name)) is not None:
                _check_verb(request, name)
                return await plain(request)
            case [_, name, job_id] if (about := self._of_a_job.get(name)) is not None and job_id:
                _check_verb(request, name)
                return await about(request, job_id)
            case _:
                raise Refusal(HTTPStatus.NOT_FOUND, "not found")

    # -- jobs are sent

    async def _run(self, request: Request) -> Answer:
        body = await _body(request, self._limits.run_body)
        job = self._submit(body, prefix="", retention=self._limits.retention)
        return _answer_with(job)

    async def _run_sync(self, request: Request) -> Answer:
        limits = self._limits
        wait = _requests.wait(request.query)
        body = await _body(request, limits.run_sync_body)
        retention = limits.sync_retention if wait is None else limits.sync_retention_after_wait
        job = self._submit(body, prefix="sync-", retention=retention)
        return await self._when_terminal(request, job.id, wait or limits.run_sync_wait)

    def _submit(self, body: bytes, *, prefix: str, retention: float) -> Job:
        submission = _requests.submission(
            body, prefix=prefix, retention=retention, limits=self._limits
        )
        return self._broker.apply(self._queue.submit, submission)

    # -- jobs are asked for

    async def _status(self, request: Request, job_id: str) -> Answer:
        ttl = _requests.milliseconds(request.query, _wire.TTL)
        if ttl is None:
            return _answer_with(self._broker.apply(self._queue.get, job_id))
        return _answer_with(self._broker.apply(self._queue.set_ttl, job_id, ttl / 1000))

    async def _status_sync(self, request: Request, job_id: str) -> Answer:
        wait = _requests.wait(request.query) or self._limits.status_sync_wait
        return await self._when_terminal(request, job_id, wait)

    async def _when_terminal(self, request: Request, job_id: str, wait: float) -> Answer:
        job = await self._broker.hold(job_id, lambda job: job.terminal, wait, request.gone)
        return _answer_with(job)

    async def _stream(self, request: Request, job_id: str) -> Answer:
        wait = _requests.wait(request.query) or self._limits.stream_wait
        job = await self._broker.hold(
            job_id, lambda job: job.terminal or bool(job.chunks), wait, request.gone
        )
        # Nothing is awaited from here on, so nothing is drained for a client known to be gone.
        chunks = self._broker.apply(self._queue.drain, job_id)
        return Answer.of(_wire.stream(job.status, chunks))

    # -- jobs are changed

    async def _cancel(self, _: Request, job_id: str) -> Answer:
        return _answer_with(self._broker.apply(self._queue.cancel, job_id))

    async def _retry(self, _: Request, job_id: str) -> Answer:
        try:
            return _answer_with(self._broker.apply(self._queue.retry, job_id))
        except NotRetryable as error:
            raise _requests.bad_request(
                "job", f"only a failed job can be retried, this one is {error.args[0]}"
            ) from None

    # -- the endpoint as a whole

    async def _purge_queue(self, _: Request) -> Answer:
        return Answer.of(_wire.purged(self._broker.apply(self._queue.purge)))

    async def _health(self, _: Request) -> Answer:
        return Answer.of(_wire.health(self._broker.apply(self._queue.counts)))


def _answer_with(job: Job) -> Answer:
    return Answer.of(_wire.job(job))


def _check_verb(request: Request, name: str) -> None:
    allowed = _wire.METHODS[Operation(name)]
    if request.method not in allowed:
        raise Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{name} takes {' or '.join(allowed)}",
            allow=", ".join(allowed),
        )


async def _body(request: Request, limit: int) -> bytes:
    try:
        return await request.body(limit)
    except BodyTooLarge:
        size = f"{limit // 2**20}MiB" if limit % 2**20 == 0 else f"{limit}B"
        raise _requests.bad_request("body", f"exceeded max body size of {size}") from None
