"""Streams, in virtual time."""

from __future__ import annotations

import sys
from contextlib import suppress
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import errors
from runpod_sdk._flows.deadline import TimeLimit
from runpod_sdk._flows.io import Request, Response
from runpod_sdk._flows.stream import ChunkReader
from runpod_sdk._flows.stream_memory import StreamMemory
from runpod_sdk._io import sync
from tests.flows.virtual import (
    JOB,
    LOSES_RESPONSE,
    Fault,
    LostRun,
    RequestFault,
    Service,
    Timeline,
    VirtualIO,
    collect,
    next_chunk,
    ok,
    outputs,
    randoms,
    request_faults,
    session,
    timelines,
    timeouts,
)

A_BLINK = 1e-6


def stream(io: VirtualIO, timeout: float | None) -> tuple[list[Any], Exception | None]:
    """Read a stream to its end; return its chunks, and the error that ended it, if any."""
    reader = ChunkReader(session(io), JOB, timeout)
    taken = sync.drive(collect(reader))
    assert sync.drive(next_chunk(reader)) is None
    if taken and isinstance(taken[-1], Exception):
        return taken[:-1], taken[-1]
    return taken, None


@given(timelines, request_faults, randoms, timeouts | st.none())
@example(Timeline(0.0, 41.0, chunks=("a", "b", "c", "d", "e")), [], [], 11.0)
def test_every_chunk_once_and_in_order_or_an_error(
    timeline: Timeline, faults: list[RequestFault], draws: list[float], timeout: float | None
) -> None:
    """A stream without an error yields all chunks; a stream with an error, the first of them."""
    io = VirtualIO(Service(timeline, faults), randoms=draws)
    taken, error = stream(io, timeout)
    if error is None:
        assert timeline.status == "COMPLETED"
        assert taken == list(timeline.chunks)
    else:
        assert isinstance(error, errors.RunpodError)
        assert taken == list(timeline.chunks)[: len(taken)]
        if isinstance(error, errors.JobError):
            assert error.state.status == timeline.status
            assert taken == list(timeline.chunks)
    if timeout is not None:
        assert io.now() <= timeout + A_BLINK
        if isinstance(error, errors.RunpodTimeoutError):
            assert io.now() >= timeout - A_BLINK, "the time is not up"


@given(
    timelines,
    st.lists(outputs, min_size=1, max_size=6).map(tuple),
    st.integers(0, 8),
    st.sampled_from(sorted(LOSES_RESPONSE, key=lambda fault: fault.name)),
    randoms,
)
def test_a_lost_answer_is_made_good_or_said(
    timeline: Timeline, chunks: tuple[Any, ...], position: int, fault: Fault, draws: list[float]
) -> None:
    """Chunks of a lost response come from the job's output, or an error reports them."""
    timeline = attrs.evolve(timeline, chunks=chunks)
    service = Service(timeline, [*[RequestFault()] * position, RequestFault(fault)], of="stream")
    taken, error = stream(VirtualIO(service, randoms=draws), None)
    whole = error is None or isinstance(error, errors.JobError)
    assert whole or isinstance(error, errors.StreamInterruptedError)
    if whole:
        assert taken == list(chunks)
        assert timeline.aggregates or not service.empty_reads
    elif timeline.status == "COMPLETED":
        # Without a received or remaining chunk, a list need not be a stream.
        assert not timeline.aggregates or service.empty_reads == len(chunks)


@pytest.mark.parametrize("fault", sorted(LOSES_RESPONSE, key=lambda fault: fault.name))
@pytest.mark.parametrize("position", range(8))
def test_a_lost_answer_at_each_position(fault: Fault, position: int) -> None:
    """With an aggregated output, a lost response at any position loses no chunk."""
    timeline = Timeline(0.5, 20.0, chunks=("a", "b", {"c": 1}, None, "e"))
    io = VirtualIO(
        Service(timeline, [*[RequestFault()] * position, RequestFault(fault)], of="stream")
    )
    assert stream(io, None) == (list(timeline.chunks), None)


