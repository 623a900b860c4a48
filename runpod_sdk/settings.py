"""
Every default, and the checks of arguments.

Lengths of time are seconds. Nothing here is read before a client is made.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeGuard

from attrs import field, frozen

from runpod_sdk import _environment as environment
from runpod_sdk._environment import API_KEY_VARIABLE as API_KEY_VARIABLE
from runpod_sdk._environment import BASE_URL as BASE_URL
from runpod_sdk._environment import BASE_URL_VARIABLE as BASE_URL_VARIABLE
from runpod_sdk._environment import CONFIG_FILE as CONFIG_FILE
from runpod_sdk._secret import Secret
from runpod_sdk.errors import ConfigurationError

TIMEOUT: Final = 10.0
"""
The longest time without progress of an operation that does not wait for a job, and of each attempt
to get an answer.
"""
RUN_SYNC_TIMEOUT: Final = 90.0
MAX_RETRIES: Final = 2
MAX_RESPONSE_SIZE: Final = 256 * 2**20
"""Bytes of an answer, unpacked. The platform's results end at about 20 MB."""

LARGEST_RUN: Final = 10 * 2**20
LARGEST_RUN_SYNC: Final = 20 * 2**20
"""Bytes of a request that the service takes, as documented."""

SHORTEST_HOLD: Final = 1.0
LONGEST_HOLD: Final = 300.0
"""The range that the API takes for `wait`."""
FIRST_HOLD: Final = SHORTEST_HOLD
"""How long the first answer of `run_sync` may be held: until then the id is not known."""
HOLD: Final = 30.0
"""How long later answers may be held: well below the 100 s at which the edge cuts."""

BACKOFF_FIRST: Final = 0.5
BACKOFF_LONGEST: Final = 8.0
RETRY_AFTER_LONGEST: Final = 60.0
"""No server is waited for longer than this between two tries, whatever it says."""

PAUSE_FIRST: Final = 0.25
PAUSE_GROWTH: Final = 1.5
PAUSE_LONGEST: Final = 5.0
STREAM_PAUSE_LONGEST: Final = 1.0
"""Least time from one question to the next, growing while there is nothing new."""

CANCEL_TIMEOUT: Final = 5.0
"""Longest time that `on_timeout="cancel"` takes beyond the deadline."""
CANCELS_AT_ONCE: Final = 20
"""How many cancels may be under way at a time, as documented."""

CONCURRENCY: Final = 100
"""How many jobs `map` has in flight, and `as_completed` asks after, at a time."""
AHEAD: Final = 2
AHEAD_ORDERED: Final = 4
"""How many inputs `map` has in hand at most: so many times its concurrency."""
OUTAGE: Final = 600.0
"""How long a job is waited for without a good answer, where the caller set no limit."""
SHORT_POLLS: Final = 60.0
"""How long a server is asked at `/status` after a gateway cut even the shortest long polls."""
PROPAGATION: Final = 5.0
"""How long a job that was just submitted may be unknown to the servers that are asked for it."""

OnTimeout = Literal["detach", "cancel"]
"""What happens to the job when the call times out or the caller is interrupted."""

OnLeave = Literal["detach", "cancel"]
"""What becomes of the jobs in flight when a `map` is left before its end, whatever the reason."""

OnError = Literal["yield", "raise"]
"""Whether what befell one input is a result of a `map`, or its end."""

_NOT_OF_AN_ID: Final = re.compile(r"[\s/\\\x00-\x1f\x7f]")

_FOREVER: Final = 1e9
"""Seconds, thirty years. No clock of a socket takes three hundred."""

Timeout: TypeAlias = float | timedelta | None
"""The longest that a local call may take, in seconds; None is no limit."""


