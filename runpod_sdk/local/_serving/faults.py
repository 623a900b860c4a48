"""
Faults over HTTP: the middleware that applies them, and the routes that activate them.

A fault is written as a JSON object with its name in `fault` and its arguments by name, or as the
bare name if it has no arguments, in a header and in a body:

    X-Local-Fault: lost-reply                                          for this one request
    POST /local/faults   {"fault": "rate-limited", "operation": "run", "times": 3}
    GET /local/faults    lists the active faults, and how often each was applied
    DELETE /local/faults/{id}, DELETE /local/faults                    removes one, or all
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from attrs import asdict, fields, frozen

from runpod_sdk.local import _json, _wire
from runpod_sdk.local._active_faults import ActiveFault, Faults
from runpod_sdk.local._faults import (
    KINDS,
    Fault,
    GatewayTimeout,
    LostReply,
    LostRequest,
    RateLimited,
    RequestFault,
    ServerFailure,
    SlowReply,
)

from . import requests
from .http import BodyTooLarge, HTTPRequest, HTTPResponse
from .requests import Refusal
from .routing import HTTPRoute

HEADER = b"x-local-fault"

_MAX_BODY = 64 * 1024  # bytes of a body with a fault
_MAX_DISCARDED = 32 * 1024 * 1024  # bytes of a body that is read and discarded
_OPTION_NAMES = ("times", "lasting")


def _name(kind: type[Fault]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


_KINDS: dict[str, type[Fault]] = {_name(kind): kind for kind in KINDS}


# -- the written form


@frozen
class FaultOrder:
    """A fault, and its arguments `times` and `lasting`."""

    fault: Fault
    options: dict[str, Any]


def read_fault(text: bytes) -> FaultOrder:
    """
    Parse a fault in its written form.

    Raises:
        ValueError: It is no fault; the message lists the faults.
    """
    word = text.decode("utf-8", "replace").strip()
    document = {"fault": word} if word in _KINDS else _document(word)
    members = {key: value for key, value in document.items() if key != "fault"}
    options = {key: members.pop(key) for key in _OPTION_NAMES if key in members}
    kind = _KINDS.get(name := cast(str, document["fault"]))
    if kind is None:
        raise ValueError(f"no fault {name!r}; the faults are {', '.join(_KINDS)}")
    known = [attribute.name for attribute in fields(kind)]
    for key in members:
        if key not in known:
            raise ValueError(f"{name} has no {key!r}; it has {', '.join([*known, *_OPTION_NAMES])}")
    try:
        return FaultOrder(kind(**members), options)
    except TypeError as error:
        raise ValueError(str(error).replace(f"{kind.__name__}.__init__()", name)) from None


def _document(text: str) -> dict[str, Any]:
    try:
        document = _json.parse(text.encode())
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("fault"), str):
        make_id = ", ".join(_KINDS)
        raise ValueError(f'write its name, or {{"fault": name, …}}, where name is one of {make_id}')
    return cast(dict[str, Any], document)


def _document_of(active: ActiveFault) -> dict[str, Any]:
    members = {key: value for key, value in asdict(active.fault).items() if value is not None}
    return {"id": active.id, "fault": _name(type(active.fault)), **members, "fired": active.fired}


# -- the middleware


class FaultMiddleware:
    """Applies faults to requests; `close` ends all delays."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._pauses: set[asyncio.Future[None]] = set()
        self._closed = False

    def close(self) -> None:
        self._closed = True
        for pause in self._pauses:
            if not pause.done():
                pause.set_result(None)

    async def __call__(
        self, request: HTTPRequest, route: HTTPRoute, act: Callable[[], Awaitable[HTTPResponse]]
    ) -> HTTPResponse:
        fault = self._choose_fault(request, route)
        match fault:
            case None:
                return await act()
            case LostRequest():
                # With an unread body, the client might see a reset before it has sent the body.
                with suppress(BodyTooLarge):
                    await request.body(_MAX_DISCARDED)
                return await request.abort_connection()
            case LostReply():
                await act()
                return await request.abort_connection()
            case SlowReply(seconds=seconds):
                response = await act()
                await self._pause(seconds)
                return response
            case RateLimited(retry_after=seconds):
                headers = {} if seconds is None else {_wire.RETRY_AFTER: str(seconds)}
                status = HTTPStatus.TOO_MANY_REQUESTS
                return HTTPResponse.problem(status, "too many requests", **headers)
            case ServerFailure(status=HTTPStatus.BAD_GATEWAY):
                return _edge_page(502, "Bad gateway")
            case ServerFailure(status=status):
                return HTTPResponse.problem(HTTPStatus(status), "a fault is active")
            case GatewayTimeout(after=None):
                await act()
            case GatewayTimeout(after=float(seconds)):
                acting = asyncio.ensure_future(act())
                try:
                    await self._pause(seconds)
                finally:
                    acting.cancel()
                await asyncio.gather(acting, return_exceptions=True)
            case _:
                raise AssertionError(fault)
        return _edge_page(524, "A timeout occurred")

    def _choose_fault(self, request: HTTPRequest, route: HTTPRoute) -> RequestFault | None:
        text = request.header(HEADER)
        if not text:
            return self._faults.fire(
                RequestFault, lambda fault: fault.operation in (None, route.name)
            )
        try:
            order = read_fault(text.encode("latin-1"))
        except ValueError as error:
            raise _bad_request("header: x-local-fault", error) from None
        if order.options or not isinstance(order.fault, RequestFault):
            raise _bad_request(
                "header: x-local-fault",
                "it applies to this request only; POST other faults to /local/faults",
            )
        return order.fault if order.fault.operation in (None, route.name) else None

    async def _pause(self, seconds: float) -> None:
        # Without checking whether the client has disconnected: the check would consume parts of
        # a body that is still being read.
        if not self._closed:
            pause = asyncio.get_running_loop().create_future()
            self._pauses.add(pause)
            await asyncio.wait({pause}, timeout=seconds)
            self._pauses.discard(pause)


