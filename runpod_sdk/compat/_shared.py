"""What the sync and the async classes have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

from runpod_sdk.errors import AuthenticationError, ConfigurationError
from runpod_sdk.models import JobState
from runpod_sdk.outcomes import checked


class NoKeyError(ConfigurationError, RuntimeError):
    """There is no API key, or none that can be one."""


class UnauthorizedError(AuthenticationError, RuntimeError):
    """401: the API key is missing, wrong or revoked."""


class Where(TypedDict):
    """What a client is made of."""

    api_key: str | None
    base_url: str


def where(api_key: str | None) -> Where:
    """Take from the module what was set there."""
    from runpod_sdk import compat

    return {"api_key": api_key or compat.api_key, "base_url": compat.endpoint_url_base}


def body(request_input: Any) -> Mapping[str, Any]:
    """Return the body of a request: what was given, if that has an `input`; else around it."""
    if isinstance(request_input, Mapping) and "input" in request_input:
        return request_input
    return {"input": request_input}


@contextmanager
def documented() -> Iterator[None]:
    """Raise what is documented to be a `RuntimeError` as one."""
    try:
        yield
    except AuthenticationError as error:
        raise UnauthorizedError(
            str(error),
            status_code=error.status_code,
            body=error.body,
            headers=error.headers,
            request_id=error.request_id,
        ) from error
    except ConfigurationError as error:
        raise NoKeyError(str(error)) from error


class Ended:
    """What a job has come to, once that is known."""

    _state: JobState | None = None

    @property
    def job_status(self) -> str | None:
        """The terminal status, once it was seen; else None."""
        return None if self._state is None else str(self._state.status)

    @property
    def job_output(self) -> Any:
        """The output of a job that was seen to have ended; else None."""
        return None if self._state is None else self._state.output

    def _kept(self) -> JobState | None:
        """Return the state of a job that ended well: it need not be asked for again."""
        return self._state if self._state is not None and self._state.succeeded else None

    def _seen(self, state: JobState) -> JobState:
        self._state = state if state.completed else None
        return state

    def _result(self, state: JobState) -> Any:
        """Return the output of a job that has ended; None of one that has not."""
        return checked(self._seen(state)).output if state.completed else None