@pytest.mark.parametrize("fault", sorted(LOSES_RESPONSE, key=lambda fault: fault.name))
@pytest.mark.parametrize("position", range(1, 6))
def test_without_an_aggregate_a_lost_answer_is_an_error(fault: Fault, position: int) -> None:
    """If chunks cannot be restored, the error has the job and its final state."""
    timeline = Timeline(0.0, 20.0, chunks=("a", "b", "c", "d", "e", "f"), aggregates=False)
    io = VirtualIO(
        Service(timeline, [*[RequestFault()] * position, RequestFault(fault)], of="stream")
    )
    taken, error = stream(io, None)
    assert taken == list(timeline.chunks)[: len(taken)]
    assert isinstance(error, errors.StreamInterruptedError)
    assert error.state is not None
    assert error.state.status == "COMPLETED"


def test_another_aggregate_is_not_taken_for_the_stream() -> None:
    """An output that does not begin with the accepted chunks cannot complete the stream."""

    class Transformed(Service):
        def state(self, now: float) -> dict[str, Any]:
            state = super().state(now)
            if state["status"] == "COMPLETED":
                state["output"] = ["x", "b", "c"]
            return state

    timeline = Timeline(0.0, 20.0, chunks=("a", "b", "c"))
    io = VirtualIO(
        Transformed(
            timeline, [RequestFault(), RequestFault(), RequestFault(Fault.PAGE)], of="stream"
        )
    )
    taken, error = stream(io, None)
    assert taken == ["a", "b"]
    assert isinstance(error, errors.StreamInterruptedError)


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        ("FAILED", errors.JobFailedError),
        ("CANCELLED", errors.JobCancelledError),
        ("TIMED_OUT", errors.JobTimedOutError),
    ],
)
def test_a_job_that_ended_badly_says_so_after_its_chunks(
    status: str, cls: type[errors.JobError]
) -> None:
    """The stream of a failed job raises its error after the last chunk."""
    taken, error = stream(VirtualIO(Service(Timeline(0.0, 5.0, status, ("a", "b")))), None)
    assert taken == ["a", "b"]
    assert type(error) is cls
    if status == "FAILED":
        assert "the handler said no" in str(error)


def test_a_reason_that_can_not_be_had_does_not_hide_the_failure() -> None:
    """If `/status` fails after a failed job, the job's error is still raised."""

    class Forgetful(Service):
        def _handle(self, request, now):  # type: ignore[no-untyped-def]
            from tests.flows.virtual import problem

            if request.path.split("/")[2] == "status":
                return now, problem(404)
            return super()._handle(request, now)

    _, error = stream(VirtualIO(Forgetful(Timeline(0.0, 5.0, "FAILED"))), None)
    assert isinstance(error, errors.JobFailedError)


@given(timelines, request_faults, randoms)
def test_a_stream_ends_at_the_terminal_status_without_chunks(
    timeline: Timeline, faults: list[RequestFault], draws: list[float]
) -> None:
    """Nothing is requested after the end, and empty responses are followed by pauses."""
    io = VirtualIO(Service(timeline, faults), randoms=draws)
    stream(io, None)
    streams = [(asked, ended) for asked, what, ended in io.calls if what == "stream"]
    last_good = [step for step in io.steps if step[0] == "send" and step[2].path.endswith(JOB)]
    assert last_good
    after = [asked for asked, _ in streams if asked > timeline.ends_at]
    assert len(after) <= len(faults) + 3


def test_an_empty_stream_is_not_asked_for_in_haste() -> None:
    """While the job is queued, immediate responses are followed by pauses."""
    timeline = Timeline(30.0, 31.0, chunks=("a",))
    io = VirtualIO(Service(timeline))
    assert stream(io, None) == (["a"], None)
    queued = [asked for asked, _, _ in io.calls if asked < 30.0]
    assert len(queued) < 50
    assert all(b - a >= 0.25 - A_BLINK for a, b in pairwise(queued))


