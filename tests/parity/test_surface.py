"""The public surface is as documented, and the sync one is made from the async one."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from runpod_sdk import (
    AsyncBatch,
    AsyncEndpoint,
    AsyncEndpointBatches,
    AsyncJob,
    AsyncJournaledEndpoint,
    AsyncResults,
    AsyncRunpod,
    AsyncStream,
    Batch,
    Endpoint,
    EndpointBatches,
    Job,
    JournaledEndpoint,
    Results,
    Runpod,
    Stream,
)
from scripts import unasync

ROOT = Path(__file__).parents[2]

TWINS = [
    (Runpod, AsyncRunpod),
    (Endpoint, AsyncEndpoint),
    (Job, AsyncJob),
    (EndpointBatches, AsyncEndpointBatches),
    (JournaledEndpoint, AsyncJournaledEndpoint),
    (Batch, AsyncBatch),
    (Stream, AsyncStream),
    (Results, AsyncResults),
]
ASYNC_NAME_OF = {"close": "aclose"}

SUBMIT = "request=None, *, input=…, webhook=…, policy=…, s3_config=…"

# Programs depend on these: documented arguments and return types.
# `…` is a default that is not documented as a value.
DOCUMENTED: dict[type, dict[str, tuple[str, str]]] = {
    Runpod: {
        "__init__": (
            "api_key=None, *, base_url=None, timeout=10.0, max_retries=2,"
            " max_response_size=268435456, rate_limits=True, size_limits=True,"
            " telemetry=True, http_client=None, transport=None, default_headers=None",
            "None",
        ),
        "with_options": (
            "*, timeout=…, max_retries=…, api_key=…, default_headers=…, rate_limits=…",
            "Runpod",
        ),
        "endpoint": (
            "endpoint_id, *, input_type=None, output_type=None",
            "Endpoint[Any, Any]",
        ),
        "as_completed": (
            "jobs, *, timeout=None, concurrency=100, extra_headers=None",
            "Results[JobResult[Job[Out], Out]]",
        ),
        "wait_all": (
            "jobs, *, timeout=None, concurrency=100, extra_headers=None",
            "list[JobState]",
        ),
        "close": ("", "None"),
    },
    Endpoint: {
        "run": (f"{SUBMIT}, timeout=…, extra_headers=None, extra_body=None", "Job[Out]"),
        "run_sync": (
            f"{SUBMIT}, timeout=90.0, check=True, on_timeout='detach', on_update=None,"
            " output_type=…, extra_headers=None, extra_body=None",
            "JobState[Any]",
        ),
        "status": ("job_id, *, timeout=…, extra_headers=None", "JobState"),
        "wait": (
            "job_id, *, timeout=None, on_timeout='detach', on_update=None, extra_headers=None",
            "JobState",
        ),
        "stream": ("job_id, *, timeout=None, extra_headers=None", "Stream"),
        "updates": ("job_id, *, timeout=None, extra_headers=None", "Iterator[JobState]"),
        "cancel": ("job_id, *, timeout=…, extra_headers=None", "JobState"),
        "retry": ("job_id, *, timeout=…, extra_headers=None", "JobState"),
        "explain": ("job_id, *, timeout=…, extra_headers=None", "Explanation"),
        "health": ("*, timeout=…, extra_headers=None", "EndpointHealth"),
        "purge_queue": ("*, timeout=…, extra_headers=None", "PurgeResult"),
        "openai": ("**options", "OpenAI"),
        "job": ("job_id", "Job[Output_co]"),
        "map": (
            "inputs, *, concurrency=100, ordered=True, timeout=None, on_error='yield',"
            " on_leave='detach', progress=None, webhook=…, policy=…, s3_config=…,"
            " journal=None, key=None, on_update=None, extra_headers=None, extra_body=None",
            "Results[MapResult[Any]]",
        ),
        "journaled": ("journal", "JournaledEndpoint[Input_contra, Output_co]"),
    },
    JournaledEndpoint: {
        "submit": (
            "inputs, *, key=None, concurrency=100, timeout=None, progress=None, webhook=…,"
            " policy=…, s3_config=…, extra_headers=None, extra_body=None",
            "SubmitResult",
        ),
        "collect": (
            "*, concurrency=100, ordered=True, timeout=None, on_error='yield', progress=None,"
            " on_update=None, extra_headers=None",
            "Results[MapResult[None, Out]]",
        ),
    },
    Job: {
        "status": ("*, timeout=…, extra_headers=None", "JobState"),
        "wait": (
            "*, timeout=None, on_timeout='detach', on_update=None, extra_headers=None",
            "JobState",
        ),
        "output": (
            "*, timeout=None, on_timeout='detach', on_update=None, extra_headers=None,"
            " output_type=…",
            "Any",
        ),
        "save_output": (
            "directory, *, timeout=None, overwrite=False, extra_headers=None",
            "list[Path]",
        ),
        "stream": ("*, timeout=None, extra_headers=None", "Stream"),
        "updates": ("*, timeout=None, extra_headers=None", "Iterator[JobState]"),
        "explain": ("*, timeout=…, extra_headers=None", "Explanation"),
        "cancel": ("*, timeout=…, extra_headers=None", "JobState"),
        "retry": ("*, timeout=…, extra_headers=None", "JobState"),
    },
    EndpointBatches: {
        "create": (
            "inputs, *, webhook=…, policy=…, s3_config=…, timeout=…, extra_headers=None",
            "Batch",
        ),
        "batch": ("batch_id", "Batch"),
    },
    Batch: {
        "add": ("inputs, *, timeout=…, extra_headers=None", "None"),
        "finalize": ("*, timeout=…, extra_headers=None", "None"),
        "status": ("*, timeout=…, extra_headers=None", "BatchState"),
        "wait": ("*, timeout=None, extra_headers=None", "BatchState"),
        "results": ("*, timeout=None, extra_headers=None", "Iterator[BatchResult]"),
        "cancel": ("*, timeout=…, extra_headers=None", "None"),
    },
    Stream: {
        "close": ("", "None"),
        "text": ("", "Texts"),
    },
    Results: {
        "close": ("", "None"),
    },
}
ATTRIBUTES = {
    Job: {"id", "endpoint"},
    EndpointBatches: {"endpoint"},
    JournaledEndpoint: {"endpoint", "journal"},
    Batch: {"id", "endpoint"},
    Endpoint: {"id", "client", "batches", "input_type", "output_type", "openai_base_url"},
    Results: {"in_flight", "uncertain"},
    Stream: {"undelivered"},
}


def undocumented(cls: type, name: str, arguments: str, gives: str) -> list[str]:
    """Return a line for each difference of the method *name* of *cls* from its documentation."""
    if not callable(function := getattr(cls, name, None)):
        return [f"no method {name}"]
    lambda_ = ast.parse(f"lambda {arguments.replace('…', '...')}: 0", mode="eval").body
    assert isinstance(lambda_, ast.Lambda)
    wanted = inspect.signature(eval(compile(ast.Expression(lambda_), "table", "eval")))
    actual = inspect.signature(function)
    found = {key: value for key, value in actual.parameters.items() if key != "self"}
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
    if re.sub(r"\bAsync", "", actual.return_annotation) != gives:
        wrong.append(f"{name}: gives {actual.return_annotation}, not {gives}")
    return wrong


def public(cls: type) -> set[str]:
    """List the public names of *cls*."""
    return {name for name in dir(cls) if not name.startswith("_")}


def test_the_sync_shell_is_made_from_the_async_one() -> None:
    """Each file of `_sync` has the code and the docstrings that `_async` makes."""
    for path in sorted(unasync.SOURCE.glob("*.py")):
        made, _ = unasync.unasync(path.read_text())
        kept = unasync.TARGET.joinpath(path.name).read_text()
        assert lines(made) == lines(kept), path.name
    assert {path.name for path in unasync.SOURCE.glob("*.py")} == {
        path.name for path in unasync.TARGET.glob("*.py")
    }


def lines(source: str) -> list[str]:
    """Return the reformatted lines of *source*, without the order of its imports."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            node.names.sort(key=lambda alias: alias.name)
    return sorted(ast.unparse(tree).splitlines())


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("async with client as c:\n    await c.aclose()", "with client as c:\n    c.close()"),
        ("async def __anext__(self) -> AsyncJob: ...", "def __next__(self) -> Job: ..."),
        ("raise StopAsyncIteration", "raise StopIteration"),
        (
            "Return an async iterator, an async context manager",
            "Return an iterator, a context manager",
        ),
        ("from runpod_sdk._io import aio", "from runpod_sdk._io import sync"),
        ("an `AsyncJob`, an `AsyncEndpoint`", "a `Job`, an `Endpoint`"),
        ("run_async(asyncio.sleep)", "run_async(asyncio.sleep)"),
    ],
)
def test_what_the_sync_form_is(source: str, made: str) -> None:
    """`await`, async names and the articles before them are replaced; nothing else is changed."""
    assert unasync.unasync(source) == (made, set())


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
    """The public names are exactly the documented names."""
    documented = {*DOCUMENTED[cls], *ATTRIBUTES.get(cls, ())} - {"__init__"}
    assert public(cls) == documented
    assert public(dict(TWINS)[cls]) == {ASYNC_NAME_OF.get(name, name) for name in documented}


