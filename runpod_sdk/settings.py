"""
Defaults, and checks of arguments.

Times are seconds. Nothing in this module is read before a client is created.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeGuard

from attrs import evolve, field, frozen

from runpod_sdk import _environment as environment
from runpod_sdk._environment import API_KEY_VARIABLE as API_KEY_VARIABLE
from runpod_sdk._environment import BASE_URL as BASE_URL
from runpod_sdk._environment import BASE_URL_VARIABLE as BASE_URL_VARIABLE
from runpod_sdk._environment import CONFIG_FILE as CONFIG_FILE
from runpod_sdk._headers import checked_headers
from runpod_sdk._secret import Secret
from runpod_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from runpod_sdk.models import JobState
    from runpod_sdk.rate_budget import RateBudget

TIMEOUT: Final = 10.0
"""
Longest time without progress of an operation that does not wait for a job, and of each attempt of
a request.
"""
RUN_SYNC_TIMEOUT: Final = 90.0
MAX_RETRIES: Final = 2
MAX_RESPONSE_SIZE: Final = 256 * 2**20
"""Largest decompressed response, in bytes. RunPod's results have at most about 20 MB."""

LARGEST_RUN: Final = 10 * 2**20
LARGEST_RUN_SYNC: Final = 20 * 2**20
"""Largest requests that RunPod documents, in bytes."""

MIN_POLL_WAIT: Final = 1.0
MAX_POLL_WAIT: Final = 300.0
"""The API's range for `wait`."""
FIRST_POLL_WAIT: Final = MIN_POLL_WAIT
"""Longest wait of the first poll of `run_sync`, during which the job's id is unknown."""
POLL_WAIT: Final = 30.0
"""Longest wait of later polls, well below the 100 s at which RunPod's proxy closes a request."""

BACKOFF_FIRST: Final = 0.5
BACKOFF_LONGEST: Final = 8.0
RETRY_AFTER_LONGEST: Final = 60.0
"""Longest pause between two attempts, even if `Retry-After` is longer."""

PAUSE_FIRST: Final = 0.25
PAUSE_GROWTH: Final = 1.5
PAUSE_LONGEST: Final = 5.0
STREAM_PAUSE_LONGEST: Final = 1.0
"""Shortest time between two polls; it grows while the responses contain no news."""

CANCEL_TIMEOUT: Final = 5.0
"""Longest time that `on_timeout="cancel"` takes after the deadline."""
CANCELS_AT_ONCE: Final = 20
"""Number of concurrent `cancel` requests that RunPod documents."""

CONCURRENCY: Final = 100
"""Number of jobs that `map` keeps in flight, and that `as_completed` polls, at the same time."""
AHEAD: Final = 2
AHEAD_ORDERED: Final = 4
"""Largest number of inputs that `map` holds, as a multiple of its concurrency."""
OUTAGE: Final = 600.0
"""Longest outage that a wait without a timeout survives."""
SHORT_POLLS: Final = 60.0
"""How long the client polls `/status` after a gateway cut even the shortest long polls."""
PROPAGATION: Final = 5.0
"""How long a new job may be unknown to the server."""

OnTimeout = Literal["detach", "cancel"]
"""Effect on the job if the call times out or is interrupted."""

OnLeave = Literal["detach", "cancel"]
"""Effect on the jobs in flight if a `map` ends early."""

OnError = Literal["yield", "raise"]
"""Whether an error on one input is a result of the `map`, or ends it."""

_NOT_OF_AN_ID: Final = re.compile(r"[\s/\\\x00-\x1f\x7f]")

_FOREVER: Final = 1e9
"""Seconds, thirty years. No clock of a socket takes three hundred."""

KeyFunction: TypeAlias = Callable[[], str] | Callable[[], Awaitable[str]]
"""Returns the API key for one request; for an async client it may be async."""

Timeout: TypeAlias = float | timedelta | None
"""Longest duration of a call, in seconds; None means no limit."""


if TYPE_CHECKING:
    OnUpdate: TypeAlias = Callable[[JobState], object]
    """
    Is called with each state of a job that has another status or progress than the one before; of
    an async client it may be async.
    """
else:  # for programs that evaluate annotations: importing a state's class here would be a circle
    OnUpdate = Callable[[Any], object]


class Unset(Enum):
    """Type of `UNSET`, the default of arguments for which None has a meaning."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


def length_of_time(value: float | timedelta | None, name: str = "timeout") -> float | None:
    """
    Return *value* in seconds, or None for no limit.

    Raises:
        ValueError: *value* is zero, negative or NaN.
        TypeError: *value* is neither a number nor a `timedelta`.
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
    """Return *value* in seconds; None only if *value* is None."""
    seconds = length_of_time(value, name)
    if seconds is None and value is not None:
        raise ValueError(f"{name} is too long: pass seconds, at most 7 days, or None")
    return seconds


def call_timeout(value: Timeout | Unset) -> float | Unset | None:
    """Return a call's *timeout* in seconds; None means no limit, `UNSET` the client's timeout."""
    return value if isinstance(value, Unset) else length_of_time(value)


def checked_on_timeout(value: OnTimeout) -> OnTimeout:
    """Return *value* if it is "detach" or "cancel"."""
    checked_choice(value, "on_timeout", "detach", "cancel")
    return value


def checked_function(value: object, name: str) -> None:
    """Check that *value* can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {value!r:.60}")


def checked_bool(value: bool, name: str) -> bool:
    """Return *value* if it is True or False; a text such as "false" would count as true."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r:.60}")
    return value


