"""The ASGI application: who may ask, who answers, and how refusals are told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker, ClientGone
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import UnknownJob

from . import batches, control, jobs, openai, requests
from .http import Answer, Receive, Request, Scope, Send
from .requests import Refusal
from .routing import Answering, Route, Router

Layer: TypeAlias = Callable[[Request, Route, Callable[[], Awaitable[Answer]]], Awaitable[Answer]]
"""Stands between a request whose route is known and the route's own answer, which it asks for."""

LOCAL_ROOT = "local"
"""The first segment of the paths that the service does not have."""


def api_routes(
    broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
) -> list[Route]:
    """List the routes of the clients' API."""
    return [
        *jobs.routes(broker, limits),
        *openai.routes(broker, limits),
        *batches.routes(broker, limits, clock, endpoint_id),
        *control.endpoint_routes(broker),
    ]


class App:
    """
    Serve one endpoint.

    A request is checked in this order: key (401), endpoint and path (404), verb (405), what
    the layers look at, query and body (400), job (404). Outside of its paths, a host that
    begins with the id of the endpoint is that of a load-balancing one, which this is not (400).

    Args:
        routes: Of the endpoint, by what follows its id.
        local_routes: Of the control of this server, by what follows `/local/`. The key is
            checked, and the layers are not asked.
        pages: What is served to a browser without a key, by its whole path.
        worker_routes: Those that workers ask, by what follows the endpoint's id. The layers,
            which stand between clients and the service, are not asked.
        layers: The outermost first.
        endpoint_id: The second segment of every path of the API.
        api_key: What every request but those for pages has to bring.
        worker_key: What such a request of a worker may bring in its query instead.
        page_key: What such a request from the page may bring instead.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        local_routes: Iterable[Route] = (),
        worker_routes: Iterable[Route] = (),
        pages: Mapping[str, Answering] | None = None,
        layers: Sequence[Layer] = (),
        endpoint_id: str,
        api_key: str,
        worker_key: str = "",
        page_key: str | None = None,
    ) -> None:
        self._router = Router(routes)
        self._local_router = Router(local_routes)
        self._worker_router = Router(worker_routes)
        self._worker_key = worker_key
        self._pages = pages or {}
        self._layers = layers
        self._endpoint_id = endpoint_id
        self._keys = (api_key,) if page_key is None else (api_key, page_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
            await answer.send(send)
        except ClientGone:
            pass
        finally:
            request.close()

    async def _answer(self, request: Request) -> Answer:
        root, *segments = request.path.removeprefix("/").split("/")
        try:
            if root == _wire.ROOT:
                if len(segments) > 1 and segments[1] in self._worker_router:
                    self._check_worker_key(request)
                    route, found = self._of_endpoint(self._worker_router, request, segments)
                    return await self._through((), request, route, found)
                self._check_key(request)
                route, found = self._of_endpoint(self._router, request, segments)
                return await self._through(self._layers, request, route, found)
            if root == LOCAL_ROOT and segments:
                self._check_key(request)
                route, found = self._local_router.find(segments, request.method)
                return await self._through((), request, route, found)
            if request.header(b"host").startswith(f"{self._endpoint_id}."):
                self._check_key(request)
                return Answer(_wire.encode(_wire.WRONG_KIND), HTTPStatus.BAD_REQUEST)
            if request.path in self._pages:
                return await self._pages[request.path](request)
            raise Refusal(HTTPStatus.NOT_FOUND, "not found")
        except Refusal as refusal:
            return refusal.answer()

    def _of_endpoint(
        self, router: Router, request: Request, segments: list[str]
    ) -> tuple[Route, tuple[str, ...]]:
        if segments and segments[0] != self._endpoint_id:
            raise Refusal(HTTPStatus.NOT_FOUND, "endpoint not found")
        if len(segments) < 2:
            raise Refusal(HTTPStatus.NOT_FOUND, "not found")
        return router.find(segments[1:], request.method)

    def _check_key(self, request: Request) -> None:
        requests.check_key(request.header(_wire.KEY_HEADER), *self._keys)

    def _check_worker_key(self, request: Request) -> None:
        if not requests.has_worker_key(request.query, self._worker_key):
            self._check_key(request)

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
