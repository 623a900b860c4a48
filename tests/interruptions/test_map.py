"""A sync `map` that is interrupted while it begins and ends leaves nothing behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import runpod_sdk
from runpod_sdk import Endpoint, Results
from runpod_sdk.local import LocalEndpoint
from tests.interruptions.instants import Interrupter, instants, interrupted

HERE = str(Path(runpod_sdk.__file__).parent)
FILES = tuple(
    str(Path(HERE, name))
    for name in (
        "_io/loop_thread.py",
        "_flows/many/result_taker.py",
        "_sync/results.py",
        "_io/sync.py",
    )
)


def ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("runpod_sdk")]


def files() -> int:
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


def until_nothing_is_left(before: int, error: BaseException) -> None:
    """Drop the frames of *error*, and wait for the end of a thread that was asked to end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of results that nobody could close
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        error.__traceback__ = error.__context__ = None
        if ours():
            gc.collect()
    end = time.monotonic() + 10
    while (ours() or files() > before) and time.monotonic() < end:
        time.sleep(0.002)
    assert ours() == []
    assert files() <= before


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with LocalEndpoint(lambda job: job["input"]) as local, local.client() as client:
        endpoint = client.endpoint(local.endpoint_id)
        list(endpoint.map([1]))
        yield endpoint


def take_none(endpoint: Endpoint) -> Results:
    with endpoint.map([]) as results:
        assert list(results) == []
    return results


def leave(endpoint: Endpoint) -> Results:
    with endpoint.map([1, 2]) as results:
        next(results)
    return results


def close(endpoint: Endpoint) -> Results:
    results = endpoint.map([1, 2])
    next(results)
    results.close()
    return results


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("call", [take_none, leave, close])
def test_nothing_is_left(endpoint: Endpoint, call: Callable[[Endpoint], Results]) -> None:
    """At no instant does an interruption leave a thread, an event loop or a file."""

    def one(interrupter: Interrupter) -> None:
        interrupter.armed = True
        results = call(endpoint)
        interrupter.armed = False  # what is thrown away can't be interrupted
        assert results.in_flight is not None

    before = files()
    for interrupter in instants(one, 25, files=FILES, kinds=[KeyboardInterrupt]):
        interrupted(one, interrupter)
        until_nothing_is_left(before, interrupter.error)
