"""Read requests: a job's body, the numbers in a query, the key in a header."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs
from uuid import uuid4

from runpod_sdk.local import _json, _wire
from runpod_sdk.local._limits import Limits
from runpod_sdk.local._rules.jobs import JobSpec
from runpod_serverless_api.models import ExecutionPolicy, JobRequest
from runpod_serverless_api.types import Unset

from .http import BodyTooLarge, HTTPRequest, HTTPResponse

_PAGE = 50
"""The default number of entries in a page of a list."""


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def response(self) -> HTTPResponse:
        return HTTPResponse.problem(self.status, self.detail, **self.headers)


def bad_request(where: str, what: str) -> Refusal:
    """Return the refusal of an invalid request, in the words of the service."""
    return Refusal(HTTPStatus.BAD_REQUEST, f"bad request: {where}: {what}")


def check_key(authorization: str, *keys: str) -> None:
    """Refuse a request without one of the *keys*, sent as `Bearer <key>` or `<key>`."""
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip() if scheme.lower() == _wire.KEY_SCHEME else authorization.strip()
    if not token:
        raise Refusal(HTTPStatus.UNAUTHORIZED, "no token provided")
    if not any(hmac.compare_digest(token.encode(), key.encode()) for key in keys):
        raise Refusal(HTTPStatus.UNAUTHORIZED, "invalid api key")


def has_worker_key(query: bytes, worker_key: str) -> bool:
    """
    Return whether the query of a worker's URL contains the worker's key.

    RunPod's package prefers the key of its user's `~/.runpod/config.toml` over the one in its
    environment for the header, so the header may have another key.
    """
    (key, *_) = parse_qs(query.decode("latin-1")).get(_wire.WORKER_KEY, [""])
    return bool(worker_key) and hmac.compare_digest(key.encode(), worker_key.encode())


def integer(
    query: bytes, name: str, *, lowest: int, highest: int | None = None, unit: str = ""
) -> int | None:
    """Return the number *name* of a query; None if it is missing."""
    if not query:
        return None
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(name)
    if values is None:
        return None
    text = values[0]
    # int() raises another error for very long numbers, hence the limit on the length.
    if text.isascii() and text.isdigit() and len(text) <= 18:
        value = int(text)
        if lowest <= value and (highest is None or value <= highest):
            return value
    span = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
    raise bad_request(f"query: {name}", f"must be an integer {span}{unit}")


def milliseconds(
    query: bytes, name: str, *, lowest: int = 1, highest: int | None = None
) -> int | None:
    """Return the duration *name* of a query; None if it is missing."""
    return integer(query, name, lowest=lowest, highest=highest, unit=" (milliseconds)")


def page(query: bytes) -> tuple[int, int]:
    """Return the offset and the limit of a query for a list."""
    offset = integer(query, _wire.OFFSET, lowest=0) or 0
    return offset, integer(query, _wire.LIMIT, lowest=1) or _PAGE


def wait(query: bytes) -> float | None:
    """Return how long to hold a request, in seconds; None if the query does not say."""
    value = milliseconds(query, _wire.WAIT, lowest=_wire.MIN_WAIT, highest=_wire.MAX_WAIT)
    return None if value is None else value / 1000


async def body(request: HTTPRequest, limit: int) -> bytes:
    """Return the whole body; refuse it if it is longer than *limit* bytes."""
    try:
        return await request.body(limit)
    except BodyTooLarge:
        size = f"{limit // 2**20}MiB" if limit % 2**20 == 0 else f"{limit}B"
        raise bad_request("body", f"exceeded max body size of {size}") from None


def parse(body: bytes) -> Any:
    """Parse a body as JSON; refuse it if it is invalid."""
    try:
        return _json.parse(body)
    except ValueError as error:
        raise bad_request("body", f"malformed JSON: {error}") from None


def job_request(document: object, where: str = "body") -> JobRequest:
    """
    Return the job request in a body; *where* names its place in the body for a refusal.

    Raises:
        Refusal: It is not a JSON object, has no input, or a member has the wrong type.
    """
    if not isinstance(document, dict):
        raise bad_request(where, "must be an object")
    return _request(cast(dict[str, Any], document), where)


def job_spec(request: JobRequest, *, prefix: str, retention: float, limits: Limits) -> JobSpec:
    """
    Return a new job's specification; its id begins with *prefix*.

    Raises:
        Refusal: A time of its policy is invalid.
    """
    policy = ExecutionPolicy() if isinstance(request.policy, Unset) else request.policy
    return JobSpec(
        id=f"{prefix}{uuid4()}-u1",
        request=_wire.for_handler(request),
        execution_timeout=_policy_time(policy.execution_timeout) or limits.execution_timeout,
        ttl=_policy_time(policy.ttl) or limits.ttl,
        retention=retention,
        low_priority=policy.low_priority is True,
        policy=policy.to_dict(),
    )


def _request(document: Mapping[str, Any], where: str) -> JobRequest:
    try:
        request = JobRequest.from_dict(document)
    except KeyError as error:
        raise bad_request(where, f"missing {error.args[0]}") from None
    except (TypeError, ValueError, AttributeError):
        raise bad_request(where, _wire.NOT_OBJECTS) from None
    # The model reads `"policy": []` as an empty object; writing it again shows the difference.
    if request.to_dict() != document:
        raise bad_request(where, _wire.NOT_OBJECTS)
    # The models do not check the types that they declare.
    webhook = cast(object, request.webhook)
    if not isinstance(webhook, str | Unset):
        raise bad_request(where, "webhook must be a string")
    low_priority = cast(object, request.policy and request.policy.low_priority)
    if not isinstance(low_priority, bool | Unset):
        raise bad_request(where, _wire.NOT_BOOLEAN)
    return request


def _policy_time(value: object) -> float | None:
    if isinstance(value, Unset):
        return None
    if isinstance(value, float) and value.is_integer():  # 5e3 is an integer in JSON Schema
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise bad_request("body", "times of a policy must be positive integers (milliseconds)")
    return min(value, _wire.MAX_POLICY) / 1000
