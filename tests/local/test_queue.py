"""The queue's rules, as properties of every history of events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
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
from runpod_sdk.local._rules.jobs import NotRetryable, Result, Run, Submission, UnknownJob
from runpod_sdk.local._rules.queue import Queue
from runpod_sdk.local._wire import UNSET

from .model import Expected

WORKERS = ("a", "b")
JOBS = 3
PLACES = st.integers(0, JOBS)  # the last is that of a job that is gone


def queue_with(*workers: str) -> Queue:
    """Make a queue with workers that are pushed to."""
    names = iter(workers)
    count = len(workers)
    queue = Queue(Fleet(Scaling(least=count, most=count), names.__next__))
    queue.sweep(0.0)
    for worker in queue.effects().launched:
        queue.join(0.0, worker)
    return queue


class Histories(RuleBasedStateMachine):
    """Compare the queue with a model that looks at every job after every event."""

    runs: Bundle[Run] = Bundle("runs")

    @initialize()
    def begin(self) -> None:
        self.queue = queue_with(*WORKERS)
        self.now = 0.0
        self.behind = 0.0
        self.model: dict[str, Expected] = {}
        self.busy: dict[str, Run | None] = dict.fromkeys(WORKERS)
        self.count = dict.fromkeys(("completed", "failed", "retried"), 0)
        self.stopped: set[Run] = set()
        self.serial = 0

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
        self.queue.sweep(self.now)

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
    )
    def submit(self, ttl: float, execution_timeout: float, retention: float) -> None:
        order = self.number()
        job_id = f"job-{order}"
        self.queue.submit(
            self.when,
            Submission(
                job_id, {}, execution_timeout=execution_timeout, ttl=ttl, retention=retention
            ),
        )
        self.model[job_id] = Expected(
            ttl, execution_timeout, retention, self.now, self.now + ttl, order=order
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
        self.model[job_id] = Expected(
            job.ttl,
            job.execution_timeout,
            job.retention,
            job.submitted,
            self.now + job.ttl,
            order=self.number(),
        )
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

    @rule(target=runs, worker=st.sampled_from(WORKERS))
    def take(self, worker: str) -> Any:
        if self.busy[worker] is not None:
            with pytest.raises(ValueError, match="busy"):
                self.queue.take(self.when, worker)
            return multiple()
        taken = self.queue.take(self.when, worker)
        queued = [job for job in self.model.items() if job[1].status == "IN_QUEUE"]
        if not queued:
            assert taken == []
            return multiple()
        first_id, first = min(queued, key=lambda item: item[1].order)
        ((run, job),) = taken
        assert run.job_id == job.id == first_id
        first.status, first.run, first.started = "IN_PROGRESS", run, self.now
        self.busy[worker] = run
        return run

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
    )
    def finish(self, run: Run, output: Any, error: Any) -> None:
        job = self.current(run)
        assert self.queue.finish(self.when, run, Result(output, error)) is (job is not None)
        self.busy[run.worker] = None
        if job is None:
            return
        if isinstance(error, str):
            job.end("FAILED", self.now, output, error)
        else:
            job.end("COMPLETED", self.now, output if error is UNSET else UNSET)
        self.count["failed" if job.status == "FAILED" else "completed"] += 1

    # -- what holds after each event

    @invariant()
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

    @invariant()
    def counters_add_up(self) -> None:
        counts = self.queue.counts(self.now)
        states = [job.status for job in self.model.values()]
        running = sum(run is not None for run in self.busy.values())
        assert counts.in_queue == states.count("IN_QUEUE")
        assert counts.in_progress == states.count("IN_PROGRESS") <= running
        assert (counts.running, counts.idle) == (running, len(WORKERS) - running)
        assert (counts.completed, counts.failed, counts.retried) == tuple(self.count.values())

    @invariant()
    def exactly_the_runs_that_no_longer_count_are_stopped(self) -> None:
        assert set(self.queue.effects().stopped) == self.stopped
        self.stopped.clear()


def test_every_history_is_as_the_model_has_it() -> None:
    """Every job is in one place, chunks come once, and what is terminal stays as it is."""
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=300, stateful_step_count=40, deadline=None)
    )


def test_an_id_is_used_once() -> None:
    """A second job with the id of one that is there is refused."""
    queue = queue_with()
    submission = Submission("x", {}, execution_timeout=1, ttl=1, retention=1)
    queue.submit(0.0, submission)
    with pytest.raises(ValueError, match="there already"):
        queue.submit(0.0, submission)


def test_news_are_told_once() -> None:
    """What has changed is handed over once, also when it is that a job is gone."""
    queue = queue_with()
    queue.submit(0.0, Submission("x", {}, execution_timeout=1, ttl=1, retention=1))
    assert queue.effects().changed == {"x"}
    assert queue.effects().changed == set()
    queue.sweep(1.0)
    assert queue.effects().changed == {"x"}


def test_an_expired_ttl_wins_over_a_later_execution_timeout() -> None:
    """When both have passed unseen, what came first is what happened."""
    for ttl, execution_timeout, left in ((1.0, 2.0, False), (2.0, 1.0, True)):
        queue = queue_with("w")
        queue.submit(
            0.0, Submission("x", {}, execution_timeout=execution_timeout, ttl=ttl, retention=9)
        )
        queue.take(0.0, "w")
        queue.sweep(5.0)
        try:
            found = queue.get(5.0, "x").error == "executionTimeout exceeded"
        except UnknownJob:
            found = False
        assert found is left
