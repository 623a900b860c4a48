"""Streams lose no chunk without an error: each chunk once and in order, or an error."""

from __future__ import annotations

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import Runpod, StreamInterruptedError, local
from tests.faults.modes import (
    JOB,
    KEY,
    MODES,
    TALLY,
    WAYS,
    Case,
    call,
    in_virtual_time,
    run_one,
)
from tests.faults.server import (
    Behaviour,
    Exchange,
    Server,
    answer,
    by_operation,
    chain,
    close,
    head,
    reset,
    send,
)

CHUNKS = list(range(6))
LOST = "An answer of a stream is lost"


class Service:
    """A job that has yielded *CHUNKS*, delivered one by one; the response at *lost* breaks."""

    def __init__(self, lost: int | None, how: Behaviour, aggregate: Any) -> None:
        self._left = list(CHUNKS)
        self._turn = -1
        self._lost = lost
        self._how = how
        self._lock = threading.Lock()
        state: dict[str, Any] = {"id": JOB, "status": "COMPLETED"}
        if aggregate is not None:
            state["output"] = aggregate
        self.behaviour = by_operation(stream=self._stream, other=answer(state))

    def _stream(self, exchange: Exchange) -> bool:
        with self._lock:
            self._turn += 1
            taken = [self._left.pop(0)] if self._left else []
            struck = self._turn == self._lost
        if struck:
            return self._how(exchange)
        body = {"status": "COMPLETED", "stream": [{"output": chunk} for chunk in taken]}
        return answer(body)(exchange)


HOWS: dict[str, Behaviour] = {
    "closed": close,
    "reset": reset,
    "cut": chain(send(head(200, 400) + b'{"status": "COMPLETED", "stream": [{"outp'), close),
    "502": answer("<html>", 502, "text/html"),
    "no JSON": answer("gone"),
}


@in_virtual_time
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("position", range(len(CHUNKS) + 1))
@pytest.mark.parametrize("mode", [*MODES, WAYS[0]])
def test_a_lost_answer_is_made_good(mode: str, position: int, how: str) -> None:
    """After any lost response, the rest comes from the job's output, once and in order."""
    service = Service(position, HOWS[how], CHUNKS)
    with Server(service.behaviour) as server:
        case = Case("ep", lambda endpoint: endpoint.stream(JOB, timeout=10))
        outcome = run_one(mode, case, base_url=server.base_url)
    TALLY[LOST, "stream", mode] += 1
    assert outcome.error is None
    assert outcome.value == CHUNKS


@in_virtual_time
@pytest.mark.parametrize(
    "aggregate", [None, [], "text", [0, 1, 99, 3], CHUNKS[:2], {"a": 1}], ids=repr
)
@pytest.mark.parametrize("position", [0, 3, 5])
def test_a_lost_answer_that_is_not(mode: str, position: int, aggregate: Any) -> None:
    """If the job's output does not contain the chunks, an error follows the chunks so far."""
    taken: list[Any] = []

    def take(endpoint: Any) -> Any:
        stream = endpoint.stream(JOB, timeout=10)
        if mode == "sync":
            taken.extend(chunk.output for chunk in stream)
            return None

        async def all_of_it() -> None:
            async for chunk in stream:
                taken.append(chunk.output)

        return all_of_it()

    fits = isinstance(aggregate, list) and position and aggregate[:position] == CHUNKS[:position]
    service = Service(position, close, aggregate)
    with Server(service.behaviour) as server:
        outcome = run_one(mode, Case("ep", take), base_url=server.base_url)
    TALLY[LOST, "stream", mode] += 1
    if fits and len(aggregate) >= position:
        assert taken == aggregate
        return
    assert type(outcome.error) is StreamInterruptedError
    assert outcome.error.job.id == JOB
    assert taken == CHUNKS[:position]


def test_an_iterator_that_is_left_frees_its_connection(mode: str) -> None:
    """After a `break` the connection serves the next call, and nothing more is requested."""
    with Server(Service(None, close, CHUNKS).behaviour) as server:
        if mode == "sync":
            with Runpod(KEY, base_url=server.base_url) as client:
                for chunk in client.endpoint("ep").stream(JOB):
                    assert chunk.output == 0
                    break
                client.endpoint("ep").status(JOB)
        else:

            async def leave(client: Any) -> None:
                async for chunk in client.endpoint("ep").stream(JOB):
                    assert chunk.output == 0
                    break
                await client.endpoint("ep").status(JOB)

            call(mode, leave, base_url=server.base_url)
        assert server.connections == 1
        assert [request.operation for request in server.requests] == ["stream", "status"]


