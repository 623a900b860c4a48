"""
Signed URLs, and the verification of their calls.

    https://me.test/hook?a=1&rp_expires=1767225600&rp_reference=order-17&rp_signature=…

The signature is an HMAC-SHA256 over the expiry time, the reference and the rest of the query. It
does not cover host and path, because proxies rewrite them: use one secret for each receiver.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import field, frozen

from runpod_sdk._flows import api
from runpod_sdk._secret import clear_frames
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk._types import JSONValue
from runpod_sdk.errors import RunpodError
from runpod_sdk.json_text import read
from runpod_sdk.models import JobState, short
from runpod_sdk.settings import length_of_time

Secret: TypeAlias = str | bytes | Sequence[str | bytes]
"""A secret, or several: the first signs, and all are accepted, so that you can change it."""

EXPIRES_IN: Final = timedelta(hours=25)
"""Default lifetime of a URL: the life of a job without a `ttl`, plus an hour."""

_EXPIRES, _REFERENCE, _SIGNATURE = _OURS = ("rp_expires", "rp_reference", "rp_signature")
_SHORTEST_SECRET = 16
_FAULTS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class WebhookError(RunpodError):
    """Base class of errors of a call; do not trust any part of the call."""

    status_code = 400
    """The status code for the response."""


class MalformedError(WebhookError):
    """Raised when a URL is not signed, or is signed but its body is not a webhook body."""


class ForgedError(WebhookError):
    """Raised when a URL was signed with another secret, or was changed."""

    status_code = 403


class ExpiredError(WebhookError):
    """Raised when a signed URL has expired."""

    status_code = 410


@frozen(kw_only=True)
class Delivery:
    """Content of a verified call."""

    state: JobState
    """The job's final state, usually without `worker_id`."""
    input: Any = field(default=None, repr=short)
    """The job's input."""
    reference: str | None = None
    """The reference in the signed URL."""
    expires: datetime
    """Expiry time of the URL."""

    @property
    def key(self) -> str:
        """A key that is equal for duplicate calls."""
        state = self.state
        return f"{state.id} {state.status} {state.delay_time} {state.execution_time}"


def sign_url(
    url: str,
    secret: Secret,
    *,
    reference: str | None = None,
    expires_in: float | timedelta = EXPIRES_IN,
    now: float | None = None,
) -> str:
    """
    Return *url* with a signature, for the argument `webhook=`.

    Args:
        url: The URL to call; its query is kept and signed.
        secret: At least 16 bytes (`secrets.token_urlsafe(32)`). If there are several, the first
            one signs.
        reference: Your own id for the job, which `parse` returns. A person who sees the URL can
            read it, but cannot change it.
        expires_in: Lifetime of the URL, in seconds. Make it longer than the job's `ttl`: RunPod
            calls after the job's end, up to three times.
        now: The current time, in seconds since the epoch; by default, the system clock.

    Raises:
        ValueError: *url* is not an http URL or is already signed, or the secret is too short.
        TypeError: *url* or *reference* is not a string.
    """
    try:
        return _signed(url, secret, reference, expires_in, now)
    except BaseException as reason:
        clear_frames(reason, only_ours=True)
        raise
    finally:
        del url, secret  # which a traceback would show


def _signed(
    url: str,
    secret: Secret,
    reference: str | None,
    expires_in: float | timedelta,
    now: float | None,
) -> str:
    if not isinstance(url, str):
        raise TypeError(f"url must be a string, not {type(url).__name__}")
    if not (reference is None or isinstance(reference, str)):
        raise TypeError(f"reference must be a string, not {reference!r:.60}")
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("url must begin with https:// and name a host")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if any(name in _OURS for name, _ in pairs):
        raise ValueError(f"url already contains {', '.join(_OURS)}: sign the URL without it")
    seconds = length_of_time(expires_in, "expires_in")
    if seconds is None:
        raise ValueError("expires_in must be a length of time, not None")
    expires = int(_time(now) + seconds)
    try:
        datetime.fromtimestamp(expires, UTC)  # as `parse` will
    except (ValueError, OverflowError, OSError) as error:
        if raised_by_signal_handler(error):
            raise
        raise ValueError("expires_in is too long: the date is out of range") from None
    added = [(_EXPIRES, str(expires))]
    if reference is not None:
        added.append((_REFERENCE, reference))
    signature = _signature(_secrets(secret)[0], [*pairs, *added])
    query = urlencode([*added, (_SIGNATURE, signature)])
    return parts._replace(query="&".join(filter(None, (parts.query, query))), fragment="").geturl()