class Unset(Enum):
    """The type of `UNSET`: an argument that was not given, where None has a meaning."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


def length_of_time(value: float | timedelta | None, name: str = "timeout") -> float | None:
    """
    Return *value* in seconds, or None for no limit.

    Raises:
        ValueError: Zero, negative or NaN.
        TypeError: Neither a number nor a `timedelta`.
    """
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds or a timedelta, not {value!r}")
    try:
        value = float(value)
    except OverflowError:
        return None
    if not value > 0:
        raise ValueError(f"{name} must be greater than zero, or None for no limit, not {value!r}")
    return None if value > _FOREVER else value


def finite_length(value: Timeout, name: str) -> float | None:
    """Return *value* in seconds; None only if it is None."""
    seconds = length_of_time(value, name)
    if seconds is None and value is not None:
        raise ValueError(f"{name} is too long: pass seconds, at most 7 days, or None")
    return seconds


def call_timeout(value: Timeout | Unset) -> float | Unset | None:
    """Return a call's *timeout* in seconds; None is no limit, `UNSET` the client's own."""
    return value if isinstance(value, Unset) else length_of_time(value)


def checked_on_timeout(value: OnTimeout) -> OnTimeout:
    """Return *value*, unless it is neither "detach" nor "cancel"."""
    checked_choice(value, "on_timeout", "detach", "cancel")
    return value


def checked_choice(value: str, name: str, *choices: str) -> str:
    """Return *value*, unless it is none of the *choices*."""
    if value not in choices:
        allowed = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{name} must be {allowed}, not {value!r}")
    return value


def checked_id(value: str, name: str) -> str:
    """Return *value*, which will be one segment of a URL's path, if it can be one."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    if value.strip() in ("", ".", ".."):
        raise ValueError(f"{name} must be an id, not {value!r}")
    if _NOT_OF_AN_ID.search(value):
        url = re.search(r"//[^/]+(?:/v\d+)?/([^/?#\s]+)", value)
        alone = f", such as {url[1]!r}" if url else ""
        raise ValueError(
            f"{name} must be the id alone{alone}, not {value!r}:"
            " an id contains no slash and no white space"
        )
    if not _is_whole(value):
        raise ValueError(f"{name} must be an id, not {value!r}: it contains half of a character")
    return value


def is_id(value: object) -> TypeGuard[str]:
    """Tell whether *value* can be an id, of which a URL can be made."""
    if not isinstance(value, str) or value.strip() in ("", ".", ".."):
        return False
    return _is_whole(value) and not _NOT_OF_AN_ID.search(value)


def _is_whole(text: str) -> bool:
    """Tell whether *text* has no lone surrogate, which no URL can hold."""
    return text.encode(errors="ignore").decode() == text


@frozen
class Config:
    """What a client was told, checked. Pickled without the key, which is then looked up anew."""

    base_url: str
    timeout: float | None
    max_retries: int
    max_response_size: int
    rate_limits: bool
    """Whether to keep to the rates that the service documents."""
    size_limits: bool
    """Whether to keep to the sizes of requests that it documents."""
    telemetry: bool
    """Whether to tell OpenTelemetry, where the program has imported it."""
    _api_key: environment.ApiKey | None = field(repr=False, eq=False, alias="api_key")
    own_http: bool = True
    """Whether HTTP connections are this package's own, not those of a caller's `http_client`."""
    revived: bool = False

    @classmethod
    def make(
        cls,
        api_key: Secret[str | None],
        base_url: str | None,
        timeout: float | timedelta | None,
        max_retries: int,
        max_response_size: int,
        rate_limits: bool,
        size_limits: bool,
        telemetry: bool,
        own_http: bool,
    ) -> Config:
        """
        Check a client's arguments and look up what was left out.

        Raises:
            ConfigurationError: No key, a bad key, or a bad base URL.
        """
        return cls(
            base_url=environment.find_base_url(base_url),
            timeout=length_of_time(timeout),
            max_retries=whole_number(max_retries, "max_retries", 0),
            max_response_size=whole_number(max_response_size, "max_response_size", 1),
            rate_limits=_yes_or_no(rate_limits, "rate_limits"),
            size_limits=_yes_or_no(size_limits, "size_limits"),
            telemetry=_yes_or_no(telemetry, "telemetry"),
            api_key=environment.find_api_key(api_key.reveal()),
            own_http=own_http,
        )

    @property
    def api_key(self) -> str:
        """The key; of a client that was pickled, what this process finds."""
        if self.revived and not self.own_http:
            raise ConfigurationError(
                "this client uses an http_client, which cannot be pickled:"
                " create a new client in this process"
            )
        return self._key().value

    @property
    def key_origin(self) -> str:
        """Where the key came from, and what looks wrong about it, for messages."""
        return self._key().origin

    def _key(self) -> environment.ApiKey:
        return environment.find_api_key(None) if self._api_key is None else self._api_key

    def __reduce__(self) -> tuple[object, ...]:
        waiting = self.timeout, self.max_retries
        limits = self.max_response_size, self.rate_limits, self.size_limits
        rest = self.telemetry, None, self.own_http, True
        return type(self), (self.base_url, *waiting, *limits, *rest)


def whole_number(value: int, name: str, least: int) -> int:
    """Return *value*, if it is a whole number, and not below *least*."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}")
    return value


def _yes_or_no(value: bool, name: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value
