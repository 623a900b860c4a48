"""The sync and the async public surface are the same, and are what is documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from types import ModuleType

import pytest

from runpod_sdk import (
    AsyncEndpoint,
    AsyncJob,
    AsyncResults,
    AsyncRunpod,
    AsyncStream,
    Endpoint,
    Job,
    Results,
    Runpod,
    Stream,
)
from tests.twins.surface import (
    ASYNC_NAME_OF,
    NOT_AWAITED,
    ONLY_ASYNC,
    as_sync,
    differences,
    members,
)

TWINS = [
    (Runpod, AsyncRunpod),
    (Endpoint, AsyncEndpoint),
    (Job, AsyncJob),
    (Stream, AsyncStream),
    (Results, AsyncResults),
]

SUBMIT = "request=None, *, input=…, webhook=…, policy=…, s3_config=…"

# Others' code is written against these: arguments as documented, and what is given.
# `…` is a default that is not documented as a value.
DOCUMENTED: dict[type, dict[str, tuple[str, str]]] = {
    Runpod: {
        "__init__": (
            "api_key=None, *, base_url=None, timeout=10.0, max_retries=2,"
            " max_response_size=268435456, rate_limits=True, size_limits=True,"
            " telemetry=True, http_client=None",
            "None",
        ),
        "endpoint": (
            "endpoint_id, *, input_type=None, output_type=None",
            "Endpoint[Any, Any]",
        ),
        "as_completed": (
            "jobs, *, timeout=None, concurrency=100",
            "Results[JobResult[Job[Out], Out]]",
        ),
        "wait_all": ("jobs, *, timeout=None, concurrency=100", "list[JobState]"),
        "close": ("", "None"),
    },
    Endpoint: {
        "run": (f"{SUBMIT}, timeout=…", "Job[Out]"),
        "run_sync": (
            f"{SUBMIT}, timeout=90.0, check=True, on_timeout='detach', output_type=…",
            "JobState[Any]",
        ),
        "status": ("job_id, *, timeout=…", "JobState"),
        "wait": ("job_id, *, timeout=None, on_timeout='detach'", "JobState"),
        "stream": ("job_id, *, timeout=None", "Stream"),
        "cancel": ("job_id, *, timeout=…", "JobState"),
        "retry": ("job_id, *, timeout=…", "JobState"),
        "explain": ("job_id, *, timeout=…", "Explanation"),
        "health": ("*, timeout=…", "EndpointHealth"),
        "purge_queue": ("*, timeout=…", "PurgeResult"),
        "openai": ("**options", "OpenAI"),
        "job": ("job_id", "Job[Output_co]"),
        "map": (
            "inputs, *, concurrency=100, ordered=True, timeout=None, on_error='yield',"
            " on_leave='detach', progress=None, webhook=…, policy=…, s3_config=…,"
            " journal=None",
            "Results[MapResult[Any]]",
        ),
    },
    Job: {
        "status": ("*, timeout=…", "JobState"),
        "wait": ("*, timeout=None, on_timeout='detach'", "JobState"),
        "output": ("*, timeout=None, on_timeout='detach', output_type=…", "Any"),
        "stream": ("*, timeout=None", "Stream"),
        "explain": ("*, timeout=…", "Explanation"),
        "cancel": ("*, timeout=…", "JobState"),
        "retry": ("*, timeout=…", "JobState"),
    },
    Stream: {
        "close": ("", "None"),
    },
    Results: {
        "close": ("", "None"),
    },
}
ATTRIBUTES = {
    Job: {"id", "endpoint"},
    Endpoint: {"id", "client", "input_type", "output_type", "openai_base_url"},
    Results: {"in_flight", "uncertain"},
    Stream: {"undelivered"},
}


def undocumented(cls: type, name: str, arguments: str, gives: str) -> list[str]:
    """Say in a line each how the method *name* of *cls* is not as documented."""
    if not callable(function := getattr(cls, name, None)):
        return [f"no method {name}"]
    lambda_ = ast.parse(f"lambda {arguments.replace('…', '...')}: 0", mode="eval").body
    assert isinstance(lambda_, ast.Lambda)
    wanted = inspect.signature(eval(compile(ast.Expression(lambda_), "table", "eval")))
    actual = inspect.signature(function)
    found = {
        key: value for key, value in actual.parameters.items() if key not in {"self", *ONLY_ASYNC}
    }
    wrong: list[str] = []
    if list(found) != list(wanted.parameters):
        wrong.append(f"{name}: takes {list(found)}, not {list(wanted.parameters)}")
    for key in found.keys() & wanted.parameters.keys():
        ours, theirs = found[key], wanted.parameters[key]
        if ours.kind is not theirs.kind:
            wrong.append(f"{name}: {key} is {ours.kind.description}")
        is_open = theirs.default is ... and ours.default is not inspect.Parameter.empty
        if not is_open and (ours.default, type(ours.default)) != (
            theirs.default,
            type(theirs.default),
        ):
            wrong.append(f"{name}: {key} is {ours.default!r} by default, not {theirs.default!r}")
    if as_sync(actual.return_annotation) != gives:
        wrong.append(f"{name}: gives {actual.return_annotation}, not {gives}")
    return wrong


@pytest.mark.parametrize(("sync", "async_"), TWINS)
def test_twins_differ_in_nothing(sync: type, async_: type) -> None:
    """The two have the same members, arguments, annotations and defaults, and are documented."""
    assert differences(sync, async_) == []


def test_every_async_name_has_its_twin_compared() -> None:
    """No class that the package exports as `Async…` is left out here."""
    import runpod_sdk

    names = {name for name in runpod_sdk.__all__ if name.startswith("Async")}
    assert names == {async_.__name__ for _, async_ in TWINS}
    assert names == {f"Async{sync.__name__}" for sync, _ in TWINS}


@pytest.mark.parametrize(
    ("cls", "name"), [(cls, name) for cls, table in DOCUMENTED.items() for name in table]
)
def test_a_method_is_as_documented(cls: type, name: str) -> None:
    """Each documented method has the documented arguments, kinds and defaults, on both sides."""
    arguments, gives = DOCUMENTED[cls][name]
    assert undocumented(cls, name, arguments, gives) == []
    async_ = dict(TWINS)[cls]
    assert undocumented(async_, ASYNC_NAME_OF.get(name, name), arguments, gives) == []


@pytest.mark.parametrize("cls", DOCUMENTED)
def test_there_is_no_public_name_that_is_not_documented(cls: type) -> None:
    """What an application can find is what it may rely on."""
    public = {name for name in members(cls) if not name.startswith("_")}
    assert public == {*DOCUMENTED[cls], *ATTRIBUTES.get(cls, ())} - {"__init__"}


def test_a_client_and_a_stream_can_be_used_with_with() -> None:
    """Clients and streams are context managers, and streams iterators, in their colour."""
    for sync, async_ in TWINS:
        if sync in (Runpod, Stream):
            assert {"__enter__", "__exit__"} <= members(sync)
            assert {"__aenter__", "__aexit__"} <= members(async_)
    assert {"__iter__", "__next__"} <= members(Stream)
    assert {"__aiter__", "__anext__"} <= members(AsyncStream)


def altered(cls: type, old: str, new: str) -> type:
    """Return the class *cls* as it were if its module said *new* where it says *old*."""
    original = sys.modules[cls.__module__]
    source = inspect.getsource(original)
    assert old in source
    module = ModuleType(original.__name__)
    module.__package__ = original.__package__
    exec(compile(source.replace(old, new, 1), "altered", "exec"), module.__dict__)
    result = module.__dict__[cls.__name__]
    assert isinstance(result, type)
    return result


@pytest.mark.parametrize(
    ("sync", "old", "new", "finding"),
    [
        (Job, "async def cancel", "async def cancel_it", "cancel: only sync"),
        (Job, "async def cancel", "async def kill", "kill: only async"),
        (Job, "async def cancel", "async def _cancel", "cancel: only sync"),
        (Job, "*, timeout: Timeout | Unset = UNSET", "timeout: Timeout | Unset = UNSET", "status"),
        (Job, "*, timeout: Timeout | Unset", "*, limit: Timeout | Unset", "status"),
        (Job, "Timeout | Unset = UNSET", "Timeout = None", "status"),
        (Job, "Timeout | Unset = UNSET", "float | Unset = UNSET", "status"),
        (Job, "Unset = UNSET) -> JobState", "Unset = UNSET) -> Any", "status"),
        (Job, 'OnTimeout = "detach"', 'OnTimeout = "cancel"', "wait"),
        (Job, "def stream", "async def stream", "stream: is a coroutine function"),
        (Job, "    async def cancel", "    @property\n    async def cancel", "cancel"),
        (Job, '"""Async twin of `Job.retry`."""', "", "retry: the docstring"),
        (Job, "Async twin of `Job.retry`", "Async twin of `Job.cancel`", "retry: the docstring"),
        (Job, "Async twin of `Job`.", "A job.", "the docstring of the class"),
        (Job, "    id: str", "    id: str | None", "fields"),
        (Job, "    id: str", "    id: str\n    name: str", "name: only async"),
        (Job, "endpoint: AsyncEndpoint", "endpoint: AsyncRunpod", "fields"),
        (Job, ") -> AsyncStream", ") -> AsyncJob", "stream"),
        (Runpod, "http_client: httpx.AsyncClient", "http_client: httpx.BaseClient", "__init__"),
        (Runpod, "settings.TIMEOUT", "11.0", "__init__"),
        (Runpod, "async def aclose", "async def close", "aclose: only sync"),
        (Stream, "async def aclose", "def aclose", "aclose: is not a coroutine function"),
        (Runpod, "async def __aexit__", "async def __exit__", "__aexit__: only sync"),
        (Runpod, "def __reduce__", "def __reduce_ex__", "__reduce__: only sync"),
        (Runpod, "def as_completed", "async def as_completed", "as_completed: is a coroutine"),
        (Stream, "def __aiter__", "def _aiter", "__aiter__"),
        (Stream, "AsyncIterator[StreamChunk]", "AsyncIterator[object]", "bases"),
        (Endpoint, "    run_sync = running.run_sync", "", "run_sync: only sync"),
    ],
)
def test_a_difference_is_found(sync: type, old: str, new: str, finding: str) -> None:
    """An async class that was altered in one place no longer passes for the twin."""
    found = differences(sync, altered(dict(TWINS)[sync], old, new))
    assert any(line.startswith(finding) for line in found), found


@pytest.mark.parametrize(
    ("cls", "name", "arguments", "gives"),
    [
        (Endpoint, "resume", "job_id", "Job"),
        (Endpoint, "job", "job_id, extra", "Job"),
        (Endpoint, "job", "id", "Job"),
        (Endpoint, "job", "job_id=…", "Job"),
        (Endpoint, "job", "*, job_id", "Job"),
        (Endpoint, "job", "job_id", "Stream"),
        (Endpoint, "wait", "job_id, *, timeout=90.0, on_timeout='detach'", "JobState"),
        (Runpod, "__init__", "*, api_key=None, base_url=None", "None"),
    ],
)
def test_what_is_not_as_documented_is_found(
    cls: type, name: str, arguments: str, gives: str
) -> None:
    """A table that says something else than the class fails."""
    assert undocumented(cls, name, arguments, gives) != []


def test_what_is_not_awaited_is_so_for_a_reason() -> None:
    """Each name in `NOT_AWAITED` is one of a method; a stale one would hide a fault."""
    named = {name for _, async_ in TWINS for name in members(async_)}
    assert named >= NOT_AWAITED


def test_the_classes_are_where_the_package_says() -> None:
    """What is compared here is what an application imports."""
    package = importlib.import_module("runpod_sdk")
    for pair in TWINS:
        for cls in pair:
            assert getattr(package, cls.__name__) is cls
