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
    private = _in_private_network(_endpoints_host())

    def check(request: httpx.Request) -> None:
        request.headers.pop("authorization", None)  # of a user and password in a redirect
        if request.url.scheme not in ("http", "https"):
            raise NotFetched(f"{request.url.scheme} is not followed")
        if not private and _in_private_network(request.url.host):
            raise NotFetched(f"{request.url.host} is not in the public network")

    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise NotFetched("the link has a user name or a password")
    deadline = time.monotonic() + longest
    try:
        with (
            httpx.Client(
                follow_redirects=True,
                max_redirects=_HOPS,
                timeout=_PATIENCE,
                event_hooks={"request": [check]},
                headers={"accept-encoding": "identity"},
            ) as client,
            client.stream("GET", url) as answer,
        ):
            if not answer.is_success:
                raise NotFetched(f"HTTP {answer.status_code}")
            if answer.headers.get("content-type", "").startswith("text/html"):
                return False
            room = largest
            for piece in answer.iter_bytes():
                room -= len(piece)
                if room < 0:
                    raise NotFetched(f"it is larger than {largest} bytes")
                if time.monotonic() > deadline:
                    raise NotFetched(f"it was not there in {longest:g} s")
                file.write(piece)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise NotFetched(str(error) or type(error).__name__) from None
    return True


def _endpoints_host() -> str:
    base = os.environ.get(settings.BASE_URL_VARIABLE, settings.BASE_URL)
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
