"""A request that is too large is refused before it is sent, unless size limits are off."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from runpod_sdk import RequestTooLargeError, Runpod, RunpodError
from tests.facade.clients import KEY, Driver, Script, job

MIB = 2**20
AROUND = len(json.dumps({"input": ""}, separators=(",", ":")))
SIZES = pytest.mark.parametrize(("method", "limit"), [("run", 10 * MIB), ("run_sync", 20 * MIB)])


def of_size(size: int) -> str:
    """Make the input of a request of so many bytes."""
    return "x" * (size - AROUND)


@SIZES
def test_what_just_fits_is_sent(driver: Driver, method: str, limit: int) -> None:
    """A request of exactly the documented size goes out."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    driver.call(lambda: getattr(endpoint, method)(input=of_size(limit)))
    assert len(script.last.content) == limit


@SIZES
def test_a_byte_more_is_refused(driver: Driver, method: str, limit: int) -> None:
    """One byte more is an error with both sizes and the way out, and nothing is sent."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(RequestTooLargeError) as caught:
        driver.call(lambda: getattr(endpoint, method)({"input": of_size(limit + 1)}))
    error = caught.value
    assert script.requests == []
    assert (error.size, error.limit) == (limit + 1, limit)
    assert isinstance(error, RunpodError)
    assert isinstance(error, ValueError)
    for said in (f"{method} on endpoint ep", f"{limit // MIB} MiB", "Nothing was sent", "URL"):
        assert said in str(error)
    assert len(str(error)) < 400
    twin = pickle.loads(pickle.dumps(error))
    assert (str(twin), twin.size, twin.limit) == (str(error), error.size, error.limit)


def test_bytes_count_and_not_characters(driver: Driver) -> None:
    """A letter of three bytes counts as three."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(RequestTooLargeError):
        driver.call(lambda: endpoint.run(input="€" * (4 * MIB)))
    driver.call(lambda: endpoint.run(input="€" * (3 * MIB)))
    assert script.asked == ["POST /run"]


def test_a_short_run_sync_is_a_run(driver: Driver) -> None:
    """With no time for `/runsync`, what `/run` takes is what counts."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(RequestTooLargeError) as caught:
        driver.call(lambda: endpoint.run_sync(input=of_size(15 * MIB), timeout=2))
    assert caught.value.limit == 10 * MIB
    driver.call(lambda: endpoint.run_sync(input=of_size(15 * MIB), timeout=60))
    assert script.asked == ["POST /runsync"]


@SIZES
def test_a_server_that_takes_more(driver: Driver, method: str, limit: int) -> None:
    """With size_limits=False it is for the server to say, for a pickled client too."""
    script = Script(job())
    endpoint = driver.endpoint(script, size_limits=False)
    driver.call(lambda: getattr(endpoint, method)(input=of_size(limit + 1)))
    assert len(script.last.content) == limit + 1


def test_an_input_of_a_map_that_is_too_large(driver: Driver) -> None:
    """It is that input's result, with its index; the others become jobs."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    inputs: list[Any] = [1, of_size(11 * MIB), 3]
    first, second, third = driver.take(endpoint.map(inputs, concurrency=1))
    assert first.error is None
    assert third.error is None
    assert isinstance(second.error, RequestTooLargeError)
    assert second.error.index == 1
    assert second.job_id is None
    assert script.asked == ["POST /run"] * 2


def test_a_word_instead_of_a_truth() -> None:
    """size_limits is True or False."""
    with pytest.raises(TypeError, match="size_limits must be True or False"):
        Runpod(KEY, size_limits=0)  # type: ignore[arg-type]
