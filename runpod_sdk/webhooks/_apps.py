"""The calls of webhooks by HTTP: two small applications, without a framework."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from runpod_sdk._secret import clear_frames
from runpod_sdk.webhooks._seen import InHandError
from runpod_sdk.webhooks._signing import Delivery, WebhookError

if TYPE_CHECKING:
    from wsgiref.types import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

    from runpod_sdk.webhooks._receiver import Receiver

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


def asgi(
    receiver: Receiver, handler: Callable[[Delivery], Awaitable[object] | object] | None
) -> ASGIApplication:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await _answer(receiver, handler, scope, receive, send)
        except BaseException as reason:
            clear_frames(reason, only_ours=True)
            raise
        finally:
            del scope  # which has the signed query, and a traceback would show it

    return app


async def _answer(
    receiver: Receiver,
    handler: Callable[[Delivery], Awaitable[object] | object] | None,
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["type"] != "http":
        raise RuntimeError("a webhook receiver supports HTTP only")
    status, text = HTTPStatus.METHOD_NOT_ALLOWED, "send webhooks by POST"
    if scope["method"] == "POST":
        query = scope["query_string"]
        refusal = _refusal(receiver, query)
        if refusal is None:
            body = await _body(receive, receiver.max_body)
            if body is None:
                return
            with ExitStack() as taken:
                status, text, delivery = _judge(receiver, query, body, taken)
                if delivery is not None and handler is not None:
                    handled = handler(delivery)
                    if inspect.isawaitable(handled):
                        await handled
        else:
            status, text = refusal
    headers = [(name.encode(), value.encode()) for name, value in _headers(status)]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def wsgi(receiver: Receiver, handler: Callable[[Delivery], object] | None) -> WSGIApplication:
    if inspect.iscoroutinefunction(handler):
        raise TypeError("a WSGI handler must not be a coroutine function")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, text = HTTPStatus.METHOD_NOT_ALLOWED, "send webhooks by POST"
        try:
            if environ["REQUEST_METHOD"] == "POST":
                status, text = _take(receiver, handler, environ)
        except BaseException as reason:
            clear_frames(reason, only_ours=True)
            raise
        finally:
            del environ  # which has the signed query, and a traceback would show it
        start_response(f"{int(status)} {status.phrase}", _headers(status))
        return [text.encode()]

    return app


def _take(
    receiver: Receiver, handler: Callable[[Delivery], object] | None, environ: WSGIEnvironment
) -> tuple[HTTPStatus, str]:
    query = environ.get("QUERY_STRING", "")
    refusal = _refusal(receiver, query)
    if refusal is not None:
        return refusal
    length = _length(environ, receiver.max_body + 1)
    if length is None:
        return HTTPStatus.LENGTH_REQUIRED, "the body length is unknown"
    body = _read(environ["wsgi.input"], length)
    with ExitStack() as taken:
        status, text, delivery = _judge(receiver, query, body, taken)
        if delivery is not None and handler is not None:
            handler(delivery)
    return status, text


def _refusal(receiver: Receiver, query: str | bytes) -> tuple[HTTPStatus, str] | None:
    """Tell how a call is answered of which no byte of the body is worth reading; else None."""
    try:
        receiver.check(query)
    except WebhookError as error:
        return HTTPStatus(error.status_code), str(error)
    return None


def _judge(
    receiver: Receiver, query: str | bytes, body: bytes, taken: ExitStack
) -> tuple[HTTPStatus, str, Delivery | None]:
    """Tell how a call is answered, and what of it there is to be handled until *taken* ends."""
    if len(body) > receiver.max_body:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large", None
    try:
        return HTTPStatus.OK, "", taken.enter_context(receiver.taking(query, body))
    except InHandError:  # were it answered 200, and the first call failed, none would come again
        return HTTPStatus.SERVICE_UNAVAILABLE, "an earlier call is still being handled", None
    except WebhookError as error:
        return HTTPStatus(error.status_code), str(error), None


def _length(environ: WSGIEnvironment, most: int) -> int | None:
    """Return how many bytes to read, *most* at the most; None where the input may have no end."""
    try:
        return min(max(int(environ.get("CONTENT_LENGTH") or ""), 0), most)
    except ValueError:  # a chunked body, which some servers unpack
        return most if environ.get("wsgi.input_terminated") else None


def _read(stream: InputStream, length: int) -> bytes:
    """Read *length* bytes, or up to the end."""
    parts = bytearray()
    while len(parts) < length and (part := stream.read(length - len(parts))):
        parts += part
    return bytes(parts)


def _headers(status: HTTPStatus) -> list[tuple[str, str]]:
    allow = [("allow", "POST")] if status is HTTPStatus.METHOD_NOT_ALLOWED else []
    return [("content-type", "text/plain; charset=utf-8"), *allow]


async def _body(receive: Receive, most: int) -> bytes | None:
    """Read a body, one byte more than *most* at the most; None: nobody is there any more."""
    parts = bytearray()
    more = True
    while more and len(parts) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(parts)


async def _live(receive: Receive, send: Send) -> None:
    """Say that there is nothing to start, and nothing to stop."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
