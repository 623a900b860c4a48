"""Errors, settings and results that the sync and the async classes share."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict

from runpod_sdk.errors import AuthenticationError, ConfigurationError
from runpod_sdk.models import JobState
from runpod_sdk.results import checked


class NoKeyError(ConfigurationError, RuntimeError):
    """The API key is missing or invalid."""


class UnauthorizedError(AuthenticationError, RuntimeError):
    """401: the API key is missing, wrong or revoked."""


class ClientSettings(TypedDict):
    """The arguments of a client."""

    api_key: str | None
    base_url: str


def client_settings(api_key: str | None) -> ClientSettings:
    """Return the arguments for a client, from *api_key* and the module's settings."""
    from runpod_sdk import compat

    return {"api_key": api_key or compat.api_key, "base_url": compat.endpoint_url_base}


def request_body(request_input: Any) -> Mapping[str, Any]:
    """Return *request_input* if it has a key `input`, else a request body with it as the input."""
    if isinstance(request_input, Mapping) and "input" in request_input:
        return request_input
    return {"input": request_input}


@contextmanager
def documented_errors() -> Iterator[None]:
    """Raise errors as the `RuntimeError`s that RunPod documents."""
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


def auth_headers(api_key: str) -> dict[str, str]:
    """Return the headers that RunPod's own classes show as theirs."""
    return {"Content-Type": "application/json", "Authorization": f"Bearer {api_key}"}


def key_of(headers: Mapping[str, str] | None) -> str | None:
    """Return the API key in *headers*, if any."""
    return (headers or {}).get("Authorization", "").removeprefix("Bearer ") or None


def missing(text: str) -> Exception:
    """
    Return the error for a public name that a package does not have.

    An `import` statement replaces the text of an `AttributeError` by its own, so that it gets an
    `ImportError`.
    """
    asking = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    by_import = asking.f_globals.get("__name__") == "importlib._bootstrap"
    return ImportError(text) if by_import else AttributeError(text)


class JobOutcome:
    """The status and output of a job that has ended."""

    _state: JobState | None = None

    @property
    def job_status(self) -> str | None:
        """The terminal status, or None if it is not known yet."""
        return None if self._state is None else str(self._state.status)

    @property
    def job_output(self) -> Any:
        """The output, or None if the job is not known to have ended."""
        return None if self._state is None else self._state.output

    def _kept(self) -> JobState | None:
        """Return the state of a job that has succeeded: it does not change any more."""
        return self._state if self._state is not None and self._state.succeeded else None

    def _seen(self, state: JobState) -> JobState:
        self._state = state if state.completed else None
        return state

    def _result(self, state: JobState) -> Any:
        """Return the output of a job that has ended, or None if it has not."""
        return checked(self._seen(state)).output if state.completed else None
