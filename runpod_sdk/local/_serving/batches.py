"""The routes of the batch API."""

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
from runpod_sdk.local._rules.batches import Batches, BatchRecord, BatchRefused, UnknownBatch
from runpod_sdk.local._rules.jobs import JobSpec
from runpod_sdk.local._wire import OperationName

from . import requests
from .http import HTTPRequest, HTTPResponse
from .requests import Refusal
from .routing import HTTPRoute

RouteHandler: TypeAlias = Callable[..., Coroutine[Any, Any, HTTPResponse]]


def routes(
    broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
) -> list[HTTPRoute]:
    """Return the routes of the operations on batches."""
    batches = _Serving(broker, limits, clock, endpoint_id)
    handle: list[tuple[str, str, RouteHandler]] = [
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
        HTTPRoute(f"{OperationName.BATCH}{path}", (verb,), _refusing(function))
        for verb, path, function in handle
    ]


def _refusing(handle: RouteHandler) -> RouteHandler:
    @wraps(handle)
    async def response(*args: Any) -> HTTPResponse:
        try:
            return await handle(*args)
        except UnknownBatch as error:
            raise Refusal(HTTPStatus.NOT_FOUND, f"{error} not found") from None
        except BatchRefused as error:
            raise requests.bad_request("batch", str(error)) from None

    return response


class _Serving:
    def __init__(
        self, broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
    ) -> None:
        self._apply = broker.apply
        self._batches = Batches(broker.queue)
        self._limits = limits
        self._endpoint_id = endpoint_id
        self._epoch = clock() - time.time()

    async def create(self, request: HTTPRequest) -> HTTPResponse:
        batch_id = f"batch_{uuid4().hex}"
        specs = self._read(await self._body(request), batch_id)
        return _changed(self._apply(self._batches.create, batch_id, specs))

    async def list(self, _: HTTPRequest) -> HTTPResponse:
        batches = self._apply(self._batches.all)
        return HTTPResponse.of(
            _batch_wire.list_document([self._document_of(batch) for batch in batches])
        )

    async def get(self, _: HTTPRequest, batch_id: str) -> HTTPResponse:
        return HTTPResponse.of(self._document_of(self._apply(self._batches.get, batch_id)))

    async def update(self, request: HTTPRequest, batch_id: str) -> HTTPResponse:
        attributes = await self._body(request)
        if not isinstance(attributes, dict):
            raise requests.bad_request("body", "must be an object")
        return _changed(self._apply(self._batches.update, batch_id, attributes))

    async def add(self, request: HTTPRequest, batch_id: str) -> HTTPResponse:
        body = await self._body(request)
        if not isinstance(body, dict):
            raise requests.bad_request("body", "must be an object")
        document = cast(dict[str, Any], body)
        specs = self._read(document.get(_batch_wire.REQUESTS), batch_id, "body: requests")
        return _changed(self._apply(self._batches.add, batch_id, specs))

    async def page(self, request: HTTPRequest, batch_id: str) -> HTTPResponse:
        offset, limit = requests.page(request.query)
        found = [*self._apply(self._batches.get, batch_id).requests.values()]
        return HTTPResponse.of(
            _batch_wire.page_document(
                found[offset : offset + limit],
                total=len(found),
                offset=offset,
                limit=limit,
                epoch=self._epoch,
            )
        )

    async def remove(self, _: HTTPRequest, batch_id: str, request_id: str) -> HTTPResponse:
        return _changed(self._apply(self._batches.remove, batch_id, request_id))

    async def finalize(self, _: HTTPRequest, batch_id: str) -> HTTPResponse:
        return _changed(self._apply(self._batches.finalize, batch_id))

    async def cancel(self, _: HTTPRequest, batch_id: str) -> HTTPResponse:
        return _changed(self._apply(self._batches.cancel, batch_id))

    # -- helpers

    async def _body(self, request: HTTPRequest) -> Any:
        return requests.parse(await requests.body(request, self._limits.run_body))

    def _read(self, items: Any, batch_id: str, where: str = "body") -> Sequence[JobSpec]:
        if not isinstance(items, list):
            raise requests.bad_request(where, "must be an array")
        return [self._spec(item, batch_id, f"{where}[{n}]") for n, item in enumerate(items)]

    def _spec(self, item: object, batch_id: str, where: str) -> JobSpec:
        spec = requests.job_spec(
            requests.job_request(item, where),
            prefix="req_",
            retention=self._limits.retention,
            limits=self._limits,
        )
        return evolve(spec, request={**spec.request, _wire.BATCH_ID: batch_id})

    def _document_of(self, batch: BatchRecord) -> dict[str, Any]:
        return _batch_wire.batch_document(batch, endpoint_id=self._endpoint_id, epoch=self._epoch)


def _changed(batch: BatchRecord) -> HTTPResponse:
    return HTTPResponse.of(_batch_wire.change_document(batch))
