"""The origin of a value: the response's headers, and the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Censored = Callable[[Mapping[str, str], tuple[str, ...]], Mapping[str, str]]


class Origin:
    """
    The response that contained a state, without its body.

    Secrets that the server repeats are removed from the headers when they are first read, because
    few programs read them. A pickle contains neither the secrets nor the headers that show them.
    """

    __slots__ = ("_censored", "_headers", "_secrets", "base_url")

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        secrets: tuple[str, ...] = (),
        censored: Censored | None = None,
    ) -> None:
        self.base_url = base_url
        self._headers = headers
        self._secrets = secrets
        self._censored = censored

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response, without secrets of the client or the request."""
        if self._censored is not None:
            self._headers = self._censored(self._headers, self._secrets)
            self._secrets, self._censored = (), None
        return self._headers

    @property
    def request_id(self) -> str | None:
        """The request's id, for RunPod's support."""
        return request_id(self.headers)

    def __reduce__(self) -> tuple[Any, ...]:
        return Origin, (self.base_url, self.headers)


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id of a request, from the *headers* of its response."""
    return headers.get("x-request-id") or headers.get("cf-ray")