@pytest.mark.parametrize("cls", [cls for pair in TWINS for cls in pair])
def test_every_public_method_has_a_docstring_and_its_class_in_its_name(cls: type) -> None:
    for name in public(cls):
        member = inspect.getattr_static(cls, name)
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function):
            assert function.__doc__, name
            assert function.__qualname__ == f"{cls.__name__}.{name}"


def test_clients_streams_and_results_are_context_managers() -> None:
    """Clients, streams and results can be used by `with`; the latter two also by `for`."""
    for sync, async_ in [(Runpod, AsyncRunpod), (Stream, AsyncStream), (Results, AsyncResults)]:
        assert {"__enter__", "__exit__"} <= set(dir(sync))
        assert {"__aenter__", "__aexit__"} <= set(dir(async_))
        if sync is not Runpod:
            assert {"__iter__", "__next__"} <= set(dir(sync))
            assert {"__aiter__", "__anext__"} <= set(dir(async_))


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
    """A table that differs from the class fails."""
    assert undocumented(cls, name, arguments, gives) != []


def test_the_classes_are_where_the_package_says() -> None:
    """The compared classes are the exported classes."""
    package = importlib.import_module("runpod_sdk")
    for pair in TWINS:
        for cls in pair:
            assert getattr(package, cls.__name__) is cls
