"""Errors for responses that are not 2xx, or do not match the API document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
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


def refuse(op: Operation[Any], response: Response, fault: str | None) -> errors.RunpodError:
    """Make the error of a response that is not 2xx, or whose body has the given *fault*."""
    return _status_error(op, response) if fault is None else _unreadable(op, response, fault)


def _status_error(op: Operation[Any], response: Response) -> errors.APIStatusError:
    status, of_job = response.status_code, op.job_id is not None
    body = response.body()
    headers = response.headers
    cls = errors.status_error_class(status, submission=op.submission)
    return cls(
        messages.refused(
            op.action,
            status,
            _detail(body),
            of_job=of_job,
            submission=op.submission,
            key_origin=response.key_origin,
            base_url=response.base_url,
        ),
        status_code=status,
        body=body,
        headers=headers,
        request_id=request_id(headers),
        retry_after=_retry_after(headers.get("retry-after"), response.received),
    )


def _unreadable(
    op: Operation[Any], response: Response, fault: str
) -> errors.APIResponseValidationError:
    cls = errors.SubmissionResponseError if op.submission else errors.APIResponseValidationError
    body = response.body()
    words = error_text(body) if isinstance(body, Mapping) else ""
    if isinstance(body, str):  # not JSON
        start = body[:_LONGEST].lstrip().lower()
        if not start and not response.too_large:
            fault = "it is empty"
        elif start.startswith(("<!doctype", "<html")):
            fault = "it is an HTML page, not JSON"
    return cls(messages.invalid(op.action, fault, words, submission=op.submission), body=body)


def _detail(body: JSONValue) -> str:
    """Return the readable text of an error body; empty for an HTML page."""
    if isinstance(body, Mapping):
        return error_text(body) or _shortened(body)
    text = body if isinstance(body, str) else _shortened(body)
    return "" if "<" in text else " ".join(text.split())[:_LONGEST]


def error_text(body: Mapping[str, JSONValue]) -> str:
    """Return the server's description of the error; empty if there is none."""
    error = wire.Error.from_dict(body)
    for text in (error.detail, error.error, error.message, error.title):
        if isinstance(text, str) and text:
            return text[:_LONGEST]
        if text and isinstance(text, Mapping | list):
            return _shortened(text)
    return ""


def _shortened(value: object) -> str:
    try:
        return write(value)[:_LONGEST]
    except RecursionError:
        return short(value)


def _retry_after(value: str | None, received: float) -> float | None:
    """Parse seconds or a date, as seconds from *received*; return None if invalid."""
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
    """Parse an HTTP date or an ISO 8601 date; return None for other formats."""
    from email.utils import parsedate_to_datetime

    from dateutil.parser import isoparse

    for read in (parsedate_to_datetime, isoparse):
        try:
            return read(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
