"""
Send one request through a generated function, and parse the response.

A generated function uses two members of its client: the method `request`, reached through
`get_async_httpx_client()`, and the flag `raise_on_unexpected_status`; a test pins this.
`_GeneratedClientAdapter` has only these members. It sends through the port, and passes only
2xx responses to the generated parser.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from attrs import evolve

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows.censoring import url_secrets
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import IO, Request, RequestFailed, Response, Submission
from runpod_sdk._flows.json_codec import encode
from runpod_sdk._flows.operation import Operation
from runpod_sdk._flows.retry import RepeatSafety
from runpod_sdk._secret import clear_frames
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.models import JobState, JSONValue

T = TypeVar("T")

_NO_HEADERS: Mapping[str, str] = {}
_PARSE_ERRORS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class OtherJobError(ValueError):
    """A response is about a different job than the request."""


class _GeneratedClientAdapter:
    """Implements what generated functions use of their client, for one call."""

    raise_on_unexpected_status = False

    def __init__(
        self,
        io: IO,
        op: Operation[Any],
        limit: TimeLimit,
        resends: int,
        extra_headers: Mapping[str, str],
    ) -> None:
        self._io = io
        self._op = op
        self._limit = limit
        self._resends = resends
        self._content: bytes | None = None
        self._extra_headers = extra_headers
        self.response: Response | None = None
        self.body: dict[str, JSONValue] = {}

    def get_async_httpx_client(self) -> _GeneratedClientAdapter:
        return self

    async def request(
        self,
        *,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        self._content = content = None if json is None else encode(json)
        self._check_size(content or b"")
        fields = headers or {}
        if self._extra_headers:
            fields = {**self._extra_headers, **fields}
        response = await self._send(method.upper(), url, params or {}, content, fields)
        if not 200 <= response.status_code < 300:
            raise self._op.refuse(self._op, response.censored(self.secrets()), None)
        self.response = response
        if response.too_large:
            raise ValueError("it is larger than the client's max_response_size")
        if self._op.any_body:
            return evolve(response, status_code=200, decoded=[_object_in(response)])
        body = response.json()
        if not isinstance(body, dict):
            raise TypeError("not a JSON object")
        self.body = body
        if self._op.complete is not None:
            whole = self._op.complete(body, self._op.job_id)
            if whole is not body:
                return evolve(response, status_code=200, decoded=[whole])
        return response if response.status_code == 200 else evolve(response, status_code=200)

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any],
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Awaitable[Response]:
        record = self._op.record
        repeatable = self._op.kind is RepeatSafety.READ
        call = Request(method, url, params, content, headers, self._resends, repeatable, record)
        if content is not None and self._limit.left() <= 0:  # a large one takes time to encode
            raise RequestFailed(
                "the timeout passed before the request was sent", sent=False, timed_out=True
            )
        if record is None:
            return self._io.send(call, self._limit)
        return self._submit(call, record)

    async def _submit(self, call: Request, record: Submission) -> Response:
        """Send a submission, and record its progress."""
        record.begin()
        try:
            response = await self._io.send(call, self._limit)
        except RequestFailed as failure:
            record.sent = failure.sent
            raise
        record.read = lambda: response
        return response

    def secrets(self) -> tuple[str, ...]:
        """Return the parts of the request to remove from errors."""
        return self._op.secrets + url_secrets(self._content or b"")

    def release(self) -> None:
        """Release the request's body, which may be large, after the call has failed."""
        self._content = None

    def _check_size(self, content: bytes) -> None:
        size, largest = len(content), self._op.largest
        if largest is not None and size > largest:
            message = messages.too_large(self._op.action, size, largest)
            raise errors.RequestTooLargeError(message, size=size, limit=largest)


def _object_in(response: Response) -> dict[str, JSONValue]:
    """Return the object that is the body; an empty one if the body is anything else."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


async def call_once(
    io: IO,
    op: Operation[T],
    limit: TimeLimit,
    resends: int = 0,
    extra_headers: Mapping[str, str] = _NO_HEADERS,
) -> T:
    """
    Send one request, and read the response.

    Args:
        resends: Number of earlier attempts.
        extra_headers: Additional headers of the request.

    Raises:
        RequestTooLargeError: The request is larger than RunPod accepts.
        RequestFailed: No usable response arrived within *limit*.
        APIStatusError: The response is not 2xx.
        APIResponseValidationError: The body does not match the API document.
    """
    before = sys.exception()
    client = _GeneratedClientAdapter(io, op, limit, resends, extra_headers)
    try:
        return await _read(client, op)
    except BaseException as reason:
        clear_frames(reason, before)  # the frames contain the API key and the request
        client.release()  # this frame belongs to the traceback, too
        raise


async def _read(client: _GeneratedClientAdapter, op: Operation[T]) -> T:
    try:
        answer = await op.ask(client=client)
        value = op.read(answer.parsed, client.body)
        if isinstance(value, JobState) and client.response is not None:
            origin = client.response.origin(op.secrets)
            object.__setattr__(value, "_origin", origin)  # no other code has a reference to it yet
        return value
    except _PARSE_ERRORS as fault:
        if client.response is None or raised_by_signal_handler(fault):  # an exception of the caller
            raise
        if isinstance(fault, OtherJobError) and client.response.distrust is not None:
            client.response.distrust()
        what = f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)
        shown = client.response.censored(client.secrets())
        what = client.response.censor(client.secrets()).text(what)
    # Raised without a cause, which would contain the response and any secret in it.
    raise op.refuse(op, shown, what)