@pytest.mark.parametrize("aggregates", [True, False])
def test_who_was_interrupted_may_go_on(aggregates: bool) -> None:
    """A response that Ctrl-C or a cancellation interrupts is a lost response."""

    class Interrupted(VirtualIO):
        async def _send(self, request: Request, limit: TimeLimit) -> Response:
            response = await super()._send(request, limit)
            asked = [what for _, what, _ in self.calls]
            if asked[-1] == "stream" and asked.count("stream") == 3:
                raise KeyboardInterrupt
            return response

    io = Interrupted(Service(Timeline(0.0, 8.0, chunks=tuple("abcd"), aggregates=aggregates)))
    reader = ChunkReader(session(io), JOB, None)
    taken: list[Any] = []

    async def go_on() -> None:
        while (chunk := await next_chunk(reader)) is not None:
            taken.append(chunk.output)

    with pytest.raises(KeyboardInterrupt):
        sync.drive(go_on())
    assert taken == ["a", "b"]
    if aggregates:
        sync.drive(go_on())
        assert taken == ["a", "b", "c", "d"]
    else:
        with pytest.raises(errors.StreamInterruptedError, match="may have contained chunks"):
            sync.drive(go_on())
        sync.drive(go_on())
    assert sum(what == "stream" for _, what, _ in io.calls) == 3


def test_closing_ends_the_iteration() -> None:
    """After `close` there is no chunk and no request."""
    io = VirtualIO(Service(Timeline(0.0, 5.0, chunks=("a", "b"))))
    reader = ChunkReader(session(io), JOB, None)
    first = sync.drive(next_chunk(reader))
    assert first is not None
    asked = len(io.calls)
    reader.close()
    assert sync.drive(next_chunk(reader)) is None
    assert len(io.calls) == asked


# -- a job that is given to another worker

lost_runs = st.builds(
    LostRun,
    taken_at=st.sampled_from([0.0, 0.5, 3.0]),
    lost_at=st.sampled_from([3.5, 9.0, 30.0]),
    chunks=st.lists(outputs, max_size=6).map(tuple),
)
run_again = st.builds(
    Timeline,
    taken_at=st.sampled_from([30.01, 31.0, 60.0]),
    ends_at=st.sampled_from([60.1, 75.5, 400.0]),
    status=st.sampled_from(["COMPLETED", "COMPLETED", "FAILED"]),
    chunks=st.lists(outputs, max_size=6).map(tuple),
    aggregates=st.booleans(),
    long_polls=st.booleans(),
    lost_run=lost_runs,
)


def is_beginning(taken: list[Any], *runs: tuple[Any, ...]) -> bool:
    return any(taken == list(run)[: len(taken)] for run in runs)


@given(run_again, st.none() | st.integers(0, 12), randoms)
def test_no_chunk_twice_though_the_job_ran_twice(
    timeline: Timeline, lost_answer: int | None, draws: list[float]
) -> None:
    """The chunks are those of one run, or a beginning of them and an error."""
    assert timeline.lost_run is not None
    lost = (
        [] if lost_answer is None else [*[RequestFault()] * lost_answer, RequestFault(Fault.PAGE)]
    )
    taken, error = stream(VirtualIO(Service(timeline, lost, of="stream"), randoms=draws), None)
    if error is None:
        assert timeline.status == "COMPLETED"
        assert taken == list(timeline.chunks)
    else:
        assert is_beginning(taken, timeline.lost_run.chunks, timeline.chunks)
    if lost_answer is None:
        assert not isinstance(error, errors.APIConnectionError) or isinstance(
            error, errors.StreamInterruptedError
        )


@given(run_again, randoms)
def test_a_run_that_repeats_the_chunks_continues_them(
    timeline: Timeline, draws: list[float]
) -> None:
    """Each chunk is delivered once, as soon as the next run yields new chunks."""
    assert timeline.lost_run is not None
    lost = attrs.evolve(timeline.lost_run, chunks=timeline.chunks[:4])
    timeline = attrs.evolve(timeline, lost_run=lost, status="COMPLETED")
    assert stream(VirtualIO(Service(timeline), randoms=draws), None) == (
        list(timeline.chunks),
        None,
    )


