"""The ASGI application: who may ask, who answers, and how refusals are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TypeAlias

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import ClientGone
from runpod_sdk.local._rules.jobs import UnknownJob

from . import requests
from .http import Answer, Receive, Request, Scope, Send
from .requests import Refusal
from .routing import Route, Router

Layer: TypeAlias = Callable[[Request, Route, Callable[[], Awaitable[Answer]]], Awaitable[Answer]]
"""Stands between a request whose route is known and the route's own answer, which it asks for."""


class App:
    """
    Serve one endpoint.

    A request is checked in this order: key (401), endpoint and path (404), verb (405), what
    the layers look at, query and body (400), job (404).

    Args:
        routes: Of the endpoint, by what follows its id.
        layers: The outermost first.
        endpoint_id: The second segment of every path.
        api_key: What every request has to bring.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        layers: Sequence[Layer] = (),
        endpoint_id: str,
        api_key: str,
    ) -> None:
        self._router = Router(routes)
        self._layers = layers
        self._endpoint_id = endpoint_id
        self._api_key = api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientGone:
            return
        finally:
            request.close()
        await answer.send(send)

    async def _answer(self, request: Request) -> Answer:
        try:
            root, *segments = request.path.removeprefix("/").split("/")
            if root != _wire.ROOT:
                raise Refusal(HTTPStatus.NOT_FOUND, "not found")
            requests.check_key(request.header(_wire.KEY_HEADER), self._api_key)
            if segments and segments[0] != self._endpoint_id:
                raise Refusal(HTTPStatus.NOT_FOUND, "endpoint not found")
            if len(segments) < 2:
                raise Refusal(HTTPStatus.NOT_FOUND, "not found")
            route, found = self._router.find(segments[1:], request.method)
        except Refusal as refusal:
            return refusal.answer()
        return await self._through(self._layers, request, route, found)

    async def _through(
        self, layers: Sequence[Layer], request: Request, route: Route, found: tuple[str, ...]
    ) -> Answer:
        if layers:
            outermost, *inner = layers
            return await outermost(
                request, route, lambda: self._through(inner, request, route, found)
            )
        try:
            return await route.answering(request, *found)
        except Refusal as refusal:
            return refusal.answer()
        except UnknownJob:
            return Answer.problem(HTTPStatus.NOT_FOUND, "job not found")
