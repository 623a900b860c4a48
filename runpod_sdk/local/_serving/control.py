"""
What the page is told of the queue, beside the API and behind the same key.

    GET /local/state              all that the page shows, held until there is news
    GET /local/jobs/{job}/{part}  one part of a job, whole
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

from attrs import asdict, frozen

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.fleet import Phase
from runpod_sdk.local._rules.jobs import Job, UnknownJob
from runpod_sdk.local._rules.snapshot import Snapshot, snapshot
from runpod_sdk.local._wire import UNSET, JobRequest, Operation

from . import requests
from .http import Answer, Request
from .requests import Refusal
from .routing import Route

_LONGEST_WAIT = 60_000  # ms
_MOST_JOBS = 1_000

_LINE = 160
"""Characters of a value that a line of the list shows."""
_EXCERPT = 32 * 1024
"""Characters of a value that are shown of one job, before the whole is asked for."""

_PARTS: dict[str, Callable[[Job], Any]] = {
    "input": lambda job: JobRequest.from_dict(job.submission.request).input_,
    "output": lambda job: job.output,
    "error": lambda job: job.error,
    "chunks": lambda job: list(job.chunks) or UNSET,
}

_OF_A_LINE = ("input", "output", "error")

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NO_STORE = ((b"cache-control", b"no-store"),)


def routes(broker: Broker) -> list[Route]:
    """List the routes of those who look on."""
    control = _Control(broker)
    return [
        Route("state", ("GET",), control.state),
        Route("jobs/{job}/{part}", ("GET",), control.part),
    ]


def endpoint_routes(broker: Broker) -> list[Route]:
    """List the routes of the two operations that are not documented: requests and metrics."""

    async def list_requests(request: Request) -> Answer:
        offset, limit = requests.page(request.query)
        broker.apply(broker.queue.sweep)
        jobs = [*broker.queue.jobs.values()][::-1]
        return Answer.of(
            _wire.job_list(
                jobs[offset : offset + limit], total=len(jobs), offset=offset, limit=limit
            )
        )

    async def metrics(_: Request) -> Answer:
        counts = broker.apply(broker.queue.counts)
        ready = [worker.id for worker in broker.queue.fleet if worker.phase is Phase.IDLE]
        return Answer.of(_wire.metrics(counts, ready))

    return [
        Route(Operation.REQUESTS, ("GET",), list_requests),
        Route(Operation.METRICS, ("GET",), metrics),
    ]


@frozen
class _Asked:
    """What a request for the state asks for."""

    since: str
    wait: float
    newest: int
    status: str | None
    id_part: str
    selected: str | None

    @classmethod
    def of(cls, request: Request) -> _Asked:
        query = {
            name: values[0] for name, values in parse_qs(request.query.decode("latin-1")).items()
        }
        wait = requests.milliseconds(request.query, _wire.WAIT, lowest=0, highest=_LONGEST_WAIT)
        newest = query.get("newest", "100")
        if not (newest.isascii() and newest.isdigit() and 1 <= int(newest[:9]) <= _MOST_JOBS):
            raise requests.bad_request(
                "query: newest", f"must be an integer from 1 to {_MOST_JOBS}"
            )
        return cls(
            since=query.get("since", ""),
            wait=(wait or 0) / 1000,
            newest=int(newest),
            status=query.get("status"),
            id_part=query.get("id", ""),
            selected=query.get("job"),
        )


class _Control:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        # A version of another server, on the same port before, must not pass for one of this.
        self._server = secrets.token_hex(4)
        self._texts = WeakKeyDictionary[Job, dict[tuple[str, int], _Text]]()

    async def state(self, request: Request) -> Answer:
        asked = _Asked.of(request)
        if asked.since == self._version():
            await self._broker.hold_until_news(self._broker.revision, asked.wait, request.gone)
        seen = self._broker.apply(
            snapshot,
            self._broker.queue,
            newest=asked.newest,
            status=asked.status,
            id_part=asked.id_part,
            selected=asked.selected,
        )
        return Answer(_wire.encode(self._told(seen)), headers=_NO_STORE)

    async def part(self, _: Request, job_id: str, part: str) -> Answer:
        job = self._broker.queue.jobs.get(job_id)
        if job is None:
            raise UnknownJob(job_id)
        if part not in _PARTS:
            raise Refusal(HTTPStatus.NOT_FOUND, f"a job has {', '.join(_PARTS)}, and no such part")
        value = _PARTS[part](job)
        if value is UNSET:
            raise Refusal(HTTPStatus.NOT_FOUND, f"the job has no {part}")
        return Answer(_wire.encode(value, sort=False), headers=_NO_STORE)

    def _version(self) -> str:
        return f"{self._server}.{self._broker.revision}"

    def _told(self, seen: Snapshot) -> dict[str, Any]:
        return {
            "version": self._version(),
            "now": seen.now,
            "health": _wire.health(seen.counts),
            "totals": seen.totals,
            "matching": seen.matching,
            "workers": [asdict(worker) for worker in seen.workers],
            "jobs": [self._told_of(job, _LINE, _OF_A_LINE) for job in seen.newest],
            "job": seen.selected and self._told_of(seen.selected, _EXCERPT, _PARTS),
        }

    def _told_of(self, job: Job, length: int, parts: Iterable[str]) -> dict[str, Any]:
        """
        Tell of a job what an answer of the API tells, and when it all was, by the queue's clock.

        Its parts are texts, of at most *length* characters, of JSON: numbers are shown as they
        are, and not as a browser would round them.
        """
        texts = {part: self._text(job, part, length) for part in parts}
        return {
            **{key: value for key, value in _wire.job(job).items() if key not in _PARTS},
            "submitted": job.submitted,
            "started": job.started,
            "ended": job.ended,
            "expires": job.expires,
            "executionTimeout": job.submission.execution_timeout,
            "waitingChunks": len(job.chunks),
            "parts": {part: text.told() for part, text in texts.items() if text is not None},
        }

    def _text(self, job: Job, part: str, length: int) -> _Text | None:
        value = _PARTS[part](job)
        if value is UNSET:
            return None
        kept = self._texts.setdefault(job, {})
        text = kept.get((part, length))
        if text is None or text.value is not value:
            text = kept[part, length] = _Text.of(value, length)
        return text


@frozen(eq=False)
class _Text:
    """The beginning of a value, as JSON; the values of jobs are replaced, but never changed."""

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

    def told(self) -> dict[str, Any]:
        return {"text": self.text, "whole": self.whole}
