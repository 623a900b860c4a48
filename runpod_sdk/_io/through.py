"""Through an httpx client: a caller's own, or one of ours where a proxy is in between."""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar

import httpx

from runpod_sdk._flows.port import Call, Reply
from runpod_sdk._io import certificates, http, proxies
from runpod_sdk._io.wrapping import enforce
from runpod_sdk.settings import Config

C = TypeVar("C")

_LONGEST = 86_400.0  # what every platform's sockets take
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)


def _checked(http_client: C, cls: type[C]) -> C:
    """Return a caller's client, unless it is of the wrong colour."""
    if not isinstance(http_client, cls):
        given = type(http_client)
        raise TypeError(
            f"http_client must be an httpx.{cls.__name__}, not {given.__module__}.{given.__name__}"
        )
    return http_client


class Through:
    """The sync client's way through an httpx client; blocks, and never suspends."""

    def __init__(self, config: Config, client: httpx.Client | None = None) -> None:
        self._config = config
        if client is None:
            client = httpx.Client(**_options(config))
        self._client = _checked(client, httpx.Client)
        enforce(self._client)

    async def send(self, call: Call, limit: float | None, trace: http.Trace) -> Reply:
        """Send *call* and read the whole answer."""
        request = _request(self._client, self._config, call, limit)
        request.extensions["trace"] = trace.note
        trace.unwatched()
        response = self._client.send(request, auth=None, follow_redirects=False, stream=True)
        with contextlib.closing(response):
            body = http.Body(self._config, response.status_code, response.headers, unpacked=True)
            trace.answering(body)
            for piece in response.iter_bytes():
                if not body.add(piece):
                    break
        return body.reply()

    async def close(self) -> None:
        self._client.close()


class AsyncThrough:
    """The async client's way through an httpx client."""

    def __init__(self, config: Config, client: httpx.AsyncClient | None = None) -> None:
        self._config = config
        if client is None:
            client = httpx.AsyncClient(**_options(config))
        self._client = _checked(client, httpx.AsyncClient)

    async def send(self, call: Call, limit: float | None, trace: http.Trace) -> Reply:
        """Send *call* and read the whole answer."""
        request = _request(self._client, self._config, call, limit)
        request.extensions["trace"] = trace.note_async
        trace.unwatched()
        response = await self._client.send(request, auth=None, follow_redirects=False, stream=True)
        async with contextlib.aclosing(response):
            body = http.Body(self._config, response.status_code, response.headers, unpacked=True)
            trace.answering(body)
            async for piece in response.aiter_bytes():
                if not body.add(piece):
                    break
        return body.reply()

    async def close(self) -> None:
        await self._client.aclose()


def _options(config: Config) -> dict[str, Any]:
    """Return the options of a client that goes through the proxy of the environment."""
    proxy = proxies.proxy_for(config)
    trusted = certificates.tls(config)
    if trusted is None and proxy is not None and proxy.scheme == "https":
        trusted = certificates.context()
    return {
        "timeout": None,
        "limits": _LIMITS,
        "trust_env": False,
        "proxy": None if proxy is None else proxy.for_httpx(trusted),
        "verify": False if trusted is None else trusted,
    }


def _request(
    client: httpx.Client | httpx.AsyncClient, config: Config, call: Call, limit: float | None
) -> httpx.Request:
    return client.build_request(
        call.method,
        config.base_url + call.path,
        params=call.params or None,
        content=call.content,
        headers={**http.headers(config), **call.headers},
        timeout=None if limit is None else min(limit, _LONGEST),
    )
