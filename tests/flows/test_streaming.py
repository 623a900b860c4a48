"""Streams, in virtual time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import errors
from runpod_sdk._flows.port import Call, Reply
from runpod_sdk._flows.streaming import ChunkReader
from runpod_sdk._io import sync
from tests.flows.virtual import (
    JOB,
    LOSES_ANSWER,
    Fault,
    Meeting,
    Service,
    Story,
    VirtualIO,
    collect,
    meetings,
    outputs,
    randoms,
    session,
    stories,
    timeouts,
)

A_BLINK = 1e-6


def stream(io: VirtualIO, timeout: float | None) -> tuple[list[Any], Exception | None]:
    """Take a stream to its end; return its chunks, and the error that ended it, if one did."""
    reader = ChunkReader(session(io), JOB, timeout)
    taken = sync.run(collect(reader.next))
    assert sync.run(reader.next()) is None
    if taken and isinstance(taken[-1], Exception):
        return taken[:-1], taken[-1]
    return taken, None


@given(stories, meetings, randoms, timeouts | st.none())
def test_every_chunk_once_and_in_order_or_an_error(
    story: Story, faults: list[Meeting], luck: list[float], timeout: float | None
) -> None:
    """A stream that ends well has given all chunks; one that doesn't, a beginning of them."""
    io = VirtualIO(Service(story, faults), randoms=luck)
    taken, error = stream(io, timeout)
    if error is None:
        assert story.status == "COMPLETED"
        assert taken == list(story.chunks)
    else:
        assert isinstance(error, errors.RunpodError)
        assert taken == list(story.chunks)[: len(taken)]
        if isinstance(error, errors.JobError):
            assert error.state.status == story.status
            assert taken == list(story.chunks)
    if timeout is not None:
        assert io.now() <= timeout + A_BLINK
        if isinstance(error, errors.RunpodTimeoutError):
            assert io.now() >= timeout - A_BLINK, "the time is not up"


@given(
    stories,
    st.lists(outputs, min_size=1, max_size=6).map(tuple),
    st.integers(0, 8),
    st.sampled_from(sorted(LOSES_ANSWER, key=lambda fault: fault.name)),
    randoms,
)
def test_a_lost_answer_is_made_good_or_said(
    story: Story, chunks: tuple[Any, ...], position: int, fault: Fault, luck: list[float]
) -> None:
    """Chunks that went with a lost answer come from the job's output, or are said to be gone."""
    story = attrs.evolve(story, chunks=chunks)
    service = Service(story, [*[Meeting()] * position, Meeting(fault)])
    taken, error = stream(VirtualIO(service, randoms=luck), None)
    whole = error is None or isinstance(error, errors.JobError)
    assert whole or isinstance(error, errors.StreamInterruptedError)
    if whole:
        assert taken == list(chunks)
        assert story.aggregates or not service.drained_in_vain
    elif story.status == "COMPLETED":
        assert not story.aggregates


@pytest.mark.parametrize("fault", sorted(LOSES_ANSWER, key=lambda fault: fault.name))
@pytest.mark.parametrize("position", range(8))
def test_a_lost_answer_at_each_position(fault: Fault, position: int) -> None:
    """With an aggregate, no position of the lost answer loses a chunk."""
    story = Story(0.5, 20.0, chunks=("a", "b", {"c": 1}, None, "e"))
    io = VirtualIO(Service(story, [*[Meeting()] * position, Meeting(fault)]))
    assert stream(io, None) == (list(story.chunks), None)


@pytest.mark.parametrize("fault", sorted(LOSES_ANSWER, key=lambda fault: fault.name))
@pytest.mark.parametrize("position", range(1, 6))
def test_without_an_aggregate_a_lost_answer_is_an_error(fault: Fault, position: int) -> None:
    """What can't be made good is said, with the job and its end."""
    story = Story(0.0, 20.0, chunks=("a", "b", "c", "d", "e", "f"), aggregates=False)
    io = VirtualIO(Service(story, [*[Meeting()] * position, Meeting(fault)]))
    taken, error = stream(io, None)
    assert taken == list(story.chunks)[: len(taken)]
    assert isinstance(error, errors.StreamInterruptedError)
    assert error.state is not None
    assert error.state.status == "COMPLETED"


