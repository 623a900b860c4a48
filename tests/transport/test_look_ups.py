"""Look-ups of a host's name: connections that are made at the same time share one."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from runpod_sdk import APIConnectionError, AsyncRunpod, Runpod, RunpodTimeoutError
from tests.transport.server import Server, good

HOST = "api.test"


class Resolver:
    """Replaces `socket.getaddrinfo`: it answers for one host when it is allowed to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, outcome: str | OSError) -> None:
        self._outcome = outcome
        self._real = socket.getaddrinfo
        self.may_answer = threading.Event()
        self.threads: list[threading.Thread] = []
        """The threads that asked."""
        monkeypatch.setattr(socket, "getaddrinfo", self)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)

    def __call__(self, host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        self.threads.append(threading.current_thread())
        if host not in (HOST, HOST.encode()):
            return self._real(host, port, *rest, **more)
        self.may_answer.wait(10)
        if isinstance(self._outcome, OSError):
            raise self._outcome
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self._outcome, port))]

    def wait(self, times: int) -> None:
        """Wait until the resolver was asked so often, by threads."""
        for _ in range(2_000):
            if len(self.threads) >= times:
                break
            time.sleep(0.001)
        assert len(self.threads) == times

    async def asked(self, times: int) -> None:
        """Wait until the resolver was asked so often, and until no task can go on."""
        for _ in range(2_000):
            if len(self.threads) >= times:
                break
            await asyncio.sleep(0.001)
        assert len(self.threads) >= times
        for _ in range(10):
            await asyncio.sleep(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main)


def client_of(server: Server | None) -> AsyncRunpod:
    port = 1 if server is None else urlsplit(server.base_url).port
    return AsyncRunpod("key-of-a-test", base_url=f"http://{HOST}:{port}/v2", max_retries=0)


def ask(client: AsyncRunpod) -> asyncio.Task[Any]:
    return asyncio.ensure_future(client.endpoint("ep").status("j1", timeout=None))


def test_connections_share_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is not kept: a connection that is made later looks the name up again."""
    resolver = Resolver(monkeypatch, "127.0.0.1")

    async def main() -> None:
        async with client_of(server) as client:
            calls = [ask(client) for _ in range(20)]
            await resolver.asked(1)
            resolver.may_answer.set()
            assert {(await call).id for call in calls} == {"j1"}
            assert len(resolver.threads) == 1
            await asyncio.gather(*[ask(client) for _ in range(21)])
            assert len(resolver.threads) == 2

    with Server(good) as server:
        run(main())
    assert server.connections == 21


def test_a_cancelled_call_leaves_the_look_up_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call that is cancelled is the one that began the look-up."""
    resolver = Resolver(monkeypatch, "127.0.0.1")

    async def main() -> None:
        async with client_of(server) as client:
            first, second = ask(client), ask(client)
            await resolver.asked(1)
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()
            assert not second.done()
            resolver.may_answer.set()
            assert (await second).id == "j1"

    with Server(good) as server:
        run(main())
    assert len(resolver.threads) == 1


def test_no_look_up_outlives_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that is closed after a call has timed out has no pending task."""
    resolver = Resolver(monkeypatch, "127.0.0.1")

    async def main() -> set[asyncio.Task[Any]]:
        async with client_of(None) as client:
            endpoint = client.endpoint("ep")
            with pytest.raises(RunpodTimeoutError):
                await endpoint.status("j1", timeout=0.02)
        return asyncio.all_tasks()

    loop = asyncio.new_event_loop()
    try:
        tasks = loop.run_until_complete(main())
        assert all(task.done() for task in tasks)
    finally:
        resolver.may_answer.set()
        loop.close()


def assert_separate(errors: Sequence[object]) -> None:
    """Check that errors of one look-up have no exception in common, not even as a cause."""
    seen: list[BaseException] = []
    for error in errors:
        assert isinstance(error, APIConnectionError)
        assert "no such name" in str(error)
        cause: BaseException | None = error
        while cause is not None:
            seen.append(cause)
            cause = cause.__cause__ or cause.__context__
    assert any(isinstance(one, socket.gaierror) for one in seen)
    assert len({id(one) for one in seen}) == len(seen)


def test_each_call_gets_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception in the causes of one call's error is one of another call's."""
    resolver = Resolver(monkeypatch, socket.gaierror(socket.EAI_NONAME, "no such name"))

    async def main() -> None:
        async with client_of(None) as client:
            calls = [ask(client) for _ in range(3)]
            await resolver.asked(1)
            resolver.may_answer.set()
            errors = await asyncio.gather(*calls, return_exceptions=True)
        assert_separate(errors)

    run(main())
    assert len(resolver.threads) == 1


