"""
Run any number of cases at once: in threads, or as tasks under asyncio or trio.

A case is one call on one endpoint; its `Outcome` has the result and the duration. In a test with
the fixture `virtual_time`, the client and its server share a clock that jumps, and durations are
exact. In other tests, only pauses of the sync client take no time.
"""

from __future__ import annotations

import inspect
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import AsyncRunpod, Runpod
from tests.facade.clocks import CLOCK, JumpingRunpod
from tests.faults.virtual_time import TICK, TIME, VirtualRunpod, loop_options, prepare_loop
from tests.h11_only import h11_only

MODES = ("sync", "asyncio", "trio")
WAYS = ("asyncio by aiohttp", "sync by httpx")
"""Other transports than the client's own connections: aiohttp, a caller's client."""
ALL_WAYS = (
    *MODES,
    "uvloop",
    *WAYS,
    "asyncio by httpx",
    "trio by httpx",
    "sync by own httpx",
    "asyncio by own httpx",
)
"""All transports, for network faults that each transport handles itself."""
KEY = "rpa_CANARY0123456789"
JOB = "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1"

SLACK = 3 * TICK
"""How much later than its deadline a call may end in virtual time, in seconds."""
BUSY = 2.0
"""How much later it may end in real time, on a busy machine, in seconds."""
AT_ONCE = 100

in_virtual_time = pytest.mark.usefixtures("virtual_time")
"""Runs a test in which the client and its server share a clock that jumps."""

TALLY: Counter[tuple[str, str, str]] = Counter()
"""The number of tried cases, by fault, operation and mode."""


@dataclass(frozen=True)
class Case:
    """One call: *ask* gets the endpoint with that id, and its result is awaited or read."""

    endpoint: str
    ask: Callable[[Any], Any]
    timeout: float | None = None


@dataclass
class Outcome:
    """The outcome of a case."""

    case: Case
    value: Any = None
    error: BaseException | None = None
    took: float = 0.0
    is_exact: bool = False
    """Whether it took virtual time."""

    @property
    def late(self) -> float:
        """How long after its deadline the case ended, in seconds, if it was too late."""
        late = 0.0 if self.case.timeout is None else self.took - self.case.timeout
        return late if late > (SLACK if self.is_exact else BUSY) else 0.0


def finish(value: Any) -> Any:
    """Read a stream to its end; return other values unchanged."""
    if isinstance(value, Iterator):
        return [chunk.output for chunk in value]
    return value


async def finish_async(value: Any) -> Any:
    """Await awaitables, and read a stream to its end."""
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, AsyncIterator):
        return [chunk.output async for chunk in value]
    return value


def run_all(
    mode: str, cases: Sequence[Case], *, at_once: int = AT_ONCE, **options: Any
) -> list[Outcome]:
    """Run all *cases* on one client, *at_once* at a time."""
    backend, _, way = mode.partition(" by ")
    options = {"api_key": KEY, **options}
    if way in ("aiohttp", "own httpx"):
        options["transport"] = way.removeprefix("own ")
    elif way == "httpx" and "http_client" not in options:
        cls: Any = httpx.Client if backend == "sync" else httpx.AsyncClient
        options["http_client"] = cls(verify=_NO_CERTIFICATES, trust_env=False)
    outcomes = [Outcome(case, is_exact=TIME.runs and mode != "uvloop") for case in cases]
    if backend != "sync":
        run_loop(mode, _run_async, outcomes, at_once, options)
        return outcomes
    sync_client = VirtualRunpod if TIME.runs else JumpingRunpod
    with sync_client(**options) as client, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(partial(_try, client), outcomes))
    if "http_client" in options:
        options["http_client"].close()
    return outcomes


def run_alone(mode: str, cases: Sequence[Case], **options: Any) -> list[Outcome]:
    """Run *cases* one after another, each on separate connections."""
    return [run_one(mode, case, **options) for case in cases]


def run_one(mode: str, case: Case, **options: Any) -> Outcome:
    """Run one case."""
    return run_all(mode, [case], at_once=1, **options)[0]


def run_loop(mode: str, body: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Run *body* on an event loop of an async mode, in virtual time if it runs."""
    backend = mode.partition(" by ")[0]
    if backend == "uvloop":
        return anyio.run(body, *args, backend="asyncio", backend_options={"use_uvloop": True})
    backend_options = loop_options(backend) if TIME.runs else {}

    async def prepared() -> Any:
        if TIME.runs:
            await prepare_loop()
        return await body(*args)

    with (
        h11_only() if backend == "trio" else nullcontext(),  # each parser in one of the modes
        TIME.taking_part(),
    ):
        return anyio.run(prepared, backend=backend, backend_options=backend_options)


_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _try(client: Runpod, outcome: Outcome) -> None:
    case = outcome.case
    with TIME.taking_part():
        now = TIME.now if TIME.runs else CLOCK.now
        began = now()
        try:
            outcome.value = finish(case.ask(client.endpoint(case.endpoint)))
        except Exception as error:
            outcome.error = error
        outcome.took = now() - began


async def _run_async(outcomes: Sequence[Outcome], at_once: int, options: dict[str, Any]) -> None:
    room = anyio.CapacityLimiter(at_once)

    async def attempt(outcome: Outcome) -> None:
        async with room:
            began = anyio.current_time()
            try:
                asked = outcome.case.ask(client.endpoint(outcome.case.endpoint))
                outcome.value = await finish_async(asked)
            except Exception as error:
                outcome.error = error
            outcome.took = anyio.current_time() - began

    async with AsyncRunpod(**options) as client, anyio.create_task_group() as tasks:
        for outcome in outcomes:
            tasks.start_soon(attempt, outcome)
    if "http_client" in options:
        await options["http_client"].aclose()


def call(mode: str, body: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Run *body* of an async client in an async mode."""
    options = {"api_key": KEY, **options}
    if mode.endswith(" by aiohttp"):
        options["transport"] = "aiohttp"

    async def main() -> Any:
        async with AsyncRunpod(**options) as client:
            return await body(client)

    return run_loop(mode, main)
