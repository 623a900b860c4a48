"""`map` and `as_completed` against a real server, sync, under asyncio and under trio."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from runpod_sdk import (
    AsyncRunpod,
    JobFailedError,
    MapProgress,
    NotFoundError,
    Runpod,
    RunpodTimeoutError,
)
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import Driver
from tests.map.conftest import held

LONG = {"sleep": 30}

Release = Callable[[], None]


def ours() -> list[threading.Thread]:
    """List the threads in which a sync `map` does its work."""
    return [thread for thread in threading.enumerate() if thread.name == "runpod_sdk"]


def test_each_input_once_and_in_order(driver: Driver, endpoint: Any) -> None:
    """Results come in the order of the inputs, with what the handler returned."""
    results = driver.take(endpoint.map(range(40), concurrency=8))
    assert [result.index for result in results] == list(range(40))
    assert [result.output for result in results] == [n * n for n in range(40)]
    assert len({result.job_id for result in results}) == 40
    assert all(result.state.id == result.job_id and result.input == result.index
               for result in results)  # fmt: skip


def test_as_they_come(driver: Driver, endpoint: Any, release: Release) -> None:
    """Without an order, a short job's result does not wait for a long job."""
    results = endpoint.map([held("a"), *range(10)], concurrency=8, ordered=False)
    assert sorted(driver.next(results).index for _ in range(10)) == list(range(1, 11))
    release()
    assert [result.index for result in driver.take(results)] == [0]


def test_nothing_to_do(driver: Driver, endpoint: Any) -> None:
    """No inputs make no results, and no error."""
    assert driver.take(endpoint.map([])) == []
    assert driver.take(endpoint.map([])) == []


@pytest.mark.parametrize("read", [0, 1])
def test_a_loop_over_closed_results(driver: Driver, endpoint: Any, read: int) -> None:
    """It is an error, unless all of them were read: rows would be lost silently."""
    jobs = [driver.call(lambda n=n: endpoint.run(input=n)) for n in (1, 2)]
    for results in (endpoint.map([1, 2]), endpoint.client.as_completed(jobs)):
        driver.take(results, read)
        driver.call(lambda results=results: driver.close(results))
        with pytest.raises(RuntimeError, match=r"was closed before its end.*\.in_flight"):
            driver.iter(results)
        assert driver.take(results) == []  # as of a generator that was closed
    for whole in (endpoint.map([1, 2]), endpoint.client.as_completed(jobs)):
        assert len(driver.take(whole, 1 + read)) == 1 + read
        assert len(driver.take(whole, 1 - read)) == 1 - read
        driver.call(lambda whole=whole: driver.close(whole))
        assert driver.take(driver.iter(whole)) == []


def test_a_failed_job_is_a_result(driver: Driver, endpoint: Any) -> None:
    """An error on one input does not affect the others; its result raises it."""
    results = driver.take(endpoint.map([1, -1, 2]))
    assert [result.error is None for result in results] == [True, False, True]
    failed = results[1]
    assert failed.state.status == "FAILED"
    assert failed.error.index == 1
    assert failed.error.job.id == failed.job_id
    with pytest.raises(JobFailedError, match="below zero"):
        _ = failed.output


@pytest.mark.usefixtures("no_jobs_left", "release")
def test_raising_what_comes_first(driver: Driver, endpoint: Any) -> None:
    """With on_error="raise", the first error ends it, and contains the jobs that continue."""
    results = endpoint.map([held("a"), -1], ordered=False, on_error="raise")
    with pytest.raises(JobFailedError) as caught:
        driver.take(results)
    assert caught.value.index == 1
    assert list(results.in_flight) == [0]
    assert results.in_flight[0] in caught.value.__notes__[0]
    assert driver.take(driver.iter(results)) == []


