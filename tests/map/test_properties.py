"""`map` in virtual time, through the public API: properties that hold in any course."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import (
    APIConnectionError,
    BadRequestError,
    JobCancelledError,
    JobFailedError,
    MapProgress,
    MapResult,
    RunpodTimeoutError,
    SubmissionUncertainError,
)
from tests.hypothesis_profiles import at_most
from tests.map.service import UNCERTAIN, Fate, Service, Story, in_virtual_time, job_id

times = st.sampled_from([0.0, 0.01, 0.3, 1.0, 4.0, 31.0, 70.0])
stories = st.builds(
    Story,
    fate=st.sampled_from([*[Fate.TAKEN] * 8, *Fate]),
    latency=st.sampled_from([0.0, 0.01, 0.2, 2.0]),
    lasts=times,
    status=st.sampled_from(["COMPLETED", "COMPLETED", "FAILED", "CANCELLED"]),
    unknown=st.sampled_from([0.0, 0.0, 0.0, 0.5, 3.0]),
)


@attrs.frozen
class Course:
    """How a `map` is used."""

    stories: list[Story]
    concurrency: int = 3
    ordered: bool = True
    reading: str = "iterator"
    read_in: float = 0.0
    """How long an async iterable takes for each input."""
    breaks_at: int | None = None
    """The input instead of which the inputs raise."""
    dawdles: float = 0.0
    """How long the caller takes for each result."""
    leaves_after: int | None = None
    leaves_by: str = "break"
    on_leave: str = "detach"
    timeout: float | None = None


courses = st.builds(
    Course,
    stories=st.lists(stories, max_size=24),
    concurrency=st.integers(1, 6),
    ordered=st.booleans(),
    reading=st.sampled_from(["list", "iterator", "async"]),
    read_in=st.sampled_from([0.0, 0.1, 2.0]),
    breaks_at=st.none() | st.none() | st.integers(0, 24),
    dawdles=st.sampled_from([0.0, 0.0, 1.0, 5.0]),
    leaves_after=st.none() | st.integers(0, 24),
    leaves_by=st.sampled_from(["break", "error", "cancellation"]),
    on_leave=st.sampled_from(["detach", "cancel"]),
    timeout=st.none() | st.sampled_from([0.1, 1.5, 40.0]),
)


class Broken(Exception):
    """Exceptions of inputs or of the caller."""


class Account:
    """The events of one course."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.service = Service(course.stories)
        self.read = 0
        self.most_in_hand = 0
        self.results: list[MapResult[int]] = []
        self.progress: list[MapProgress] = []
        self.error: BaseException | None = None
        self.took = 0.0
        self.left: Any = None
        self.asked_before_the_first = 0
        in_virtual_time(self._whole)

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        every = len(self.course.stories)
        return every if self.course.breaks_at is None else min(every, self.course.breaks_at)

    @property
    def left_early(self) -> bool:
        return len(self.results) < self.inputs or self.service.cancelled != {}

    def _note(self, index: int) -> int:
        if index == self.course.breaks_at:
            raise Broken
        self.read += 1
        self.most_in_hand = max(self.most_in_hand, self.read - len(self.results))
        return index

    def _iterator(self) -> Iterator[int]:
        return (self._note(index) for index in range(len(self.course.stories)))

    async def _stream(self) -> AsyncIterator[int]:
        for index in range(len(self.course.stories)):
            await trio.sleep(self.course.read_in)
            yield self._note(index)

    def _inputs(self) -> Any:
        if self.course.reading == "list":
            assert self.course.breaks_at is None
            return list(range(len(self.course.stories)))
        return self._iterator() if self.course.reading == "iterator" else self._stream()

    async def _whole(self) -> None:
        course = self.course
        options: dict[str, Any] = {"on_leave": course.on_leave, "timeout": course.timeout}
        self.left = self.service.endpoint(max_retries=0).map(
            self._inputs(),
            concurrency=course.concurrency,
            ordered=course.ordered,
            progress=self.progress.append,
            **options,
        )
        await trio.sleep(1)
        self.asked_before_the_first = sum(self.service.asked.values()) + self.read
        began = trio.current_time()
        try:
            with trio.CancelScope() as scope:
                await self._take(scope)
        except (Broken, RunpodTimeoutError) as error:
            self.error = error
        self.took = trio.current_time() - began
        known = dict(self.left.in_flight)
        await trio.sleep(200)
        assert self.left.in_flight == known
        assert not self.service.polls

    async def _take(self, scope: trio.CancelScope) -> None:
        course = self.course
        async with self.left as results:
            while course.leaves_after != len(self.results):
                result = await anext(results, None)
                if result is None:
                    return
                self.results.append(result)
                await trio.sleep(course.dawdles)
            if course.leaves_by == "error":
                raise Broken
            if course.leaves_by == "cancellation":
                scope.cancel()
                while (result := await anext(results, None)) is not None:
                    self.results.append(result)  # what is at hand needs no waiting


