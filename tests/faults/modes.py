"""
Run any number of cases at once: in threads, or as tasks under asyncio or trio.

A case is one call on one endpoint; its `Outcome` has the result and the duration. A late case is
repeated, with few others and then alone: a busy machine delays a call now and then, but a deadline
that is not kept is late each time. The server and the network take real time; pauses of the client
take none, on a virtual clock.
"""

from __future__ import annotations

import inspect
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio
import httpx

from runpod_sdk import AsyncRunpod, Runpod
from tests.facade.clocks import CLOCK, JumpingRunpod
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

SLACK = 0.25
"""How much later than its deadline a call may end, in seconds."""
AT_ONCE = 24
AT_ONCE_AGAIN = (4, 1, 1, 1)
"""How many late cases run at once, in each further attempt."""
MOST_UNLUCKY = 24
"""How many late cases may run alone: more are not explained by a busy machine."""

TALLY: Counter[tuple[str, str, str]] = Counter()
"""The number of tried cases, by fault, operation and mode."""


@dataclass(frozen=True)
class Case:
    """One call: *ask* gets the endpoint with that id, and its result is awaited or read."""

    endpoint: str
    ask: Callable[[Any], Any]
    timeout: float | None = None
    swift: bool = False
    """Whether the server responds at once, so that a timeout is caused by a busy machine."""


@dataclass
class Outcome:
    """The outcome of a case."""

    case: Case
    value: Any = None
    error: BaseException | None = None
    took: float = 0.0

    @property
    def late(self) -> float:
        """How long after its deadline the case ended, in seconds, if it was too late."""
        late = 0.0 if self.case.timeout is None else self.took - self.case.timeout
        return late if late > SLACK else 0.0

    @property
    def unlucky(self) -> bool:
        """Whether a busy machine may have caused the outcome."""
        return bool(self.late) or (self.case.swift and isinstance(self.error, TimeoutError))


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
    mode: str,
    cases: Sequence[Case],
    *,
    at_once: int = AT_ONCE,
    unlucky: Callable[[Outcome], bool] = lambda outcome: outcome.unlucky,
    **options: Any,
) -> list[Outcome]:
    """
    Run all *cases* on one client, *at_once* at a time; repeat the late ones.

    Each attempt has a separate endpoint id: the case's, with `~` and a number.
    """
    outcomes = _run(mode, cases, at_once, options)
    for attempt, few in enumerate(AT_ONCE_AGAIN, 1):
        places = [place for place, outcome in enumerate(outcomes) if unlucky(outcome)]
        if not places or (few == 1 and len(places) > MOST_UNLUCKY):
            break
        again = [
            replace(cases[place], endpoint=f"{cases[place].endpoint}~{attempt}") for place in places
        ]
        for place, outcome in zip(places, _run(mode, again, few, options), strict=True):
            outcomes[place] = outcome
    return outcomes


def run_alone(mode: str, cases: Sequence[Case], **options: Any) -> list[Outcome]:
    """Run *cases* one after another, each on separate connections."""
    return [_run(mode, [case], 1, options)[0] for case in cases]


def run_one(mode: str, case: Case, **options: Any) -> Outcome:
    """Run one case."""
    return run_all(mode, [case], **options)[0]


def _run(mode: str, cases: Sequence[Case], at_once: int, options: dict[str, Any]) -> list[Outcome]:
    backend, _, way = mode.partition(" by ")
    options = {"api_key": KEY, **options}
    if way in ("aiohttp", "own httpx"):
        options["transport"] = way.removeprefix("own ")
    elif way == "httpx" and "http_client" not in options:
        cls: Any = httpx.Client if backend == "sync" else httpx.AsyncClient
        options["http_client"] = cls(verify=_NO_CERTIFICATES, trust_env=False)
    if backend == "sync":
        with JumpingRunpod(**options) as client, ThreadPoolExecutor(at_once) as pool:
            outcomes = list(pool.map(partial(_try, client), cases))
        if "http_client" in options:
            options["http_client"].close()
        return outcomes
    with h11_only() if backend == "trio" else nullcontext():  # each parser in one of the modes
        return anyio.run(_run_async, cases, at_once, options, **loop_of(mode))


def loop_of(mode: str) -> dict[str, Any]:
    """Return the arguments with which `anyio.run` runs an async mode."""
    backend = mode.partition(" by ")[0]
    if backend == "uvloop":
        return {"backend": "asyncio", "backend_options": {"use_uvloop": True}}
    return {"backend": backend}


_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _try(client: Runpod, case: Case) -> Outcome:
    outcome = Outcome(case)
    began = CLOCK.now()
    try:
        outcome.value = finish(case.ask(client.endpoint(case.endpoint)))
    except Exception as error:
        outcome.error = error
    outcome.took = CLOCK.now() - began
    return outcome


async def _run_async(cases: Sequence[Case], at_once: int, options: dict[str, Any]) -> list[Outcome]:
    outcomes = [Outcome(case) for case in cases]
    room = anyio.CapacityLimiter(at_once)

    async def attempt(outcome: Outcome) -> None:
        async with room:
            began = time.monotonic()
            try:
                asked = outcome.case.ask(client.endpoint(outcome.case.endpoint))
                outcome.value = await finish_async(asked)
            except Exception as error:
                outcome.error = error
            outcome.took = time.monotonic() - began

    async with AsyncRunpod(**options) as client, anyio.create_task_group() as tasks:
        for outcome in outcomes:
            tasks.start_soon(attempt, outcome)
    if "http_client" in options:
        await options["http_client"].aclose()
    return outcomes


def call(mode: str, body: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Run *body* of an async client in an async mode."""
    options = {"api_key": KEY, **options}
    if mode.endswith(" by aiohttp"):
        options["transport"] = "aiohttp"

    async def main() -> Any:
        async with AsyncRunpod(**options) as client:
            return await body(client)

    return anyio.run(main, **loop_of(mode))
