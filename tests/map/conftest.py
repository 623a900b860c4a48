"""A local endpoint for all tests of a module, and clients of it in each mode."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest

from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import MODES, Driver
from tests.facade.clients import driver as make_driver

released = threading.Event()


def held(output: str) -> dict[str, str]:
    """Return the input of a job that runs until it is released, or for ten seconds."""
    return {"held": output}


async def handler(job: dict[str, Any]) -> Any:
    """Square a number, after so many milliseconds; fail if it is below zero."""
    value = job["input"]
    if isinstance(value, dict) and "held" in value:
        with anyio.move_on_after(10):  # a test that waits for it in vain fails, and goes on
            while not released.is_set():  # noqa: ASYNC110 - another thread sets it
                await anyio.sleep(0.01)
        return value["held"]
    if isinstance(value, dict):
        await anyio.sleep(value["sleep"])
        return value["sleep"]
    if value < 0:
        raise ValueError("below zero")
    await anyio.sleep(0.001 * (value % 7))
    return value * value


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=8) as local:
        yield local


@pytest.fixture(scope="module", params=MODES)
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with make_driver(request.param) as driver:
        yield driver


@pytest.fixture(scope="module")
def endpoint(driver: Driver, local: LocalEndpoint) -> Any:
    """The local endpoint, as a client of the driver's mode has it."""
    client = driver.client(api_key=local.api_key, base_url=local.base_url)
    return client.endpoint(local.endpoint_id)


@pytest.fixture
def release() -> Iterator[Callable[[], None]]:
    """Lets the jobs of `held` end; at the end of the test, all are released."""
    released.clear()
    yield released.set
    released.set()


@pytest.fixture
def no_jobs_left(local: LocalEndpoint) -> Iterator[None]:
    """Leave the endpoint without a job under way, for the next test."""
    yield
    with local.client() as client:
        counts = client.endpoint(local.endpoint_id)
        for _ in range(200):
            jobs = counts.health().jobs
            if not jobs.in_progress and not jobs.in_queue:
                return
            time.sleep(0.05)
        raise AssertionError("jobs are still under way")
