"""
The routes of the page, which need a key like the API, and the undocumented operations.

    GET /local/state              the state that the page shows, held until it changes
    GET /local/jobs/{job}/{part}  one part of a job, whole

Both take the endpoint's id as `?endpoint=`; without it, they are about the first one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

from attrs import asdict, frozen

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.fleet import Phase
from runpod_sdk.local._rules.jobs import JobRecord, UnknownJob
from runpod_sdk.local._rules.snapshot import QueueSnapshot, snapshot
from runpod_sdk.local._wire import OperationName
from runpod_serverless_api.models import JobRequest
from runpod_serverless_api.types import UNSET

from . import requests
from .http import HTTPRequest, HTTPResponse
from .requests import Refusal
from .routing import HTTPRoute

_MAX_WAIT = 60_000  # ms
_MAX_JOBS = 1_000

_LIST_LENGTH = 160
"""The number of characters of a value in the list of jobs."""
_EXCERPT = 32 * 1024
"""The number of characters of a value in the view of one job."""

_PARTS: dict[str, Callable[[JobRecord], Any]] = {
    "input": lambda job: JobRequest.from_dict(job.spec.request).input_,
    "output": lambda job: job.output,
    "error": lambda job: job.error,
    "chunks": lambda job: list(job.chunks) or UNSET,
}

_LIST_PARTS = ("input", "output", "error")

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NO_STORE = ((b"cache-control", b"no-store"),)


def routes(brokers: Mapping[str, Broker]) -> list[HTTPRoute]:
    """Return the routes of the page; *brokers* are the endpoints' brokers, by id."""
    control = _QueueControl(brokers)
    return [
        HTTPRoute("state", ("GET",), control.state),
        HTTPRoute("jobs/{job}/{part}", ("GET",), control.part),
    ]


def endpoint_routes(broker: Broker) -> list[HTTPRoute]:
    """Return the routes of the two undocumented operations, requests and metrics."""

    async def list_requests(request: HTTPRequest) -> HTTPResponse:
        offset, limit = requests.page(request.query)
        broker.apply(broker.queue.advance)
        jobs = [*broker.queue.jobs.values()][::-1]
        return HTTPResponse.of(
            _wire.job_list(
                jobs[offset : offset + limit], total=len(jobs), offset=offset, limit=limit
            )
        )

    async def metrics(_: HTTPRequest) -> HTTPResponse:
        counts = broker.apply(broker.queue.counts)
        ready = [worker.id for worker in broker.queue.fleet if worker.phase is Phase.IDLE]
        return HTTPResponse.of(_wire.metrics(counts, ready))

    return [
        HTTPRoute(OperationName.REQUESTS, ("GET",), list_requests),
        HTTPRoute(OperationName.METRICS, ("GET",), metrics),
    ]


@frozen
class _StateQuery:
    """The query of a request for the state."""

    since: str
    wait: float
    newest: int
    status: str | None
    id_part: str
    selected: str | None

    @classmethod
    def of(cls, request: HTTPRequest) -> _StateQuery:
        query = _query(request)
        wait = requests.milliseconds(request.query, _wire.WAIT, lowest=0, highest=_MAX_WAIT)
        newest = query.get("newest", "100")
        if not (newest.isascii() and newest.isdigit() and 1 <= int(newest[:9]) <= _MAX_JOBS):
            raise requests.bad_request("query: newest", f"must be an integer from 1 to {_MAX_JOBS}")
        return cls(
            since=query.get("since", ""),
            wait=(wait or 0) / 1000,
            newest=int(newest),
            status=query.get("status"),
            id_part=query.get("id", ""),
            selected=query.get("job"),
        )


