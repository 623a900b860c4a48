"""Streams that are left before their end: what was fetched is kept, and comes first later on."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import AsyncRunpod, Runpod, StreamInterruptedError, local
from tests.facade.clients import BASE_URL, JOB, KEY, Driver, Routes, chunks, in_no_time, job


@pytest.fixture
def served() -> Iterator[local.LocalEndpoint]:
    """Serve a handler that yields its input's items."""

    def handler(job: dict[str, Any]) -> Any:
        yield from job["input"]

    with local.LocalEndpoint(handler) as endpoint:
        yield endpoint


def here(driver: Driver, served: local.LocalEndpoint) -> Any:
    client = driver.client(api_key=served.api_key, base_url=served.base_url)
    return client.endpoint(served.endpoint_id)


def done(driver: Driver, endpoint: Any, items: list[Any]) -> Any:
    """Return a job that has ended, so that all its chunks come in one answer."""
    handle = driver.call(lambda: endpoint.run(input=items))
    driver.call(handle.wait)
    return handle


def outputs(taken: Any) -> list[Any]:
    return [chunk.output for chunk in taken]


def test_a_closed_stream_keeps_what_was_fetched(
    driver: Driver, served: local.LocalEndpoint
) -> None:
    """Another stream of the same object begins with it; then the first has it no longer."""
    handle = done(driver, here(driver, served), [1, 2, 3])
    stream = handle.stream()
    assert stream.undelivered == ()
    assert driver.next(stream).output == 1
    assert outputs(stream.undelivered) == [2, 3]
    driver.call(lambda: driver.close(stream))
    assert driver.take(stream) == []
    for closed in (stream, stream.text()):
        with pytest.raises(RuntimeError, match=f"stream of job {handle.id} was closed before"):
            driver.iter(closed)
    assert isinstance(stream.undelivered, tuple)
    assert outputs(stream.undelivered) == [2, 3]
    second = handle.stream()
    assert outputs(second.undelivered) == [2, 3]
    assert outputs(driver.take(second)) == [2, 3]
    driver.call(lambda: driver.close(second))
    assert driver.take(driver.iter(second)) == []  # it was read to its end
    assert stream.undelivered == second.undelivered == ()
    assert driver.take(handle.stream()) == []


@pytest.mark.parametrize("how", ["break", "exception", "with", "neither"])
def test_each_way_to_leave(driver: Driver, served: local.LocalEndpoint, how: str) -> None:
    """A loop may be left by `break` or an exception, closed or not."""
    handle = done(driver, here(driver, served), [1, 2, 3])

    def blocked() -> None:
        for chunk in handle.stream():
            assert chunk.output == 1
            if how == "exception":
                raise LookupError
            break

    async def awaited() -> None:
        if how == "with":
            async with handle.stream() as stream:
                await anext(stream)
            return
        async for chunk in handle.stream():
            assert chunk.output == 1
            if how == "exception":
                raise LookupError
            break

    try:
        if driver.is_async:
            driver.call(awaited)
        elif how == "with":
            with handle.stream() as stream:
                next(stream)
        else:
            blocked()
    except LookupError:
        assert how == "exception"
    assert outputs(driver.take(handle.stream())) == [2, 3]


def test_other_objects_do_not_have_it(driver: Driver, served: local.LocalEndpoint) -> None:
    """A job by its id and a pickled one read what the server has; a copy shares the memory."""
    endpoint = here(driver, served)
    handle = done(driver, endpoint, [1, 2])
    assert driver.next(handle.stream()).output == 1
    assert driver.take(endpoint.stream(handle.id)) == []
    assert driver.take(endpoint.job(handle.id).stream()) == []
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert b"StreamChunk" not in pickle.dumps(handle, protocol)
    assert driver.take(copy.deepcopy(handle).stream()) == []
    assert outputs(driver.take(copy.copy(handle).stream())) == [2]


def test_a_job_by_its_id_remembers_too(driver: Driver, served: local.LocalEndpoint) -> None:
    """The object's identity counts."""
    endpoint = here(driver, served)
    handle = endpoint.job(done(driver, endpoint, [1, 2]).id)
    assert driver.next(handle.stream()).output == 1
    assert outputs(driver.take(handle.stream())) == [2]


def test_two_streams_of_a_job_share_its_chunks(driver: Driver, served: local.LocalEndpoint) -> None:
    """Each chunk goes to the one that asks first."""
    handle = done(driver, here(driver, served), [1, 2, 3, 4])
    first, second = handle.stream(), handle.stream()
    assert driver.next(first).output == 1
    assert driver.next(second).output == 2
    assert driver.next(first).output == 3
    assert outputs(driver.take(second)) == [4]
    assert driver.take(first) == []


def test_a_retried_job_begins_anew(driver: Driver) -> None:
    """The failed run's chunks are not delivered as chunks of the next run."""
    routes = Routes(
        stream=[chunks("FAILED", "old", "older"), chunks("COMPLETED", "new"), chunks("COMPLETED")],
        status=job("COMPLETED", output=[]),
        retry=job("IN_QUEUE"),
    )
    handle = driver.endpoint(routes).job(JOB)
    stream = handle.stream()
    assert driver.next(stream).output == "old"
    driver.call(handle.retry)
    assert stream.undelivered == ()
    assert outputs(driver.take(handle.stream())) == ["new"]