def test_a_reader_slower_than_the_worker(mode: str) -> None:
    """With a slow reader, chunks wait at the server: none is lost, none is buffered."""
    size, many = 200_000, 40

    def handler(job: Any) -> Any:
        for n in range(many):
            yield f"{n}:" + "x" * size

    with local.LocalEndpoint(handler) as served:
        options = {"api_key": served.api_key, "base_url": served.base_url}
        if mode == "sync":

            def take() -> list[str]:
                with Runpod(**options) as client:
                    job = client.endpoint(served.endpoint_id).run(input=1)
                    taken = []
                    for chunk in job.stream():
                        time.sleep(0.005)
                        taken.append(chunk.output.split(":")[0])
                    return taken

            taken = take()
        else:

            async def slowly(client: Any) -> list[str]:
                job = await client.endpoint(served.endpoint_id).run(input=1)
                taken = []
                async for chunk in job.stream():
                    await anyio.sleep(0.005)
                    taken.append(chunk.output.split(":")[0])
                return taken

            taken = call(mode, slowly, **options)
    assert taken == [str(n) for n in range(many)]


def test_what_was_taken_is_not_kept() -> None:
    """A stream of many chunks takes the memory of one response, not of all."""
    body = answer({"status": "IN_PROGRESS", "stream": [{"output": "x" * 100_000}]})
    with Server(body) as server, Runpod(KEY, base_url=server.base_url) as client:
        stream = client.endpoint("ep").stream(JOB)
        for _ in range(5):
            next(stream)
        tracemalloc.start()
        try:
            for _ in range(100):
                next(stream)
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        stream.close()
    assert kept < 2_000_000


LIST = {"id": JOB, "status": "COMPLETED", "output": [1, 2, 3]}


@in_virtual_time
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("mode", [*MODES, *WAYS])
def test_a_returned_list_is_not_a_stream(mode: str, how: str) -> None:
    """Without a chunk from the worker, a list in the output does not contain chunks."""
    lost = iter([HOWS[how]])
    ended = answer({"status": "COMPLETED", "stream": []})

    def stream(exchange: Exchange) -> bool:
        return next(lost, ended)(exchange)

    with Server(by_operation(stream=stream, other=answer(LIST))) as server:
        case = Case("ep", lambda endpoint: endpoint.stream(JOB, timeout=10))
        outcome = run_one(mode, case, base_url=server.base_url)
    TALLY[LOST, "stream", mode] += 1
    assert type(outcome.error) is StreamInterruptedError


# -- the job is given to another worker

RUN_AGAIN = "The job is given to another worker while it streams"


class Worker:
    """An external worker of a local endpoint, which takes jobs and reports results."""

    def __init__(self, served: local.LocalEndpoint, name: str) -> None:
        self._http = httpx.Client(
            base_url=f"{served.base_url}/{served.endpoint_id}",
            headers={"authorization": served.api_key},
            trust_env=False,
        )
        self._name = name

    def take(self) -> None:
        """Take a job: a previous job of the worker is lost."""
        taken = self._http.get(f"/job-take/{self._name}?job_in_progress=0")
        assert taken.status_code == 200

    def post(self, what: str, job_id: str, output: Any) -> None:
        url = f"/{what}/{self._name}/{job_id}?isStream=true"
        assert self._http.post(url, json={"output": output}).status_code == 200

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.close()


@pytest.mark.parametrize(
    ("second", "output", "expected"),
    [
        ("abc", [], "abc"),
        ("abc", ["a", "b", "c"], "abc"),
        ("xyz", [], None),
        ("xyz", ["x", "y", "z"], None),
        ("ab", [], "ab"),
        ("a", ["a", "b", "c"], "abc"),
    ],
    ids=["repeats", "repeats and aggregates", "differs", "differs, aggregates", "no more", "drops"],
)
@pytest.mark.parametrize("mode", [*MODES, WAYS[0]])
def test_a_job_that_runs_twice(
    mode: str, second: str, output: list[str], expected: str | None
) -> None:
    """Each chunk once and in order, or an error; at an endpoint that shows the second run."""
    heard: Queue[str] = Queue()

    def listen(endpoint: Any) -> Any:
        stream = endpoint.stream(job_id, timeout=20)
        if mode == "sync":
            for chunk in stream:
                heard.put(chunk.output)
            return None

        async def all_of_it() -> None:
            async for chunk in stream:
                heard.put(chunk.output)

        return all_of_it()

    with (
        local.LocalEndpoint(None) as served,
        Worker(served, "first") as worker,
        served.client() as client,
        ThreadPoolExecutor(1) as pool,
    ):
        job = client.endpoint(served.endpoint_id).run(input=1)
        job_id = job.id
        options = {"api_key": served.api_key, "base_url": served.base_url}
        reading = pool.submit(run_one, mode, Case(served.endpoint_id, listen), **options)
        worker.take()
        for chunk in "ab":
            worker.post("job-stream", job_id, chunk)
            assert heard.get(timeout=10) == chunk
        worker.take()
        for chunk in second:
            worker.post("job-stream", job_id, chunk)
        state = job.status()
        assert (state.retries, state.worker_id) == (1, "first")
        worker.post("job-done", job_id, output)
        outcome = reading.result(30)
    TALLY[RUN_AGAIN, "stream", mode] += 1
    taken = "ab" + "".join(heard.queue)
    if expected is not None:
        assert (outcome.error, taken) == (None, expected)
        return
    assert type(outcome.error) is StreamInterruptedError
    assert outcome.error.state.retries == 1
