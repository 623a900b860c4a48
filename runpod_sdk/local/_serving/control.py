"""
The routes of the page, which need a key like the API, and the undocumented operations.

    GET /local/state              the state that the page shows, held until it changes
    GET /local/jobs/{job}/{part}  one part of a job, whole; or one file in it, with `?file=`

Both take the endpoint's id as `?endpoint=`; without it, they are about the first one. A `file` is
a JSON pointer as a fragment, such as `#/images/0`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from attrs import asdict, frozen

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.fleet import Phase
from runpod_sdk.local._rules.jobs import UnknownJob
from runpod_sdk.local._rules.snapshot import QueueSnapshot, snapshot
from runpod_sdk.local._wire import OperationName
from runpod_serverless_api.types import UNSET

from . import requests
from .documents import PARTS, JobDocuments, lanes_document, log_document, speed_document
from .excerpts import file_at
from .http import HTTPRequest, HTTPResponse
from .requests import Refusal
from .routing import HTTPRoute
from .search import Searches

_MAX_WAIT = 60_000  # ms
_MAX_JOBS = 1_000

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
    text: str
    """A text that the jobs contain."""
    job: str | None
    """The job to show whole."""
    worker: str | None
    """The worker whose log to show; of *job* without one."""
    after: int
    """The number of lines of the log that the page has."""
    lanes: bool

    @classmethod
    def of(cls, request: HTTPRequest) -> _StateQuery:
        query = _query(request)
        wait = requests.milliseconds(request.query, _wire.WAIT, lowest=0, highest=_MAX_WAIT)
        newest = requests.integer(request.query, "newest", lowest=1, highest=_MAX_JOBS)
        return cls(
            since=query.get("since", ""),
            wait=(wait or 0) / 1000,
            newest=100 if newest is None else newest,
            status=query.get("status"),
            text=query.get("text", ""),
            job=query.get("job"),
            worker=query.get("worker"),
            after=requests.integer(request.query, "after", lowest=0) or 0,
            lanes="lanes" in query,
        )


class _QueueControl:
    def __init__(self, brokers: Mapping[str, Broker]) -> None:
        self._brokers = brokers
        self._searches = {id: Searches(broker) for id, broker in brokers.items()}
        # The version of an earlier server at the same port must not pass for one of this server.
        self._server = secrets.token_hex(4)
        self._documents = JobDocuments()

    async def state(self, request: HTTPRequest) -> HTTPResponse:
        asked = _StateQuery.of(request)
        endpoint_id, broker = self._endpoint(request)
        if asked.since == self._version(broker):
            await broker.wait_for_change(broker.revision, asked.wait, request.disconnected)
        found = None
        if asked.text:
            search = self._searches[endpoint_id].get(asked.text)
            await search.update()
            found = search.found
        seen = broker.apply(
            snapshot,
            broker.queue,
            newest=asked.newest,
            status=asked.status,
            found=found,
            selected=asked.job,
        )
        document = _wire.encode(self._document_of(seen, asked, broker), sort=False)
        rows = b",".join(self._documents.row(job) for job in seen.newest)
        return HTTPResponse(document[:-1] + b',"jobs":[' + rows + b"]}", headers=_NO_STORE)

    async def part(self, request: HTTPRequest, job_id: str, part: str) -> HTTPResponse:
        _, broker = self._endpoint(request)
        job = broker.queue.jobs.get(job_id)
        if job is None:
            raise UnknownJob(job_id)
        if part not in PARTS:
            raise Refusal(HTTPStatus.NOT_FOUND, f"no part {part!r}; a job has {', '.join(PARTS)}")
        value = PARTS[part](job)
        if value is UNSET:
            raise Refusal(HTTPStatus.NOT_FOUND, f"the job has no {part}")
        pointer = _query(request).get("file")
        if pointer is None:
            return HTTPResponse(_wire.encode(value, sort=False), headers=_NO_STORE)
        media = file_at(value, pointer.removeprefix("#"))
        if media is None:
            raise Refusal(HTTPStatus.NOT_FOUND, f"no file at {pointer} of the job's {part}")
        # The page says what it is: nothing of a job is ever opened as a page of this server.
        return HTTPResponse(
            media.data(), headers=_NO_STORE, content_type=b"application/octet-stream"
        )

    def _endpoint(self, request: HTTPRequest) -> tuple[str, Broker]:
        endpoint_id = _query(request).get("endpoint", next(iter(self._brokers)))
        if endpoint_id not in self._brokers:
            raise Refusal(HTTPStatus.NOT_FOUND, "endpoint not found")
        return endpoint_id, self._brokers[endpoint_id]

    def _version(self, broker: Broker) -> str:
        return f"{self._server}.{id(broker):x}.{broker.revision}"

    def _document_of(
        self, seen: QueueSnapshot, asked: _StateQuery, broker: Broker
    ) -> dict[str, Any]:
        """Return the state without the rows of the list."""
        history, owner = broker.queue.history, asked.worker or asked.job
        return {
            "version": self._version(broker),
            "now": seen.now,
            "health": _wire.health(seen.counts),
            "speed": speed_document(history, seen.now),
            "lanes": lanes_document(history, seen.now) if asked.lanes else None,
            "totals": seen.totals,
            "matching": seen.matching,
            "workers": [asdict(worker) for worker in seen.workers],
            "job": seen.selected and self._documents.whole(seen.selected),
            "log": owner and log_document(broker.logs.read(owner, asked.after)),
        }


def _query(request: HTTPRequest) -> dict[str, str]:
    query = parse_qs(request.query.decode("latin-1"))
    return {name: values[0] for name, values in query.items()}
