"""
What workers that pull ask and report, as RunPod's worker package does it.

    GET   job-take/{w}?job_in_progress=0|1            a job, or 204; held
    GET   job-take-batch/{w}?batch_size=N&…           a list of jobs, or 204; held
    GET   job-stop/{w}                                {"jobsToStop": [id, …]}, or 204; held
    GET   ping/{w}?job_id=a,b | ?status=unhealthy     200
    POST  job-done/{w}/{j}                            a result, or a progress
    POST  job-stream/{w}/{j}                          a chunk

Bodies are JSON, although their content type says that they are forms. A report on a run that no
longer counts is taken like any other, and has no effect.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs

from runpod_sdk.local import _json, _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import Job, Result
from runpod_sdk.local._wire import UNSET

from . import requests
from .http import Answer, Request
from .requests import Refusal
from .routing import Route

_NOTHING = Answer(b"", HTTPStatus.NO_CONTENT)
_TAKEN = Answer.of({})

_MOST_JOBS = 1_000


def routes(broker: Broker, limits: Limits) -> list[Route]:
    """List the routes of workers."""
    workers = _Workers(broker, limits)
    return [
        Route("job-take/{worker}", ("GET",), workers.take),
        Route("job-take-batch/{worker}", ("GET",), workers.take_batch),
        Route("job-stop/{worker}", ("GET",), workers.stop),
        Route("ping/{worker}", ("GET",), workers.ping),
        Route("job-done/{worker}/{job}", ("POST",), workers.done),
        Route("job-stream/{worker}/{job}", ("POST",), workers.stream),
    ]


class _Workers:
    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._desk = broker.desk
        self._queue = broker.queue
        self._limits = limits

    # -- they ask

    async def take(self, request: Request, worker: str) -> Answer:
        jobs = await self._take(request, worker, 1)
        return Answer(_wire.encode(jobs[0], sort=False)) if jobs else _NOTHING

    async def take_batch(self, request: Request, worker: str) -> Answer:
        text = _query(request).get("batch_size", "")
        if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MOST_JOBS):
            raise requests.bad_request(
                "query: batch_size", f"must be an integer from 1 to {_MOST_JOBS}"
            )
        jobs = await self._take(request, worker, int(text))
        return Answer(_wire.encode(jobs, sort=False)) if jobs else _NOTHING

    async def _take(self, request: Request, worker: str, most: int) -> list[dict[str, Any]]:
        has_none = _query(request).get("job_in_progress") == "0"
        taken = await self._desk.take(worker, most, has_none=has_none, gone=request.gone)
        return [_for_worker(job) for _, job in taken]

    async def stop(self, request: Request, worker: str) -> Answer:
        jobs = await self._desk.stops(worker, request.gone)
        return Answer.of({"jobsToStop": jobs}) if jobs else _NOTHING

    async def ping(self, request: Request, worker: str) -> Answer:
        query = _query(request)
        if query.get("status") == "unhealthy":
            self._broker.apply(self._queue.sicken, worker)
        else:
            self._desk.ping(worker, query.get("job_id", "").split(","))
        return _TAKEN

    # -- they report

    async def done(self, request: Request, worker: str, job_id: str) -> Answer:
        try:
            body = await requests.body(request, self._limits.result_body)
        except Refusal:
            if (run := self._desk.find(worker, job_id)) is not None:
                self._broker.apply(self._queue.finish, run, Result())
            raise
        report = _report(body)
        run = self._desk.find(worker, job_id)
        if run is None:
            return _TAKEN
        self._desk.hear(worker)
        output = report.get("output", UNSET)
        if report.get("status") == _wire.JobStatus.IN_PROGRESS:
            self._broker.apply(self._queue.progress, run, output)
        else:
            result = Result(output, report.get("error", UNSET), report.get("stopPod") is True)
            self._broker.apply(self._queue.finish, run, result)
        return _TAKEN

    async def stream(self, request: Request, worker: str, job_id: str) -> Answer:
        report = _report(await requests.body(request, self._limits.result_body))
        run = self._desk.find(worker, job_id)
        if run is not None and "output" in report:
            self._desk.hear(worker)
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


def _query(request: Request) -> dict[str, str]:
    values = parse_qs(request.query.decode("latin-1"), keep_blank_values=True)
    return {name: value for name, (value, *_) in values.items()}


def _for_worker(job: Job) -> dict[str, Any]:
    """Give a job as the service hands it over: an input that is empty is left out."""
    members = {_wire.JOB_ID: job.id, **job.submission.request}
    if members.get("input") == {}:
        del members["input"]
    return members