@in_no_time
def test_after_a_timeout_another_stream_goes_on(driver: Driver) -> None:
    """The error's job is the same object; a lost answer is restored by its digest."""

    broken: list[bool] = []

    def silent(request: httpx.Request) -> httpx.Response:
        if broken:
            raise httpx.ReadError("reset")
        return chunks("IN_PROGRESS")(request)  # type: ignore[no-any-return]

    routes = Routes(
        stream=[chunks("IN_PROGRESS", "a", "b"), silent],
        status=job("IN_PROGRESS"),
        status_sync=job("COMPLETED", output=["a", "b", "c"]),
    )
    handle = driver.endpoint(routes).job(JOB)
    stream = handle.stream(timeout=0.5)
    assert outputs(driver.take(stream, 2)) == ["a", "b"]
    with pytest.raises(TimeoutError) as caught:
        driver.next(stream)
    assert caught.value.job is handle  # type: ignore[attr-defined]
    broken.append(True)
    assert outputs(driver.take(handle.stream())) == ["c"]


def test_what_is_lost_stays_lost(driver: Driver) -> None:
    """After an interruption that cannot be recovered, only a reader of the id continues."""
    routes = Routes(
        stream=[
            chunks("IN_PROGRESS", "a"),
            httpx.ReadError("reset"),
            chunks("COMPLETED", "c"),
            chunks("COMPLETED"),
        ],
        status=job("COMPLETED", output=[]),
        status_sync=job("COMPLETED", output=[]),
    )
    endpoint = driver.endpoint(routes)
    handle = endpoint.job(JOB)
    stream = handle.stream()
    assert driver.next(stream).output == "a"
    for again in (stream, handle.stream()):
        with pytest.raises(StreamInterruptedError, match=r"endpoint\.stream\(job_id\)"):
            driver.next(again)
        assert driver.take(again) == []
    assert outputs(driver.take(endpoint.stream(JOB))) == ["c"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_two_tasks_that_wait_for_the_same_chunk(backend: str) -> None:
    """The second gets an error at once, and the first its chunk."""

    async def main() -> None:
        asked, go = anyio.Event(), anyio.Event()

        async def serve(request: httpx.Request) -> httpx.Response:
            asked.set()
            await go.wait()
            return chunks("IN_PROGRESS", "a")(request)

        http = httpx.AsyncClient(transport=httpx.MockTransport(serve))
        async with http, AsyncRunpod(KEY, base_url=BASE_URL, http_client=http) as client:
            handle = client.endpoint("ep").job(JOB)
            first, second = handle.stream(), handle.stream()
            taken: list[Any] = []

            async def wait() -> None:
                taken.append((await anext(first)).output)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await asked.wait()
                for stream in (first, second):
                    with pytest.raises(RuntimeError, match="another task"):
                        await anext(stream)
                go.set()
            assert taken == ["a"]

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_task_loses_nothing(backend: str, served: local.LocalEndpoint) -> None:
    """After a cancellation at any instant, the same stream continues."""

    async def main() -> None:
        async with served.async_client() as client:
            handle = await client.endpoint(served.endpoint_id).run(input=list(range(50)))
            await handle.wait()
            stream, taken = handle.stream(), list[Any]()
            with anyio.CancelScope() as scope:
                async for chunk in stream:
                    taken.append(chunk.output)
                    if chunk.output == 20:
                        scope.cancel()
                    await anyio.lowlevel.checkpoint()
            assert scope.cancelled_caught
            assert taken == list(range(21))
            assert outputs(stream.undelivered) == list(range(21, 50))
            assert [chunk.output async for chunk in stream] == list(range(21, 50))

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("error", [TimeoutError, KeyboardInterrupt, SystemExit, ValueError])
def test_an_exception_of_the_callers_own_closes_nothing(error: type[BaseException]) -> None:
    """After a signal handler's exception during the wait for a chunk, the stream continues."""
    struck: list[int] = []

    def serve(request: httpx.Request) -> httpx.Response:
        if not struck and "/status-sync/" not in request.url.path and len(seen) == 1:
            struck.append(1)
            raise error("the caller's own")
        seen.append(request.url.path)
        return routes(request)

    seen: list[str] = []
    routes = Routes(
        stream=[chunks("IN_PROGRESS", "a"), chunks("COMPLETED")],
        status_sync=job("COMPLETED", output=["a", "b"]),
        status=job("COMPLETED", output=["a", "b"]),
    )
    http = httpx.Client(transport=httpx.MockTransport(serve))
    with http, Runpod(KEY, base_url=BASE_URL, http_client=http) as client:
        stream = client.endpoint("ep").stream(JOB)
        assert next(stream).output == "a"
        with pytest.raises(error):
            next(stream)
        assert [chunk.output for chunk in stream] == ["b"]
