"""A rate limit that several processes share."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from runpod_sdk._budget_stores import BudgetStore, is_url, open_store, shown_location
from runpod_sdk._secret import Secret
from runpod_sdk.errors import ConfigurationError

__all__ = ["RateBudget"]

VARIABLE: Final = "RUNPOD_RATE_BUDGET"
_SERVER: Final = re.compile(r"([^/\\]*:[^/\\]*@[^/\\]+|[\w.-]{2,}:\d+)(/\d*)?")
"""A server's address without the URL's scheme: with a password, or with a port."""


class RateBudget:
    """
    RunPod's rate limits, shared by the clients of several processes through a store.

    Each client gets an equal part of what the other clients leave. Ten seconds after a client has
    ended or crashed, the others use its part. If the store cannot be reached, each client keeps to
    its last part; see docs/rate-limits.md.

    Budgets can be pickled. If a budget's URL contains a password, the pickle does not contain the
    URL, and the process that loads it reads `RUNPOD_RATE_BUDGET` instead.

    Examples:
        ```python
        with Runpod(rate_limits=RateBudget("/tmp/endpoint.rates")) as client:
            print(client.endpoint("your-endpoint-id").health().jobs)
        ```

    Args:
        location: The path of a file, for processes of one machine; it is created. Or the URL of a
            Redis or Valkey server (`redis://`, `rediss://`, `unix://`), for several machines, which
            needs the extra `redis`. By default the environment variable `RUNPOD_RATE_BUDGET`.

    Raises:
        ConfigurationError: The location is missing or invalid, the directory does not exist, the
            file is on a network file system, or the extra is not installed.
    """

    _location: Secret[str] | None = None  # for a traceback that shows one whose location is invalid

    def __init__(self, location: str | os.PathLike[str] | None = None) -> None:
        given = Secret(location)
        del location  # which a traceback would show
        self._location = _checked_location(given)
        self.open_store()

    def open_store(self) -> BudgetStore:
        """
        Return a new connection to the store; nothing is sent yet.

        Raises:
            ConfigurationError: The store cannot be used.
        """
        return open_store(self._location or _checked_location(Secret(None)))

    @property
    def location(self) -> str:
        """The path, or the URL without user name, password and options."""
        return VARIABLE if self._location is None else shown_location(self._location)

    def __repr__(self) -> str:
        return f"RateBudget({self.location!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RateBudget):
            return NotImplemented
        mine, theirs = self._location, other._location
        return mine is theirs or bool(mine and theirs and mine.reveal() == theirs.reveal())

    def __hash__(self) -> int:
        return hash(self.location)

    def __copy__(self) -> RateBudget:
        return self  # a copy by way of `__reduce__` would lose the URL

    def __deepcopy__(self, memo: object) -> RateBudget:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        is_public = self._location is not None and self._location.reveal() == self.location
        return _revived, (self.location if is_public else None,)


def _revived(location: str | None) -> RateBudget:
    """Return an unpickled budget; its store is checked when it is used."""
    budget = RateBudget.__new__(RateBudget)
    budget._location = None if location is None else Secret(location)
    return budget


def _checked_location(given: Secret[Any]) -> Secret[str]:
    """Return a URL, or an absolute path; without an argument, of the environment variable."""
    if given.reveal() is None:
        given = Secret(os.environ.get(VARIABLE, ""))
        if not given.reveal().strip():
            raise ConfigurationError(
                f"no rate budget: pass the path of a file or the URL of Redis, or set {VARIABLE}"
            )
    if not isinstance(given.reveal(), str | os.PathLike):
        kind = type(given.reveal()).__name__
        raise TypeError(f"the location of a rate budget must be a path or a URL, not a {kind}")
    location = Secret(os.fspath(given.reveal()))
    if not isinstance(location.reveal(), str):
        raise TypeError("the location of a rate budget must be a string or a path of strings")
    if not location.reveal().strip() or "\0" in location.reveal():
        raise ConfigurationError("the location of a rate budget must be a path or a URL, not blank")
    if is_url(location):
        return location
    if _SERVER.fullmatch(location.reveal()):
        raise ConfigurationError(
            "the location of a rate budget is the address of a server: begin it with redis://"
        )
    return Secret(os.path.abspath(os.path.expanduser(location.reveal())))
