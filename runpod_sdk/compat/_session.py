"""An httpx client whose requests go through a caller's own aiohttp session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import httpx
from yarl import URL


def client_over(session: aiohttp.ClientSession) -> httpx.AsyncClient:
    """Make the client; it holds nothing that would have to be closed."""
    if not isinstance(session, aiohttp.ClientSession):
        raise TypeError(f"session must be an aiohttp.ClientSession, not {session!r:.60}")
    return httpx.AsyncClient(transport=_Transport(session), timeout=None)


class _Transport(httpx.AsyncBaseTransport):
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
                timeout=aiohttp.ClientTimeout(),  # who calls bounds the time
                middlewares=[*getattr(self._session, "_middlewares", ()), _once],
            )
        except aiohttp.ClientError as error:
            fault = _translated(error)
        else:
            unpacked = self._session.auto_decompress
            dropped = (b"content-encoding", b"content-length") if unpacked else ()
            headers = [pair for pair in response.raw_headers if pair[0].lower() not in dropped]
            return httpx.Response(response.status, headers=headers, stream=_Stream(response))
        raise fault  # without a cause: some of aiohttp's hold the request, and the key in it


class _Stream(httpx.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except aiohttp.ClientError as error:
            fault = _translated(error)
        else:
            return
        raise fault

    async def aclose(self) -> None:
        self._response.release()


async def _once(
    request: aiohttp.ClientRequest, ask: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Ask, and raise what aiohttp would ask again for: the chunks of a lost answer are gone."""
    try:
        return await ask(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        fault = _translated(error)
    raise fault


def _translated(error: aiohttp.ClientError) -> httpx.TransportError:
    """Tell apart what was surely not sent, on which it depends what is sent again."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return httpx.ConnectError(str(error))
    return httpx.ReadError(type(error).__name__)
