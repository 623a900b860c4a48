"""The routes of the operations on jobs and on the queue; each is an event of the queue."""

from __future__ import annotations

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import JobRecord, NotRetryable
from runpod_sdk.local._wire import OperationName

from . import requests
from .http import HTTPRequest, HTTPResponse
from .routing import HTTPRoute, RouteHandler


def routes(broker: Broker, limits: Limits) -> list[HTTPRoute]:
    """Return the routes of the operations on jobs and on the queue."""
    jobs = _Jobs(broker, limits)
    handle: dict[OperationName, RouteHandler] = {
        OperationName.RUN: jobs.run,
        OperationName.RUN_SYNC: jobs.run_sync,
        OperationName.STATUS: jobs.status,
        OperationName.STATUS_SYNC: jobs.status_sync,
        OperationName.STREAM: jobs.stream,
        OperationName.CANCEL: jobs.cancel,
        OperationName.RETRY: jobs.retry,
        OperationName.PURGE_QUEUE: jobs.purge_queue,
        OperationName.HEALTH: jobs.health,
    }
    return [
        HTTPRoute(
            f"{operation}/{{job}}" if operation in _wire.JOB_OPERATIONS else operation,
            _wire.METHODS[operation],
            function,
        )
        for operation, function in handle.items()
    ]


class _Jobs:
    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._queue = broker.queue
        self._limits = limits

    # -- submit

    async def run(self, request: HTTPRequest) -> HTTPResponse:
        body = await requests.body(request, self._limits.run_body)
        job = self._submit(body, prefix="", retention=self._limits.retention)
        return _job_response(job)

    async def run_sync(self, request: HTTPRequest) -> HTTPResponse:
        limits = self._limits
        wait = requests.wait(request.query)
        body = await requests.body(request, limits.run_sync_body)
        retention = limits.sync_retention if wait is None else limits.sync_retention_after_wait
        job = self._submit(body, prefix="sync-", retention=retention)
        return await self._when_terminal(request, job.id, wait or limits.run_sync_wait)

    def _submit(self, body: bytes, *, prefix: str, retention: float) -> JobRecord:
        asked = requests.job_request(requests.parse(body))
        spec = requests.job_spec(asked, prefix=prefix, retention=retention, limits=self._limits)
        return self._broker.apply(self._queue.submit, spec)

    # -- read

    async def status(self, request: HTTPRequest, job_id: str) -> HTTPResponse:
        ttl = requests.milliseconds(request.query, _wire.TTL)
        if ttl is None:
            return _job_response(self._broker.apply(self._queue.get, job_id))
        return _job_response(self._broker.apply(self._queue.set_ttl, job_id, ttl / 1000))

    async def status_sync(self, request: HTTPRequest, job_id: str) -> HTTPResponse:
        wait = requests.wait(request.query) or self._limits.status_sync_wait
        return await self._when_terminal(request, job_id, wait)

    async def _when_terminal(self, request: HTTPRequest, job_id: str, wait: float) -> HTTPResponse:
        job = await self._broker.wait_for_job(
            job_id, lambda job: job.terminal, wait, request.disconnected
        )
        return _job_response(job)

    async def stream(self, request: HTTPRequest, job_id: str) -> HTTPResponse:
        wait = requests.wait(request.query) or self._limits.stream_wait
        job = await self._broker.wait_for_job(
            job_id, lambda job: job.terminal or bool(job.chunks), wait, request.disconnected
        )
        # Nothing is awaited from here on, so no chunk is lost to a client that has disconnected.
        chunks = self._broker.apply(self._queue.drain, job_id)
        return HTTPResponse.of(_wire.stream(job.status, chunks))

    # -- change

    async def cancel(self, _: HTTPRequest, job_id: str) -> HTTPResponse:
        return _job_response(self._broker.apply(self._queue.cancel, job_id))

    async def retry(self, _: HTTPRequest, job_id: str) -> HTTPResponse:
        try:
            return _job_response(self._broker.apply(self._queue.retry, job_id))
        except NotRetryable as error:
            raise requests.bad_request(
                "job", f"only a failed job can be retried, this one is {error.args[0]}"
            ) from None

    # -- the endpoint

    async def purge_queue(self, _: HTTPRequest) -> HTTPResponse:
        return HTTPResponse.of(_wire.purged(self._broker.apply(self._queue.purge)))

    async def health(self, _: HTTPRequest) -> HTTPResponse:
        return HTTPResponse.of(_wire.health(self._broker.apply(self._queue.counts)))


def _job_response(job: JobRecord) -> HTTPResponse:
    return HTTPResponse.of(_wire.job(job))
