"""
The routes of workers that pull, as RunPod's worker package uses them.

    GET   job-take/{w}?job_in_progress=0|1            a job, or 204; held
    GET   job-take-batch/{w}?batch_size=N&…           a list of jobs, or 204; held
    GET   job-stop/{w}                                {"jobsToStop": [id, …]}, or 204; held
    GET   ping/{w}?job_id=a,b | ?status=unhealthy     200
    POST  job-done/{w}/{j}                            a result, or a progress
    POST  job-stream/{w}/{j}                          a chunk

Bodies are JSON, although their content type says form. A report on a run that no longer
counts is answered like any other, and has no effect.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs

from runpod_sdk.local import _json, _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import JobRecord, RunResult
from runpod_serverless_api.models import JobStatus
from runpod_serverless_api.types import UNSET

from . import requests
from .http import HTTPRequest, HTTPResponse
from .requests import Refusal
from .routing import HTTPRoute

_NOTHING = HTTPResponse(b"", HTTPStatus.NO_CONTENT)
_TAKEN = HTTPResponse.of({})

_MAX_JOBS = 1_000


def routes(broker: Broker, limits: Limits) -> list[HTTPRoute]:
    """Return the routes of workers."""
    workers = _Workers(broker, limits)
    return [
        HTTPRoute("job-take/{worker}", ("GET",), workers.take),
        HTTPRoute("job-take-batch/{worker}", ("GET",), workers.take_batch),
        HTTPRoute("job-stop/{worker}", ("GET",), workers.stop),
        HTTPRoute("ping/{worker}", ("GET",), workers.ping),
        HTTPRoute("job-done/{worker}/{job}", ("POST",), workers.done),
        HTTPRoute("job-stream/{worker}/{job}", ("POST",), workers.stream),
    ]


class _Workers:
    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._pull_workers = broker.pull_workers
        self._queue = broker.queue
        self._limits = limits

    # -- requests

    async def take(self, request: HTTPRequest, worker: str) -> HTTPResponse:
        jobs = await self._take(request, worker, 1)
        return HTTPResponse(_wire.encode(jobs[0], sort=False)) if jobs else _NOTHING

    async def take_batch(self, request: HTTPRequest, worker: str) -> HTTPResponse:
        text = _query(request).get("batch_size", "")
        if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MAX_JOBS):
            raise requests.bad_request(
                "query: batch_size", f"must be an integer from 1 to {_MAX_JOBS}"
            )
        jobs = await self._take(request, worker, int(text))
        return HTTPResponse(_wire.encode(jobs, sort=False)) if jobs else _NOTHING

    async def _take(self, request: HTTPRequest, worker: str, most: int) -> list[dict[str, Any]]:
        has_none = _query(request).get("job_in_progress") == "0"
        taken = await self._pull_workers.take(
            worker, most, has_none=has_none, disconnected=request.disconnected
        )
        return [_for_worker(job) for _, job in taken]

    async def stop(self, request: HTTPRequest, worker: str) -> HTTPResponse:
        jobs = await self._pull_workers.stops(worker, request.disconnected)
        return HTTPResponse.of({"jobsToStop": jobs}) if jobs else _NOTHING

    async def ping(self, request: HTTPRequest, worker: str) -> HTTPResponse:
        query = _query(request)
        if query.get("status") == "unhealthy":
            self._broker.apply(self._queue.mark_unhealthy, worker)
        else:
            self._pull_workers.ping(worker, list(filter(None, query.get("job_id", "").split(","))))
        return _TAKEN

    # -- reports

    async def done(self, request: HTTPRequest, worker: str, job_id: str) -> HTTPResponse:
        try:
            body = await requests.body(request, self._limits.result_body)
        except Refusal:
            if (run := self._pull_workers.find(worker, job_id)) is not None:
                self._broker.apply(self._queue.finish, run, RunResult())
            raise
        report = _report(body)
        run = self._pull_workers.find(worker, job_id)
        if run is None:
            return _TAKEN
        self._pull_workers.hear(worker)
        output = report.get("output", UNSET)
        if report.get("status") == JobStatus.IN_PROGRESS:
            self._broker.apply(self._queue.progress, run, output)
        else:
            result = RunResult(output, report.get("error", UNSET), report.get("stopPod") is True)
            self._broker.apply(self._queue.finish, run, result)
        return _TAKEN

    async def stream(self, request: HTTPRequest, worker: str, job_id: str) -> HTTPResponse:
        report = _report(await requests.body(request, self._limits.result_body))
        run = self._pull_workers.find(worker, job_id)
        if run is not None and "output" in report:
            self._pull_workers.hear(worker)
            self._broker.apply(self._queue.chunk, run, report["output"])
        return _TAKEN


def _report(body: bytes) -> dict[str, Any]:
    try:
        report = _json.parse(body)
    except ValueError as error:
        raise requests.bad_request("body", f"malformed JSON: {error}") from None
    if not isinstance(report, dict):
        raise requests.bad_request("body", "must be an object")
    return cast(dict[str, Any], report)


def _query(request: HTTPRequest) -> dict[str, str]:
    values = parse_qs(request.query.decode("latin-1"), keep_blank_values=True)
    return {name: value for name, (value, *_) in values.items()}


def _for_worker(job: JobRecord) -> dict[str, Any]:
    """Return a job as the service hands it over: without its input if that is empty."""
    members = {_wire.JOB_ID: job.id, **job.spec.request}
    if members.get("input") == {}:
        del members["input"]
    return members
