"""The queue's rules, as properties of every history of events."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runpod_sdk.local import _wire
from runpod_sdk.local._rules.fleet import Fleet, Scaling
from runpod_sdk.local._rules.jobs import (
    JobSpec,
    NotRetryable,
    Run,
    RunResult,
    UnknownJob,
    split_chunk,
)
from runpod_sdk.local._rules.queue import Queue
from runpod_serverless_api.models import JobStatus
from runpod_serverless_api.types import UNSET
from tests.hypothesis_profiles import at_most

from .model import Expected

JOBS = 3
PLACES = st.integers(0, JOBS)  # the last is that of a job that is gone
LEAST, MOST, IDLE_TIMEOUT = 1, 3, 2.0
THEIRS = ("x", "y")  # workers of somebody else, who pull


def queue_with(*workers: str) -> Queue:
    """Make a queue with workers that are pushed to."""
    names = iter(workers)
    count = len(workers)
    queue = Queue(Fleet(Scaling(least=count, most=count), names.__next__))
    queue.advance(0.0)
    for worker in queue.effects().launched:
        queue.join(0.0, worker)
    return queue


@define(eq=False)
class Member:
    """A present worker in the model."""

    ours: bool
    since: float
    runs: list[Run] = field(factory=list)
    leaving: bool = False
    sick: bool = False


class Histories(RuleBasedStateMachine):
    """Compare queue and fleet with a model that looks at every job after every event."""

    runs: Bundle[Run] = Bundle("runs")

    @initialize(start_delay=st.sampled_from([0.0, 1.5]))
    def begin(self, start_delay: float) -> None:
        names = map("ours-{}".format, count(1))
        fleet = Fleet(Scaling(least=LEAST, most=MOST, idle_timeout=IDLE_TIMEOUT), names.__next__)
        fleet.start_delay = lambda: start_delay
        self.queue = Queue(fleet)
        self.now = 0.0
        self.behind = 0.0
        self.model: dict[str, Expected] = {}
        self.starting: list[str] = []
        self.there: dict[str, Member] = {}
        self.count = dict.fromkeys(("completed", "failed", "retried"), 0)
        self.stopped: set[Run] = set()
        self.retired: set[str] = set()
        self.serial = 0
        self.front = 0
        self.queue.advance(0.0)

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def current(self, run: Run) -> Expected | None:
        job = self.model.get(run.job_id)
        return job if job is not None and job.run == run else None

    def must_stop(self, job: Expected) -> None:
        if job.run is not None:
            self.stopped.add(job.run)

    # -- time

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for job_id, job in list(self.model.items()):
            overruns = None
            if job.status == "IN_PROGRESS" and job.started is not None:
                overruns = job.started + job.execution_timeout
            if overruns is not None and overruns <= self.now and overruns < job.expires:
                self.must_stop(job)
                job.end("FAILED", self.now, error="executionTimeout exceeded")
                self.count["failed"] += 1
            elif job.expires <= self.now:
                self.must_stop(job)
                del self.model[job_id]
        self.queue.advance(self.now)

    @rule()
    def let_the_clock_of_the_next_event_be_behind(self) -> None:
        self.behind = 5.0

    @property
    def when(self) -> float:
        when, self.behind = self.now - self.behind, 0.0
        return when

    # -- clients

    def pick(self, place: int) -> tuple[str, Expected | None]:
        job_id = dict(enumerate(self.model)).get(place, "gone")
        return job_id, self.model.get(job_id)

    @precondition(lambda self: len(self.model) < JOBS)
    @rule(
        ttl=st.sampled_from([5.0, 100.0]),
        execution_timeout=st.sampled_from([4.0, 100.0]),
        retention=st.sampled_from([4.0, 100.0]),
        urgent=st.sampled_from([True, True, False]),
    )
    def submit(self, ttl: float, execution_timeout: float, retention: float, urgent: bool) -> None:
        order = self.number()
        job_id = f"job-{order}"
        self.queue.submit(
            self.when,
            JobSpec(
                job_id,
                {},
                execution_timeout=execution_timeout,
                ttl=ttl,
                retention=retention,
                low_priority=not urgent,
            ),
        )
        self.model[job_id] = Expected(
            ttl, execution_timeout, retention, self.now, self.now + ttl, order=order, urgent=urgent
        )

    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        job_id, job = self.pick(place)
        if job is None:
            with pytest.raises(UnknownJob):
                self.queue.cancel(self.when, job_id)
            return
        self.queue.cancel(self.when, job_id)
        if not job.terminal:
            self.must_stop(job)
            job.end("CANCELLED", self.now)

    @rule(place=PLACES)
    def retry(self, place: int) -> None:
        job_id, job = self.pick(place)
        if job is None or job.status != "FAILED":
            with pytest.raises(UnknownJob if job is None else NotRetryable):
                self.queue.retry(self.when, job_id)
            return
        self.queue.retry(self.when, job_id)
        job.queue_again(self.number())
        job.expires, job.retries = self.now + job.ttl, 0
        self.count["retried"] += 1

    @rule(place=PLACES, ttl=st.sampled_from([1.0, 50.0]))
    def set_ttl(self, place: int, ttl: float) -> None:
        job_id, job = self.pick(place)
        if job is not None:
            self.queue.set_ttl(self.when, job_id, ttl)
            if not job.terminal:
                job.expires = self.now + ttl

    @rule(place=PLACES)
    def drain(self, place: int) -> None:
        job_id, job = self.pick(place)
        if job is not None:
            assert self.queue.drain(self.when, job_id) == job.chunks
            job.chunks = []

    @precondition(lambda self: len(self.model) == JOBS)
    @rule()
    def purge(self) -> None:
        queued = [job_id for job_id, job in self.model.items() if job.status == "IN_QUEUE"]
        assert self.queue.purge(self.when) == len(queued)
        for job_id in queued:
            del self.model[job_id]

    # -- workers

    def member(self, place: int) -> tuple[str, Member]:
        return list(self.there.items())[place % len(self.there)]

    @precondition(lambda self: self.starting)
    @rule(place=PLACES)
    def one_of_ours_is_there(self, place: int) -> None:
        worker = self.starting.pop(place % len(self.starting))
        self.queue.join(self.when, worker)
        self.there[worker] = Member(ours=True, since=self.now)

    @precondition(lambda self: self.starting)
    @rule(place=PLACES)
    def one_of_ours_ends_before_it_was_there(self, place: int) -> None:
        lost = self.queue.lose_worker(self.when, self.starting.pop(place % len(self.starting)))
        assert lost is not None
        assert not lost.joined

    @rule(worker=st.sampled_from(THEIRS))
    def somebody_elses_asks(self, worker: str) -> None:
        self.queue.join(self.when, worker)
        self.there.setdefault(worker, Member(ours=False, since=self.now)).sick = False

    @precondition(lambda self: self.there)
    @rule(target=runs, place=PLACES, most=st.integers(1, 3))
    def take(self, place: int, most: int) -> Any:
        worker, member = self.member(place)
        most = 1 if member.ours else most
        if member.ours and member.runs and not (member.leaving or member.sick):
            with pytest.raises(ValueError, match="busy"):
                self.queue.take(self.when, worker, most)
            return multiple()
        taken = self.queue.take(self.when, worker, most)
        has = {run.job_id for run in member.runs}
        queued = [
            (job_id, job)
            for job_id, job in self.model.items()
            if job.status == "IN_QUEUE" and job_id not in has
        ]
        queued.sort(key=lambda item: item[1].order)
        expected = [] if member.leaving or member.sick else queued[:most]
        assert [job.id for _, job in taken] == [job_id for job_id, _ in expected]
        for (run, job), (_, first) in zip(taken, expected, strict=True):
            assert (run.job_id, run.worker) == (job.id, worker)
            first.status, first.run, first.started = "IN_PROGRESS", run, self.now
            member.runs.append(run)
        return multiple(*(run for run, _ in taken))

    def is_over(self, run: Run) -> None:
        """Take a run from its worker, who goes if it was to."""
        member = self.there.get(run.worker)
        if member is None or run not in member.runs:
            return
        member.runs.remove(run)
        if not member.runs:
            member.since = self.now
            if member.leaving:
                self.retire(run.worker)

    def retire(self, worker: str) -> None:
        del self.there[worker]
        self.retired.add(worker)

    def is_lost(self, run: Run) -> None:
        job = self.current(run)
        if job is None:
            return
        if job.retries:
            job.end("FAILED", self.now, error="job timed out after 1 retries")
            self.count["failed"] += 1
        else:
            self.front -= 1
            job.queue_again(self.front)
            job.retries = 1
            self.count["retried"] += 1

    @precondition(lambda self: self.there)
    @rule(place=PLACES)
    def lose(self, place: int) -> None:
        worker, member = self.member(place)
        self.queue.lose_worker(self.when, worker)
        assert self.queue.lose_worker(self.when, worker) is None
        del self.there[worker]
        for run in reversed(member.runs):
            self.is_lost(run)

    @precondition(lambda self: self.there)
    @rule(place=PLACES)
    def say_that_it_has_no_runs(self, place: int) -> None:
        _, member = self.member(place)
        runs = list(member.runs)
        self.queue.lose_runs(self.when, runs)
        for run in runs:
            self.is_over(run)
        for run in reversed(runs):
            self.is_lost(run)

    @precondition(lambda self: self.there)
    @rule(place=PLACES)
    def mark_unhealthy(self, place: int) -> None:
        worker, member = self.member(place)
        self.queue.mark_unhealthy(self.when, worker)
        member.sick = True

    @rule(run=runs)
    def progress(self, run: Run) -> None:
        job, value = self.current(run), self.number()
        assert self.queue.progress(self.when, run, value) is (job is not None)
        if job is not None:
            job.output = value

    @rule(run=runs)
    def chunk(self, run: Run) -> None:
        job, value = self.current(run), self.number()
        assert self.queue.chunk(self.when, run, value) is (job is not None)
        if job is not None:
            job.chunks.append(value)

    @rule(
        run=consumes(runs),
        output=st.sampled_from([UNSET, None, 7]),
        error=st.sampled_from([UNSET, "it broke", "again", {"code": 1}]),
        recycle=st.sampled_from([False, False, True]),
    )
    def finish(self, run: Run, output: Any, error: Any, recycle: bool) -> None:
        job = self.current(run)
        result = RunResult(output, error, recycle)
        assert self.queue.finish(self.when, run, result) is (job is not None)
        member = self.there.get(run.worker)
        if member is not None and run in member.runs:
            member.leaving |= recycle and member.ours
        self.is_over(run)
        if job is None:
            return
        if isinstance(error, str):
            job.end("FAILED", self.now, output, error)
        else:
            job.end("COMPLETED", self.now, output if error is UNSET else UNSET)
        self.count["failed" if job.status == "FAILED" else "completed"] += 1

    # -- what holds after each event

    @invariant()
    def all_is_as_expected(self) -> None:
        if not hasattr(self, "queue"):
            return
        self.what_is_to_be_done_is_told()
        self.the_fleet_fits_what_waits()
        self.every_job_is_as_expected()
        self.counters_add_up()
        self.the_index_has_every_job()

    def the_index_has_every_job(self) -> None:
        """As a list of all jobs has, with any filter; each job tells its attempts."""
        jobs = [*self.queue.jobs.values()][::-1]
        index = self.queue.index
        assert index.totals() == Counter(job.status for job in jobs)
        for status in (None, *JobStatus):
            found = [job for job in jobs if status in (None, job.status)]
            assert index.newest(JOBS, status) == found[:JOBS]
            assert index.count(status) == len(found)
        for job in jobs:
            kinds = [event.kind for event in job.events]
            assert kinds[0] == "submitted"
            last = [kind for kind in kinds if kind not in ("progress", "chunk")][-1]
            assert {"taken": "IN_PROGRESS", "ended": job.terminal and job.status}.get(
                last, "IN_QUEUE"
            ) == job.status
            times = [event.at for event in job.events]
            assert times == sorted(times)

    def what_is_to_be_done_is_told(self) -> None:
        effects = self.queue.effects()
        assert set(effects.stopped) == self.stopped
        self.stopped.clear()
        assert not set(effects.launched) & {*self.starting, *self.there}
        self.starting += effects.launched
        for worker in effects.retired:
            if worker in self.there:  # of itself: it has idled too long
                member = self.there[worker]
                assert member.ours
                assert not member.runs
                assert self.now - member.since >= IDLE_TIMEOUT
                self.retire(worker)
        assert set(effects.retired) == self.retired
        self.retired.clear()

    def the_fleet_fits_what_waits(self) -> None:
        fleet = self.queue.fleet
        ours = [worker for worker in fleet if worker.ours]
        assert {worker.id for worker in fleet if worker.joined} == set(self.there)
        assert LEAST <= len(ours) <= MOST
        urgent = sum(job.status == "IN_QUEUE" and job.urgent for job in self.model.values())
        coming = sum(not worker.joined for worker in ours)
        idle = sum(not (m.runs or m.leaving or m.sick) for m in self.there.values())
        assert coming + idle >= urgent or len(ours) == MOST
        if len(ours) > LEAST and not urgent:
            assert not any(
                m.ours and not (m.runs or m.sick) and self.now - m.since >= IDLE_TIMEOUT
                for m in self.there.values()
            )
        assert all(worker.launch > self.now for worker in ours if worker.launch is not None)
        assert fleet.due() > self.now

    def every_job_is_as_expected(self) -> None:
        for number in range(1, self.serial + 1):
            job_id = f"job-{number}"
            expected = self.model.get(job_id)
            if expected is None:
                with pytest.raises(UnknownJob):
                    self.queue.get(self.now, job_id)
                continue
            job = self.queue.get(self.now, job_id)
            wire = _wire.job(job)
            assert set(wire) == expected.keys()
            assert wire.items() >= expected.wire().items()
            assert list(job.chunks) == expected.chunks

    def counters_add_up(self) -> None:
        counts = self.queue.counts(self.now)
        states = [job.status for job in self.model.values()]
        members = [member for member in self.there.values() if not member.sick]
        running = sum(bool(member.runs) for member in members)
        assert counts.in_queue == states.count("IN_QUEUE")
        assert counts.in_progress == states.count("IN_PROGRESS")
        assert (counts.running, counts.idle) == (running, len(members) - running)
        waiting = counts.initializing + counts.unhealthy
        assert waiting + len(members) == len(list(self.queue.fleet))
        assert (counts.completed, counts.failed, counts.retried) == tuple(self.count.values())


def test_every_history_is_as_the_model_has_it() -> None:
    """Every job is in one place, chunks come once, and what is terminal stays as it is."""
    run_state_machine_as_test(Histories, settings=at_most(500, stateful_step_count=40))


def test_an_id_is_used_once() -> None:
    """A second job with an existing id is refused."""
    queue = queue_with()
    submission = JobSpec("x", {}, execution_timeout=1, ttl=1, retention=1)
    queue.submit(0.0, submission)
    with pytest.raises(ValueError, match="exists already"):
        queue.submit(0.0, submission)


def test_news_are_told_once() -> None:
    """Each change is reported once, also the removal of a job."""
    queue = queue_with()
    queue.submit(0.0, JobSpec("x", {}, execution_timeout=1, ttl=1, retention=1))
    assert queue.effects().changed == {"x"}
    assert queue.effects().changed == set()
    queue.advance(1.0)
    assert queue.effects().changed == {"x"}


def test_an_expired_ttl_wins_over_a_later_execution_timeout() -> None:
    """When both have passed unseen, what came first is what happened."""
    for ttl, execution_timeout, left in ((1.0, 2.0, False), (2.0, 1.0, True)):
        queue = queue_with("w")
        queue.submit(
            0.0, JobSpec("x", {}, execution_timeout=execution_timeout, ttl=ttl, retention=9)
        )
        queue.take(0.0, "w")
        queue.advance(5.0)
        try:
            found = queue.get(5.0, "x").error == "executionTimeout exceeded"
        except UnknownJob:
            found = False
        assert found is left


def submission(job_id: str, *, execution_timeout: float = 9.0) -> JobSpec:
    return JobSpec(job_id, {}, execution_timeout=execution_timeout, ttl=99, retention=99)


def taken(queue: Queue, worker: str, most: int = 9) -> list[str]:
    return [job.id for _, job in queue.take(0.0, worker, most)]


def test_lost_jobs_are_first_again_in_their_order() -> None:
    """The jobs of a vanished worker come before jobs that were queued later."""
    queue = queue_with()
    for job_id in "abc":
        queue.submit(0.0, submission(job_id))
    queue.join(0.0, "puller")
    assert taken(queue, "puller", 2) == ["a", "b"]
    queue.lose_worker(0.0, "puller")
    queue.join(0.0, "other")
    assert taken(queue, "other") == ["a", "b", "c"]


def test_a_worker_is_not_given_a_job_that_it_has_not_let_go_of() -> None:
    """Its report could be about either run; another worker may have the job."""
    queue = queue_with()
    queue.join(0.0, "puller")
    queue.submit(0.0, submission("a", execution_timeout=1))
    ((run, _),) = queue.take(0.0, "puller")
    queue.advance(1.0)
    queue.retry(1.0, "a")
    queue.submit(1.0, submission("b"))
    assert taken(queue, "puller") == ["b"]
    assert not queue.finish(1.0, run, RunResult(output="late"))
    assert taken(queue, "puller") == ["a"]


def test_one_that_ends_before_it_was_there_is_replaced_later_each_time() -> None:
    """Its place counts as unhealthy until one is there, who ends the series."""
    names = map(str, count())
    queue = Queue(Fleet(Scaling(least=1, most=1), names.__next__))
    now, waits = 0.0, []
    for _ in range(9):
        (launched,) = queue.effects().launched
        queue.lose_worker(now, launched)
        queue.effects()
        assert queue.counts(now).unhealthy == 1
        waits.append(queue.fleet.due() - now)
        now += waits[-1]
        queue.advance(now)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    (launched,) = queue.effects().launched
    queue.join(now, launched)
    queue.lose_worker(now, launched)
    assert queue.effects().launched


@given(text=st.text(max_size=200), size=st.integers(14, 100))
def test_long_texts_are_split(text: str, size: int) -> None:
    """Yielded values are split only if they are too large, into parts that are small enough."""
    parts = split_chunk(text, size)
    assert "".join(parts) == text
    assert all(len(json.dumps(part)) <= size for part in parts)
    if len(json.dumps(text)) <= size:
        assert parts == [text]


@pytest.mark.parametrize("value", [None, 1, ["a" * 100], {"a": "b" * 100}, "𝄞"])
def test_what_cannot_be_split_comes_whole(value: Any) -> None:
    assert split_chunk(value, 10) == [value]
