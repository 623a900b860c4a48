"""
An IO port with a clock that jumps, and a service of one job behind it.

The service keeps the job's real history (when it is started, yields and ends), so that a
test can compare it with the flow's results. Each request meets the next fault of a list;
after the end of the list all requests succeed.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from enum import Enum
from itertools import chain, repeat
from typing import Any

import anyio
import anyio.lowlevel
import attrs
from hypothesis import strategies as st

from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.io import Request, RequestFailed, Response
from runpod_sdk._flows.recent_jobs import RecentJobs
from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._io import sync
from runpod_sdk._telemetry.telemetry import Telemetry
from runpod_sdk.errors import RunpodError

JOB = "a1b2-u1"
ENDPOINT = "ep"
MOST_STEPS = 2_000
"""Requests and pauses of one test, so that a flow without an end fails soon."""


class Fault(Enum):
    """The faults of one request."""

    NONE = "goes well"
    REFUSED = "the connection is never made"
    REQUEST_LOST = "the request is cut short"
    RESPONSE_LOST = "the request is carried out, and the answer lost"
    HANGS = "the request is carried out, and never answered"
    PAGE = "the request is carried out, and a proxy answers 524 with a page"
    NONSENSE = "the request is carried out, and answered with a 200 that is no JSON"
    BUSY = "503, nothing done"
    TOO_MANY = "429 with Retry-After, nothing done"
    BROKEN = "500, nothing done"


LOSES_RESPONSE = {Fault.RESPONSE_LOST, Fault.HANGS, Fault.PAGE, Fault.NONSENSE}
"""The request was performed, and its response lost."""


@attrs.frozen
class RequestFault:
    """A fault, and the network's delay before it, in seconds."""

    fault: Fault = Fault.NONE
    delay: float = 0.01
    retry_after: str = "2"


def _spread(chunks: tuple[Any, ...]) -> list[tuple[float, Any]]:
    """Spread the chunks over the time of a run."""
    return [((index + 1) / (len(chunks) + 1), chunk) for index, chunk in enumerate(chunks)]


@attrs.frozen
class LostRun:
    """A run whose worker disappears; times are seconds after the job's submission."""

    taken_at: float
    lost_at: float
    chunks: tuple[Any, ...] = ()
    keeps_chunks: bool = False
    """Whether the server still delivers this run's chunks after the run is lost."""

    def emissions(self) -> list[tuple[float, Any]]:
        length = self.lost_at - self.taken_at
        return [(self.taken_at + length * part, chunk) for part, chunk in _spread(self.chunks)]


@attrs.frozen
class Timeline:
    """A job's real history; times are seconds after its submission."""

    taken_at: float = 1.0
    ends_at: float = 3.0
    status: str = "COMPLETED"
    chunks: tuple[Any, ...] = ()
    aggregates: bool = True
    long_polls: bool = True
    """Whether the server supports long polls: `/status-sync`, and `wait` of `/stream`."""
    unknown_for: float = 0.0
    """How long the server does not know the job after its submission, in seconds."""
    lost_run: LostRun | None = None
    """An earlier run, whose worker disappeared."""

    def emissions(self) -> list[tuple[float, Any, bool]]:
        """For each chunk: its time, its output, and whether the final run yields it."""
        lost = self.lost_run
        early = [] if lost is None else [(at, chunk, False) for at, chunk in lost.emissions()]
        return early + [
            (self.taken_at + (self.ends_at - self.taken_at) * part, chunk, True)
            for part, chunk in _spread(self.chunks)
        ]


