"""The public names: all there, all lazy, all documented."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import typing
from typing import Any

import pytest
from pydantic import create_model

import runpod_sdk
from runpod_sdk import InputValue, JSONValue

NAMED = (
    "Runpod AsyncRunpod Endpoint AsyncEndpoint Job AsyncJob Stream AsyncStream "
    "JobState JobStatus EndpointHealth JobCounts WorkerCounts StreamChunk PurgeResult "
    "ExecutionPolicy S3Config JSONValue RunpodError ConfigurationError "
    "APIConnectionError SubmissionUncertainError StreamInterruptedError "
    "RunpodTimeoutError SubmissionTimeoutError APIStatusError BadRequestError "
    "AuthenticationError PermissionDeniedError NotFoundError ConflictError "
    "PayloadTooLargeError RateLimitError ServerError APIResponseValidationError "
    "JobError JobFailedError JobCancelledError JobTimedOutError"
)

TREE = {
    "ConfigurationError": ["RunpodError"],
    "JournalError": ["RunpodError"],
    "RequestTooLargeError": ["RunpodError", "ValueError"],
    "APIConnectionError": ["RunpodError"],
    "SubmissionUncertainError": ["APIConnectionError"],
    "StreamInterruptedError": ["APIConnectionError"],
    "ClientClosedError": ["APIConnectionError", "RuntimeError"],
    "RunpodTimeoutError": ["RunpodError", "TimeoutError"],
    "SubmissionTimeoutError": ["RunpodTimeoutError", "SubmissionUncertainError"],
    "APIStatusError": ["RunpodError"],
    "BadRequestError": ["APIStatusError"],
    "AuthenticationError": ["APIStatusError"],
    "PermissionDeniedError": ["APIStatusError"],
    "NotFoundError": ["APIStatusError"],
    "ConflictError": ["APIStatusError"],
    "PayloadTooLargeError": ["APIStatusError"],
    "RateLimitError": ["APIStatusError"],
    "ServerError": ["APIStatusError"],
    "SubmissionServerError": ["ServerError", "SubmissionUncertainError"],
    "APIResponseValidationError": ["RunpodError"],
    "SubmissionResponseError": ["APIResponseValidationError", "SubmissionUncertainError"],
    "JobError": ["RunpodError"],
    "OutputValidationError": ["RunpodError"],
    "DownloadError": ["RunpodError"],
    "WebPageError": ["DownloadError"],
    "SaveOutputError": ["RunpodError"],
    "StorageError": ["RunpodError"],
    "JobFailedError": ["JobError"],
    "JobCancelledError": ["JobError"],
    "JobTimedOutError": ["JobError"],
}


def in_a_new_process(code: str) -> Any:
    """Run *code*, which prints JSON, where nothing has been imported yet."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_name_of_the_public_api_is_there() -> None:
    """public-api.md's names are in `__all__`, which is in order, each once."""
    assert set(NAMED.split()) <= set(runpod_sdk.__all__)
    assert runpod_sdk.__all__ == sorted(set(runpod_sdk.__all__))


@pytest.mark.parametrize("name", runpod_sdk.__all__)
def test_a_public_name_is_served(name: str) -> None:
    """Each name of `__all__` can be had, and says that it lives where it is imported from."""
    thing = getattr(runpod_sdk, name)
    assert name in dir(runpod_sdk)
    if inspect.isclass(thing):
        assert thing.__name__ == name
        assert thing.__module__.startswith("runpod_sdk")


def test_the_star_gives_all() -> None:
    """`from runpod_sdk import *` imports `__all__`, and no modules."""
    names: dict[str, Any] = {}
    exec("from runpod_sdk import *", names)
    assert set(names) - {"__builtins__"} == set(runpod_sdk.__all__)


def test_what_is_served_lazily_is_all() -> None:
    """In a new process, no name of `__all__` but the version is there before it is asked for."""
    code = """
import json, runpod_sdk
lazy = [name for name in runpod_sdk.__all__ if name not in vars(runpod_sdk)]
for name in lazy: getattr(runpod_sdk, name)
print(json.dumps([lazy, sorted(set(lazy) - set(vars(runpod_sdk)))]))
"""
    lazy, unserved = in_a_new_process(code)
    assert set(runpod_sdk.__all__) - set(lazy) == {"__version__"}
    assert unserved == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A typing error is one, for `hasattr` and `from … import` too."""
    with pytest.raises(AttributeError, match="RunPod"):
        _ = runpod_sdk.RunPod
    assert not hasattr(runpod_sdk, "nothing")
    with pytest.raises(ImportError):
        exec("from runpod_sdk import RunPod")


def test_the_import_is_cheap_and_without_effects() -> None:
    """`import runpod_sdk` loads neither httpx nor generated code, and reads no configuration."""
    code = """