def legal(course: Course) -> Course:
    return attrs.evolve(course, breaks_at=None) if course.reading == "list" else course


@given(courses.map(legal))
@example(Course([Story()] * 3, reading="async", breaks_at=1))
def test_whatever_happens(course: Course) -> None:
    """Each input once, in order, as it really went; nothing lost, nothing twice, no more held."""
    account = Account(course)
    service, results = account.service, account.results
    indices = [result.index for result in results]

    assert account.asked_before_the_first == 0
    assert set(service.taken.values()) <= {1}, "a job was submitted twice"
    assert len(set(indices)) == len(indices), "a result was handed out twice"
    if course.ordered:
        assert indices == list(range(len(indices)))
    for result in results:
        agrees(result, course.stories[result.index])

    most = (4 if course.ordered else 2) * course.concurrency
    assert account.most_in_hand <= most
    if course.on_leave == "detach":
        assert service.most_under_way <= course.concurrency

    whole = course.leaves_after is None and account.error is None
    if whole or (isinstance(account.error, Broken) and course.leaves_after is None):
        assert len(results) == account.inputs
    if whole:
        assert account.left.in_flight == {}
    if course.leaves_after is None and course.breaks_at is not None and course.timeout is None:
        broke = course.breaks_at < len(course.stories)
        assert isinstance(account.error, Broken) is broke
    if isinstance(account.error, RunpodTimeoutError):
        assert course.timeout is not None
        assert account.took >= course.timeout
        if not course.dawdles:
            assert account.took <= course.timeout + 5 + (5 if course.on_leave == "cancel" else 0)

    known = account.left.in_flight
    assert all(known[index] == job_id(index) for index in known)
    assert not set(known) & set(indices)
    if course.on_leave == "detach":
        assert service.cancelled == {}
    for index in service.taken:
        told = index in indices or index in known or index in account.left.uncertain
        over = index in service.cancelled or course.stories[index].status == "CANCELLED"
        assert told or (over and course.on_leave == "cancel"), "a job was lost"
    counts = [(count.finished, count.failed) for count in account.progress]
    failures = [result.error is not None for result in results]
    assert counts == [(n + 1, sum(failures[: n + 1])) for n in range(len(results))]
    assert all(count.submitted <= account.read or course.reading == "list"
               for count in account.progress)  # fmt: skip


def agrees(result: MapResult[int], story: Story) -> None:
    """Compare a result with what really happened."""
    assert result.input == result.index
    if story.fate is not Fate.TAKEN:
        kind = SubmissionUncertainError if story.fate in UNCERTAIN else APIConnectionError
        assert isinstance(result.error, BadRequestError if story.fate is Fate.BAD else kind)
        if story.fate is Fate.REFUSED:
            assert not isinstance(result.error, SubmissionUncertainError)
        assert result.job_id is None
        assert result.state is None
        assert result.error.index == result.index
        return
    assert result.job_id == job_id(result.index)
    assert result.state is not None
    assert result.state.status == story.status
    if story.status == "COMPLETED":
        assert result.error is None
        assert result.output == result.index**2
        return
    failed = JobFailedError if story.status == "FAILED" else JobCancelledError
    assert isinstance(result.error, failed)
    assert result.error.index == result.index
    assert result.error.job is not None
    with pytest.raises(failed):
        _ = result.output


@at_most(60)
@given(st.integers(1, 30), st.integers(1, 6), st.booleans())
def test_the_window_is_kept_full(count: int, concurrency: int, ordered: bool) -> None:
    """With jobs of equal length, no slot waits: the number of rounds is the minimum."""
    account = Account(
        Course([Story(latency=0.0)] * count, concurrency=concurrency, ordered=ordered)
    )
    assert account.took == pytest.approx(math.ceil(count / concurrency))
    assert account.service.most_under_way == min(count, concurrency)
    assert account.service.asked["run"] == count
    assert account.service.asked["status-sync"] == count, "two requests a job"


