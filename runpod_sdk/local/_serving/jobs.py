"""What clients do with jobs: each request is an event of the queue."""

from __future__ import annotations

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import Job, NotRetryable
from runpod_sdk.local._wire import Operation

from . import requests
from .http import Answer, Request
from .routing import Answering, Route


def routes(broker: Broker, limits: Limits) -> list[Route]:
    """List the routes of the operations on jobs and on the queue."""
    jobs = _Jobs(broker, limits)
    answering: dict[Operation, Answering] = {
        Operation.RUN: jobs.run,
        Operation.RUN_SYNC: jobs.run_sync,
        Operation.STATUS: jobs.status,
        Operation.STATUS_SYNC: jobs.status_sync,
        Operation.STREAM: jobs.stream,
        Operation.CANCEL: jobs.cancel,
        Operation.RETRY: jobs.retry,
        Operation.PURGE_QUEUE: jobs.purge_queue,
        Operation.HEALTH: jobs.health,
    }
    return [
        Route(
            f"{operation}/{{job}}" if operation in _wire.OF_A_JOB else operation,
            _wire.METHODS[operation],
            function,
        )
        for operation, function in answering.items()
    ]


class _Jobs:
    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._queue = broker.queue
        self._limits = limits

    # -- jobs are sent

    async def run(self, request: Request) -> Answer:
        body = await requests.body(request, self._limits.run_body)
        job = self._submit(body, prefix="", retention=self._limits.retention)
        return _answer_with(job)

    async def run_sync(self, request: Request) -> Answer:
        limits = self._limits
        wait = requests.wait(request.query)
        body = await requests.body(request, limits.run_sync_body)
        retention = limits.sync_retention if wait is None else limits.sync_retention_after_wait
        job = self._submit(body, prefix="sync-", retention=retention)
        return await self._when_terminal(request, job.id, wait or limits.run_sync_wait)

    def _submit(self, body: bytes, *, prefix: str, retention: float) -> Job:
        asked = requests.job_request(requests.parse(body))
        submission = requests.submission(
            asked, prefix=prefix, retention=retention, limits=self._limits
        )
        return self._broker.apply(self._queue.submit, submission)

    # -- jobs are asked for

    async def status(self, request: Request, job_id: str) -> Answer:
        ttl = requests.milliseconds(request.query, _wire.TTL)
        if ttl is None:
            return _answer_with(self._broker.apply(self._queue.get, job_id))
        return _answer_with(self._broker.apply(self._queue.set_ttl, job_id, ttl / 1000))

    async def status_sync(self, request: Request, job_id: str) -> Answer:
        wait = requests.wait(request.query) or self._limits.status_sync_wait
        return await self._when_terminal(request, job_id, wait)

    async def _when_terminal(self, request: Request, job_id: str, wait: float) -> Answer:
        job = await self._broker.hold(job_id, lambda job: job.terminal, wait, request.gone)
        return _answer_with(job)

    async def stream(self, request: Request, job_id: str) -> Answer:
        wait = requests.wait(request.query) or self._limits.stream_wait
        job = await self._broker.hold(
            job_id, lambda job: job.terminal or bool(job.chunks), wait, request.gone
        )
        # Nothing is awaited from here on, so nothing is drained for a client known to be gone.
        chunks = self._broker.apply(self._queue.drain, job_id)
        return Answer.of(_wire.stream(job.status, chunks))

    # -- jobs are changed

    async def cancel(self, _: Request, job_id: str) -> Answer:
        return _answer_with(self._broker.apply(self._queue.cancel, job_id))

    async def retry(self, _: Request, job_id: str) -> Answer:
        try:
            return _answer_with(self._broker.apply(self._queue.retry, job_id))
        except NotRetryable as error:
            raise requests.bad_request(
                "job", f"only a failed job can be retried, this one is {error.args[0]}"
            ) from None

    # -- the endpoint as a whole

    async def purge_queue(self, _: Request) -> Answer:
        return Answer.of(_wire.purged(self._broker.apply(self._queue.purge)))

    async def health(self, _: Request) -> Answer:
        return Answer.of(_wire.health(self._broker.apply(self._queue.counts)))


def _answer_with(job: Job) -> Answer:
    return Answer.of(_wire.job(job))