@pytest.mark.parametrize("aggregates", [True, False])
@pytest.mark.parametrize("chunks", [("x", "y", "z"), ("a", "y", "z"), ("a",), ()])
def test_a_run_that_differs_is_never_mixed_with_the_first(
    chunks: tuple[Any, ...], aggregates: bool
) -> None:
    """Chunks that do not continue the stream are not delivered: the error has the job's state."""
    timeline = Timeline(20.0, 30.0, chunks=chunks, aggregates=aggregates)
    timeline = attrs.evolve(timeline, lost_run=LostRun(0.0, 9.0, ("a", "b")))
    taken, error = stream(VirtualIO(Service(timeline)), None)
    assert taken == ["a", "b"]
    assert isinstance(error, errors.StreamInterruptedError)
    assert "given to another worker" in str(error)
    assert error.state is not None
    assert error.state.retries == 1


@pytest.mark.parametrize(("second", "ends_well"), [("abc", True), ("xyz", False)])
def test_a_job_that_is_seen_in_the_queue_again(second: str, ends_well: bool) -> None:
    """The chunks alone show another run, although the status does not."""

    class Terse(Service):
        def state(self, now: float) -> dict[str, Any]:
            state = super().state(now)
            return {name: state[name] for name in state if name not in ("retries", "workerId")}

    lost = LostRun(0.0, 9.0, ("a", "b"))
    timeline = Timeline(20.0, 30.0, chunks=tuple(second), aggregates=False, lost_run=lost)
    timeline = attrs.evolve(timeline, long_polls=False)
    taken, error = stream(VirtualIO(Terse(timeline)), None)
    assert taken == (["a", "b", "c"] if ends_well else ["a", "b"])
    assert (error is None) is ends_well


def test_a_longer_run_is_completed_from_the_output() -> None:
    """If the server also hands out leftovers, the job's output still shows what is missing."""
    timeline = Timeline(
        20.0,
        30.0,
        chunks=("a", "b", "c", "d"),
        lost_run=LostRun(0.0, 9.0, ("a", "b", "c"), keeps_chunks=True),
    )

    class Slow(VirtualIO):
        async def _send(self, request: Request, limit: float | None) -> Response:
            if self.calls and "stream" in request.path:
                self.time = max(self.time, 21.0)
            return await super()._send(request, limit)

    taken, error = stream(Slow(Service(timeline)), None)
    assert (taken, error) == (["a", "b", "c", "d"], None)


@pytest.mark.parametrize("silence", [0.001, 0.2])
def test_a_change_too_quick_to_be_seen_is_an_error_at_the_end(silence: float) -> None:
    """The status before the end shows the other run, if nothing else does."""
    lost = LostRun(0.0, 0.3, ("a", "b"))
    timeline = Timeline(
        0.3, 0.3 + 4 * silence, chunks=("x", "y", "z"), lost_run=lost, aggregates=False
    )
    _, error = stream(VirtualIO(Service(timeline)), None)
    assert isinstance(error, errors.StreamInterruptedError)
    assert error.state is not None
    assert error.state.retries == 1


class Uncounted(Service):
    """A service that names a job's worker and does not count its runs."""

    def state(self, now: float) -> dict[str, Any]:
        return {name: value for name, value in super().state(now).items() if name != "retries"}


@pytest.mark.parametrize("second", ["abc", "abx"])
def test_another_worker_is_another_run(second: str) -> None:
    """Its chunks continue the stream if they repeat those before; else the stream is an error."""
    lost = LostRun(0.0, 10.0, ("a", "b"))
    timeline = Timeline(10.0, 20.0, chunks=tuple(second), lost_run=lost, aggregates=False)
    taken, error = stream(VirtualIO(Uncounted(timeline)), None)
    assert (taken, error) == ([*second], None)
    timeline = attrs.evolve(timeline, chunks=("x", *second))
    taken, error = stream(VirtualIO(Uncounted(timeline)), None)
    assert taken == ["a", "b"]
    assert isinstance(error, errors.StreamInterruptedError)