def parse(
    url: str | bytes, body: str | bytes, secret: Secret, *, now: float | None = None
) -> Delivery:
    """
    Verify a call, and return its content.

    Args:
        url: The called URL: complete, from the path on, or the query alone.
        body: The received body.
        secret: The secret, or several, as in `sign_url`.
        now: The current time, in seconds since the epoch; by default, the system clock.

    Raises:
        ForgedError: The URL was signed with another secret, or was changed.
        ExpiredError: The signed URL has expired.
        MalformedError: The URL is not signed; or it is signed, but the body is not a job.

    Source: the webhook jobEnded in openapi/runpod-serverless.yaml.
    """
    try:
        reference, expires = check(url, secret, now=now)
        state, input = _read(body)
    except BaseException as reason:
        clear_frames(reason, only_ours=True)
        raise
    finally:
        del url, body, secret  # which a traceback would show
    return Delivery(
        state=state,
        input=input,
        reference=reference,
        expires=datetime.fromtimestamp(expires, UTC),
    )


def check(url: str | bytes, secret: Secret, *, now: float | None = None) -> tuple[str | None, int]:
    """
    Verify a call's URL, and return its reference and expiry time.

    Raises:
        ForgedError: The URL was signed with another secret, or was changed.
        ExpiredError: The signed URL has expired.
        MalformedError: The URL is not signed.
    """
    try:
        return _checked(url, secret, now)
    except BaseException as reason:
        clear_frames(reason, only_ours=True)
        raise
    finally:
        del url, secret  # which a traceback would show


def _time(now: float | None) -> float:
    """Return *now*, or the time of the system clock."""
    if now is None:
        return time.time()
    if isinstance(now, bool) or not isinstance(now, int | float) or not math.isfinite(now):
        raise TypeError(f"now must be a number of seconds since the epoch, not {now!r:.60}")
    return now


def _checked(url: str | bytes, secret: Secret, now: float | None) -> tuple[str | None, int]:
    pairs = _query(url)
    ours = {name: value for name, value in pairs if name in _OURS}
    if _SIGNATURE not in ours:
        raise MalformedError(f"the called URL is not signed: it has no {_SIGNATURE}")
    signed = [(name, value) for name, value in pairs if name != _SIGNATURE]
    # Every secret is tried, whichever is the one: the time that it takes says nothing.
    given = ours[_SIGNATURE].encode(errors="replace")
    made = [_signature(key, signed).encode() for key in _secrets(secret)]
    good = [hmac.compare_digest(signature, given) for signature in made]
    if not any(good):
        raise ForgedError("the called URL was not signed with this secret, or was changed")
    expires = int(ours[_EXPIRES])
    if expires < _time(now):
        raise ExpiredError("the called URL has expired; see expires_in of sign_url()")
    return ours.get(_REFERENCE), expires


def _read(body: str | bytes) -> tuple[JobState, JSONValue]:
    try:
        wire = read(body)
        if not isinstance(wire, Mapping):
            raise TypeError("it is not a JSON object")
        return api.kept_state(wire), wire.get("input")
    except _FAULTS as fault:
        what = f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)
    raise MalformedError(f"the body is not a webhook body: {what}")


def _query(url: str | bytes) -> list[tuple[str, str]]:
    if not isinstance(url, str | bytes):  # a framework's object, such as `request.url`
        raise TypeError(f"url must be a string or bytes, not {type(url).__name__}: pass str(url)")
    text = url.decode(errors="replace") if isinstance(url, bytes) else url
    head, mark, query = text.partition("?")
    return parse_qsl((query if mark else head).partition("#")[0], keep_blank_values=True)


def _signature(secret: bytes, pairs: Sequence[tuple[str, str]]) -> str:
    """Sign the parameters; in an order of their own, as a proxy may change it."""
    message = json.dumps(["runpod_sdk.webhooks", 1, sorted(pairs)]).encode()
    digest = hmac.digest(secret, message, hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _secrets(secret: Secret) -> list[bytes]:
    """Return the secrets, checked; no message shows one."""
    several = isinstance(secret, Sequence) and not isinstance(secret, str | bytes)
    given: list[Any] = list(secret) if several else [secret]
    for key in given:
        if not isinstance(key, str | bytes):
            kind = type(key).__name__
            raise TypeError(f"a secret must be a str or bytes, or a list of them, not {kind}")
    keys = [key.encode() if isinstance(key, str) else key for key in given]
    if not keys or any(len(key) < _SHORTEST_SECRET for key in keys):
        raise ValueError(
            f"a secret must have at least {_SHORTEST_SECRET} bytes; use secrets.token_urlsafe(32)"
        )
    return keys
