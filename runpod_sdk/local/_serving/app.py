"""The ASGI application: authentication, routing, middlewares and refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import TypeAlias

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker, ClientDisconnected
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import UnknownJob

from . import batches, control, jobs, openai, requests
from .http import HTTPRequest, HTTPResponse, Receive, Scope, Send
from .requests import Refusal
from .routing import HTTPRoute, RouteHandler, Router

Middleware: TypeAlias = Callable[
    [HTTPRequest, HTTPRoute, Callable[[], Awaitable[HTTPResponse]]], Awaitable[HTTPResponse]
]
"""Called with a request, its route, and a function that calls the route's handler."""

LOCAL_ROOT = "local"
"""The first segment of paths that only local endpoints have."""


def api_routes(
    broker: Broker, limits: Limits, clock: Callable[[], float], endpoint_id: str
) -> list[HTTPRoute]:
    """Return the routes of the clients' API."""
    return [
        *jobs.routes(broker, limits),
        *openai.routes(broker, limits),
        *batches.routes(broker, limits, clock, endpoint_id),
        *control.endpoint_routes(broker),
    ]


class EndpointRoutes:
    """
    The routes of one endpoint.

    Args:
        routes: The clients' routes, by the path after the endpoint's id.
        worker_routes: The workers' routes; they skip the middlewares, which stand between clients
            and the service.
        middlewares: The outermost first.
    """

    def __init__(
        self,
        routes: Iterable[HTTPRoute],
        worker_routes: Iterable[HTTPRoute],
        middlewares: Sequence[Middleware],
    ) -> None:
        self.router = Router(routes)
        self.worker_router = Router(worker_routes)
        self.middlewares = middlewares


class App:
    """
    Serve the endpoints of one server.

    A request is checked in this order: key (401), endpoint and path (404), verb (405), the
    middlewares, query and body (400), job (404). A request outside the API whose host begins with
    the endpoint's id is meant for a load-balancing endpoint and refused (400).

    Args:
        endpoints: The endpoints' routes by endpoint id, the second segment of the API's paths.
        any_id: Whether the first endpoint also answers requests for unknown ids.
        local_routes: The routes that control this server, by the path after `/local/`; they need
            the key and skip the middlewares.
        pages: The files for a browser, by their whole path; they need no key.
        api_key: The key of every request but those for pages.
        worker_key: The key that a worker may send in its query instead.
        page_key: The key that the page sends instead.
    """

    def __init__(
        self,
        endpoints: Mapping[str, EndpointRoutes],
        *,
        any_id: bool,
        local_routes: Iterable[HTTPRoute],
        pages: Mapping[str, RouteHandler],
        api_key: str,
        worker_key: str,
        page_key: str,
    ) -> None:
        self._endpoints = endpoints
        self._first = next(iter(endpoints.values()))
        self._any_id = any_id
        self._local_router = Router(local_routes)
        self._pages = pages
        self._worker_key = worker_key
        self._keys = (api_key, page_key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HTTPRequest(scope, receive)
        try:
            response = await self._respond(request)
            await response.send(send)
        except ClientDisconnected:
            pass
        finally:
            request.close()

    async def _respond(self, request: HTTPRequest) -> HTTPResponse:
        root, *segments = request.path.removeprefix("/").split("/")
        try:
            if root == _wire.ROOT:
                if len(segments) > 1 and segments[1] in self._first.worker_router:
                    self._check_worker_key(request)
                    router = self._endpoint(segments).worker_router
                    route, found = router.find(segments[1:], request.method)
                    return await self._call((), request, route, found)
                self._check_key(request)
                endpoint = self._endpoint(segments)
                route, found = endpoint.router.find(segments[1:], request.method)
                return await self._call(endpoint.middlewares, request, route, found)
            if root == LOCAL_ROOT and segments:
                self._check_key(request)
                route, found = self._local_router.find(segments, request.method)
                return await self._call((), request, route, found)
            if request.header(b"host").partition(".")[0] in self._endpoints:
                self._check_key(request)
                return HTTPResponse(_wire.encode(_wire.WRONG_KIND), HTTPStatus.BAD_REQUEST)
            if request.path in self._pages:
                return await self._pages[request.path](request)
            raise Refusal(HTTPStatus.NOT_FOUND, "not found")
        except Refusal as refusal:
            return refusal.response()

    def _endpoint(self, segments: list[str]) -> EndpointRoutes:
        endpoint = self._endpoints.get(segments[0]) if segments else None
        if endpoint is None and segments and not (self._any_id and segments[0]):
            raise Refusal(HTTPStatus.NOT_FOUND, "endpoint not found")
        if len(segments) < 2:
            raise Refusal(HTTPStatus.NOT_FOUND, "not found")
        return endpoint or self._first

    def _check_key(self, request: HTTPRequest) -> None:
        requests.check_key(request.header(_wire.KEY_HEADER), *self._keys)

    def _check_worker_key(self, request: HTTPRequest) -> None:
        if not requests.has_worker_key(request.query, self._worker_key):
            self._check_key(request)

    async def _call(
        self,
        middlewares: Sequence[Middleware],
        request: HTTPRequest,
        route: HTTPRoute,
        found: tuple[str, ...],
    ) -> HTTPResponse:
        if middlewares:
            outermost, *inner = middlewares
            return await outermost(request, route, lambda: self._call(inner, request, route, found))
        try:
            return await route.handle(request, *found)
        except Refusal as refusal:
            return refusal.response()
        except UnknownJob:
            return HTTPResponse.problem(HTTPStatus.NOT_FOUND, "job not found")