def test_a_repetition_is_noticed_soon_after_a_pause() -> None:
    """A recent check of the run does not hide that the next run starts over."""
    for at in (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.7, 1.9, 2.3, 2.9):
        lost = LostRun(at, at + 0.2, ("a",))
        timeline = Timeline(at + 0.2, at + 0.5, chunks=("a", "b"), lost_run=lost, aggregates=False)
        assert stream(VirtualIO(Service(timeline)), None) == (["a", "b"], None)


def test_a_run_lost_before_its_first_chunk_is_of_no_matter() -> None:
    """A worker that crashes while it starts costs nothing but time."""
    for lost_at in (0.5, 3.0, 31.0):
        lost = LostRun(0.0, lost_at)
        timeline = Timeline(lost_at, 50.0, chunks=("a", "b"), aggregates=False, lost_run=lost)
        assert stream(VirtualIO(Service(timeline)), None) == (["a", "b"], None)


def test_a_lively_stream_costs_one_request_more() -> None:
    """Only pauses and the end make the reader look at the job's status."""
    many = tuple(f"token {n % 7}" for n in range(200))
    io = VirtualIO(Service(Timeline(0.0, 40.0, chunks=many, aggregates=False)))
    assert stream(io, None) == (list(many), None)
    assert [what for _, what, _ in io.calls].count("status") < 80
    io = VirtualIO(Service(Timeline(0.0, 40.0, chunks=("once", *many), aggregates=False)))
    assert stream(io, None) == (["once", *many], None)
    assert [what for _, what, _ in io.calls].count("status") == 1


# -- a list that was returned


@pytest.mark.parametrize("fault", sorted(LOSES_RESPONSE, key=lambda fault: fault.name))
@pytest.mark.parametrize("position", [0, 1])
def test_a_returned_list_is_not_a_stream(fault: Fault, position: int) -> None:
    """Items of an output are chunks only if chunks of the stream show that the worker yields."""

    class Returns(Service):
        def state(self, now: float) -> dict[str, Any]:
            state = super().state(now)
            return state | {"output": [1, 2, 3]} if state["status"] == "COMPLETED" else state

    faults = [*[RequestFault()] * position, RequestFault(fault)]
    service = Returns(Timeline(2.0, 5.0), faults, of="stream")
    taken, error = stream(VirtualIO(service), None)
    assert taken == []
    if error is None:
        assert position > 0, "the fault came after the end"
    else:
        assert isinstance(error, errors.StreamInterruptedError)


