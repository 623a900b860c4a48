"""
Faults on demand, in HTTP: what they do to requests, and how other processes ask for them.

A fault is written as a JSON object, its name in `fault` and its arguments by their names, or as
the bare name if it has none. The same in both places:

    X-Local-Fault: lost-reply                                          for this one request
    POST /local/faults   {"fault": "rate-limited", "operation": "run", "times": 3}
    GET /local/faults    lists those in force, and how often each has struck
    DELETE /local/faults/{id}, DELETE /local/faults                    ends one, or all
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
from .http import Answer, BodyTooLarge, Request
from .requests import Refusal
from .routing import Route

HEADER = b"x-local-fault"

_LONGEST = 64 * 1024  # bytes of a body that orders a fault
_LONGEST_READ = 32 * 1024 * 1024  # bytes of one that is read to be thrown away
_TERMS = ("times", "lasting")


def _name(kind: type[Fault]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()


_KINDS: dict[str, type[Fault]] = {_name(kind): kind for kind in KINDS}


# -- Words


@frozen
class Order:
    """A fault, and for how long it is asked for."""

    fault: Fault
    terms: dict[str, Any]


def read(text: bytes) -> Order:
    """
    Read a fault in its written form.

    Raises:
        ValueError: It is none; the message says what there is.
    """
    word = text.decode("utf-8", "replace").strip()
    document = {"fault": word} if word in _KINDS else _document(word)
    members = {key: value for key, value in document.items() if key != "fault"}
    terms = {key: members.pop(key) for key in _TERMS if key in members}
    kind = _KINDS.get(name := cast(str, document["fault"]))
    if kind is None:
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(_KINDS)}")
    known = [attribute.name for attribute in fields(kind)]
    for key in members:
        if key not in known:
            raise ValueError(f"{name} has no {key!r}, but {', '.join([*known, *_TERMS])}")
    try:
        return Order(kind(**members), terms)
    except TypeError as error:
        raise ValueError(str(error).replace(f"{kind.__name__}.__init__()", name)) from None


def _document(text: str) -> dict[str, Any]:
    try:
        document = _json.parse(text.encode())
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("fault"), str):
        names = ", ".join(_KINDS)
        raise ValueError(f'write its name, or {{"fault": name, …}}, where name is one of {names}')
    return cast(dict[str, Any], document)


def _written(active: ActiveFault) -> dict[str, Any]:
    members = {key: value for key, value in asdict(active.fault).items() if value is not None}
    return {"id": active.id, "fault": _name(type(active.fault)), **members, "fired": active.fired}


# -- Requests


class FaultLayer:
    """Let faults befall requests. Told `close`, it keeps nobody waiting any longer."""

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
        self, request: Request, route: Route, act: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        fault = self._fault(request, route)
        match fault:
            case None:
                return await act()
            case LostRequest():
                # With bytes of it unread, the client might see a reset before it has sent it all.
                with suppress(BodyTooLarge):
                    await request.body(_LONGEST_READ)
                return await request.cut()
            case LostReply():
                await act()
                return await request.cut()
            case SlowReply(seconds=seconds):
                answer = await act()
                await self._pause(seconds)
                return answer
            case RateLimited(retry_after=seconds):
                headers = {} if seconds is None else {_wire.RETRY_AFTER: str(seconds)}
                status = HTTPStatus.TOO_MANY_REQUESTS
                return Answer.problem(status, "too many requests", **headers)
            case ServerFailure(status=HTTPStatus.BAD_GATEWAY):
                return _page(502, "Bad gateway")
            case ServerFailure(status=status):
                return Answer.problem(HTTPStatus(status), "a fault was asked for")
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
        return _page(524, "A timeout occurred")

    def _fault(self, request: Request, route: Route) -> RequestFault | None:
        text = request.header(HEADER)
        if not text:
            return self._faults.strike(
                RequestFault, lambda fault: fault.operation in (None, route.name)
            )
        try:
            order = read(text.encode("latin-1"))
        except ValueError as error:
            raise _refused("header: x-local-fault", error) from None
        if order.terms or not isinstance(order.fault, RequestFault):
            raise _refused(
                "header: x-local-fault", "it is for this request only; POST others to /local/faults"
            )
        return order.fault if order.fault.operation in (None, route.name) else None

    async def _pause(self, seconds: float) -> None:
        # Without a look at whether the client has gone: that would take away parts of a body
        # which is still being read.
        if not self._closed:
            pause = asyncio.get_running_loop().create_future()
            self._pauses.add(pause)
            await asyncio.wait({pause}, timeout=seconds)
            self._pauses.discard(pause)


def _page(status: int, title: str) -> Answer:
    """Make a page such as an edge sends when the service behind it does not answer."""
    body = (
        "<!DOCTYPE html>\n"
        f'<html lang="en-US">\n<head><title>runpod.ai | {status}: {title}</title></head>\n'
        f"<body><h1>{title} <small>Error code {status}</small></h1>\n"
        "<p>You: working. Edge: working. Host: <b>error</b>.</p>\n"
        "<p>The web server behind this page did not answer as it should.</p></body>\n</html>\n"
    )
    headers = ((b"server", b"cloudflare"), (b"cf-ray", b"0000000000000000-LOC"))
    return Answer(body.encode(), status, headers, b"text/html; charset=UTF-8")


def _refused(where: str, what: object) -> Refusal:
    return requests.bad_request(where, str(what))


# -- Control


def routes(faults: Faults) -> list[Route]:
    """List the routes under /local/ by which faults are asked for."""
    control = _Control(faults)
    return [
        Route("faults", ("POST",), control.add),
        Route("faults", ("GET",), control.list),
        Route("faults", ("DELETE",), control.clear),
        Route("faults/{id}", ("DELETE",), control.remove),
    ]


class _Control:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def add(self, request: Request) -> Answer:
        body = await requests.body(request, _LONGEST)
        try:
            order = read(body)
            added = self._faults.add(order.fault, **order.terms)
        except (TypeError, ValueError) as error:
            raise _refused("fault", error) from None
        return Answer.of(_written(added))

    async def list(self, _: Request) -> Answer:
        return self._all()

    async def clear(self, _: Request) -> Answer:
        self._faults.clear()
        return self._all()

    async def remove(self, _: Request, id: str) -> Answer:
        for active in self._faults:
            if active.id == id:
                active.remove()
                return Answer.of(_written(active))
        raise Refusal(HTTPStatus.NOT_FOUND, "fault not found")

    def _all(self) -> Answer:
        return Answer.of({"faults": [_written(active) for active in self._faults]})