class Service:
    """A service with at most one job, in the port's virtual time."""

    def __init__(
        self,
        timeline: Timeline,
        request_faults: Iterable[RequestFault] = (),
        *,
        started: bool = True,
        of: str | None = None,
    ) -> None:
        """Apply the faults in turn to requests, or to the requests *of* one operation."""
        self.timeline = timeline
        self._meetings = chain(request_faults, repeat(RequestFault()))
        self._of = of
        self.submitted_at: list[float] = [0.0] if started else []
        """When each job was submitted."""
        self.cancelled_at: float | None = None
        self._emissions = timeline.emissions()
        self._drained = 0
        self.empty_reads = 0
        self.last: RequestFault = RequestFault()

    def answer(self, request: Request, now: float) -> tuple[float, Response | RequestFailed]:
        """Return the response, and the time of its arrival."""
        met = self._of in (None, request.path.split("/")[2])
        request_fault = self.last = next(self._meetings) if met else RequestFault()
        fault, soon = request_fault.fault, now + request_fault.delay
        if fault is Fault.REFUSED:
            return soon, RequestFailed("refused", sent=False)
        if fault is Fault.REQUEST_LOST:
            return soon, RequestFailed("reset", sent=True)
        if fault is Fault.BUSY:
            return soon, problem(503)
        if fault is Fault.BROKEN:
            return soon, problem(500)
        if fault is Fault.TOO_MANY:
            return soon, problem(429, {"retry-after": request_fault.retry_after})
        drained = self._drained
        at, body = self._handle(request, soon)
        if fault in LOSES_RESPONSE:
            self.empty_reads += self._drained - drained
        if fault is Fault.RESPONSE_LOST:
            return at, RequestFailed("reset", sent=True)
        if fault is Fault.HANGS:
            return float("inf"), RequestFailed("never", sent=True)
        if fault is Fault.PAGE:
            return at, Response(524, {}, b"<html>a timeout occurred</html>")
        if fault is Fault.NONSENSE:
            return at, Response(200, {}, b"<html>welcome</html>")
        return at, body

    def _handle(self, request: Request, now: float) -> tuple[float, Response]:
        what = request.path.split("/")[2]
        wait = int(request.params.get("wait", 0)) / 1000
        if what in ("run", "runsync"):
            self.submitted_at.append(now)
            if what == "run":
                return now, ok({"id": JOB, "status": "IN_QUEUE"})
            return self._held(now, wait)
        if not self.submitted_at or now < self.submitted_at[0] + self.timeline.unknown_for:
            return now, problem(404)
        if what == "status-sync":
            return self._held(now, wait) if self.timeline.long_polls else (now, problem(404))
        if what == "status":
            return now, ok(self.state(now))
        if what == "cancel":
            if self.status(now) in ("IN_QUEUE", "IN_PROGRESS"):
                self.cancelled_at = now
            return now, ok({"id": JOB, "status": self.status(now)})
        if what == "stream":
            return self._drain(now, wait)
        raise AssertionError(request)

    def _held(self, now: float, wait: float) -> tuple[float, Response]:
        at = min(max(now, self._end()), now + wait)
        return at, ok(self.state(at))

    def _drain(self, now: float, wait: float) -> tuple[float, Response]:
        timeline, at = self.timeline, now
        if timeline.long_polls and self.status(now) == "IN_PROGRESS":
            times = [self._end()]
            times += [
                self.submitted_at[0] + when for when, _, _ in self._emissions[self._drained :][:1]
            ]
            at = min(max(now, min(times)), now + wait)
        made = sum(
            at >= self.submitted_at[0] + when and self._end() >= self.submitted_at[0]
            for when, _, _ in self._emissions
        )
        fresh = self._emissions[self._drained : made]
        self._drained = max(self._drained, made)
        lost = timeline.lost_run
        if lost is not None and not lost.keeps_chunks and at >= self.submitted_at[0] + lost.lost_at:
            fresh = [emission for emission in fresh if emission[2]]
        chunks = [{"output": value} for _, value, _ in fresh]
        return at, ok({"status": self.status(at), "stream": chunks})

    def _end(self) -> float:
        end = self.submitted_at[0] + self.timeline.ends_at
        return end if self.cancelled_at is None else min(end, self.cancelled_at)

    def status(self, now: float) -> str:
        if self.cancelled_at is not None and now >= self.cancelled_at:
            return "CANCELLED"
        if now >= self._end():
            return self.timeline.status
        lost = self.timeline.lost_run
        if lost is not None and lost.taken_at <= now - self.submitted_at[0] < lost.lost_at:
            return "IN_PROGRESS"
        return "IN_PROGRESS" if now >= self.submitted_at[0] + self.timeline.taken_at else "IN_QUEUE"

    def state(self, now: float) -> dict[str, Any]:
        status = self.status(now)
        body: dict[str, Any] = {"id": JOB, "status": status}
        if status == "IN_PROGRESS":
            body["output"] = {"progress": "half"}
        if status == "COMPLETED":
            body["output"] = list(self.timeline.chunks) if self.timeline.aggregates else []
        if status == "FAILED":
            body["error"] = "the handler said no"
        lost = self.timeline.lost_run
        was_lost = lost is not None and now >= self.submitted_at[0] + lost.lost_at
        if was_lost:
            body["retries"] = 1
        if status == "IN_PROGRESS":
            body["workerId"] = "w2" if was_lost else "w1"
        return body


def ok(body: Any) -> Response:
    return Response(200, {}, json.dumps(body).encode())


def problem(status: int, headers: dict[str, str] | None = None) -> Response:
    body = {"status": status, "title": "…", "detail": f"said {status}"}
    return Response(status, headers or {}, json.dumps(body).encode())


