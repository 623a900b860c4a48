"""
The page for browsers, and its key.

A browser has no API key, so the page gets its own key, a random one for each start of this server;
the programs' key is not handed out. Other sites cannot read the page's key, as browsers
do not let a site read another site's answers. DNS rebinding does not help them either, as the
requested host name is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from runpod_sdk.local import _wire

from .http import HTTPRequest, HTTPResponse
from .requests import Refusal
from .routing import RouteHandler

_FOLDER = files("runpod_sdk.local") / "_page"
_TYPES = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "json": b"application/json",
}

_HEADERS = (
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src data: blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def pages(*, endpoint_ids: Sequence[str], key: str) -> dict[str, RouteHandler]:
    """
    Return the handlers of the page's files, by path.

    Args:
        endpoint_ids: The ids of the endpoints; the page shows the first one at first.
        key: The key that the page sends with its requests.
    """
    session = {
        "endpointId": endpoint_ids[0],
        "endpointIds": endpoint_ids,
        "key": key,
        "root": _wire.ROOT,
    }
    make_id = [entry.name for entry in _FOLDER.iterdir() if entry.is_file()]
    return {
        "/": _file("index.html"),
        **{f"/{name}": _file(name) for name in make_id if name != "index.html"},
        "/session": _guarded(HTTPResponse(_wire.encode(session), headers=_HEADERS), own=True),
    }


@cache
def _file(name: str) -> RouteHandler:
    return _guarded(
        HTTPResponse(
            (_FOLDER / name).read_bytes(),
            headers=_HEADERS,
            content_type=_TYPES[name.rpartition(".")[2]],
        )
    )


def _guarded(response: HTTPResponse, *, own: bool = False) -> RouteHandler:
    async def handle(request: HTTPRequest) -> HTTPResponse:
        hosts = [f"{name}:{request.port}" for name in ("127.0.0.1", "localhost")]
        if request.header(b"host").lower() not in hosts:
            raise Refusal(HTTPStatus.FORBIDDEN, f"this page is at http://{hosts[0]}/ only")
        # Any site may link to the page, but only the page may request the session.
        if own and request.header(b"sec-fetch-site") in ("cross-site", "same-site"):
            raise Refusal(HTTPStatus.FORBIDDEN, "only the page itself may request this")
        if request.method not in ("GET", "HEAD"):
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "a page takes GET", allow="GET, HEAD")
        return response

    return handle
