"""A client keeps to RunPod's documented rates, unless rate limits are off."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import trio
import trio.testing

from runpod_sdk import AsyncRunpod, Runpod, RunpodTimeoutError

ALLOWED = {
    "run": (1000, 200),
    "runsync": (2000, 400),
    "status": (2000, 400),
    "stream": (2000, 400),
    "cancel": (100, 20),
}


class Service(httpx.AsyncBaseTransport):
    """Takes jobs and is done with each after a while; notes when each request came."""

    def __init__(self, *, answers_in: float = 0.05, job_takes: float = 3.0) -> None:
        self._answers_in = answers_in
        self._job_takes = job_takes
        self.came: dict[str, list[float]] = {}
        self.most: Counter[str] = Counter()
        self._inside: Counter[str] = Counter()
        self._submitted: dict[str, float] = {}
        self.refusals = 0
        """How many requests are still to be refused with 429."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _, _, _, operation, *ids = request.url.path.split("/")
        kind = "status" if operation == "status-sync" else operation
        self.came.setdefault(kind, []).append(trio.current_time())
        self._inside[kind] += 1
        self.most[kind] = max(self.most[kind], self._inside[kind])
        try:
            await trio.sleep(self._answers_in)
            if self.refusals > 0:
                self.refusals -= 1
                return httpx.Response(429, headers={"retry-after": "2"})
            if operation == "run":
                job_id = f"job-{len(self._submitted)}"
                self._submitted[job_id] = trio.current_time()
                return httpx.Response(200, json={"id": job_id, "status": "IN_QUEUE"})
            done = self._submitted[ids[0]] + self._job_takes
            wait = int(request.url.params.get("wait", 0)) / 1000
            await trio.sleep(max(0.0, min(done - trio.current_time(), wait)))
            over = trio.current_time() >= done
            status = "COMPLETED" if over else "IN_PROGRESS"
            return httpx.Response(200, json={"id": ids[0], "status": status})
        finally:
            self._inside[kind] -= 1

    def fullest(self, kind: str) -> int:
        """Count the requests of the fullest ten seconds."""
        came = self.came[kind]
        return max(
            bisect_right(came, time + 10.0 - 1e-6) - index for index, time in enumerate(came)
        )


def play(service: Service, jobs: int, **options: bool | float) -> float:
    """Run *jobs* jobs, all at the same time; return the duration."""

    async def main() -> float:
        start = trio.current_time()
        async with httpx.AsyncClient(transport=service) as http:
            client = AsyncRunpod("key-of-a-test", http_client=http, **options)
            done = 0
            async with client.endpoint("ep").map(
                ({"n": n} for n in range(jobs)), concurrency=jobs, ordered=False
            ) as results:
                async for result in results:
                    assert result.state is not None, result.error
                    done += 1
        assert done == jobs
        return trio.current_time() - start

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_thousands_of_jobs_at_once() -> None:
    """No window is over the documented rate, and no more are under way than documented."""
    service = Service()
    took = play(service, 1600)
    for kind in service.came:
        requests, concurrent = ALLOWED[kind]
        assert service.fullest(kind) <= requests
        assert service.most[kind] <= concurrent
    assert len(service.came["run"]) == 1600
    assert took < 1600 / 100 * 1.05 + 15


def test_a_share_of_the_limits() -> None:
    """A client with a quarter uses a quarter, and all of it."""
    service = Service()
    took = play(service, 600, rate_limits=0.25)
    for kind in service.came:
        requests, concurrent = ALLOWED[kind]
        assert service.fullest(kind) <= requests / 4
        assert service.most[kind] <= concurrent / 4
    assert took < 600 / 25 * 1.05 + 15


def test_long_jobs_share_the_places_of_long_polls() -> None:
    """430 jobs that take half a minute: more than may be held at once; none is forgotten."""
    service = Service(job_takes=30.0)
    took = play(service, 430)
    assert service.most["status"] <= 400
    assert service.fullest("status") <= 2000
    assert took < 30 + 430 / 100 + 35


def test_a_refusal_lets_all_wait() -> None:
    """After one 429, no task sends anything for as long as it asks."""
    service = Service(answers_in=0.01)
    service.refusals = 1
    play(service, 150)
    first, *others = service.came["run"]
    assert not [time for time in others if first + 0.05 < time < first + 2.0]
    assert len(service.came["run"]) == 151


def test_without_rates_nothing_waits() -> None:
    service = Service(job_takes=0.01)
    took = play(service, 1100, rate_limits=False)
    assert service.most["run"] == 1100
    assert took < 1.0


def test_a_turn_that_comes_too_late_is_not_taken() -> None:
    """The third purge within ten seconds would have to wait: nothing is sent, and it says so."""
    sent = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        return httpx.Response(200, json={"removed": 0, "status": "completed"})

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            endpoint = AsyncRunpod("key-of-a-test", http_client=http).endpoint("ep")
            await endpoint.purge_queue()
            await endpoint.purge_queue()
            with pytest.raises(
                RunpodTimeoutError, match=r"nothing was sent: .* in 10\.5 s, after .* 5 s"
            ):
                await endpoint.purge_queue(timeout=5.0)
            assert sent == 2
            await endpoint.purge_queue(timeout=None)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert sent == 3


def test_threads_share_them_too() -> None:
    """Of 410 threads that ask for a status 400 are let in, and the rest as these are answered."""
    lock, all_in = threading.Lock(), threading.Event()
    inside = most = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            if inside == 400:
                all_in.set()
        assert all_in.wait(30)
        with lock:
            inside -= 1
        return httpx.Response(200, json={"id": "j", "status": "COMPLETED"})

    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(transport=httpx.MockTransport(answer), limits=limits) as http,
        ThreadPoolExecutor(410) as pool,
    ):
        endpoint = Runpod("key-of-a-test", http_client=http).endpoint("ep")
        states = list(pool.map(lambda _: endpoint.status("j", timeout=60), range(410)))
    assert len(states) == 410
    assert most == 400


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_the_argument_is_checked(value: object) -> None:
    with pytest.raises(TypeError, match="rate_limits must be True or False"):
        Runpod("key-of-a-test", rate_limits=value)  # type: ignore[arg-type]
