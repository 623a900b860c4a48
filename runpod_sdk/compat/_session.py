"""An httpx client that sends its requests through a caller's aiohttp session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import httpx
from yarl import URL


def httpx_client_over(session: aiohttp.ClientSession) -> httpx.AsyncClient:
    """Return the client; it needs no closing."""
    if not isinstance(session, aiohttp.ClientSession):
        raise TypeError(f"session must be an aiohttp.ClientSession, not {session!r:.60}")
    return httpx.AsyncClient(transport=_AiohttpTransport(session), timeout=None)


class _AiohttpTransport(httpx.AsyncBaseTransport):
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=await request.aread() or None,
                allow_redirects=False,
                raise_for_status=False,  # whatever the session does: the client reads errors
                timeout=aiohttp.ClientTimeout(),  # the caller limits the time
                middlewares=[*getattr(self._session, "_middlewares", ()), _sent_once],
            )
        except aiohttp.ClientError as error:
            failure = _httpx_error(error)
        else:
            unpacked = self._session.auto_decompress
            dropped = (b"content-encoding", b"content-length") if unpacked else ()
            headers = [pair for pair in response.raw_headers if pair[0].lower() not in dropped]
            return httpx.Response(response.status, headers=headers, stream=_AiohttpStream(response))
        raise failure  # without a cause, which may contain the request and its key


class _AiohttpStream(httpx.AsyncByteStream):
    """The body of a response, as it arrives."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except aiohttp.ClientError as error:
            failure = _httpx_error(error)
        else:
            return
        raise failure

    async def aclose(self) -> None:
        self._response.release()


async def _sent_once(
    request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send once: raise the errors that aiohttp retries, as a lost answer's chunks are gone."""
    try:
        return await ask(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        failure = _httpx_error(error)
    raise failure


def _httpx_error(error: aiohttp.ClientError) -> httpx.TransportError:
    """Return the error as httpx's: `ConnectError` if the request was certainly not sent."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(str(error))
    return httpx.ReadError(type(error).__name__)