def _edge_page(status: int, title: str) -> HTTPResponse:
    """Return the HTML page that a gateway sends when the service behind it does not answer."""
    body = (
        "<!DOCTYPE html>\n"
        f'<html lang="en-US">\n<head><title>runpod.ai | {status}: {title}</title></head>\n'
        f"<body><h1>{title} <small>Error code {status}</small></h1>\n"
        "<p>You: working. Edge: working. Host: <b>error</b>.</p>\n"
        "<p>The web server behind this page did not answer as it should.</p></body>\n</html>\n"
    )
    headers = ((b"server", b"cloudflare"), (b"cf-ray", b"0000000000000000-LOC"))
    return HTTPResponse(body.encode(), status, headers, b"text/html; charset=UTF-8")


def _bad_request(where: str, what: object) -> Refusal:
    return requests.bad_request(where, str(what))


# -- the routes


def routes(faults: Faults) -> list[HTTPRoute]:
    """Return the routes under /local/ that list, activate and remove faults."""
    control = _FaultControl(faults)
    return [
        HTTPRoute("faults", ("POST",), control.add),
        HTTPRoute("faults", ("GET",), control.list),
        HTTPRoute("faults", ("DELETE",), control.clear),
        HTTPRoute("faults/{id}", ("DELETE",), control.remove),
    ]


class _FaultControl:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def add(self, request: HTTPRequest) -> HTTPResponse:
        body = await requests.body(request, _MAX_BODY)
        try:
            order = read_fault(body)
            added = self._faults.add(order.fault, **order.options)
        except (TypeError, ValueError) as error:
            raise _bad_request("fault", error) from None
        return HTTPResponse.of(_document_of(added))

    async def list(self, _: HTTPRequest) -> HTTPResponse:
        return self._all()

    async def clear(self, _: HTTPRequest) -> HTTPResponse:
        self._faults.clear()
        return self._all()

    async def remove(self, _: HTTPRequest, id: str) -> HTTPResponse:
        for active in self._faults:
            if active.id == id:
                active.remove()
                return HTTPResponse.of(_document_of(active))
        raise Refusal(HTTPStatus.NOT_FOUND, "fault not found")

    def _all(self) -> HTTPResponse:
        return HTTPResponse.of({"faults": [_document_of(active) for active in self._faults]})