def checked_string(value: str, name: str) -> str:
    """Return *value* if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r:.60}")
    return value


def checked_choice(value: str, name: str, *choices: str) -> str:
    """Return *value* if it is one of the *choices*."""
    if value not in choices:
        allowed = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{name} must be {allowed}, not {value!r}")
    return value


def checked_id(value: str, name: str) -> str:
    """Return *value* if it can be one segment of a URL's path."""
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
    """Return whether *value* can be an id in a URL."""
    if not isinstance(value, str) or value.strip() in ("", ".", ".."):
        return False
    return _is_whole(value) and not _NOT_OF_AN_ID.search(value)


def _is_whole(text: str) -> bool:
    """Tell whether *text* has no lone surrogate, which no URL can hold."""
    return text.encode(errors="ignore").decode() == text


@frozen
class Config:
    """Checked options of a client. A pickle does not contain the API key."""

    base_url: str
    timeout: float | None
    max_retries: int
    max_response_size: int
    rate_limits: bool | float | RateBudget
    """Whether to keep to RunPod's documented rate limits, to a share, or to a shared budget."""
    size_limits: bool
    """Whether to keep to RunPod's documented request sizes."""
    telemetry: bool
    """Whether to export to OpenTelemetry if the program imports it."""
    _api_key: environment.ApiKey | KeyFunction | None = field(repr=False, eq=False, alias="api_key")
    """None, of a client that was pickled: the key is looked up."""
    own_http: bool = True
    """Whether the client uses its own HTTP connections instead of a caller's `http_client`."""
    revived: bool = False
    default_headers: Mapping[str, str] = field(factory=dict, repr=False)
    """Additional headers of each request, with names in lower case."""

    @classmethod
    def make(
        cls,
        api_key: Secret[str | KeyFunction | None],
        base_url: str | None,
        timeout: float | timedelta | None,
        max_retries: int,
        max_response_size: int,
        rate_limits: bool | float | RateBudget,
        size_limits: bool,
        telemetry: bool,
        own_http: bool,
        default_headers: Secret[Mapping[str, str] | None],
    ) -> Config:
        """
        Check a client's arguments and read missing ones from the environment.

        Raises:
            ConfigurationError: The API key is missing or invalid, or the base URL is invalid.
        """
        return cls(
            base_url=environment.find_base_url(base_url),
            timeout=length_of_time(timeout),
            max_retries=whole_number(max_retries, "max_retries", 0),
            max_response_size=whole_number(max_response_size, "max_response_size", 1),
            rate_limits=_checked_rate_limits(rate_limits),
            size_limits=checked_bool(size_limits, "size_limits"),
            telemetry=checked_bool(telemetry, "telemetry"),
            api_key=_key_or_function(api_key),
            own_http=own_http,
            default_headers=checked_headers(default_headers.reveal(), "default_headers"),
        )

    def with_options(
        self,
        timeout: Timeout | Unset,
        max_retries: int | Unset,
        api_key: Secret[str | KeyFunction | Unset],
        default_headers: Secret[Mapping[str, str] | Unset],
        rate_limits: bool | float | RateBudget | Unset,
    ) -> Config:
        """
        Return this configuration with the options that were given.

        Raises:
            ConfigurationError: A bad key.
        """
        changed: dict[str, Any] = {}
        if timeout is not UNSET:
            changed["timeout"] = length_of_time(timeout)
        if max_retries is not UNSET:
            changed["max_retries"] = whole_number(max_retries, "max_retries", 0)
        if api_key.reveal() is not UNSET:
            changed["api_key"] = _key_or_function(api_key)
        if not isinstance(headers := default_headers.reveal(), Unset):
            added = checked_headers(headers, "default_headers")
            changed["default_headers"] = {**self.default_headers, **added}
        if not isinstance(rate_limits, Unset):
            changed["rate_limits"] = _checked_rate_limits(rate_limits)
        return evolve(self, **changed)

    @property
    def key_function(self) -> KeyFunction | None:
        """The function that returns the key for each request; None if the key never changes."""
        key = self._api_key
        return None if key is None or isinstance(key, environment.ApiKey) else key

    def key(self) -> environment.ApiKey:
        """
        Return the key that never changes; of an unpickled client, look it up in this process.

        Raises:
            ConfigurationError: There is none here.
        """
        if self.revived and not self.own_http:
            raise ConfigurationError(
                "this client uses an http_client, which cannot be pickled:"
                " create a new client in this process"
            )
        if isinstance(self._api_key, environment.ApiKey):
            return self._api_key
        return environment.find_api_key(None)

    def __reduce__(self) -> tuple[object, ...]:
        waiting = self.timeout, self.max_retries
        limits = self.max_response_size, self.rate_limits, self.size_limits
        rest = self.telemetry, None, self.own_http, True, self.default_headers
        return type(self), (self.base_url, *waiting, *limits, *rest)


def _key_or_function(given: Secret[Any]) -> environment.ApiKey | KeyFunction:
    if callable(given.reveal()) and not isinstance(given.reveal(), type):
        function: KeyFunction = given.reveal()
        return function
    return environment.find_api_key(given.reveal())


def whole_number(value: int, name: str, least: int) -> int:
    """Return *value* if it is a whole number of at least *least*."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}")
    return value


def _checked_rate_limits(value: bool | float | RateBudget) -> bool | float | RateBudget:
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        if 0 < value <= 1:
            return value
        raise ValueError(
            f"rate_limits must be a share between 0 and 1, such as 0.25, not {value!r}"
        )
    from runpod_sdk.rate_budget import RateBudget

    if isinstance(value, RateBudget):
        return value
    raise TypeError(
        "rate_limits must be True or False, a share between 0 and 1, such as 0.25, or a RateBudget,"
        f" not {value!r:.60}"
    )