def test_another_aggregate_is_not_taken_for_the_stream() -> None:
    """A result that does not begin with the chunks taken can't complete them."""

    class Transformed(Service):
        def state(self, now: float) -> dict[str, Any]:
            state = super().state(now)
            if state["status"] == "COMPLETED":
                state["output"] = ["x", "b", "c"]
            return state

    story = Story(0.0, 20.0, chunks=("a", "b", "c"))
    io = VirtualIO(Transformed(story, [Meeting(), Meeting(), Meeting(Fault.PAGE)]))
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
    """The stream of a bad end ends in its error, behind the last chunk."""
    taken, error = stream(VirtualIO(Service(Story(0.0, 5.0, status, ("a", "b")))), None)
    assert taken == ["a", "b"]
    assert type(error) is cls
    if status == "FAILED":
        assert "the handler said no" in str(error)


def test_a_reason_that_can_not_be_had_does_not_hide_the_failure() -> None:
    """Where `/status` fails behind a bad end, the error of the job still comes."""

    class Forgetful(Service):
        def _carry_out(self, call, now):  # type: ignore[no-untyped-def]
            from tests.flows.virtual import problem

            if call.path.split("/")[2] == "status":
                return now, problem(404)
            return super()._carry_out(call, now)

    _, error = stream(VirtualIO(Forgetful(Story(0.0, 5.0, "FAILED"))), None)
    assert isinstance(error, errors.JobFailedError)


@given(stories, meetings, randoms)
def test_a_stream_ends_at_the_terminal_status_without_chunks(
    story: Story, faults: list[Meeting], luck: list[float]
) -> None:
    """Nothing is drained after the end, and what is empty is not asked for in haste."""
    io = VirtualIO(Service(story, faults), randoms=luck)
    stream(io, None)
    streams = [(asked, ended) for asked, what, ended in io.calls if what == "stream"]
    last_good = [step for step in io.log if step[0] == "send" and step[2].path.endswith(JOB)]
    assert last_good
    after = [asked for asked, _ in streams if asked > story.ends_at]
    assert len(after) <= len(faults) + 3


def test_an_empty_stream_is_not_asked_for_in_haste() -> None:
    """While the job waits in the queue, answers that come at once are spaced out."""
    story = Story(30.0, 31.0, chunks=("a",))
    io = VirtualIO(Service(story))
    assert stream(io, None) == (["a"], None)
    queued = [asked for asked, _, _ in io.calls if asked < 30.0]
    assert len(queued) < 50
    assert all(b - a >= 0.25 - A_BLINK for a, b in pairwise(queued))


@pytest.mark.parametrize("aggregates", [True, False])
def test_who_was_interrupted_may_go_on(aggregates: bool) -> None:
    """An answer that Ctrl-C, or a cancellation, cut short is one that was lost."""

    class Interrupted(VirtualIO):
        async def _send(self, call: Call, limit: float | None) -> Reply:
            reply = await super()._send(call, limit)
            if len(self.calls) == 3:
                raise KeyboardInterrupt
            return reply

    io = Interrupted(Service(Story(0.0, 8.0, chunks=tuple("abcd"), aggregates=aggregates)))
    reader = ChunkReader(session(io), JOB, None)
    taken: list[Any] = []

    async def go_on() -> None:
        while (chunk := await reader.next()) is not None:
            taken.append(chunk.output)

    with pytest.raises(KeyboardInterrupt):
        sync.run(go_on())
    assert taken == ["a", "b"]
    if aggregates:
        sync.run(go_on())
        assert taken == ["a", "b", "c", "d"]
    else:
        with pytest.raises(errors.StreamInterruptedError, match="may have carried chunks"):
            sync.run(go_on())
        sync.run(go_on())
    assert sum(what == "stream" for _, what, _ in io.calls) == 3


def test_closing_ends_the_iteration() -> None:
    """After `close` there is no chunk, and nothing is asked."""
    io = VirtualIO(Service(Story(0.0, 5.0, chunks=("a", "b"))))
    reader = ChunkReader(session(io), JOB, None)
    first = sync.run(reader.next())
    assert first is not None
    asked = len(io.calls)
    reader.close()
    assert sync.run(reader.next()) is None
    assert len(io.calls) == asked
