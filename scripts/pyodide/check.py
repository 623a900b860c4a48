"""Check the package on the CPython that Pyodide contains, which has no sockets or threads."""

from __future__ import annotations

import importlib
import os
import pickle
import pkgutil
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest


def imports() -> None:
    """Import every module of the package, with warnings as errors."""
    import runpod_sdk

    for module in pkgutil.walk_packages(runpod_sdk.__path__, "runpod_sdk."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("runpod"):
                raise
            print(f"not imported: {module.name} needs {missing.name}")
    for name in runpod_sdk.__all__:
        getattr(runpod_sdk, name)


def _respond(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("/run"):
        return httpx.Response(200, json={"id": "j1", "status": "IN_QUEUE"})
    if request.url.path.endswith("/health"):
        return httpx.Response(200, json={"jobs": {"inQueue": 1}, "workers": {}})
    output: Any = {"n": 4, "at": [1, "one"]}
    if request.url.path.startswith("/v2/tuples/"):
        output = list(output.values())
    return httpx.Response(200, json={"id": "j1", "status": "COMPLETED", "output": output})


def sync_client() -> None:
    """Submit, wait and read with the sync client; pickle what comes."""
    from runpod_sdk import Runpod

    with (
        httpx.Client(transport=httpx.MockTransport(_respond)) as http_client,
        Runpod("a-key", http_client=http_client) as client,
    ):
        endpoint = client.endpoint("ep")
        state = endpoint.run(input={"n": 2}).wait()
        assert state.output["n"] == 4
        assert endpoint.run_sync(input=1).succeeded
        assert endpoint.health().jobs.in_queue == 1
        assert pickle.loads(pickle.dumps(state)) == state


async def async_client() -> None:
    """The same with the async client."""
    from runpod_sdk import AsyncRunpod

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(_respond)) as http_client,
        AsyncRunpod("a-key", http_client=http_client) as client,
    ):
        endpoint = client.endpoint("ep")
        job = await endpoint.run(input={"n": 2})
        assert (await job.wait()).output["n"] == 4
        results = [result.output async for result in endpoint.map([1, 2, 3])]
        assert len(results) == 3


def typed_outputs() -> None:
    """Outputs of attrs classes, dataclasses, TypedDicts and NamedTuples, with late annotations."""
    from runpod_sdk import Runpod

    # Without `from __future__ import annotations`: names that are bound later.
    source = """
from dataclasses import dataclass
from typing import NamedTuple, TypedDict
from attrs import define

@dataclass
class Data:
    n: int
    at: list[Later]

@define
class Attrs:
    n: int
    at: list[Later]

class Typed(TypedDict):
    n: int
    at: list[Later]

class Named(NamedTuple):
    n: int
    at: list[Later]

Later = int | str
"""
    module = type(sys)("late")
    sys.modules["late"] = module
    exec(compile(source, "late", "exec", dont_inherit=True), module.__dict__)
    names = module.__dict__
    with (
        httpx.Client(transport=httpx.MockTransport(_respond)) as http_client,
        Runpod("a-key", http_client=http_client) as client,
    ):
        for name in ("Data", "Attrs", "Typed", "Named"):
            try:
                endpoint_id = "tuples" if name == "Named" else "ep"
                endpoint: Any = client.endpoint(endpoint_id, output_type=names[name])
                output = endpoint.run_sync(input=1).output
                n, at = (output["n"], output["at"]) if name == "Typed" else (output.n, output.at)
                assert (n, at) == (4, [1, "one"]), (name, output)
                if name in ("Data", "Attrs"):
                    client.endpoint("ep").run_sync(input=names[name](n=1, at=[1, "one"]))
            except Exception as error:
                raise AssertionError(name) from error


def errors() -> None:
    """Every error can be pickled; a refused key is an AuthenticationError."""
    from runpod_sdk import AuthenticationError, Runpod

    with (
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(401))) as http_client,
        Runpod("a-key", http_client=http_client) as client,
    ):
        with pytest.raises(AuthenticationError) as caught:
            client.endpoint("ep").status("j1")
        assert pickle.loads(pickle.dumps(caught.value)).status_code == 401


def tests() -> None:
    """Run tests that need no socket, except those whose depth exceeds the stack of WebAssembly."""
    os.chdir("/repository")
    warnings.simplefilter("ignore")
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:faulthandler",
        "--hypothesis-profile=brief",
    ]
    status = pytest.main(
        [
            *options,
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            "-k",
            "not deep",
            "tests/wire",
            "tests/flows",
        ]
    )
    assert status == 0, f"pytest ended with {status}"


# The tests come first, as pytest rewrites what it imports.
CHECKS: tuple[Callable[[], Awaitable[None] | None], ...] = (
    tests,
    imports,
    sync_client,
    async_client,
    typed_outputs,
    errors,
)


async def main(names: Sequence[str]) -> bool:
    """Run all checks, or those that are named, and return whether all passed."""
    print(f"CPython {sys.version.split()[0]}")
    passed = True
    for check in [each for each in CHECKS if not names or each.__name__ in names]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                waiting = check()
                if waiting is not None:
                    await waiting
            except BaseException:
                traceback.print_exc()
                passed = False
                print(f"FAILED {check.__name__}")
            else:
                print(f"passed {check.__name__}")
    return passed
