"""Errors for responses that are not 2xx, or do not match the API document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows.io import Response
from runpod_sdk._flows.operation import Operation
from runpod_sdk._origin import request_id
from runpod_sdk._types import JSONValue
from runpod_sdk.json_text import write
from runpod_sdk.models import short
from runpod_serverless_api import models as wire

_LONGEST: Final = 500


def refuse(op: Operation[Any], reply: Response, fault: str | None) -> errors.RunpodError:
    """Make the error of an answer that is not 2xx; or of a 2xx, with the *fault* in its body."""
    return _status_error(op, reply) if fault is None else _unreadable(op, reply, fault)


def _status_error(op: Operation[Any], reply: Response) -> errors.APIStatusError:
    status, of_job = reply.status_code, op.job_id is not None
    body = reply.body()
    headers = reply.headers
    cls = errors.status_error_class(status, submission=op.submission)
    return cls(
        messages.refused(
            op.action,
            status,
            _detail(body),
            of_job=of_job,
            submission=op.submission,
            key_origin=reply.key_origin,
            base_url=reply.base_url,
        ),
        status_code=status,
        body=body,
        headers=headers,
        request_id=request_id(headers),
        retry_after=_retry_after(headers.get("retry-after"), reply.received),
    )


def _unreadable(
    op: Operation[Any], reply: Response, fault: str
) -> errors.APIResponseValidationError:
    cls = errors.SubmissionResponseError if op.submission else errors.APIResponseValidationError
    body = reply.body()
    words = error_text(body) if isinstance(body, Mapping) else ""
    if isinstance(body, str):  # which could not be decoded
        start = body[:_LONGEST].lstrip().lower()
        if not start and not reply.too_large:
            fault = "it is empty"
        elif start.startswith(("<!doctype", "<html")):
            fault = "it is an HTML page, not JSON"
    return cls(messages.invalid(op.action, fault, words, submission=op.submission), body=body)


def _detail(body: JSONValue) -> str:
    """Find what an error body says for people; of a page, nothing."""
    if isinstance(body, Mapping):
        return error_text(body) or _shortened(body)
    text = body if isinstance(body, str) else _shortened(body)
    return "" if "<" in text else " ".join(text.split())[:_LONGEST]


def error_text(body: Mapping[str, JSONValue]) -> str:
    """Return the server's own words for what is wrong; empty where there are none."""
    error = wire.Error.from_dict(body)
    for said in (error.detail, error.error, error.message, error.title):
        if isinstance(said, str) and said:
            return said[:_LONGEST]
        if said and isinstance(said, Mapping | list):
            return _shortened(said)
    return ""


def _shortened(value: object) -> str:
    try:
        return write(value)[:_LONGEST]
    except RecursionError:
        return short(value)


def _retry_after(value: str | None, received: float) -> float | None:
    """Read seconds or a date, as seconds from *received*; of nonsense, None."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        at = _date(value)
        if at is None:
            return None
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - received
    return None if math.isnan(seconds) else max(seconds, 0.0)


def _date(value: str) -> datetime | None:
    """Read a date as HTTP writes it, or ISO 8601; nothing is guessed from less."""
    from dateutil.parser import isoparse

    for read in (parsedate_to_datetime, isoparse):
        try:
            return read(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
