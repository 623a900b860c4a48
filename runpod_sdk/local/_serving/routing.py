"""Which path is whose: patterns of segments, the verbs that they take, and who answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TypeAlias

from attrs import frozen

from .http import Answer
from .requests import Refusal

Answering: TypeAlias = Callable[..., Awaitable[Answer]]
"""Takes the request and the segments that stand where the pattern has braces."""


@frozen
class Route:
    """
    Paths of one form, and who answers them.

    Args:
        pattern: Segments; one in braces is any but the empty one, and `{rest...}`, at the
            end, is all that follows, slashes included.
        verbs: What it takes; any, if empty.
        answering: Who answers.
    """

    pattern: str
    verbs: tuple[str, ...]
    answering: Answering

    @property
    def name(self) -> str:
        """The first segment, by which limits and faults know an operation."""
        return self.pattern.partition("/")[0]

    def match(self, segments: list[str]) -> tuple[str, ...] | None:
        """Give the segments that stand for the braces; None if the path has another form."""
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
    """Find the route of a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: dict[str, list[Route]] = {}
        for route in routes:
            self._routes.setdefault(route.name, []).append(route)

    def __contains__(self, name: str) -> bool:
        """Tell whether a first segment is that of a route."""
        return name in self._routes

    def find(self, segments: list[str], verb: str) -> tuple[Route, tuple[str, ...]]:
        """
        Give the route of a path, and the segments that stand for its braces.

        Raises:
            Refusal: There is none (404), or none that takes the verb (405).
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
