"""The limits of a call under asyncio, beside those of the caller: each ends what it encloses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest

from runpod_sdk import AsyncRunpod, ClientClosedError, RunpodTimeoutError
from tests.transport.server import Server

SOON, LATER = 0.03, 30.0


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """Start a server that does not answer."""
    over = threading.Event()
    with Server(lambda visit: over.wait(60) and False) as server:
        yield server.base_url
        over.set()


def run(
    base_url: str,
    main: Callable[[AsyncRunpod, Any], Awaitable[None]],
    key: str | Callable[[], Awaitable[str]] = "key-of-a-test",
    transport: Any = None,
) -> None:
    """Run *main* with a client and an endpoint; no cancellation of its task is left over."""

    async def with_client() -> None:
        async with AsyncRunpod(
            key, base_url=base_url, max_retries=0, transport=transport
        ) as client:
            await main(client, client.endpoint("ep"))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    asyncio.run(with_client())


def test_the_timeout_of_a_call(silent: str) -> None:
    """It ends the call, within the caller's longer limits of asyncio and anyio."""

    async def main(_: AsyncRunpod, endpoint: Any) -> None:
        async with asyncio.timeout(LATER):
            with anyio.fail_after(LATER), pytest.raises(RunpodTimeoutError):
                await endpoint.status("j1", timeout=SOON)

    run(silent, main)


def test_the_timeout_of_the_caller(silent: str) -> None:
    """It is the caller's own, and the next call is not affected."""

    async def main(_: AsyncRunpod, endpoint: Any) -> None:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(SOON):
                await endpoint.status("j1", timeout=LATER)
        assert not isinstance(caught.value, RunpodTimeoutError)
        with anyio.move_on_after(SOON) as scope:
            await endpoint.status("j1", timeout=LATER)
        assert scope.cancelled_caught
        with pytest.raises(RunpodTimeoutError):
            await endpoint.status("j1", timeout=SOON)

    run(silent, main)


def test_both_at_once(silent: str) -> None:
    """If both limits pass at the same time, one of them ends the call."""

    async def main(_: AsyncRunpod, endpoint: Any) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON):
                await endpoint.status("j1", timeout=SOON)
        with pytest.raises(TimeoutError), anyio.fail_after(SOON):
            await endpoint.status("j1", timeout=SOON)

    run(silent, main)


def test_a_task_that_is_cancelled(silent: str) -> None:
    """It is cancelled, even if its call ends at the same time, because the client is closed."""

    async def main(client: AsyncRunpod, endpoint: Any) -> None:
        tasks = [asyncio.ensure_future(endpoint.status("j1", timeout=LATER)) for _ in range(3)]
        await asyncio.sleep(SOON)
        tasks[0].cancel()
        await client.aclose()
        tasks[1].cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        kinds = [asyncio.CancelledError, asyncio.CancelledError, ClientClosedError]
        assert list(map(type, ends)) == kinds

    run(silent, main)


@pytest.mark.parametrize("transport", ["direct", "httpx", "aiohttp"])
def test_a_function_that_suppresses_the_end(silent: str, transport: str) -> None:
    """The call ends all the same, and does not wait for a response without a limit."""

    async def key() -> str:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(LATER)
        return "key-of-a-test"

    async def main(_: AsyncRunpod, endpoint: Any) -> None:
        with anyio.fail_after(LATER / 3), pytest.raises(RunpodTimeoutError):
            await endpoint.status("j1", timeout=SOON)

    run(silent, main, key, transport)


def test_a_function_that_closes_its_client(silent: str) -> None:
    """Its call ends, and the cancellation is not left to what the task does next."""
    clients: list[AsyncRunpod] = []

    async def key() -> str:
        await clients[0].aclose()
        return "key-of-a-test"

    async def main(client: AsyncRunpod, endpoint: Any) -> None:
        clients.append(client)
        with pytest.raises(ClientClosedError):
            await endpoint.status("j1", timeout=LATER)

    run(silent, main, key)