import json, logging, os, sys
before = logging.root.level, dict(os.environ), list(logging.root.handlers)
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import runpod_sdk
dir(runpod_sdk)
after = logging.root.level, dict(os.environ), list(logging.root.handlers)
heavy = {"httpx", "httpcore", "anyio", "attrs", "attr", "runpod_serverless_api", "starlette",
         "uvicorn", "typer", "ssl", "asyncio"}
print(json.dumps({
    "loaded": sorted(heavy & set(sys.modules)),
    "config": [path for path in opened if "config.toml" in path],
    "same": before == after,
}))
"""
    assert in_a_new_process(code) == {"loaded": [], "config": [], "same": True}


@pytest.mark.parametrize("name", ["RunpodError", "JobState", "S3Config", "Runpod"])
def test_a_name_loads_only_what_it_needs(name: str) -> None:
    """No name needs httpx; the sync client needs nothing of the async one."""
    code = f"""
import json, sys
from runpod_sdk import {name}
print(json.dumps([module in sys.modules for module in ("httpx", "runpod_sdk._async.client")]))
"""
    assert in_a_new_process(code) == [False, False]


FOR_CHECKERS = {"Endpoint", "Job", "JournaledEndpoint"}
"""Classes with an attribute whose type is imported for type checkers only, and the async ones."""


@pytest.mark.parametrize("name", sorted({*runpod_sdk.__all__} - {"__version__"}))
def test_annotations_can_be_evaluated(name: str) -> None:
    """Programs do it, with cattrs, pydantic or `typing`; some names are for type checkers only."""
    thing = getattr(runpod_sdk, name)
    if inspect.isclass(thing) and name.removeprefix("Async") not in FOR_CHECKERS:
        typing.get_type_hints(thing)
    for method in ("run", "run_sync", "status", "wait", "updates", "cancel", "retry"):
        if name.removeprefix("Async") in ("Endpoint", "Job") and hasattr(thing, method):
            assert "timeout" in typing.get_type_hints(getattr(thing, method))


@pytest.mark.parametrize("given", [{"a": [1, None, "x"]}, 1.5, None])
def test_a_model_of_pydantic_with_json(given: Any) -> None:
    """`JSONValue` and `InputValue` can be types of its fields."""
    kinds: dict[str, Any] = {"one": (JSONValue, ...), "other": (InputValue | None, None)}
    assert create_model("Model", **kinds)(one=given).model_dump()["one"] == given


def test_the_tree_of_errors() -> None:
    """Each error is what public-api.md says it is."""
    errors = {name for name in runpod_sdk.__all__ if name.endswith("Error")} - {"RunpodError"}
    assert set(TREE) == errors
    for name, parents in TREE.items():
        bases = [base.__name__ for base in getattr(runpod_sdk, name).__bases__]
        assert bases == parents


def public_members() -> dict[str, Any]:
    """Give every public class, method and property by its name."""
    found: dict[str, Any] = {}
    for name in runpod_sdk.__all__:
        thing = getattr(runpod_sdk, name)
        if not inspect.isclass(thing):
            continue
        found[name] = thing
        for member, value in vars(thing).items():
            if not member.startswith("_") and (
                inspect.isfunction(value) or isinstance(value, property)
            ):
                found[f"{name}.{member}"] = value
    return found


@pytest.mark.parametrize("name", public_members())
def test_what_is_public_is_documented(name: str) -> None:
    """Every public class, method and property has a docstring of a sentence at least."""
    text = inspect.getdoc(public_members()[name])
    assert text
    assert text[0].isupper() or text[0].isdigit()
    assert "." in text


def test_the_version() -> None:
    """`__version__` is the version of the distribution."""
    from importlib.metadata import version

    assert runpod_sdk.__version__ == version("runpod_sdk")
