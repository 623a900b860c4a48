"""What two classes, one sync and one async, differ in that twins should not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

ASYNC_NAME_OF = {
    "close": "aclose",
    "__enter__": "__aenter__",
    "__exit__": "__aexit__",
    "__iter__": "__aiter__",
    "__next__": "__anext__",
}
"""Members whose async twin has a name of its own; `with`, `for` and `next` ask for these."""

NOT_AWAITED = {"endpoint", "job", "stream", "map", "openai", "as_completed", "__aiter__"}
"""Those of the async side that send nothing by themselves, so that there is nothing to await."""

DIFFERENT = {"__next__"}
"""Members of the sync side that are deliberately of another kind than those of the async side."""

ONLY_ASYNC = {"transport"}
"""Arguments that the async side has alone: the event loop decides what there is to choose."""

_SYNC_TYPE_OF = {
    "AsyncRunpod": "Runpod",
    "AsyncEndpoint": "Endpoint",
    "AsyncJob": "Job",
    "AsyncStream": "Stream",
    "AsyncResults": "Results",
    "AsyncInputs": "Inputs",
    "AsyncOpenAI": "OpenAI",
    "AsyncClient": "Client",
    "AsyncIterator": "Iterator",
}

# What Python and attrs put into a class, whatever it is for.
_NOT_THE_AUTHORS = {
    *(
        "__annotate__",
        "__annotate_func__",
        "__getstate__",
        "__setstate__",
        "__attrs_init_subclass__",
    ),
    *("__class_getitem__", "__subclasshook__", "__init_subclass__", "__length_hint__"),
}


def members(cls: type) -> set[str]:
    """List the public names of *cls*, and the special methods that it or its bases define."""
    special = {
        name
        for base in cls.__mro__
        if base is not object
        for name, value in vars(base).items()
        if name.startswith("__") and callable(value)
    }
    return {name for name in dir(cls) if not name.startswith("_")} | special - _NOT_THE_AUTHORS


def differences(sync: type, async_: type) -> list[str]:
    """Say in a line each how *async_* is not the twin of *sync*."""
    wrong: list[str] = []
    wanted = {ASYNC_NAME_OF.get(name, name): name for name in members(sync)}
    wrong += [f"{name}: only sync" for name in wanted.keys() - members(async_)]
    wrong += [f"{name}: only async" for name in members(async_) - wanted.keys()]
    for name in wanted.keys() & members(async_):
        if wanted[name] in DIFFERENT:
            continue
        wrong += (f"{name}: {what}" for what in _differing(sync, wanted[name], async_, name))
    if fields(sync) != fields(async_):
        wrong.append(f"fields: {fields(sync)} ≠ {fields(async_)}")
    if bases(sync) != bases(async_):
        wrong.append(f"bases: {bases(sync)} ≠ {bases(async_)}")
    wrong += _documented(async_, f"Async twin of `{sync.__name__}`", "the class")
    return sorted(wrong)


def _differing(sync: type, sync_name: str, async_: type, async_name: str) -> Iterable[str]:
    pair = inspect.getattr_static(sync, sync_name), inspect.getattr_static(async_, async_name)
    if type(pair[0]) is not type(pair[1]):
        yield f"{type(pair[0]).__name__} ≠ {type(pair[1]).__name__}"
    ours, theirs = map(_function, pair)
    if ours is None or theirs is None:
        return
    if (ours_is := parameters(ours)) != (theirs_is := parameters(theirs)):
        yield f"{ours_is} ≠ {theirs_is}"
    if inspect.iscoroutinefunction(ours):
        yield "the sync one is a coroutine function"
    by_itself = isinstance(pair[0], property) or (async_name == sync_name and "__" in sync_name)
    awaited = not (async_name in NOT_AWAITED or by_itself)
    if inspect.iscoroutinefunction(theirs) is not awaited:
        yield f"{'is not' if awaited else 'is'} a coroutine function"
    if not sync_name.startswith("_"):
        if not inspect.getdoc(ours):
            yield "the sync one has no docstring"
        yield from _documented(theirs, f"Async twin of `{sync.__name__}.{sync_name}`")


def _documented(thing: object, beginning: str, name: str = "it") -> list[str]:
    if (getattr(thing, "__doc__", None) or "").strip().startswith(beginning):
        return []
    return [f"the docstring of {name} does not begin with {beginning!r}"]


def _function(value: object) -> object:
    """Return the function behind a method or a property; of a field, None."""
    if isinstance(value, property):
        return value.fget
    return value if inspect.isfunction(value) else None


def parameters(function: object) -> list[str]:
    """Spell each parameter with kind, annotation and default, and what is returned; as if sync."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    spelled = [
        f"{p.kind.description} {p.name}: {as_sync(p.annotation)} = {p.default!r}"
        for p in signature.parameters.values()
        if p.name not in ONLY_ASYNC
    ]
    return [*spelled, f"-> {as_sync(signature.return_annotation)}"]


def fields(cls: type) -> dict[str, str]:
    """Give the annotations in the body of *cls*; as if sync."""
    return {name: as_sync(value) for name, value in inspect.get_annotations(cls).items()}


def bases(cls: type) -> list[str]:
    """Name the bases of *cls*; as if sync."""
    return [as_sync(base) for base in getattr(cls, "__orig_bases__", cls.__bases__)]


def as_sync(annotation: object) -> str:
    """Spell an annotation with the sync twin of each type in it."""
    text = annotation if isinstance(annotation, str) else repr(annotation)
    return re.sub(r"\bAsync\w+", lambda name: _SYNC_TYPE_OF.get(name[0], name[0]), text)
