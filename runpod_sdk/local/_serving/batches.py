"""Batches over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeAlias, cast
from uuid import uuid4

from attrs import evolve

from runpod_sdk.local import _batch_wire, _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.batches import Batch, Batches, BatchRefused, UnknownBatch
from runpod_sdk.local._rules.jobs import Submission
from runpod_sdk.local._wire import Operation

from . import requests
from .http import Answer, Request
from .requests import Refusal
from .routing import Route

Answering: TypeAlias = Callable[..., Coroutine[Any, Any, Answer]]


def routes(
    broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
) -> list[Route]:
    """List the routes of the operations on batches."""
    batches = _Serving(broker, limits, clock, endpoint_id)
    answering: list[tuple[str, str, Answering]] = [
        ("POST", _batch_wire.ALL, batches.create),
        ("GET", _batch_wire.ALL, batches.list),
        ("GET", _batch_wire.ONE, batches.get),
        ("PUT", _batch_wire.ONE, batches.update),
        ("POST", _batch_wire.REQUESTS_OF_ONE, batches.add),
        ("GET", _batch_wire.REQUESTS_OF_ONE, batches.page),
        ("DELETE", _batch_wire.REQUEST_OF_ONE, batches.remove),
        ("POST", _batch_wire.FINALIZE, batches.finalize),
        ("POST", _batch_wire.CANCEL, batches.cancel),
    ]
    return [
        Route(f"{Operation.BATCH}{path}", (verb,), _refusing(function))
        for verb, path, function in answering
    ]


def _refusing(answering: Answering) -> Answering:
    @wraps(answering)
    async def answer(*args: Any) -> Answer:
        try:
            return await answering(*args)
        except UnknownBatch as error:
            raise Refusal(HTTPStatus.NOT_FOUND, f"{error} not found") from None
        except BatchRefused as error:
            raise requests.bad_request("batch", str(error)) from None

    return answer


class _Serving:
    def __init__(
        self, broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
    ) -> None:
        self._apply = broker.apply
        self._batches = Batches(broker.queue)
        self._limits = limits
        self._endpoint_id = endpoint_id
        self._epoch = clock() - time.time()

    async def create(self, request: Request) -> Answer:
        batch_id = f"batch_{uuid4().hex}"
        submissions = self._read(await self._body(request), batch_id)
        return _changed(self._apply(self._batches.create, batch_id, submissions))

    async def list(self, _: Request) -> Answer:
        batches = self._apply(self._batches.all)
        return Answer.of(_batch_wire.listed([self._told(batch) for batch in batches]))

    async def get(self, _: Request, batch_id: str) -> Answer:
        return Answer.of(self._told(self._apply(self._batches.get, batch_id)))

    async def update(self, request: Request, batch_id: str) -> Answer:
        attributes = await self._body(request)
        if not isinstance(attributes, dict):
            raise requests.bad_request("body", "must be an object")
        return _changed(self._apply(self._batches.update, batch_id, attributes))

    async def add(self, request: Request, batch_id: str) -> Answer:
        body = await self._body(request)
        if not isinstance(body, dict):
            raise requests.bad_request("body", "must be an object")
        document = cast(dict[str, Any], body)
        submissions = self._read(document.get(_batch_wire.REQUESTS), batch_id, "body: requests")
        return _changed(self._apply(self._batches.add, batch_id, submissions))

    async def page(self, request: Request, batch_id: str) -> Answer:
        offset, limit = requests.page(request.query)
        found = [*self._apply(self._batches.get, batch_id).requests.values()]
        return Answer.of(
            _batch_wire.page(
                found[offset : offset + limit],
                total=len(found),
                offset=offset,
                limit=limit,
                epoch=self._epoch,
            )
        )

    async def remove(self, _: Request, batch_id: str, request_id: str) -> Answer:
        return _changed(self._apply(self._batches.remove, batch_id, request_id))

    async def finalize(self, _: Request, batch_id: str) -> Answer:
        return _changed(self._apply(self._batches.finalize, batch_id))

    async def cancel(self, _: Request, batch_id: str) -> Answer:
        return _changed(self._apply(self._batches.cancel, batch_id))

    # -- the parts of these

    async def _body(self, request: Request) -> Any:
        return requests.parse(await requests.body(request, self._limits.run_body))

    def _read(self, items: Any, batch_id: str, where: str = "body") -> Sequence[Submission]:
        if not isinstance(items, list):
            raise requests.bad_request(where, "must be an array")
        return [self._submission(item, batch_id, f"{where}[{n}]") for n, item in enumerate(items)]

    def _submission(self, item: object, batch_id: str, where: str) -> Submission:
        submission = requests.submission(
            requests.job_request(item, where),
            prefix="req_",
            retention=self._limits.retention,
            limits=self._limits,
        )
        return evolve(submission, request={**submission.request, _wire.BATCH_ID: batch_id})

    def _told(self, batch: Batch) -> dict[str, Any]:
        return _batch_wire.told(batch, endpoint_id=self._endpoint_id, epoch=self._epoch)


def _changed(batch: Batch) -> Answer:
    return Answer.of(_batch_wire.changed(batch))