class OneByOne(Service):
    """Delivers a chunk with each response."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._left: list[Any] = []

    def _drain(self, now: float, wait: float) -> tuple[float, Response]:
        at, response = super()._drain(now, wait)
        body = response.json()
        self._left += body["stream"]
        body["stream"] = [self._left.pop(0)] if self._left else []
        return at, ok(body)


def test_remaining_chunks_of_several_responses() -> None:
    """They show together that the output is the stream whose first response was lost."""
    timeline = Timeline(0.0, 5.0, chunks=tuple("abcd"))
    io = VirtualIO(OneByOne(timeline, [RequestFault(Fault.RESPONSE_LOST)]))
    assert stream(io, None) == ([*"abcd"], None)


# -- undelivered chunks


def test_a_second_reader_begins_where_the_first_ended() -> None:
    """It has the fetched chunks, and can still restore a lost response."""
    timeline = Timeline(0.0, 8.0, chunks=tuple("abcd"))
    request_faults = [RequestFault(), RequestFault(), RequestFault(Fault.PAGE)]
    io = VirtualIO(Service(timeline, request_faults, of="stream"))
    memory = StreamMemory()
    first = ChunkReader(session(io), JOB, None, memory)
    assert [sync.drive(next_chunk(first)).output for _ in "ab"] == ["a", "b"]
    first.close()
    second = ChunkReader(session(io), JOB, None, memory)
    assert sync.drive(collect(second)) == ["c", "d"]


@pytest.mark.parametrize("position", range(8))
def test_who_was_interrupted_while_looking_loses_nothing(position: int) -> None:
    """Chunks whose run was not known yet are kept, by the next reader too."""

    class Interrupted(VirtualIO):
        left = position

        async def sleep(self, seconds: float) -> None:
            self._interrupt()
            await super().sleep(seconds)

        async def _send(self, request: Request, limit: float | None) -> Response:
            if "/status/" in request.path:
                self._interrupt()
            return await super()._send(request, limit)

        def _interrupt(self) -> None:
            self.left -= 1
            if self.left < 0:
                self.left = 1_000
                raise KeyboardInterrupt

    io = Interrupted(Service(Timeline(0.0, 8.0, chunks=tuple("abcd"), aggregates=False)))
    memory = StreamMemory()
    taken: list[Any] = []

    async def read(reader: ChunkReader) -> None:
        while (chunk := await next_chunk(reader)) is not None:
            taken.append(chunk.output)

    with suppress(KeyboardInterrupt):
        sync.drive(read(ChunkReader(session(io), JOB, None, memory)))
    if taken != list("abcd"):
        sync.drive(read(ChunkReader(session(io), JOB, None, memory)))
    assert taken == list("abcd")


def test_what_was_not_looked_at_is_undelivered() -> None:
    """A chunk is not lost whose run is not known yet when the caller is interrupted."""

    class Interrupted(VirtualIO):
        async def _send(self, request: Request, limit: TimeLimit) -> Response:
            if "/status/" in request.path:
                raise KeyboardInterrupt
            return await super()._send(request, limit)

    io = Interrupted(Service(Timeline(0.0, 8.0, chunks=tuple("abcd"))))
    reader = ChunkReader(session(io), JOB, None)
    with pytest.raises(KeyboardInterrupt):
        sync.drive(next_chunk(reader))
    assert [chunk.output for chunk in reader.undelivered] == ["a"]


def test_many_chunks_of_one_answer_take_time_in_proportion() -> None:
    """The work per chunk is constant: ten times as many are not a hundred times the work."""

    def steps(many: int) -> int:
        io = VirtualIO(Service(Timeline(0.0, 0.1, chunks=(1,) * many)))
        reader, count = ChunkReader(session(io), JOB, None), 0

        def tracer(frame: Any, event: str, arg: Any) -> Any:
            nonlocal count
            count += "stream_memory" in frame.f_code.co_filename
            return tracer

        io.time = 1.0
        sys.settrace(tracer)
        try:
            assert len(sync.drive(collect(reader))) == many
        finally:
            sys.settrace(None)
        return count

    assert steps(2_000) < 15 * steps(200)


TOLD = ("a", "b", "c")


@pytest.mark.parametrize(
    ("faults", "timeout"),
    [([Fault.REFUSED] * 3, None), ([Fault.BUSY] * 3, None), ([Fault.REFUSED], 0.1)],
    ids=["refused", "503", "timed out in a pause"],
)
def test_what_was_not_asked_for_is_still_there(faults: list[Fault], timeout: float | None) -> None:
    """If no request of a stream reached the server, another stream gets all chunks."""
    timeline = Timeline(0.0, 50.0, chunks=TOLD, aggregates=False)
    io = VirtualIO(Service(timeline, map(RequestFault, faults)))
    memory = StreamMemory()
    [error] = sync.drive(collect(ChunkReader(session(io), JOB, timeout, memory)))
    assert isinstance(error, errors.RunpodError)
    assert sync.drive(collect(ChunkReader(session(io), JOB, None, memory))) == [*TOLD]


@pytest.mark.parametrize("aggregates", [True, False])
def test_what_was_lost_when_the_time_was_up(aggregates: bool) -> None:
    """Another stream gets it from the output, or says that chunks are missing."""
    timeline = Timeline(0.0, 50.0, chunks=TOLD, aggregates=aggregates)
    io = VirtualIO(Service(timeline, [RequestFault(Fault.HANGS)]))
    memory = StreamMemory()
    [error] = sync.drive(collect(ChunkReader(session(io), JOB, 20.0, memory)))
    assert isinstance(error, errors.RunpodTimeoutError)
    taken = sync.drive(collect(ChunkReader(session(io), JOB, None, memory)))
    if aggregates:
        assert taken == [*TOLD]
    else:
        assert isinstance(taken[0], errors.StreamInterruptedError)
