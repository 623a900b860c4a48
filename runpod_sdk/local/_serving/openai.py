"""
The OpenAI proxy: each request becomes a job, and the worker's chunks are the response.

    request                          response
    ──────────────────────────────   ──────────────────────────────────────────────────────────
    asks for a stream                text/event-stream: yielded text as it is; other JSON as one
                                     event; a later error as the last event
    any other, or nothing yielded    the first yielded JSON value, or the returned one
    its job fails, is cancelled,     500, or the `code` in the worker's error, and an object with
    or ends without output           the `error`, in OpenAI's form

If the client disconnects, its job is cancelled.
"""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker, ClientDisconnected
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import JobRecord, UnknownJob
from runpod_sdk.local._wire import OperationName
from runpod_serverless_api.models import JobStatus
from runpod_serverless_api.types import UNSET

from . import requests
from .http import HTTPRequest, HTTPResponse, StreamedResponse
from .routing import HTTPRoute

_EVENTS = b"text/event-stream; charset=utf-8"


def routes(broker: Broker, limits: Limits) -> list[HTTPRoute]:
    """Return the route of the proxy, which takes any verb."""
    return [
        HTTPRoute(f"{OperationName.OPENAI}/{{rest...}}", (), _OpenAIProxy(broker, limits).respond)
    ]


class _OpenAIProxy:
    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._limits = limits

    async def respond(self, request: HTTPRequest, route: str) -> HTTPResponse:
        text = await requests.body(request, self._limits.run_sync_body)
        body = requests.parse(text) if text else UNSET
        spec = requests.job_spec(
            _wire.for_openai(route, body),
            prefix="sync-",
            retention=self._limits.sync_retention,
            limits=self._limits,
        )
        job_id = self._broker.apply(self._broker.queue.submit, spec).id
        streamed = isinstance(body, dict) and cast(dict[str, Any], body).get("stream") is True
        job, chunks = await self._next(request, job_id)
        if not chunks and job.status is JobStatus.COMPLETED and job.output is not UNSET:
            chunks = [job.output]
            streamed = streamed and isinstance(job.output, str)
        if not chunks:
            return _response_from(_error_document(job))
        if streamed:
            pieces = self._relay(request, job, chunks)
            return StreamedResponse(b"", content_type=_EVENTS, pieces=pieces)
        return _response_from(chunks[0])

    async def _relay(
        self, request: HTTPRequest, job: JobRecord, chunks: list[Any]
    ) -> AsyncGenerator[bytes, None]:
        while chunks:
            for chunk in chunks:
                yield chunk.encode("utf-8", "replace") if isinstance(chunk, str) else _event(chunk)
            try:
                job, chunks = await self._next(request, job.id)
            except UnknownJob:
                yield _event(_error("the job was removed before its end"))
                return
        if job.status is not JobStatus.COMPLETED:
            yield _event(_error_document(job))

    async def _next(self, request: HTTPRequest, job_id: str) -> tuple[JobRecord, list[Any]]:
        """Wait for the worker's next chunks or for the job's end; no chunks mean the end."""
        try:
            job = await self._broker.wait_for_job(
                job_id,
                lambda job: job.terminal or bool(job.chunks),
                self._limits.ttl,
                request.disconnected,
            )
        except ClientDisconnected:
            self._broker.apply(self._broker.queue.cancel, job_id)
            raise
        return job, self._broker.apply(self._broker.queue.drain, job_id)


def _error_document(job: JobRecord) -> dict[str, Any]:
    """Return, in OpenAI's form, why the job has no output."""
    if not job.terminal:
        return _error("the local endpoint was closed before the job ended")
    if job.status is JobStatus.COMPLETED:
        return _error("the worker returned no output")
    if job.status is not JobStatus.FAILED:
        return _error(f"the job is {job.status}")
    error = _read_error(str(job.error))
    if "message" in error:  # the worker made it in OpenAI's form
        return {"error": error}
    return _error(str(error.get("error_message", job.error)))


def _read_error(error: str) -> dict[str, Any]:
    """Return the members of an error that is a JSON object or, if yielded, the `str` of a dict."""
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            members: object = parse(error)
            if isinstance(members, dict):
                return cast(dict[str, Any], members)
    return {}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}


def _response_from(document: Any) -> HTTPResponse:
    """Return the worker's document as a response; it may be an error, in one of two forms."""
    status = HTTPStatus.OK.value
    if isinstance(document, dict):
        response = cast(dict[str, Any], document)
        error = response if response.get("object") == "error" else response.get("error")
        if isinstance(error, dict):
            status = _status(cast(dict[str, Any], error).get("code"))
    return HTTPResponse(_wire.encode(document, sort=False), status)


def _status(code: object) -> int:
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return HTTPStatus.INTERNAL_SERVER_ERROR.value


def _event(document: Any) -> bytes:
    return b"data: " + _wire.encode(document, sort=False) + b"\n\n"