def test_the_slow_one_does_not_hold_up_the_others() -> None:
    """In order, results wait behind a slow job, and four times as many inputs are in progress."""
    slow = [Story(lasts=100.0), *[Story(lasts=1.0, latency=0.0)] * 30]
    account = Account(Course(slow, concurrency=4, leaves_after=1))
    assert sum(account.service.taken.values()) == 16
    unordered = Account(Course(slow, concurrency=4, ordered=False, leaves_after=30))
    assert sorted(result.index for result in unordered.results) == list(range(1, 31))
    assert unordered.took < 20


def test_results_do_not_put_off_the_end() -> None:
    """The timeout is of the whole `map`."""
    account = Account(Course([Story(latency=0.0)] * 20, concurrency=1, timeout=5.5))
    assert isinstance(account.error, RunpodTimeoutError)
    assert len(account.results) == 5
    assert account.took == pytest.approx(5.5)


def test_leaving_waits_no_longer_than_the_submissions() -> None:
    """Submissions in progress are answered first; then nothing delays the end."""
    stories = [Story(lasts=0.0), *[Story(latency=1.5, lasts=60.0)] * 3]
    account = Account(Course(stories, concurrency=1, ordered=False, leaves_after=1, dawdles=0.5))
    assert account.took == pytest.approx(0.1 + 0.1 + 1.5, abs=0.3)
    assert account.left.in_flight == {1: job_id(1)}


def test_leaving_does_not_wait_for_a_silent_server() -> None:
    """After five seconds a submission without an answer is told as uncertain."""
    stories = [Story(lasts=0.0), Story(latency=60.0)]
    account = Account(Course(stories, concurrency=1, ordered=False, leaves_after=1, dawdles=0.5))
    assert account.took < 6
    assert account.left.uncertain == (1,)


def test_what_was_refused_is_not_uncertain() -> None:
    """Its result was not handed out, because that of an earlier input was not there."""
    stories = [Story(lasts=60.0), Story(fate=Fate.BAD), Story(fate=Fate.REFUSED)]
    account = Account(Course(stories, timeout=10.0))
    assert account.took == pytest.approx(10.0, abs=0.2)
    assert account.left.uncertain == ()
    assert account.left.in_flight == {0: job_id(0)}


def test_all_jobs_are_cancelled() -> None:
    """Not only as many as are cancelled at the same time."""
    stories = [Story(lasts=0.0), *[Story(lasts=60.0)] * 29]
    account = Account(Course(stories, concurrency=30, leaves_after=1, on_leave="cancel"))
    assert len(account.service.cancelled) == 29
    assert account.left.in_flight == {}


class Tracked(str):
    """An input that can be counted while it lives."""


def test_nothing_is_kept_of_what_was_handed_out() -> None:
    """Of any number of inputs, only the inputs in progress are in memory."""
    count, concurrency = 600, 4
    alive: weakref.WeakSet[Tracked] = weakref.WeakSet()
    most = 0

    def inputs() -> Iterator[Tracked]:
        for index in range(count):
            tracked = Tracked(index)
            alive.add(tracked)
            yield tracked
            del tracked

    async def main() -> None:
        nonlocal most
        service = Service([Story(latency=0.0)] * count)
        async with service.endpoint().map(inputs(), concurrency=concurrency) as results:
            async for result in results:
                most = max(most, len(alive))
                del result

    in_virtual_time(main)
    assert 0 < most <= 4 * concurrency + 1
    gc.collect()
    assert not alive


def test_what_waits_for_its_turn_was_not_sent() -> None:
    """Of inputs that the rates hold back, none is uncertain, and nothing waits for them."""
    stories = [Story(latency=0.5, lasts=0.0), *[Story(latency=0.5, lasts=60.0)] * 1_500]
    account = Account(Course(stories, concurrency=1_500, leaves_after=1))
    assert account.service.asked["run"] < 1_500
    assert account.left.uncertain == ()
    assert len(account.left.in_flight) == sum(account.service.taken.values()) - 1
    assert account.took < 3
