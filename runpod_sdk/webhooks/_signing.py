"""
Signed URLs, and calls of them.

    https://me.test/hook?a=1&rp_expires=1767225600&rp_reference=order-17&rp_signature=…

The signature is HMAC-SHA256 over the expiry, the reference and the rest of the query. Host
and path are not in it, as proxies rewrite them: give each receiver a secret of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import field, frozen

from runpod_sdk._flows import api
from runpod_sdk._secret import clear_frames
from runpod_sdk._types import JSONValue
from runpod_sdk.errors import RunpodError
from runpod_sdk.json_text import read
from runpod_sdk.models import JobState, short
from runpod_sdk.settings import length_of_time

Secret: TypeAlias = str | bytes | Sequence[str | bytes]
"""One secret, or more of which the first signs and each is good to check: to change them."""

EXPIRES_IN: Final = timedelta(hours=25)
"""How long a URL is good unless said otherwise: the life of a job without a `ttl`, and an hour."""

_EXPIRES, _REFERENCE, _SIGNATURE = _OURS = ("rp_expires", "rp_reference", "rp_signature")
_SHORTEST_SECRET = 16
_FAULTS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class WebhookError(RunpodError):
    """A call that is not to be believed; nothing of it should be."""

    status_code = 400
    """What to answer it with."""


class MalformedError(WebhookError):
    """It is genuine, but its body is not what RunPod sends; or its URL was never signed."""


class ForgedError(WebhookError):
    """Its URL is not one that was signed with any of the secrets."""

    status_code = 403


class ExpiredError(WebhookError):
    """Its URL is genuine, and no longer good."""

    status_code = 410


@frozen(kw_only=True)
class Delivery:
    """What a genuine call says."""

    state: JobState
    """How the job ended. `.worker_id` is mostly not told."""
    input: Any = field(default=None, repr=short)
    """The input that the job was sent with, as the call repeats it."""
    reference: str | None = None
    """What was given when the URL was signed."""
    expires: datetime
    """Until when the URL is good."""

    @property
    def key(self) -> str:
        """What all calls for the same end of the same job have in common."""
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
    Return *url* with the proof that it was made here, to be given as `webhook=`.

    Args:
        url: Where the calls should go; a query of its own is kept, and signed.
        secret: 16 bytes at least (`secrets.token_urlsafe(32)`); of more, the first signs.
        reference: Any text that `parse` is to give back: what the job is to you, whose id
            is not known yet. It can be read by whoever sees the URL, and not be changed.
        expires_in: How long it is good, in seconds. A job may wait in the queue, run, and
            be told of twice more: longer than its `ttl`.
        now: The time, in seconds since the epoch; else that of the clock.

    Raises:
        ValueError: No http URL, a secret that is too short, or a URL that is signed.
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
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("url must begin with https:// and name a host")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if any(name in _OURS for name, _ in pairs):
        raise ValueError(f"url already contains {', '.join(_OURS)}: sign the URL without it")
    seconds = length_of_time(expires_in, "expires_in")
    if seconds is None:
        raise ValueError("expires_in must be a length of time, not None")
    expires = int((time.time() if now is None else now) + seconds)
    try:
        datetime.fromtimestamp(expires, UTC)  # as `parse` will
    except (ValueError, OverflowError, OSError):
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
    Check a call, and return what it says.

    Args:
        url: The URL that was called: whole, from the path on, or the query alone.
        body: The body, as it came.
        secret: The secret that the URL was signed with, or several, as `sign_url` takes.
        now: The time, in seconds since the epoch; else that of the clock.

    Raises:
        ForgedError: The URL was not signed with any of the secrets, or was changed.
        ExpiredError: It was, and is too old.
        MalformedError: It has no signature at all; or it is good, and the body is no job.

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
    Check the URL of a call, and return its reference and when it expires.

    Raises:
        ForgedError, ExpiredError, MalformedError: As `parse`.
    """
    try:
        return _checked(url, secret, now)
    except BaseException as reason:
        clear_frames(reason, only_ours=True)
        raise
    finally:
        del url, secret  # which a traceback would show


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
    if expires < (time.time() if now is None else now):
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
    given = [secret] if isinstance(secret, str | bytes) else list(secret)
    keys = [key.encode() if isinstance(key, str) else key for key in given]
    if not keys or any(len(key) < _SHORTEST_SECRET for key in keys):
        raise ValueError(
            f"a secret must have at least {_SHORTEST_SECRET} bytes; use secrets.token_urlsafe(32)"
        )
    return keys
