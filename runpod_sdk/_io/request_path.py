"""
Detection of mocks: tools that replace the functions with which httpx and httpcore send a request.

These libraries are not imported for it: nothing of a library is replaced before it is imported.
"""

from __future__ import annotations

import sys
from typing import Any, Final, TypeAlias

_Functions: TypeAlias = tuple[tuple[str, str], ...]
"""Names of classes of a library, each with the name of a method."""


class RequestPath:
    """
    The functions with which httpx and httpcore send a request, sync or async.

    Mocks and recorders replace one of these functions.
    """

    def __init__(self, *, httpx: _Functions, httpcore: _Functions) -> None:
        self._state: tuple[tuple[type[Any], ...], tuple[str, ...], dict[str, _Functions]] = (
            (),
            (),
            {"httpx": httpx, "httpcore": httpcore},
        )
        """The known classes and their methods, and the functions of libraries not yet imported."""
        self._own: tuple[Any, ...] = ()
        """The functions that were found last, if none of them was replaced."""

    def is_replaced(self) -> bool:
        """
        Return whether one of the functions is replaced at the moment.

        `Client.send` does not count, because tracers wrap it in production. Other functions that
        tracers wrap with wrapt do not count either: such a wrapper has the globals of the
        function that it wraps.
        """
        classes, names, missing = self._state
        if not sys.modules.keys().isdisjoint(missing):
            classes, names = self._find_missing()
        found = tuple(map(getattr, classes, names))
        if found == self._own:
            return False
        for cls, function in zip(classes, found, strict=True):
            own_globals = vars(cls)["__init__"].__globals__
            if getattr(function, "__globals__", None) is not own_globals:
                return True
        self._own = found
        return False

    def _find_missing(self) -> tuple[tuple[type[Any], ...], tuple[str, ...]]:
        """Look up the functions of libraries that were imported since the last time."""
        classes, names, missing = self._state
        left: dict[str, _Functions] = {}
        for library, functions in missing.items():
            found = [_own_class(library, name) for name, _ in functions]
            if None in found:
                left[library] = functions
            else:
                classes += tuple(filter(None, found))
                names += tuple(name for _, name in functions)
        self._state = classes, names, left  # at once, because other threads read it
        return classes, names


def _own_class(library: str, name: str) -> type[Any] | None:
    """
    Return a class of a library, even if a tool has replaced it with a subclass.

    It is None if the library is not imported, or another thread imports it at the moment.
    """
    found = getattr(sys.modules.get(library), name, None)
    for cls in getattr(found, "__mro__", ()):
        if cls.__name__ == name and cls.__module__.partition(".")[0] == library:
            return cls  # type: ignore[no-any-return]
    return None


SYNC_PATH: Final = RequestPath(
    httpx=(
        ("Client", "_send_single_request"),
        ("Client", "_transport_for_url"),
        ("HTTPTransport", "handle_request"),
    ),
    httpcore=(("ConnectionPool", "handle_request"), ("HTTPConnection", "handle_request")),
)
ASYNC_PATH: Final = RequestPath(
    httpx=(
        ("AsyncClient", "_send_single_request"),
        ("AsyncClient", "_transport_for_url"),
        ("AsyncHTTPTransport", "handle_async_request"),
    ),
    httpcore=(
        ("AsyncConnectionPool", "handle_async_request"),
        ("AsyncHTTPConnection", "handle_async_request"),
    ),
)
