"""
The transport by aiohttp (the extra `aiohttp`), whose parser and streams are written in C.

It uses aiohttp directly. An existing httpx transport over aiohttp reports a connection timeout if
the server closes the connection, so a job would be submitted twice. aiohttp itself retries after a
broken connection, so a stream's response would be lost without an error; the adapter hides broken
connections from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import anyio
from attrs import define
from yarl import URL

from runpod_sdk._flows.deadline import PROGRESS, TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._io import certificates, http_common, proxies
from runpod_sdk._io.aiohttp_upload import Upload
from runpod_sdk._io.body import ResponseBody
from runpod_sdk._io.event_loop import under_asyncio
from runpod_sdk._io.http11.codec import LONGEST_HEAD
from runpod_sdk._io.http11.connection import SUBMISSION_IDLE_TIME, idle_clock
from runpod_sdk._io.http11.happy_eyeballs import new_socket
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.server_url import ServerURL
from runpod_sdk._io.transport_errors import (
    ConnectError,
    DecodingError,
    HTTPError,
    ProxyError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    TransportError,
    UnsupportedProtocol,
)
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config

_MOST_HEADERS: Final = 10_000
_MAX_CLOCK_DIFFERENCE: Final = 1.0
"""The difference of two clocks, in seconds, from which the machine is assumed to have slept."""


class AiohttpSender:
    """
    Sends a client's requests by aiohttp, for one asyncio event loop.

    If a kept connection fails, or the machine has slept, the other connections are probably broken
    too. New requests then use a new session, and the old session is closed when it is idle.
    """

    _current: _Generation | None = None

    def __init__(self, config: Config) -> None:
        if not under_asyncio():
            raise ConfigurationError(
                'transport="aiohttp" works only under asyncio: omit it under trio'
            )
        url = ServerURL(config.base_url)
        self._config = config
        self._base = f"{url.scheme}://{url.authority}{url.path}"
        # Not the session's headers: aiohttp would send those, with the API key, to a proxy too.
        self._headers: dict[str, str] = {}
        self._proxy: dict[str, Any] = {}
        proxy = proxies.proxy_for(config, socks=False)
        if proxy is not None:
            self._proxy = {"proxy": proxy.url, "proxy_headers": proxy.headers}
            if url.scheme == "http":  # without a tunnel: each request authenticates
                self._headers = dict(proxy.headers)
        self._loop = asyncio.get_running_loop()
        self._asleep = self._time_asleep()

    async def send(
        self, request: Request, limit: TimeLimit, trace: http_common.SendTrace, identity: Identity
    ) -> Response:
        """Send *request* and read the whole response; the caller limits the time."""
        if self._current is not None:
            await _see_what_was_closed()
        generation = self._generation()
        attempt = _Attempt(trace)
        generation.in_progress += 1
        try:
            response = await self._exchange(generation.session, request, limit, attempt, identity)
            response.distrust = self.drop_idle
            return response
        except BaseException as reason:
            failed = isinstance(reason, HTTPError) or limit.has_passed()
            # After a whole body, aiohttp has returned the connection to its pool.
            doubted = attempt.is_kept or isinstance(reason, DecodingError)
            if failed and doubted and self._current is generation:
                self._current = None
            raise
        finally:
            generation.in_progress -= 1
            if generation is not self._current and not generation.in_progress:
                with anyio.CancelScope(shield=True):
                    await generation.session.close()

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        request: Request,
        limit: TimeLimit,
        attempt: _Attempt,
        identity: Identity,
    ) -> Response:
        query = f"?{urlencode(request.params)}" if request.params else ""
        content = request.content
        headers = {**self._headers, **identity.headers, **request.headers}
        upload: Any = content
        if content is not None and len(content) > PROGRESS:
            attempt.is_large = True
            upload = Upload(content, limit, attempt.trace)
        try:
            async with session.request(
                request.method,
                URL(self._base + request.path + query, encoded=True),
                headers=headers,
                data=upload,
                allow_redirects=False,
                **self._proxy,
                trace_request_ctx=attempt,
            ) as response:
                body = ResponseBody(identity, response.status, response.raw_headers)
                attempt.trace.response_started(body)
                while piece := await response.content.readany():
                    limit.add_progress(len(piece))
                    if limit.left() <= 0:  # the read does not block while bytes keep arriving
                        raise ReadTimeout("no time is left")
                    if not body.add(piece):
                        response.close()
                        break
            return body.response()
        except aiohttp.ClientError as error:
            fault = _translated(error)
        raise fault  # without a cause: aiohttp's errors may contain the request and the API key

    async def close(self) -> None:
        if self._current is not None:
            await self._current.session.close()
            await asyncio.sleep(0)  # connections are closed in the next iteration of the loop

    def drop_idle(self) -> None:
        """Do not use the currently idle connections again; also works without a loop."""
        generation, self._current = self._current, None
        if generation is None or generation.in_progress:
            return  # else it is closed after its last request
        if self._loop.is_closed():
            with contextlib.suppress(StopIteration):
                generation.session.close().send(None)  # nothing needs to be awaited
        else:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_close_soon, generation.session)

    def __del__(self) -> None:
        """Close the session of a thread that has ended, of which aiohttp would complain."""
        self.drop_idle()

    def _generation(self) -> _Generation:
        asleep = self._time_asleep()
        if asleep - self._asleep > _MAX_CLOCK_DIFFERENCE:
            self._asleep = asleep
            self.drop_idle()
        if self._current is None:
            self._current = _Generation(self._new_session())
        return self._current

    def _new_session(self) -> aiohttp.ClientSession:
        watch = aiohttp.TraceConfig()
        watch.on_connection_create_end.append(_connected)
        watch.on_connection_reuseconn.append(_reused)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=SUBMISSION_IDLE_TIME,
                ssl=certificates.tls(self._config) or True,
                socket_factory=_socket_for,
            ),
            timeout=aiohttp.ClientTimeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
            max_headers=_MOST_HEADERS,
            trace_configs=[watch],
            middlewares=[_send_once],
        )

    def _time_asleep(self) -> float:
        """Return how long the machine has slept since a fixed instant, in seconds."""
        return idle_clock() - self._loop.time()


@define(eq=False)
class _Generation:
    """An aiohttp session, and the number of its requests in progress."""

    session: aiohttp.ClientSession
    in_progress: int = 0


@define(eq=False)
class _Attempt:
    """An attempt to send one request."""

    trace: http_common.SendTrace
    is_large: bool = False
    """Whether its body reports how much of it was sent."""
    is_kept: bool = False
    """Whether its connection was used before."""


def _socket_for(address: tuple[Any, ...]) -> socket.socket:
    return new_socket(address[0])


async def _see_what_was_closed() -> None:
    """
    Let aiohttp see which of its idle connections were closed while the loop was busy.

    aiohttp learns it from the loop alone, and would send a request, such as a job, on them.
    """
    for _ in range(2):  # a loop continues this task before it handles what it has just read
        await asyncio.sleep(0)


def _close_soon(session: aiohttp.ClientSession) -> None:
    task = asyncio.ensure_future(session.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


_closing: Final[set[asyncio.Future[None]]] = set()
"""Close tasks in progress, which the garbage collector would remove otherwise."""


async def _connected(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object
) -> None:
    """Record that a request has its connection, and will be sent."""
    attempt: _Attempt = context.trace_request_ctx
    if not attempt.is_large:
        attempt.trace.handing_over()


async def _reused(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    """Record that the connection was used before."""
    context.trace_request_ctx.is_kept = True
    await _connected(session, context, params)


async def _send_once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send once; raise errors that aiohttp does not retry after."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        fault = _translated(error)
    raise fault


def _translated(error: aiohttp.ClientError) -> TransportError:
    match error:
        case aiohttp.ClientHttpProxyError():
            return ProxyError(f"{error.status} {error.message}")
        case aiohttp.ClientProxyConnectionError():
            return ProxyError(type(error).__name__)
        case aiohttp.ClientConnectorCertificateError():
            refused = ConnectError(str(error))
            refused.__cause__ = error.certificate_error  # shows that a retry would fail, too
            return refused
        case aiohttp.ClientConnectorError():
            return ConnectError(str(error))
        case aiohttp.InvalidURL():
            return UnsupportedProtocol(type(error).__name__)
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return RemoteProtocolError(type(error).__name__)
        case _:
            return ReadError(type(error).__name__)