class _QueueControl:
    def __init__(self, brokers: Mapping[str, Broker]) -> None:
        self._brokers = brokers
        # The version of an earlier server at the same port must not pass for one of this server.
        self._server = secrets.token_hex(4)
        self._texts = WeakKeyDictionary[JobRecord, dict[tuple[str, int], _Text]]()

    async def state(self, request: HTTPRequest) -> HTTPResponse:
        asked = _StateQuery.of(request)
        broker = self._broker(request)
        if asked.since == self._version(broker):
            await broker.wait_for_change(broker.revision, asked.wait, request.disconnected)
        seen = broker.apply(
            snapshot,
            broker.queue,
            newest=asked.newest,
            status=asked.status,
            id_part=asked.id_part,
            selected=asked.selected,
        )
        document = {"version": self._version(broker), **self._document_of(seen)}
        return HTTPResponse(_wire.encode(document), headers=_NO_STORE)

    async def part(self, request: HTTPRequest, job_id: str, part: str) -> HTTPResponse:
        job = self._broker(request).queue.jobs.get(job_id)
        if job is None:
            raise UnknownJob(job_id)
        if part not in _PARTS:
            raise Refusal(HTTPStatus.NOT_FOUND, f"no part {part!r}; a job has {', '.join(_PARTS)}")
        value = _PARTS[part](job)
        if value is UNSET:
            raise Refusal(HTTPStatus.NOT_FOUND, f"the job has no {part}")
        return HTTPResponse(_wire.encode(value, sort=False), headers=_NO_STORE)

    def _broker(self, request: HTTPRequest) -> Broker:
        endpoint_id = _query(request).get("endpoint", next(iter(self._brokers)))
        if endpoint_id not in self._brokers:
            raise Refusal(HTTPStatus.NOT_FOUND, "endpoint not found")
        return self._brokers[endpoint_id]

    def _version(self, broker: Broker) -> str:
        return f"{self._server}.{id(broker):x}.{broker.revision}"

    def _document_of(self, seen: QueueSnapshot) -> dict[str, Any]:
        return {
            "now": seen.now,
            "health": _wire.health(seen.counts),
            "totals": seen.totals,
            "matching": seen.matching,
            "workers": [asdict(worker) for worker in seen.workers],
            "jobs": [self._job_document(job, _LIST_LENGTH, _LIST_PARTS) for job in seen.newest],
            "job": seen.selected and self._job_document(seen.selected, _EXCERPT, _PARTS),
        }

    def _job_document(self, job: JobRecord, length: int, parts: Iterable[str]) -> dict[str, Any]:
        """
        Return a job as the API does, with its times by the queue's clock.

        Its parts are JSON texts of at most *length* characters, so that a browser shows numbers
        as they are instead of rounding them.
        """
        texts = {part: self._text(job, part, length) for part in parts}
        return {
            **{key: value for key, value in _wire.job(job).items() if key not in _PARTS},
            "submitted": job.submitted,
            "started": job.started,
            "ended": job.ended,
            "expires": job.expires,
            "executionTimeout": job.spec.execution_timeout,
            "waitingChunks": len(job.chunks),
            "parts": {part: text.to_dict() for part, text in texts.items() if text is not None},
        }

    def _text(self, job: JobRecord, part: str, length: int) -> _Text | None:
        value = _PARTS[part](job)
        if value is UNSET:
            return None
        kept = self._texts.setdefault(job, {})
        text = kept.get((part, length))
        if text is None or text.value is not value:
            text = kept[part, length] = _Text.of(value, length)
        return text


def _query(request: HTTPRequest) -> dict[str, str]:
    query = parse_qs(request.query.decode("latin-1"))
    return {name: values[0] for name, values in query.items()}


@frozen(eq=False)
class _Text:
    """The beginning of a value as JSON, kept as long as the job has the same value."""

    value: Any
    text: str
    whole: bool

    @classmethod
    def of(cls, value: Any, length: int) -> _Text:
        text = ""
        for piece in _ENCODER.iterencode(value):
            text += piece
            if len(text) > length:
                return cls(value, text[:length], whole=False)
        return cls(value, text, whole=True)

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "whole": self.whole}