def test_a_look_up_that_hangs_is_not_shared_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is made a second later begins a look-up of its own."""
    resolver = Resolver(monkeypatch, "127.0.0.1")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        async with client_of(server) as client:
            calls = [ask(client)]
            await resolver.asked(1)
            loop.ahead = 0.5
            calls.append(ask(client))
            await resolver.asked(1)
            assert len(resolver.threads) == 1
            loop.ahead = 2.0
            calls.append(ask(client))
            await resolver.asked(2)
            resolver.may_answer.set()
            await asyncio.gather(*calls)

    with Server(good) as server:
        run(main())
    assert len(resolver.threads) == 2


class Calls:
    """Calls of the sync client, each in its own thread."""

    def __init__(self, server: Server | None) -> None:
        port = 1 if server is None else urlsplit(server.base_url).port
        base_url = f"http://{HOST}:{port}/v2"
        self._client = Runpod("key-of-a-test", base_url=base_url, max_retries=0)
        self._pool = ThreadPoolExecutor(20)

    def begin(self, timeout: float | None = None) -> Future[Any]:
        """Start a call, and return when it waits for the resolver or has ended."""
        idents: Queue[int] = Queue()

        def work() -> Any:
            idents.put(threading.get_ident())
            return self._client.endpoint("ep").status("j1", timeout=timeout)

        call = self._pool.submit(work)
        ident = idents.get(timeout=10)
        for _ in range(2_000):
            frame = sys._current_frames().get(ident)
            if call.done() or (frame is not None and frame.f_code.co_name == "wait"):
                return call
            time.sleep(0.001)
        raise AssertionError("it neither waits nor ends")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.shutdown()
        self._client.close()


def test_threads_share_a_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that times out leaves it to the others."""
    resolver = Resolver(monkeypatch, "127.0.0.1")
    with Server(good) as server, Calls(server) as calls:
        begun = [calls.begin(timeout=0.1), *[calls.begin() for _ in range(5)]]
        with pytest.raises(RunpodTimeoutError):
            begun[0].result(10)
        assert len(resolver.threads) == 1
        resolver.may_answer.set()
        assert [call.result(10).id for call in begun[1:]] == ["j1"] * 5


def test_a_look_up_that_hangs_is_not_shared_by_threads_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call that is made a second later begins a look-up of its own."""
    resolver = Resolver(monkeypatch, "127.0.0.1")
    with Server(good) as server, Calls(server) as calls:
        begun = [calls.begin(), calls.begin()]
        resolver.wait(1)
        now = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: now() + 2)
        begun.append(calls.begin())
        resolver.wait(2)
        resolver.may_answer.set()
        assert [call.result(10).id for call in begun] == ["j1"] * 3


def test_each_thread_gets_its_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception in the causes of one call's error is one of another call's."""
    resolver = Resolver(monkeypatch, socket.gaierror(socket.EAI_NONAME, "no such name"))
    with Calls(None) as calls:
        begun = [calls.begin() for _ in range(3)]
        resolver.may_answer.set()
        assert_separate([call.exception(10) for call in begun])
    assert len(resolver.threads) == 1


def test_a_numeric_host_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither under asyncio nor for the sync client."""
    resolver = Resolver(monkeypatch, "127.0.0.1")

    async def main(base_url: str) -> None:
        async with AsyncRunpod("key-of-a-test", base_url=base_url) as client:
            await ask(client)

    with Server(good) as server:
        run(main(server.base_url))
        with Runpod("key-of-a-test", base_url=server.base_url) as client:
            client.endpoint("ep").status("j1")
    assert set(resolver.threads) == {threading.current_thread()}