class VirtualIO:
    """A port in virtual time, which logs all requests and pauses."""

    def __init__(
        self,
        service: Service,
        *,
        suspends: bool = False,
        randoms: Iterable[float] = (),
        early: float = 0.0,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.time = 0.0
        self.steps: list[tuple[Any, ...]] = []
        self.telemetry = telemetry or Telemetry("", enabled=False)
        self._service = service
        self._suspends = suspends
        self._early = early
        """How much earlier than its limit an attempt times out, as in event loops."""
        self._randoms = chain(randoms, repeat(0.5))

    async def send(self, request: Request, limit: TimeLimit) -> Response:
        return await self.telemetry.attempt(self._send, request, limit)

    async def _send(self, request: Request, limit: TimeLimit) -> Response:
        asked = self.time
        assert limit.ends_at > asked
        await self._step()
        at, outcome = self._service.answer(request, asked)
        if at >= limit.ends_at:
            self.time = limit.ends_at - self._early
            sent = not isinstance(outcome, RequestFailed) or outcome.sent
            outcome = RequestFailed("no answer in time", sent=sent, timed_out=True)
        else:
            assert at < float("inf"), "this would never have ended"
            self.time = at
        said = outcome.reason if isinstance(outcome, RequestFailed) else outcome.status_code
        self.steps.append(("send", asked, request, limit.ends_at, self.time, said))
        if isinstance(outcome, RequestFailed):
            raise outcome
        return outcome

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        await self._step()
        self.steps.append(("sleep", self.time, seconds))
        self.time += seconds

    async def wait_for(self, turn: Future[None], limit: float | None) -> bool:
        raise AssertionError("nobody waits in line here")

    async def shielded(self, flow: Any) -> Any:
        return await flow

    def log(self, level: str, message: str, *args: object) -> None:
        assert message % args

    def now(self) -> float:
        return self.time

    def random(self) -> float:
        return next(self._randoms)

    @property
    def calls(self) -> list[tuple[float, str, float]]:
        """Each request, with the times at which it was sent and ended."""
        return [
            (step[1], step[2].path.split("/")[2], step[4])
            for step in self.steps
            if step[0] == "send"
        ]

    async def _step(self) -> None:
        assert len(self.steps) < MOST_STEPS, "this does not end"
        if self._suspends:
            await anyio.lowlevel.checkpoint()


def session(
    io: VirtualIO, *, attempt_timeout: float | None = 10.0, max_retries: int = 2
) -> EndpointContext:
    def handle(job_id: str) -> str:
        return f"handle of {job_id}"

    return EndpointContext(io, ENDPOINT, attempt_timeout, max_retries, handle, RecentJobs())


def drive(flow: Coroutine[Any, Any, Any]) -> Any:
    """Run a flow as the sync client does; return its result or its exception."""
    try:
        return sync.drive(flow)
    except RunpodError as error:
        return error


async def guarded(guard: JobGuard, flow: Coroutine[Any, Any, Any]) -> Any:
    """Await a flow as the shells do."""
    try:
        return await flow
    except BaseException as reason:
        await guard.ended_by(reason)
        raise


async def next_chunk(reader: ChunkReader) -> Any:
    """Return the next chunk; None at the end."""
    ready = await reader.fill()
    return None if ready is None else ready.popleft()


async def collect(reader: ChunkReader) -> list[Any]:
    """Return all chunks of a reader, and the error that ended it, if any."""
    taken: list[Any] = []
    try:
        while (chunk := await next_chunk(reader)) is not None:
            taken.append(chunk.output)
    except RunpodError as error:
        taken.append(error)
    return taken


delays = st.sampled_from([0.001, 0.05, 0.4, 1.0, 4.0, 12.0])
retry_afters = st.sampled_from(["0", "1", "7", "1000000000", "soon", "-3", "nan", "inf"])
any_fault = st.sampled_from(list(Fault))
request_faults = st.lists(
    st.builds(RequestFault, fault=any_fault, delay=delays, retry_after=retry_afters), max_size=12
)
randoms = st.lists(st.floats(0, 1, exclude_max=True), max_size=8)
timeouts = st.sampled_from([0.05, 0.5, 1.0, 1.9, 2.5, 5.0, 11.0, 33.0, 90.0])
outputs = st.sampled_from([None, 0, "a", "b", {"k": [1, None]}, [], 1.5])
timelines = st.builds(
    Timeline,
    taken_at=st.sampled_from([0.0, 0.5, 3.0, 40.0]),
    ends_at=st.sampled_from([41.0, 60.0, 75.5]) | st.sampled_from([100.0, 400.0]),
    status=st.sampled_from(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT", "COMPLETED"]),
    chunks=st.lists(outputs, max_size=6).map(tuple),
    aggregates=st.booleans(),
    long_polls=st.booleans(),
)
