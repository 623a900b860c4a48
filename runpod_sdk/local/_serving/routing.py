"""Routes: path patterns, their verbs, and the functions that handle the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TypeAlias

from attrs import frozen

from .http import HTTPResponse
from .requests import Refusal

RouteHandler: TypeAlias = Callable[..., Awaitable[HTTPResponse]]
"""Takes the request and the segments that match the pattern's braces."""


@frozen
class HTTPRoute:
    """
    The paths of one pattern, and their handler.

    Args:
        pattern: Segments; one in braces matches any segment but an empty one, and `{rest...}`,
            at the end, matches the rest of the path, slashes included.
        verbs: The verbs that it takes; any if empty.
        handle: Handles the requests.
    """

    pattern: str
    verbs: tuple[str, ...]
    handle: RouteHandler

    @property
    def name(self) -> str:
        """The first segment: the operation that limits and faults are about."""
        return self.pattern.partition("/")[0]

    def match(self, segments: list[str]) -> tuple[str, ...] | None:
        """Return the segments that match the braces; None if the path does not match."""
        found: list[str] = []
        pattern = self.pattern.split("/")
        for index, part in enumerate(pattern):
            if part.endswith("...}"):
                rest = "/".join(segments[index:])
                return (*found, rest) if rest else None
            if index == len(segments) or not segments[index]:
                return None
            if part.startswith("{"):
                found.append(segments[index])
            elif part != segments[index]:
                return None
        return tuple(found) if len(pattern) == len(segments) else None


class Router:
    """Finds the route of a path."""

    def __init__(self, routes: Iterable[HTTPRoute]) -> None:
        self._routes: dict[str, list[HTTPRoute]] = {}
        for route in routes:
            self._routes.setdefault(route.name, []).append(route)

    def __contains__(self, name: str) -> bool:
        """Return whether a route begins with the segment *name*."""
        return name in self._routes

    def find(self, segments: list[str], verb: str) -> tuple[HTTPRoute, tuple[str, ...]]:
        """
        Return the route of a path, and the segments that match its braces.

        Raises:
            Refusal: No route matches (404), or none of them takes the verb (405).
        """
        allowed: list[str] = []
        for route in self._routes.get(segments[0], ()):
            found = route.match(segments)
            if found is not None:
                if not route.verbs or verb in route.verbs:
                    return route, found
                allowed += route.verbs
        if not allowed:
            raise Refusal(HTTPStatus.NOT_FOUND, "not found")
        raise Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{segments[0]} takes {' or '.join(allowed)}",
            allow=", ".join(allowed),
        )
