"""
Fetch what an output links to.

The link comes from whoever ran the job, so it is not trusted: no key, cookie or password
goes along; only http and https are spoken, on every hop of a redirect; and only with hosts
of the public network, unless the endpoint itself is in a private one. What is fetched has
a greatest size and a longest time.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from contextlib import closing
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx

from runpod_sdk import settings

LARGEST: Final = 2**30
"""Bytes of one file."""
LONGEST: Final = 600.0
"""Seconds for one file."""
_PATIENCE: Final = 30.0
_HOPS: Final = 5


class NotFetched(Exception):
    """Why a link could not be followed to its end."""


def fetch(url: str, file: BinaryIO, *, largest: int = LARGEST, longest: float = LONGEST) -> bool:
    """
    Write what *url* leads to; tell whether that is a file, and no page for a browser.

    Raises:
        NotFetched: It can't be had, or may not.
    """
    deadline = time.monotonic() + longest
    headers = {"accept-encoding": "identity"}
    try:
        with httpx.Client(timeout=_PATIENCE, headers=headers) as client:
            request = client.build_request("GET", url)
            # Hop by hop, as a client that follows redirects by itself reads all of their bodies.
            for _ in range(_HOPS + 1):
                _check(request)
                with closing(client.send(request, stream=True)) as answer:
                    if answer.next_request is None:
                        return _take(answer, file, largest, deadline)
                    request = answer.next_request
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotFetched(str(error) or type(error).__name__) from None
    raise NotFetched(f"it leads on by more than {_HOPS} redirects")


def _check(request: httpx.Request) -> None:
    url = request.url
    if url.userinfo:
        raise NotFetched("the link has a user name or a password")
    if url.scheme not in ("http", "https"):
        raise NotFetched(f"{url.scheme} is not followed")
    if _in_private_network(url.host) and not _in_private_network(_endpoints_host()):
        raise NotFetched(f"{url.host} is not in the public network")


def _take(answer: httpx.Response, file: BinaryIO, largest: int, deadline: float) -> bool:
    if not answer.is_success:
        raise NotFetched(f"HTTP {answer.status_code}")
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        return False
    packed = answer.headers.get("content-encoding", "identity").lower()
    if packed not in ("identity", "gzip", "deflate"):  # of others a piece may unpack to anything
        raise NotFetched(f"it comes packed as {packed}, which was not asked for")
    room = largest
    for piece in answer.iter_bytes():
        room -= len(piece)
        if room < 0:
            raise NotFetched(f"it is larger than {largest} bytes")
        if time.monotonic() > deadline:
            raise NotFetched("it took too long")
        file.write(piece)
    return True


def _endpoints_host() -> str:
    base = os.environ.get(settings.BASE_URL_VARIABLE) or settings.BASE_URL
    try:
        return urlsplit(base).hostname or ""
    except ValueError:
        return ""


def _in_private_network(host: str) -> bool:
    """Tell whether *host* is, or leads to, an address that is not for everybody."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):  # perhaps a proxy knows it
        return False
    return any(not ipaddress.ip_address(str(at[4][0]).partition("%")[0]).is_global for at in found)