def test_left_and_detached(driver: Driver, endpoint: Any, release: Release) -> None:
    """Jobs that were left continue, and can be waited for by their stored ids."""
    results = endpoint.map([1, held("a"), held("b")], concurrency=3)
    assert driver.next(results).output == 1
    driver.call(lambda: driver.close(results))
    assert set(results.in_flight) == {1, 2}
    release()
    states = [driver.call(endpoint.job(id).wait) for id in results.in_flight.values()]
    assert [state.output for state in states] == ["a", "b"]


def test_left_and_cancelled(driver: Driver, endpoint: Any) -> None:
    """Jobs that are cancelled on leaving have ended, and are not listed as running."""
    with_ids: list[str] = []
    results = endpoint.map([1, *[LONG] * 7], on_leave="cancel")
    driver.next(results)
    with_ids += results.in_flight.values()
    driver.call(lambda: driver.close(results))
    assert results.in_flight == {}
    assert with_ids
    states = [driver.call(endpoint.job(id).status) for id in with_ids]
    assert {state.status for state in states} == {"CANCELLED"}
    assert not ours()


def test_the_time_is_up(driver: Driver, endpoint: Any) -> None:
    """The timeout is a total; the error names the jobs in flight."""
    for timeout in (1, 10, 25):  # on a busy machine, the time may be over before the first result
        results = endpoint.map([1, *[LONG] * 3], timeout=timeout, on_leave="cancel")
        outputs: list[Any] = []
        with pytest.raises(RunpodTimeoutError, match=rf"map on .* timed out after {timeout} s"):  # noqa: PT012 - what came before it is kept
            while True:
                outputs.append(driver.next(results).output)
        if outputs:
            break
    assert outputs == [1]
    assert results.in_flight == {}


def test_an_input_without_a_json_form(driver: Driver, endpoint: Any) -> None:
    """A caller's mistake ends the whole, and says which input it is."""
    with pytest.raises(ValueError, match="JSON") as caught:
        driver.take(endpoint.map([1, float("nan"), 2], concurrency=1))
    assert caught.value.__notes__[0] == "input 1 of the map"


def test_progress(driver: Driver, endpoint: Any) -> None:
    """Each result is counted before it is handed out."""
    told: list[MapProgress] = []
    driver.take(endpoint.map([1, -1, 2], progress=told.append))
    assert [(count.finished, count.failed, count.total) for count in told] == [
        (1, 0, 3),
        (2, 1, 3),
        (3, 1, 3),
    ]
    assert told[-1].submitted == 3
    driver.take(endpoint.map(iter([1]), progress=told.append))
    assert told[-1].total is None


