"""
The page for people, and what lets it in.

A browser brings no key, so the page is given one of its own, made up at each start and good
for nothing but this server: the key that programs use is not handed out. Other sites cannot
read it, as a browser shows an answer to its own site only; nor can one whose name was made to
stand for this machine (DNS rebinding), as the name that a browser asked for is looked at.
"""

from __future__ import annotations

from http import HTTPStatus
from importlib.resources import files

from runpod_sdk.local import _wire

from .http import Answer, Request
from .requests import Refusal
from .routing import Answering

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
        b"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        b"require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def pages(*, endpoint_id: str, key: str) -> dict[str, Answering]:
    """
    List what is served to a browser, by its path.

    Args:
        endpoint_id: The endpoint that the page is about.
        key: What the page is to bring with its requests.
    """
    session = {"endpointId": endpoint_id, "key": key, "root": _wire.ROOT}
    names = [entry.name for entry in _FOLDER.iterdir() if entry.is_file()]
    return {
        "/": _file("index.html"),
        **{f"/{name}": _file(name) for name in names if name != "index.html"},
        "/session": _guarded(Answer(_wire.encode(session), headers=_HEADERS), own=True),
    }


def _file(name: str) -> Answering:
    return _guarded(
        Answer(
            (_FOLDER / name).read_bytes(),
            headers=_HEADERS,
            content_type=_TYPES[name.rpartition(".")[2]],
        )
    )


def _guarded(answer: Answer, *, own: bool = False) -> Answering:
    async def answering(request: Request) -> Answer:
        hosts = [f"{name}:{request.port}" for name in ("127.0.0.1", "localhost")]
        if request.header(b"host").lower() not in hosts:
            raise Refusal(HTTPStatus.FORBIDDEN, f"this page is at http://{hosts[0]}/ only")
        # A link to the page may stand anywhere; what the page itself asks for, it alone asks for.
        if own and request.header(b"sec-fetch-site") in ("cross-site", "same-site"):
            raise Refusal(HTTPStatus.FORBIDDEN, "only the page itself may ask for this")
        if request.method not in ("GET", "HEAD"):
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "a page takes GET", allow="GET, HEAD")
        return answer

    return answering
