"""Life in a process: threads, event loops, forks, what is left open, and interruptions."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import AsyncRunpod, JobState, Runpod, RunpodTimeoutError, ServerError
from tests.faults.catalogue import GOOD
from tests.faults.modes import JOB, KEY, SLACK, Case, call, in_virtual_time, run_one
from tests.faults.server import Exchange, Server, answer, by_operation, silence
from tests.faults.virtual_time import TIME, VirtualRunpod
from tests.local.processes import until

BOUND = 5.0
"""How long a cancellation may take, in seconds."""


def test_sixteen_threads_on_one_client() -> None:
    """All threads get their own responses, over at most one connection each."""

    def its_own(exchange: Exchange) -> bool:
        job_id = exchange.request.path.rpartition("/")[2]
        return answer({"id": job_id, "status": "COMPLETED"})(exchange)

    options: dict[str, Any] = {"api_key": KEY, "rate_limits": False}  # which would wait
    with Server(its_own) as server, Runpod(base_url=server.base_url, **options) as client:
        endpoint = client.endpoint("ep")
        with ThreadPoolExecutor(16) as pool:
            states = list(pool.map(lambda n: endpoint.status(f"j{n}"), range(320)))
        assert [state.id for state in states] == [f"j{n}" for n in range(320)]
        assert server.connections <= 16
    assert len({request.path for request in server.requests}) == 320


# The warning that the first loop's connection was left open is correct.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:a client was not closed:ResourceWarning")
def test_two_event_loops_in_a_row() -> None:
    """One async client serves two `asyncio.run`, though the first left its connection open."""

    def twice(base_url: str) -> list[str]:
        client = AsyncRunpod(KEY, base_url=base_url)

        async def ask() -> str:
            return str((await client.endpoint("ep").status(JOB)).id)

        return [asyncio.run(ask()) for _ in range(2)]

    with Server(GOOD) as server:
        assert twice(server.base_url) == [JOB, JOB]
        gc.collect()
        assert server.connections == 2


def test_two_event_loops_at_once() -> None:
    """One async client serves the loops of two threads, each over a separate connection."""
    turn = threading.Barrier(2)

    def take_turns(client: AsyncRunpod) -> int:
        async def ask() -> int:
            asked = 0
            for _ in range(20):
                turn.wait(10)
                asked += (await client.endpoint("ep").status(JOB)).id == JOB
            turn.wait(10)
            await client.aclose()
            return asked

        return asyncio.run(ask())

    with Server(GOOD) as server, ThreadPoolExecutor(2) as threads:
        client = AsyncRunpod(KEY, base_url=server.base_url)
        assert list(threads.map(take_turns, [client] * 2)) == [20, 20]
        assert server.connections == 2


def status_of(handle: Any) -> str:
    """Send a request in another process, with a pickled endpoint or job."""
    return str(handle.status(JOB).id if hasattr(handle, "purge_queue") else handle.status().id)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_of_processes(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints and jobs can be passed to the processes of a pool, which use their own clients."""
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    with Server(GOOD) as server, Runpod(base_url=server.base_url) as client:
        endpoint = client.endpoint("ep")
        endpoint.status(JOB)
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(2, context) as pool:
            handles = [endpoint, endpoint.job(JOB)] * 2
            assert list(pool.map(status_of, handles, timeout=60)) == [JOB] * 4
        assert endpoint.status(JOB).id == JOB
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {KEY}"}


def run_script(
    script: str, *arguments: str, interrupt: Callable[[], object] | None = None
) -> tuple[str, str, float]:
    """Run *script* in a separate process, and interrupt it as soon as *interrupt* is true."""
    started = time.monotonic()
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        if interrupt is not None:
            until(interrupt)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    return out, err, time.monotonic() - started


def test_a_client_left_unclosed() -> None:
    """It raises one ResourceWarning, and does not keep the process alive."""
    script = """
        import gc, sys
        from runpod_sdk import Runpod

        def use():
            client = Runpod("key-of-a-test", base_url=sys.argv[1])
            client.endpoint("ep").health()

        use()
        gc.collect()
    """
    with Server(GOOD) as server:
        out, err, took = run_script(script, server.base_url)
    assert err.count("ResourceWarning: a client was not closed") == 1
    assert "socket" not in err
    assert out == ""
    assert took < 20


INTERRUPTED = """
    import signal, sys
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from runpod_sdk import Runpod

    with Runpod("key-of-a-test", base_url=sys.argv[1]) as client:
        try:
            client.endpoint("ep").wait(sys.argv[3], on_timeout=sys.argv[2])
        except KeyboardInterrupt as interruption:
            print("interrupted", *interruption.__notes__)
"""
WAITING = {"id": JOB, "status": "IN_PROGRESS"}
CANCELLED = {"id": JOB, "status": "CANCELLED"}


