"""What both ports share: how a call becomes an httpx request, and what httpx says of it."""

from __future__ import annotations

import ipaddress
import platform
import re
import time
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from runpod_sdk._flows.api import authorization
from runpod_sdk._flows.port import Call, NoReply, Reply
from runpod_sdk._version import __version__
from runpod_sdk.settings import Config

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)

_USER_AGENT = (
    f"runpod_sdk/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"
)
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_QUOTED = re.compile(r"""(bytearray\()?\bb['"].*""", re.DOTALL)  # bytes, as h11 shows them
_LONGEST = 86_400.0  # what every platform's sockets take
_PACKINGS = ("gzip", "deflate")


class Trace:
    """
    Watches a request on its way, to tell whether any of it may have reached the server.

    httpcore reports each step. A transport that reports nothing leaves it open.
    """

    def __init__(self) -> None:
        self._seen = False
        self._sending = False

    def note(self, event: str, _info: Mapping[str, Any]) -> None:
        self._seen = True
        self._sending = self._sending or event.endswith("send_request_headers.started")

    async def note_async(self, event: str, info: Mapping[str, Any]) -> None:
        self.note(event, info)

    def sent(self, fault: BaseException | None = None) -> bool:
        """Tell whether the request may have been sent, given what ended it."""
        if isinstance(fault, _NEVER_SENT):
            return self._sending
        return self._sending or not self._seen


def check_client(http_client: object, cls: type[object]) -> None:
    """Refuse a caller's client of the wrong colour."""
    if http_client is not None and not isinstance(http_client, cls):
        given = type(http_client)
        raise TypeError(
            f"http_client must be an httpx.{cls.__name__}, not {given.__module__}.{given.__name__}"
        )


def client_options(config: Config) -> dict[str, Any]:
    """Return what a client of our own is made with."""
    return {
        "limits": LIMITS,
        "timeout": None,
        "follow_redirects": False,
        "trust_env": not _is_loopback(config.base_url),
    }


def request(
    client: httpx.Client | httpx.AsyncClient,
    config: Config,
    call: Call,
    limit: float | None,
    trace: Any,
) -> httpx.Request:
    """Make the request of a call; the only place where the key is put into one."""
    headers = {
        "user-agent": _USER_AGENT,
        "accept": "application/json",
        "accept-encoding": ", ".join(_PACKINGS),
        **call.headers,
    }
    return client.build_request(
        call.method,
        config.base_url + call.path,
        params=call.params or None,
        content=call.content,
        headers=headers | authorization(config.api_key),
        timeout=None if limit is None else min(limit, _LONGEST),
        extensions={"trace": trace},
    )


def warn_unclosed(source: object) -> None:
    """Say that a client was thrown away with its connections open."""
    warnings.warn("a client was not closed: use `with`", ResourceWarning, 3, source=source)


class Body:
    """Gathers the body of a response, as far as it is not larger than what is believed."""

    def __init__(self, config: Config, response: httpx.Response) -> None:
        """
        Begin with the body of *response*.

        Raises:
            httpx.DecodingError: It is packed in a way that was not asked for; some of them,
                and one within another, make of a few bytes more than there is memory.
        """
        packing = response.headers.get("content-encoding", "identity").strip().lower()
        if packing not in (*_PACKINGS, "identity", ""):
            raise httpx.DecodingError("the answer is packed in a way that was not asked for")
        self._config = config
        self._response = response
        self._pieces: list[bytes] = []
        self._room = config.max_response_size

    def add(self, piece: bytes) -> bool:
        """Take a piece; tell whether there is room for more."""
        self._pieces.append(piece[: max(self._room, 0)])
        self._room -= len(piece)
        return self._room >= 0

    def reply(self) -> Reply:
        """Make the reply."""
        return Reply(
            self._response.status_code,
            self._response.headers,
            b"".join(self._pieces),
            too_large=self._room < 0,
            received=time.time(),
            secrets=(self._config.api_key,),
        )


def no_reply(fault: Exception, trace: Trace) -> NoReply:
    """Make the port's own exception of what httpx raised."""
    _quote_nothing(fault)
    timed_out = isinstance(fault, httpx.TimeoutException | TimeoutError)
    sent = trace.sent(fault)
    if timed_out:
        reason = "no answer in time" if sent else "no connection in time"
    else:
        reason = f"{'the connection broke' if sent else 'no connection'} ({_describe(fault)})"
    return NoReply(reason, sent=sent, timed_out=timed_out)


def _quote_nothing(fault: BaseException | None) -> None:
    """Take what came out of what *fault* and its causes say: a server may repeat the key."""
    while fault is not None:
        fault.args = tuple(
            _QUOTED.sub("[not shown]", arg) if isinstance(arg, str) else arg for arg in fault.args
        )
        fault = fault.__cause__ or fault.__context__


def _describe(fault: Exception) -> str:
    text = str(fault)
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
