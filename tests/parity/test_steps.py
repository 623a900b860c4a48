"""
The same flow takes the same steps in the sync and the async client.

It runs in one step over a port that never suspends, as in the sync client, and is awaited over
a port that suspends, under asyncio and under trio. The port's calls, with their order and times,
and the results must be equal, with any faults.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, cast

import anyio
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._flows.send import call
from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._flows.submit import run, run_sync
from runpod_sdk._flows.wait import wait
from runpod_sdk._io import sync
from runpod_sdk.errors import RunpodError
from runpod_sdk.settings import OnTimeout
from tests.flows.virtual import (
    ENDPOINT,
    JOB,
    Fault,
    RequestFault,
    Service,
    Timeline,
    VirtualIO,
    collect,
    guarded,
    ok,
    randoms,
    request_faults,
    session,
    timelines,
    timeouts,
)

Flow = Callable[[EndpointContext], Coroutine[Any, Any, Any]]

REQUEST = api.JobRequest(input_={"prompt": "hi"})


class Interrupted(BaseException):
    """Stands for Ctrl-C, or the cancellation of a task."""


@attrs.frozen
class History:
    """The faults and delays of a flow, so that they can be repeated."""

    timeline: Timeline = attrs.field(factory=Timeline)
    request_faults: list[RequestFault] = attrs.field(factory=list)
    randoms: list[float] = attrs.field(factory=list)
    max_retries: int = 2
    attempt_timeout: float | None = 10.0
    interrupted: int | None = None
    """The number of the request at which the caller is interrupted, if at all."""


histories = st.builds(
    History,
    timeline=timelines,
    request_faults=request_faults,
    randoms=randoms,
    max_retries=st.integers(0, 3),
    attempt_timeout=st.sampled_from([10.0, 0.5]),
)
interrupted = st.builds(
    History,
    timeline=timelines,
    request_faults=request_faults,
    randoms=randoms,
    interrupted=st.integers(1, 4),
)
on_timeouts = st.sampled_from(["detach", "cancel"])
long_enough = timeouts | st.sampled_from([90.0, 500.0])
"""Half of the timeouts are longer than most jobs."""


class Port(VirtualIO):
    """A port in virtual time that can be interrupted, and supports the rest of the API."""

    def __init__(self, history: History, *, started: bool, suspends: bool) -> None:
        service = _Service(history.timeline, history.request_faults, started=started)
        super().__init__(service, suspends=suspends, randoms=history.randoms)
        self._interrupted = history.interrupted
        self.suspensions = 0

    async def send(self, request: Request, limit: TimeLimit) -> Response:
        if self._interrupted is not None and len(self.calls) + 1 >= self._interrupted:
            self._interrupted = None
            await self._step()
            self.steps.append(("interrupted", self.time, request, limit.ends_at))
            raise Interrupted
        return await super().send(request, limit)

    async def wait_for(self, turn: Future[None], limit: float | None) -> bool:
        raise AssertionError("nobody waits in line here")

    async def shielded(self, flow: Any) -> Any:
        self.steps.append(("shielded", self.time))
        return await super().shielded(flow)

    async def _step(self) -> None:
        self.suspensions += self._suspends
        await super()._step()


class _Service(Service):
    def _handle(self, request: Request, now: float) -> tuple[float, Response]:
        what = request.path.split("/")[2]
        if what == "health":
            return now, ok({"jobs": {"inQueue": 1}, "workers": {"idle": 2}, "new": [1]})
        if what == "purge-queue":
            return now, ok({"removed": 3, "status": "completed"})
        if what == "retry":
            return now, ok({"id": JOB, "status": "IN_QUEUE"})
        return super()._handle(request, now)


@attrs.frozen
class Account:
    """The calls of the port, and the result."""

    log: list[tuple[Any, ...]]
    time: float
    outcome: Any


def told(outcome: Any) -> Any:
    """Describe a result, or an error with its attributes and its causes."""
    if isinstance(outcome, BaseException):
        carried = {name: told(value) for name, value in vars(outcome).items()}
        return type(outcome), told(list(outcome.args)), carried, told(outcome.__cause__)
    if isinstance(outcome, list):
        return [told(value) for value in outcome]
    if hasattr(outcome, "to_dict"):
        return outcome, outcome.to_dict()
    return outcome


def three_accounts(history: History, flow: Flow, *, started: bool = True) -> Iterable[Account]:
    """Run the flow with *history* in the three ways."""
    for backend in (None, "asyncio", "trio"):
        io = Port(history, started=started, suspends=backend is not None)
        here = session(io, max_retries=history.max_retries, attempt_timeout=history.attempt_timeout)
        outcome = _drive(flow(here), backend)
        assert (io.suspensions > 0) is (backend is not None), "the port was not asked"
        yield Account(io.steps, io.time, outcome)


def _drive(flow: Coroutine[Any, Any, Any], backend: str | None) -> Any:
    async def whole() -> Any:
        try:
            return told(await flow)
        except (RunpodError, Interrupted) as error:
            return told(error)

    return sync.drive(whole()) if backend is None else anyio.run(lambda: whole(), backend=backend)


def agree(history: History, flow: Flow, *, started: bool = True) -> None:
    stepped, *awaited = three_accounts(history, flow, started=started)
    for account in awaited:
        assert account == stepped


def chunks_of(timeout: float | None) -> Flow:
    return lambda here: collect(ChunkReader(here, JOB, timeout))


def waiting(timeout: float | None, on_timeout: str) -> Flow:
    def flow(here: EndpointContext) -> Coroutine[Any, Any, Any]:
        guard = JobGuard(here, cast(OnTimeout, on_timeout), JOB)
        return guarded(guard, wait(here, JOB, here.deadline(timeout)))

    return flow


def running(timeout: float | None, on_timeout: str) -> Flow:
    def flow(here: EndpointContext) -> Coroutine[Any, Any, Any]:
        guard = JobGuard(here, cast(OnTimeout, on_timeout))
        return guarded(guard, run_sync(here, REQUEST, timeout, guard.submission))

    return flow


@given(histories, timeouts | st.none())
def test_submitting(history: History, timeout: float | None) -> None:
    """`run` takes the same steps in all three ways."""
    history = _ending(history, timeout)
    agree(history, lambda here: run(here, REQUEST, timeout), started=False)


@given(histories, long_enough, on_timeouts)
def test_submitting_and_waiting(history: History, timeout: float, on_timeout: str) -> None:
    """`run_sync` takes the same steps, also if it times out and cancels the job."""
    agree(history, running(timeout, on_timeout), started=False)


@given(histories, long_enough, on_timeouts)
def test_waiting(history: History, timeout: float, on_timeout: str) -> None:
    """`wait` takes the same steps, also if it times out and cancels the job."""
    agree(history, waiting(timeout, on_timeout))


@given(histories, long_enough)
def test_streaming(history: History, timeout: float) -> None:
    """A stream that is read to its end takes the same steps and yields the same chunks."""
    agree(history, chunks_of(timeout))


@given(
    histories,
    timeouts | st.none(),
    st.sampled_from(
        [
            api.status(ENDPOINT, JOB),
            api.cancel(ENDPOINT, JOB),
            api.retry(ENDPOINT, JOB),
            api.health(ENDPOINT),
            api.purge(ENDPOINT),
        ]
    ),
)
def test_one_question(history: History, timeout: float | None, op: Any) -> None:
    """An operation with one response takes the same steps."""
    history = _ending(history, timeout)
    agree(history, lambda here: call(here, op, here.deadline(timeout)))


@given(interrupted, timeouts, on_timeouts, st.booleans())
def test_being_interrupted(
    history: History, timeout: float, on_timeout: str, submits: bool
) -> None:
    """An interrupted wait sends the same requests afterwards, and raises the same error."""
    flow = running(timeout, on_timeout) if submits else waiting(timeout, on_timeout)
    agree(history, flow, started=not submits)


def _ending(history: History, timeout: float | None) -> History:
    """Leave out missing responses where a wait for them has no time limit."""
    if timeout is not None:
        return history
    ending = [
        request_fault
        for request_fault in history.request_faults
        if request_fault.fault is not Fault.HANGS
    ]
    return attrs.evolve(history, request_faults=ending)


def test_a_port_that_suspends_cannot_be_stepped() -> None:
    """The async port suspends: running it in one step raises an error."""

    async def step() -> None:
        with pytest.raises(RuntimeError, match="has suspended"):
            sync.drive(Port(History(), started=True, suspends=True).sleep(1.0))

    anyio.run(step)


def test_a_flow_that_takes_other_steps_somewhere_is_found() -> None:
    """A flow that sleeps only under an event loop is detected."""

    async def flow(here: EndpointContext) -> None:
        await here.io.sleep(1.0)
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            await here.io.sleep(1.0)

    with pytest.raises(AssertionError):
        agree(History(), flow)


def test_accounts_tell_steps_and_outcomes_apart() -> None:
    """A missing step, another time, another chunk or another message makes a difference."""

    def only(history: History, flow: Flow) -> Account:
        return next(iter(three_accounts(history, flow)))

    timeline = Timeline(chunks=("a", "b"))
    plain = only(History(timeline), chunks_of(60.0))
    assert plain == only(History(timeline), chunks_of(60.0))
    assert plain != only(History(timeline), chunks_of(20.0))
    assert plain != only(History(timeline, [RequestFault(delay=0.02)]), chunks_of(60.0))
    assert plain != only(History(timeline, [RequestFault(Fault.BUSY)]), chunks_of(60.0))
    assert plain != only(History(attrs.evolve(timeline, chunks=("a", "c"))), chunks_of(60.0))
    late = [told(RunpodError(text)) for text in ("it is late", "it is early")]
    assert late[0] != late[1]
