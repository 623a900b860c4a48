"""
Every default, and how a client finds its key and its base URL.

Lengths of time are seconds. Nothing here is read before a client is made.
"""

from __future__ import annotations

import os
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import field, frozen

from runpod_sdk.errors import ConfigurationError

BASE_URL: Final = "https://api.runpod.ai/v2"
BASE_URL_VARIABLE: Final = "RUNPOD_ENDPOINT_BASE_URL"
API_KEY_VARIABLE: Final = "RUNPOD_API_KEY"
CONFIG_FILE: Final = "~/.runpod/config.toml"

TIMEOUT: Final = 10.0
"""Total time of an operation that does not wait for a job; also the patience with one answer."""
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
PROPAGATION: Final = 5.0
"""How long a job that was just submitted may be unknown to the servers that are asked for it."""

OnTimeout = Literal["detach", "cancel"]
"""What becomes of the job when the local time is up, or the caller is interrupted."""

OnLeave = Literal["detach", "cancel"]
"""What becomes of the jobs in flight when a `map` is left before its end, whatever the reason."""

OnError = Literal["yield", "raise"]
"""Whether what befell one input is a result of a `map`, or its end."""

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
        raise ValueError(f"{name} must be above zero (None: no limit), not {value!r}")
    return None if value > _FOREVER else value


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
    return value


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
    _api_key: str | None = field(repr=False, eq=False, alias="api_key")
    own_http: bool = True
    """Whether HTTP connections are this package's own, not those of a caller's `http_client`."""
    revived: bool = False

    @classmethod
    def make(
        cls,
        api_key: str | None,
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
            base_url=_find_base_url(base_url),
            timeout=length_of_time(timeout),
            max_retries=whole_number(max_retries, "max_retries", 0),
            max_response_size=whole_number(max_response_size, "max_response_size", 1),
            rate_limits=_yes_or_no(rate_limits, "rate_limits"),
            size_limits=_yes_or_no(size_limits, "size_limits"),
            telemetry=_yes_or_no(telemetry, "telemetry"),
            api_key=_find_api_key(api_key),
            own_http=own_http,
        )

    def total(self, timeout: float | timedelta | Unset | None) -> float | None:
        """Return the total time of an operation in seconds: *timeout*, else the client's own."""
        return self.timeout if isinstance(timeout, Unset) else length_of_time(timeout)

    @property
    def api_key(self) -> str:
        """The key; of a client that was pickled, what this process finds."""
        if self.revived and not self.own_http:
            raise ConfigurationError(
                "this client was made with an http_client, which can't be pickled:"
                " make a new client here, with its own"
            )
        return _find_api_key(None) if self._api_key is None else self._api_key

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


def _find_api_key(explicit: str | None) -> str:
    if explicit is not None:
        return _check_api_key(explicit, "api_key")
    if (variable := os.environ.get(API_KEY_VARIABLE)) is not None:
        return _check_api_key(variable, API_KEY_VARIABLE)
    if (stored := _stored_api_key()) is not None:
        return _check_api_key(stored, f"api_key in {CONFIG_FILE}")
    raise ConfigurationError(
        f"no API key: give api_key=…, set {API_KEY_VARIABLE},"
        f" or put api_key under [default] in {CONFIG_FILE}"
    )


def _stored_api_key() -> object:
    import tomllib

    path = Path(CONFIG_FILE).expanduser()
    try:
        with path.open("rb") as file:
            profile = tomllib.load(file).get("default")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"no API key: {CONFIG_FILE} can't be read ({type(error).__name__})"
        ) from None
    return profile.get("api_key") if isinstance(profile, dict) else None


def _check_api_key(key: object, source: str) -> str:
    if not isinstance(key, str):
        raise ConfigurationError(f"{source} must be a string, not a {type(key).__name__}")
    if not key.strip():
        raise ConfigurationError(f"{source} is blank: give a key, or leave it out")
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        raise ConfigurationError(
            f"{source} has a character that no key has (a line end or a space, perhaps): strip it"
        )
    return key


def _find_base_url(explicit: str | None) -> str:
    if explicit is not None:
        return _check_base_url(explicit, "base_url")
    return _check_base_url(os.environ.get(BASE_URL_VARIABLE, BASE_URL), BASE_URL_VARIABLE)


def _check_base_url(url: str, source: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        secret = "@" in parts.netloc or (not good and "@" in url)
    except (ValueError, AttributeError, TypeError):
        raise ConfigurationError(f"{source} must be a URL such as {BASE_URL}") from None
    if secret:  # looked for first, as all else shows the URL
        raise ConfigurationError(f"{source} must not carry a user name or a password")
    if not good or not url.isprintable() or " " in url:
        raise ConfigurationError(f"{source} must be a URL such as {BASE_URL}, not {url!r}")
    if parts.query or parts.fragment or {".", ".."} & set(parts.path.split("/")):
        raise ConfigurationError(
            f"{source} must end with a path, without '?', '#' or '..', not {url!r}"
        )
    return url.rstrip("/")