def test_an_error_of_the_callers_own_leaves(driver: Driver, endpoint: Any) -> None:
    """An exception of `progress` ends the map."""
    results = endpoint.map([1, LONG], on_leave="cancel", progress=lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        driver.next(results)
    assert {0} <= set(results.in_flight) <= {0, 1}, "the result of 0 was not handed out"
    assert not ours()


def test_async_inputs(driver: Driver, endpoint: Any) -> None:
    """An async iterable is read by the async client, and refused by the sync one."""

    async def inputs() -> AsyncIterator[int]:
        for number in range(20):
            yield number

    if driver.is_async:
        results = driver.take(endpoint.map(inputs(), concurrency=3))
        assert [result.output for result in results] == [n * n for n in range(20)]
    else:
        with pytest.raises(TypeError, match="AsyncRunpod"):
            endpoint.map(inputs())


def test_results_can_be_pickled(driver: Driver, endpoint: Any) -> None:
    """A result can go to another process, errors too."""
    for result in driver.take(endpoint.map([3, -1])):
        again = pickle.loads(pickle.dumps(result))
        assert (again.index, again.state, again.job_id) == (
            result.index,
            result.state,
            result.job_id,
        )
        assert type(again.error) is type(result.error)


def test_a_job_that_is_not_known_yet(driver: Driver) -> None:
    """The servers that are asked for a new job may not know it for a moment."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.split("/")[3])
        if asked[-1] == "run":
            return httpx.Response(200, json={"id": "j", "status": "IN_QUEUE"})
        if len(asked) < 4:
            return httpx.Response(404, json={"detail": "job not found"})
        return httpx.Response(200, json={"id": "j", "status": "COMPLETED", "output": 1})

    (result,) = driver.take(driver.endpoint(answer).map([1]))
    assert result.output == 1
    assert asked == ["run", "status-sync", "status", "status"]


def test_as_completed(driver: Driver, endpoint: Any, release: Release) -> None:
    """Jobs that were submitted before come as they end, errors too."""
    jobs = [driver.call(lambda value=value: endpoint.run(input=value)) for value in (held("a"), 3)]
    lost = endpoint.job("00000000-0000-0000-0000-000000000000-u1")
    results = endpoint.client.as_completed([*jobs, lost])
    first = [driver.next(results) for _ in range(2)]
    release()
    assert [result.output for result in driver.take(results)] == ["a"]
    assert [result.output for result in first if result.error is None] == [9]
    (failed,) = (result for result in first if result.error is not None)
    assert isinstance(failed.error, NotFoundError)
    assert failed.job == lost


def test_as_completed_with_more_jobs_than_askers(
    driver: Driver, endpoint: Any, release: Release
) -> None:
    """Each of many jobs has its turn: a long one does not keep the others waiting."""
    jobs = [
        driver.call(lambda value=value: endpoint.run(input=value)) for value in (held("a"), 3, 4)
    ]
    results = endpoint.client.as_completed(jobs, concurrency=1)
    assert [driver.next(results).output for _ in range(2)] == [9, 16]
    release()
    assert [result.output for result in driver.take(results)] == ["a"]


def test_wait_all(driver: Driver, endpoint: Any) -> None:
    """The states come in the order of the jobs; a job that failed is one of them."""
    jobs = [driver.call(lambda n=n: endpoint.run(input=n)) for n in (6, -1, 2)]
    states = driver.call(lambda: endpoint.client.wait_all(jobs))
    assert [state.output for state in states] == [36, None, 4]
    assert [state.status for state in states] == ["COMPLETED", "FAILED", "COMPLETED"]
    lost = endpoint.job("nobody")
    with pytest.raises(NotFoundError) as caught:
        driver.call(lambda: endpoint.client.wait_all([*jobs, lost]))
    assert caught.value.job == lost


@pytest.mark.usefixtures("no_jobs_left", "release")
def test_wait_all_in_vain(driver: Driver, endpoint: Any) -> None:
    """When it times out, the jobs continue, and the error names them."""
    job = driver.call(lambda: endpoint.run(input=held("a")))
    with pytest.raises(RunpodTimeoutError, match="waiting for 1 jobs") as caught:
        driver.call(lambda: endpoint.client.wait_all([job], timeout=0.1))
    assert job.id in caught.value.__notes__[0]


def test_jobs_of_another_client(driver: Driver, endpoint: Any, local: LocalEndpoint) -> None:
    """A job of another client may need another key, so it is refused."""
    other = driver.client(api_key="other", base_url=local.base_url)
    with pytest.raises(ValueError, match="another client"):
        other.as_completed([endpoint.job("j")])


@pytest.mark.usefixtures("no_jobs_left", "release")
def test_thrown_away_without_being_closed(driver: Driver, endpoint: Any) -> None:
    """A missing close is a warning, and nothing keeps running."""
    results = endpoint.map([1, held("a")])
    driver.next(results)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        driver.call(lambda: None)
        del results
        gc.collect()
    assert any("was not closed" in str(warning.message) for warning in caught)
    for thread in ours():
        thread.join(10)
        assert not thread.is_alive()


def test_a_client_of_the_callers_own(local: LocalEndpoint) -> None:
    """With an `httpx.Client` of the caller's, requests go through it, from threads."""
    asked: list[str] = []
    hooks = {"request": [lambda request: asked.append(request.method)]}
    with (
        httpx.Client(event_hooks=hooks) as http,
        Runpod(local.api_key, base_url=local.base_url, http_client=http) as client,
    ):
        endpoint = client.endpoint(local.endpoint_id)
        results = list(endpoint.map(range(20), concurrency=4))
    assert [result.output for result in results] == [n * n for n in range(20)]
    assert asked.count("POST") == 20


@pytest.mark.parametrize("own", [True, False], ids=["own connections", "the caller's client"])
@pytest.mark.parametrize("on_leave", ["detach", "cancel"])
def test_ctrl_c(on_leave: Any, own: bool) -> None:
    """Ctrl-C takes effect at once during a wait for results, with the given on_leave."""
    main = threading.get_ident()

    async def interrupt(job: dict[str, Any]) -> None:
        import asyncio

        started.append(job["id"])
        if len(started) == 3:
            signal.pthread_kill(main, signal.SIGINT)
        await asyncio.sleep(2)

    started: list[str] = []
    with (
        LocalEndpoint(interrupt, workers=3) as local,
        httpx.Client() as http,
        Runpod(local.api_key, base_url=local.base_url, http_client=None if own else http) as client,
    ):
        endpoint = client.endpoint(local.endpoint_id)
        results = endpoint.map([1, 2, 3], on_leave=on_leave)
        with pytest.raises(KeyboardInterrupt) as caught:
            list(results)
        assert not ours()
        expected = set(started) if on_leave == "detach" else set()
        assert set(results.in_flight.values()) == expected
        statuses = {endpoint.job(id).status().status for id in started}
        assert statuses == {"IN_PROGRESS" if on_leave == "detach" else "CANCELLED"}
        notes = "".join(getattr(caught.value, "__notes__", []))
        assert all((id in notes) is (on_leave == "detach") for id in started)


def test_inputs_are_read_in_the_callers_thread(local: LocalEndpoint) -> None:
    """Inputs may belong to a thread, such as rows of a database; the sync client respects it."""
    read_in: set[int] = set()

    def inputs() -> Iterator[int]:
        for number in range(10):
            read_in.add(threading.get_ident())
            yield number

    with local.client() as client:
        list(client.endpoint(local.endpoint_id).map(inputs(), concurrency=2))
    assert read_in == {threading.get_ident()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_results_belong_to_their_process(local: LocalEndpoint) -> None:
    """A process that was forked during a map gets an error, and does not hang."""
    code = f"""
import os, sys, warnings
from runpod_sdk import Runpod
with Runpod({local.api_key!r}, base_url={local.base_url!r}) as client:
    results = client.endpoint({local.endpoint_id!r}).map([1, 2, 3], concurrency=1)
    next(results)
    warnings.simplefilter("ignore")
    if os.fork() == 0:
        try:
            for _ in range(3): next(results)
        except RuntimeError as error:
            os._exit(7 if "process" in str(error) else 1)
        os._exit(2)
    print(os.waitstatus_to_exitcode(os.wait()[1]), len(list(results)))
"""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "7 2\n", done.stderr


def test_a_loop_that_ends_first(local: LocalEndpoint) -> None:
    """Results that were not closed neither keep a loop from ending, nor break it."""
    import anyio

    async def main() -> Any:
        async with AsyncRunpod(local.api_key, base_url=local.base_url) as client:
            results = client.endpoint(local.endpoint_id).map([1, {"sleep": 5.0}])
            await anext(results)
            while not results.in_flight:  # noqa: ASYNC110 - nothing tells of an answer
                await anyio.sleep(0.01)
            return results

    for backend in ("asyncio", "trio"):
        results = anyio.run(main, backend=backend)
        assert len(results.in_flight) == 1
        with pytest.warns(ResourceWarning, match="was not closed"):  # noqa: PT031
            del results
            gc.collect()
