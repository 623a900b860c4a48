"""
The OpenAI proxy: each request is a job, and what the worker yields is the answer.

    the request                      the answer
    ──────────────────────────────   ──────────────────────────────────────────────────────────
    asks for a stream                text/event-stream: text that is yielded, as it comes; other
                                     JSON as one event; an error that comes later as the last one
    any other, or nothing yielded    the first JSON that is yielded, or what is returned
    its job fails, is cancelled,     500, or the `code` that the worker says, and an object with
    or ends with neither             the `error`, as OpenAI's clients know it

A client that hangs up cancels its job.
"""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker, ClientGone
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import Job, UnknownJob
from runpod_sdk.local._wire import UNSET, JobStatus, Operation

from . import requests
from .http import Answer, Request, Streamed
from .routing import Route

_EVENTS = b"text/event-stream; charset=utf-8"


def routes(broker: Broker, limits: Limits) -> list[Route]:
    """List the one route of the proxy, which takes any verb."""
    return [Route(f"{Operation.OPENAI}/{{rest...}}", (), _OpenAI(broker, limits).answer)]


class _OpenAI:
    def __init__(self, broker: Broker, limits: Limits) -> None:
        self._broker = broker
        self._limits = limits

    async def answer(self, request: Request, route: str) -> Answer:
        text = await requests.body(request, self._limits.run_sync_body)
        body = requests.parse(text) if text else UNSET
        submission = requests.submission(
            _wire.for_openai(route, body),
            prefix="sync-",
            retention=self._limits.sync_retention,
            limits=self._limits,
        )
        job_id = self._broker.apply(self._broker.queue.submit, submission).id
        streamed = isinstance(body, dict) and cast(dict[str, Any], body).get("stream") is True
        job, chunks = await self._next(request, job_id)
        if not chunks and job.status is JobStatus.COMPLETED and job.output is not UNSET:
            chunks = [job.output]
            streamed = streamed and isinstance(job.output, str)
        if not chunks:
            return _told(_fault(job))
        if streamed:
            pieces = self._relay(request, job, chunks)
            return Streamed(b"", content_type=_EVENTS, pieces=pieces)
        return _told(chunks[0])

    async def _relay(
        self, request: Request, job: Job, chunks: list[Any]
    ) -> AsyncGenerator[bytes, None]:
        while chunks:
            for chunk in chunks:
                yield chunk.encode("utf-8", "replace") if isinstance(chunk, str) else _event(chunk)
            try:
                job, chunks = await self._next(request, job.id)
            except UnknownJob:
                yield _event(_error("the job is gone before its end"))
                return
        if job.status is not JobStatus.COMPLETED:
            yield _event(_fault(job))

    async def _next(self, request: Request, job_id: str) -> tuple[Job, list[Any]]:
        """Wait for what the worker yields, or for the end; nothing yielded means the end."""
        try:
            job = await self._broker.hold(
                job_id, lambda job: job.terminal or bool(job.chunks), self._limits.ttl, request.gone
            )
        except ClientGone:
            self._broker.apply(self._broker.queue.cancel, job_id)
            raise
        return job, self._broker.apply(self._broker.queue.drain, job_id)


def _fault(job: Job) -> dict[str, Any]:
    """Tell in OpenAI's form why there is no answer."""
    if not job.terminal:
        return _error("the local endpoint was closed before the job ended")
    if job.status is JobStatus.COMPLETED:
        return _error("the worker has answered with nothing")
    if job.status is not JobStatus.FAILED:
        return _error(f"the job is {job.status}")
    error = _read(str(job.error))
    if "message" in error:  # the worker made it in OpenAI's form
        return {"error": error}
    return _error(str(error.get("error_message", job.error)))


def _read(error: str) -> dict[str, Any]:
    """Give the members of an error that is a JSON object or, if it was yielded, a dict's `str`."""
    for parse in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            told: object = parse(error)
            if isinstance(told, dict):
                return cast(dict[str, Any], told)
    return {}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}


def _told(document: Any) -> Answer:
    """Answer with a document of the worker; it may be an error, in one of two forms."""
    status = HTTPStatus.OK.value
    if isinstance(document, dict):
        answer = cast(dict[str, Any], document)
        error = answer if answer.get("object") == "error" else answer.get("error")
        if isinstance(error, dict):
            status = _status(cast(dict[str, Any], error).get("code"))
    return Answer(_wire.encode(document, sort=False), status)


def _status(code: object) -> int:
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return HTTPStatus.INTERNAL_SERVER_ERROR.value


def _event(document: Any) -> bytes:
    return b"data: " + _wire.encode(document, sort=False) + b"\n\n"