def interrupted(server: Server, on_timeout: str) -> tuple[str, str, float]:
    """Wait for a job in a process that is interrupted after its first request."""
    return run_script(
        INTERRUPTED, server.base_url, on_timeout, JOB, interrupt=lambda: server.requests
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("on_timeout", ["detach", "cancel"])
def test_ctrl_c(on_timeout: str) -> None:
    """The KeyboardInterrupt propagates, and the job is cancelled if that was requested."""
    behaviour = by_operation(status_sync=silence, cancel=answer(CANCELLED), other=answer(WAITING))
    with Server(behaviour) as server:
        out, err, took = interrupted(server, on_timeout)
    assert out.startswith(f"interrupted job {JOB}: "), err
    asked = [request.operation for request in server.requests]
    assert asked == ["status-sync", *(["cancel"] if on_timeout == "cancel" else [])]
    assert ("was cancelled" in out) == (on_timeout == "cancel")
    assert took < BOUND + 5


@in_virtual_time
def test_an_interruption_and_a_silent_server() -> None:
    """A cancellation without a response is bounded, and reported as not confirmed."""

    def interrupt(_: JobState) -> None:
        raise KeyboardInterrupt

    behaviour = by_operation(cancel=silence, other=answer(WAITING))
    with (
        Server(behaviour) as server,
        TIME.taking_part(),
        VirtualRunpod(KEY, base_url=server.base_url) as client,
    ):
        began = TIME.now()
        with pytest.raises(KeyboardInterrupt) as caught:
            client.endpoint("ep").wait(JOB, on_timeout="cancel", on_update=interrupt)
        took = TIME.now() - began
    assert "not confirmed" in caught.value.__notes__[0]
    assert BOUND <= took < BOUND + SLACK


@in_virtual_time
@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize("operation", ["wait", "run_sync"])
def test_the_deadline_cancels(mode: str, operation: str, confirmed: bool) -> None:
    """The job is cancelled after the timeout; the error is the timeout error."""
    cancel = answer(CANCELLED) if confirmed else answer("", 500)
    behaviour = by_operation(cancel=cancel, status_sync=silence, other=answer(WAITING))

    def ask(endpoint: Any) -> Any:
        if operation == "wait":
            return endpoint.wait(JOB, timeout=0.3, on_timeout="cancel")
        return endpoint.run_sync(input=1, timeout=0.3, on_timeout="cancel")

    with Server(behaviour) as server:
        outcome = run_one(mode, Case("ep", ask), base_url=server.base_url)
    assert type(outcome.error) is RunpodTimeoutError
    assert outcome.error.cancelled is confirmed
    assert outcome.error.job.id == JOB
    assert server.requests[-1].operation == "cancel"
    assert 0.3 <= outcome.took < 0.3 + SLACK


@in_virtual_time
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("on_timeout", ["detach", "cancel"])
@pytest.mark.parametrize("operation", ["wait", "run_sync"])
def test_a_callers_timeout_cancels(backend: str, on_timeout: str, operation: str) -> None:
    """A cancelled task cancels its job if that was requested, and stays cancelled."""
    behaviour = by_operation(cancel=answer(CANCELLED), status_sync=silence, other=answer(WAITING))
    notes: list[str] = []

    async def body(client: Any) -> None:
        endpoint = client.endpoint("ep")
        try:
            if operation == "wait":
                await endpoint.wait(JOB, on_timeout=on_timeout)
            else:
                await endpoint.run_sync(input=1, on_timeout=on_timeout)
        except anyio.get_cancelled_exc_class() as cancelled:
            notes.extend(cancelled.__notes__)
            raise

    async def within_a_timeout(client: Any) -> None:
        if backend == "asyncio":
            async with asyncio.timeout(0.4):
                await body(client)
        else:
            with anyio.fail_after(0.4):
                await body(client)

    async def timed(client: Any) -> float:
        began = anyio.current_time()
        with pytest.raises(TimeoutError):
            await within_a_timeout(client)
        return anyio.current_time() - began

    with Server(behaviour) as server:
        took = call(backend, timed, base_url=server.base_url)
    assert 0.4 <= took < 0.4 + SLACK
    asked = [request.operation for request in server.requests]
    assert ("cancel" in asked) == (on_timeout == "cancel")
    assert asked.count("cancel") <= 1
    assert JOB in notes[0]


def grown(ask: Any, calls: int) -> int:
    """Return the growth of the process's memory after *calls* calls, in bytes."""
    for _ in range(20):
        ask()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(20):
            ask()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(calls):
            ask()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_a_thousand_calls_leak_no_memory() -> None:
    """Memory use does not grow with the number of calls."""

    def handle(request: httpx.Request) -> httpx.Response:
        failing = "cancel" in request.url.path
        return httpx.Response(500 if failing else 200, json={"id": JOB, "status": "COMPLETED"})

    with httpx.Client(transport=httpx.MockTransport(handle)) as http_client:
        client = Runpod(KEY, http_client=http_client, rate_limits=False)  # which would wait
        endpoint = client.endpoint("ep")

        def ask() -> None:
            for _ in range(9):
                endpoint.status(JOB)
            with suppress(ServerError):
                endpoint.cancel(JOB)

        assert grown(ask, 100) < 30_000


def test_calls_leak_no_connections(mode: str) -> None:
    """The same over real sockets: one connection, no more open files or threads than before."""
    calls = 300

    def open_files() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    threads = threading.active_count()
    with Server(GOOD) as server:
        if mode == "sync":
            with Runpod(KEY, base_url=server.base_url, rate_limits=False) as client:
                client.endpoint("ep").status(JOB)
                before = open_files()
                for _ in range(calls):
                    assert isinstance(client.endpoint("ep").status(JOB), JobState)
                after = open_files()
        else:

            async def ask(client: Any) -> tuple[int, int]:
                await client.endpoint("ep").status(JOB)
                before = open_files()
                for _ in range(calls):
                    await client.endpoint("ep").status(JOB)
                return before, open_files()

            before, after = call(mode, ask, base_url=server.base_url, rate_limits=False)
        assert server.connections == 1
    assert after <= before
    assert threading.active_count() <= threads + 2
