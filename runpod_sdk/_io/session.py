"""
By way of aiohttp, whose parser and streams are written in C: the extra `aiohttp`.

Not by way of an httpx transport over it: of those that there are, one takes a server that
hung up for a connection that was never made, and a job would be sent twice. aiohttp itself
asks again where a connection breaks, and an answer of a stream would be lost without a
word; so it is not shown that one did.
"""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import httpx
from yarl import URL

from runpod_sdk._flows.port import Call, Reply
from runpod_sdk._io import certificates, http, proxies
from runpod_sdk._io.turns import under_asyncio
from runpod_sdk._io.wire import IDLE_TIME
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config

_AT_ONCE: Final = 2**20
"""Bytes of a body from which aiohttp wants a file."""


class Session:
    """A client's way to its server by aiohttp, for one event loop of asyncio."""

    def __init__(self, config: Config) -> None:
        if not under_asyncio():
            raise ConfigurationError('transport="aiohttp" works under asyncio: leave it out here')
        watch = aiohttp.TraceConfig()
        watch.on_connection_create_end.append(_connected)
        watch.on_connection_reuseconn.append(_connected)
        url = httpx.URL(config.base_url)
        self._config = config
        path = url.raw_path.decode("ascii").rstrip("/")
        self._base = f"{url.scheme}://{url.netloc.decode('ascii')}{path}"
        # Not those of aiohttp's session: it would send them to a proxy too, the key with them.
        self._headers = http.headers(config)
        self._proxy: dict[str, Any] = {}
        proxy = proxies.proxy_for(config, socks=False)
        if proxy is not None:
            self._proxy = {"proxy": proxy.url, "proxy_headers": proxy.headers}
            if url.scheme == "http":  # no tunnel is asked for: each request says who asks
                self._headers |= proxy.headers
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=IDLE_TIME, ssl=certificates.tls(config) or True
            ),
            timeout=aiohttp.ClientTimeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trace_configs=[watch],
            middlewares=[_once],
        )

    async def send(self, call: Call, limit: float | None, trace: http.Trace) -> Reply:
        """Send *call* and read the whole answer; who calls bounds the time."""
        trace.watching()
        query = f"?{urlencode(call.params)}" if call.params else ""
        content: Any = call.content
        if content is not None and len(content) >= _AT_ONCE:
            content = io.BytesIO(content)
        try:
            async with self._session.request(
                call.method,
                URL(self._base + call.path + query, encoded=True),
                headers={**self._headers, **call.headers},
                data=content,
                allow_redirects=False,
                **self._proxy,
                trace_request_ctx=trace,
            ) as response:
                body = http.Body(self._config, response.status, httpx.Headers(response.raw_headers))
                trace.answering(body)
                while piece := await response.content.readany():
                    if not body.add(piece):
                        response.close()
                        break
            return body.reply()
        except aiohttp.ClientError as error:
            fault = _translated(error)
        raise fault  # without a cause: some of aiohttp's hold the request, and the key in it

    async def close(self) -> None:
        await self._session.close()
        await asyncio.sleep(0)  # what it closes is closed in the next round of the loop


async def _connected(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: object
) -> None:
    """Note that a request has its connection, and will go out."""
    trace: http.Trace = context.trace_request_ctx
    trace.sending()


async def _once(
    request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Ask, and raise what aiohttp does not take for a reason to ask again."""
    try:
        return await ask(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        fault = _translated(error)
    raise fault


def _translated(error: aiohttp.ClientError) -> httpx.TransportError:
    match error:
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return httpx.ProxyError(type(error).__name__)
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(str(error))
        case aiohttp.InvalidURL():
            return httpx.UnsupportedProtocol(type(error).__name__)
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return httpx.RemoteProtocolError(type(error).__name__)
        case _:
            return httpx.ReadError(type(error).__name__)
