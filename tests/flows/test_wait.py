"""Waiting and submitting, in virtual time."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.deadline import PROGRESS, Deadline, TimeLimit
from runpod_sdk._flows.guard import JobGuard
from runpod_sdk._flows.io import Request, RequestFailed, Response
from runpod_sdk._flows.send import call
from runpod_sdk._flows.submit import run, run_sync
from runpod_sdk._flows.wait import poll_pause, poll_wait, wait
from runpod_sdk.models import JobState
from runpod_sdk.settings import CANCEL_TIMEOUT, UNSET
from tests.flows.virtual import (
    ENDPOINT,
    JOB,
    LOSES_RESPONSE,
    Fault,
    RequestFault,
    Service,
    Timeline,
    VirtualIO,
    drive,
    guarded,
    problem,
    randoms,
    request_faults,
    session,
    timelines,
    timeouts,
)

REQUEST = api.JobRequest(input_={"prompt": "hi"})
A_BLINK = 1e-6


def waiting(io: VirtualIO, timeout: float | None, on_timeout: str = "detach") -> object:
    here = session(io)
    guard = JobGuard(here, on_timeout, JOB)  # type: ignore[arg-type]
    return drive(guarded(guard, wait(here, JOB, here.deadline(timeout))))


@given(timelines, request_faults, randoms, timeouts, st.sampled_from(["detach", "cancel"]))
def test_a_wait_ends_by_its_deadline(
    timeline: Timeline,
    faults: list[RequestFault],
    draws: list[float],
    timeout: float,
    on_timeout: str,
) -> None:
    """With any faults, a wait ends within its timeout; a cancellation adds at most five seconds."""
    io = VirtualIO(Service(timeline, faults), randoms=draws)
    outcome = waiting(io, timeout, on_timeout)
    extra = CANCEL_TIMEOUT if on_timeout == "cancel" else 0.0
    assert io.now() <= timeout + extra + A_BLINK
    for asked, what, ended in io.calls:
        assert what == "cancel" or ended <= timeout + A_BLINK, (asked, what)
    if isinstance(outcome, errors.RunpodTimeoutError):
        assert io.now() >= timeout - A_BLINK, "the time is not up"
        assert outcome.job == f"handle of {JOB}"
        assert JOB in str(outcome)


@given(timelines, request_faults, randoms)
def test_a_wait_ends_with_the_truth(
    timeline: Timeline, faults: list[RequestFault], draws: list[float]
) -> None:
    """A wait returns the job's true terminal state, and then sends no request."""
    service = Service(timeline, faults)
    io = VirtualIO(service, randoms=draws)
    outcome = waiting(io, None)
    if not isinstance(outcome, JobState):
        assert isinstance(outcome, errors.RunpodError)
        assert JOB in str(outcome)
        return
    assert outcome.to_dict() == service.state(io.now())
    assert outcome.completed
    assert io.steps[-1][0] == "send"
    assert io.steps[-1][-1] == 200


@given(timelines, st.data(), randoms)
def test_a_wait_survives_blips(timeline: Timeline, data: st.DataObject, draws: list[float]) -> None:
    """A wait continues while valid responses arrive between the faults."""
    blips = [Fault.REFUSED, Fault.REQUEST_LOST, Fault.RESPONSE_LOST, Fault.HANGS]
    blips += [Fault.PAGE, Fault.BUSY, Fault.BROKEN, Fault.TOO_MANY]
    blip = st.builds(RequestFault, st.sampled_from(blips), st.just(0.05))
    bursts = data.draw(st.lists(st.lists(blip, max_size=2), max_size=5))
    faults = [
        request_fault
        for burst in bursts
        for request_fault in [*burst, RequestFault(), RequestFault()]
    ]
    outcome = waiting(VirtualIO(Service(timeline, faults), randoms=draws), None)
    assert isinstance(outcome, JobState), outcome


def test_no_pause_follows_a_long_poll() -> None:
    """The next request follows a response that was held at once, so that no end comes late."""
    io = VirtualIO(Service(Timeline(0.5, 200.0)))
    waiting(io, None)
    assert len(io.calls) > 5
    for (_, _, answered), (asked, _, _) in pairwise(io.calls):
        assert asked == answered


AWAY = [RequestFault(Fault.BUSY)] * 100
"""An outage of about six and a half minutes."""


@pytest.mark.parametrize(
    ("faults", "timeout", "survived"),
    [
        (AWAY, None, True),
        ([*AWAY, RequestFault(), *AWAY], None, True),
        (2 * AWAY, None, False),
        (2 * AWAY, 3600.0, True),
    ],
    ids=["short", "with an answer", "long", "long, with a timeout"],
)
def test_an_outage(faults: list[RequestFault], timeout: float | None, survived: bool) -> None:
    """Without a timeout, a wait ends after ten minutes without an answer."""
    io = VirtualIO(Service(Timeline(1.0, 800.0), faults))
    outcome = waiting(io, timeout)
    if survived:
        assert isinstance(outcome, JobState)
        assert outcome.succeeded
    else:
        assert isinstance(outcome, errors.ServerError)
        assert outcome.job == f"handle of {JOB}"
        assert 590 < io.now() < 600


@given(timelines, request_faults, randoms, timeouts)
def test_no_wait_asks_faster_than_the_answers_are_worth(
    timeline: Timeline, faults: list[RequestFault], draws: list[float], timeout: float
) -> None:
    """An immediate response is followed by a pause, unless a pause preceded it."""
    io = VirtualIO(Service(timeline, faults), randoms=draws)
    waiting(io, timeout)
    sent = [(step[1], step[5]) for step in io.steps if step[0] == "send"]
    for (_, before), (asked, said), (again, _) in zip(sent, sent[1:], sent[2:], strict=False):
        if before in (200, 404) and said == 200:
            assert again - asked >= 0.25 - A_BLINK


def test_pauses_grow_and_end() -> None:
    """Between two requests there are at least 0.25 and at most 5 seconds."""
    lengths = [poll_pause(idle, 0.0) for idle in range(40)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0.25
    assert lengths[-1] == 5.0
    assert poll_pause(0, 30.0) == 0.0


@given(st.none() | st.floats(0.001, 1e9))
def test_a_hold_is_what_the_api_takes(left: float | None) -> None:
    """`wait` is between 1,000 and 300,000 ms, for any remaining time."""
    assert 1.0 <= poll_wait(left) <= 300.0


@given(st.floats(1.0, 300.0))
def test_a_long_poll_ends_with_the_time_that_remains(left: float) -> None:
    """The server holds a response no longer than the caller waits for it, and 30 s at most."""
    assert poll_wait(left) == min(left, 30.0)


@pytest.mark.parametrize(
    ("faults", "waits"),
    [
        ([Fault.RESPONSE_LOST], [30, 30, 30]),
        ([Fault.RESPONSE_LOST, Fault.RESPONSE_LOST], [30, 30, 15]),
        ([Fault.RESPONSE_LOST, Fault.NONE, Fault.RESPONSE_LOST], [30, 30, 30, 30]),
        ([Fault.REFUSED, Fault.REFUSED, Fault.REFUSED], [30, 30, 30, 30]),
        ([Fault.TOO_MANY, Fault.TOO_MANY, Fault.TOO_MANY], [30, 30, 30, 30]),
    ],
    ids=["one", "two", "apart", "refused", "429"],
)
def test_two_long_polls_without_a_response_make_the_next_one_shorter(
    faults: list[Fault], waits: list[int]
) -> None:
    """Only responses that were lost after the request was sent count, and only in a row."""
    service = Service(Timeline(1.0, 400.0), [RequestFault(fault=fault) for fault in faults])
    io = VirtualIO(service)
    assert isinstance(waiting(io, None), JobState)
    held = [step[2].params.get("wait", 0) / 1000 for step in _sent(io)[: len(waits)]]
    assert held == pytest.approx(waits, abs=0.2)


class OldService(Service):
    """A service without long polls that answers them with 405."""

    def _handle(self, request: Request, now: float) -> tuple[float, Response]:
        if "/status-sync/" in request.path:
            return now, problem(405)
        return super()._handle(request, now)


@pytest.mark.parametrize("cls", [Service, OldService])
def test_a_server_without_long_polls_is_polled(cls: type[Service]) -> None:
    """If /status-sync responds with 404 or 405, it is requested once, then /status with pauses."""
    io = VirtualIO(cls(Timeline(0.5, 60.0, long_polls=False)))
    outcome = waiting(io, None)
    assert isinstance(outcome, JobState)
    asked = [what for _, what, _ in io.calls]
    assert asked[:2] == ["status-sync", "status"]
    assert set(asked[2:]) == {"status"}
    assert len(asked) < 30


@pytest.mark.parametrize("after", [0.3, 1.5, 5.0])
@pytest.mark.parametrize("said", ["silence", 500, 502, 503, 504])
def test_held_answers_that_never_arrive(said: str | int, after: float) -> None:
    """With any gateway, long polls get shorter until the state arrives in time."""

    class Gateway(Service):
        def answer(self, request: Request, now: float) -> tuple[float, Response | RequestFailed]:
            at, response = super().answer(request, now)
            if at - now <= after:
                return at, response
            return (now + after, problem(said)) if isinstance(said, int) else (math.inf, response)

    io = VirtualIO(Gateway(Timeline(taken_at=150.0, ends_at=300.0)))
    outcome = waiting(io, None)
    assert isinstance(outcome, JobState)
    assert any(response == 200 and at < 200 for *_, at, response in _sent(io)), "nothing heard"
    assert io.now() < 320


def _sent(io: VirtualIO) -> list[tuple[Any, ...]]:
    return [step for step in io.steps if step[0] == "send"]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_wait_stops_at_once_where_asking_again_is_no_use(code: int) -> None:
    """401, 403 and the 404 of an unknown job are raised, not retried."""

    class Refusing(Service):
        def _handle(self, request, now):  # type: ignore[no-untyped-def]
            from tests.flows.virtual import problem

            return now, problem(code)

    io = VirtualIO(Refusing(Timeline()))
    outcome = waiting(io, None)
    assert isinstance(outcome, errors.APIStatusError)
    assert outcome.status_code == code
    assert len(io.calls) <= 2


def submit(io: VirtualIO, how: str, timeout: float | None, on_timeout: str = "detach") -> object:
    guard = JobGuard(session(io), on_timeout)  # type: ignore[arg-type]
    flow = {"run": run, "run_sync": run_sync}[how]
    return drive(guarded(guard, flow(guard.context, REQUEST, timeout, guard.submission)))


@given(
    st.sampled_from(["run", "run_sync"]),
    timelines,
    request_faults,
    randoms,
    timeouts,
    st.sampled_from(["detach", "cancel"]),
)
@example("run", Timeline(), [RequestFault(Fault.REFUSED)] * 3, [], 60.0, "detach")
def test_a_job_is_submitted_once_and_never_lost_in_silence(
    how: str,
    timeline: Timeline,
    faults: list[RequestFault],
    draws: list[float],
    timeout: float,
    on_timeout: str,
) -> None:
    """There is at most one job; its id is returned, or the error says that a job may exist."""
    service = Service(timeline, faults, started=False)
    io = VirtualIO(service, randoms=draws)
    outcome = submit(io, how, timeout, on_timeout)
    assert len(service.submitted_at) <= 1
    assert io.now() <= timeout + (CANCEL_TIMEOUT if on_timeout == "cancel" else 0.0) + A_BLINK
    if isinstance(outcome, JobState):
        assert len(service.submitted_at) == 1
        assert outcome.id == JOB
    elif isinstance(outcome, errors.SubmissionUncertainError):
        assert outcome.job is None
        posts = [step[-1] for step in io.steps if step[0] == "send" and step[2].method == "POST"]
        assert posts[-1] not in ("refused", 429, 503)
    elif isinstance(outcome, errors.RunpodError) and outcome.job is not None:
        assert len(service.submitted_at) == 1
    else:
        assert isinstance(outcome, errors.RunpodError)
        assert service.submitted_at == []


@given(st.sampled_from(["run", "run_sync"]), timelines, request_faults, randoms)
def test_what_was_surely_not_taken_is_sent_again(
    how: str, timeline: Timeline, faults: list[RequestFault], draws: list[float]
) -> None:
    """A submission is retried only after faults that certainly created no job."""
    service = Service(timeline, faults, started=False)
    io = VirtualIO(service, randoms=draws)
    submit(io, how, 10_000.0)
    posts = [step[-1] for step in io.steps if step[0] == "send" and step[2].method == "POST"]
    assert posts
    for said in posts[:-1]:
        assert said in ("refused", 429, 503)


@pytest.mark.parametrize("timeout", [1.5, 60.0, None])
def test_a_job_that_is_not_known_everywhere_yet(timeout: float | None) -> None:
    """Right after its submission, some servers may not know the job; that is not an error."""
    service = Service(Timeline(0.1, 1.2, unknown_for=1.1), started=False)
    outcome = submit(VirtualIO(service), "run_sync", timeout)
    assert isinstance(outcome, JobState)
    assert outcome.succeeded


def test_a_job_that_stays_unknown() -> None:
    """After five seconds it is an error; the deadline applies until then."""
    for timeout, error in ((60.0, errors.NotFoundError), (3.1, errors.RunpodTimeoutError)):
        io = VirtualIO(Service(Timeline(unknown_for=1e6), started=False))
        outcome = submit(io, "run_sync", timeout)
        assert isinstance(outcome, error)
        assert outcome.job is not None
        assert io.now() <= min(timeout, 7.0)


@given(st.sampled_from(["detach", "cancel"]), request_faults, timeouts)
def test_cancelled_says_what_is_so(
    on_timeout: str, faults: list[RequestFault], timeout: float
) -> None:
    """`.cancelled` is true only for a cancelled job, and no job is cancelled without a request."""
    service = Service(Timeline(1.0, 500.0), [RequestFault(), *faults], started=False)
    outcome = submit(VirtualIO(service), "run_sync", timeout, on_timeout)
    if isinstance(outcome, errors.RunpodTimeoutError):
        assert not outcome.cancelled or service.cancelled_at is not None
    if on_timeout == "detach":
        assert service.cancelled_at is None


@pytest.mark.parametrize("timeout", [0.05, 1.0, 1.5, 3.0, 33.0])
def test_a_cancel_that_is_confirmed_is_said(timeout: float) -> None:
    """A job abandoned with on_timeout="cancel" is cancelled, and the error says so."""
    service = Service(Timeline(1.0, 500.0), started=False)
    outcome = submit(VirtualIO(service), "run_sync", timeout, "cancel")
    assert isinstance(outcome, errors.RunpodTimeoutError)
    assert outcome.cancelled
    assert outcome.state is not None
    assert outcome.state.status == "CANCELLED"
    assert service.cancelled_at == pytest.approx(timeout, abs=0.1)


def test_an_interruption_cancels_and_is_kept() -> None:
    """Ctrl-C with on_timeout="cancel" cancels the job, and propagates unchanged."""

    class Interrupted(VirtualIO):
        async def send(self, request, limit):  # type: ignore[no-untyped-def]
            if request.path.split("/")[2] == "status-sync":
                raise KeyboardInterrupt("now")
            return await super().send(request, limit)

    service = Service(Timeline(1.0, 500.0), started=False)
    with pytest.raises(KeyboardInterrupt, match="now") as caught:
        submit(Interrupted(service), "run_sync", 60.0, "cancel")
    assert service.cancelled_at is not None
    assert caught.value.__notes__ == [f"job {JOB}: it was cancelled"]


def test_an_interrupted_submission_says_that_a_job_may_exist() -> None:
    """Ctrl-C before the id is known leaves a note: the job may have been enqueued."""

    class Interrupted(VirtualIO):
        async def send(self, request, limit):  # type: ignore[no-untyped-def]
            await super().send(request, limit)
            raise KeyboardInterrupt("now")

    for how in ("run", "run_sync"):
        with pytest.raises(KeyboardInterrupt, match="now") as caught:
            submit(Interrupted(Service(Timeline(), started=False)), how, 60.0)
        [note] = caught.value.__notes__
        assert "may have been enqueued" in note


class RefusesWithId(Service):
    """A service whose refusals have an id, which is not that of a job."""

    def answer(self, request: Request, now: float) -> tuple[float, Response]:
        return now, Response(503, {}, b'{"id": "refusal-1"}')


@pytest.mark.parametrize(
    "service",
    [
        lambda: Service(Timeline(), [RequestFault(Fault.REFUSED)], started=False),
        lambda: Service(Timeline(), [RequestFault(Fault.BUSY)], started=False),
        lambda: RefusesWithId(Timeline(), started=False),
    ],
    ids=["refused", "503", "503 with an id"],
)
def test_an_interruption_between_two_attempts(service: Callable[[], Service]) -> None:
    """In the pause, no job exists; with the second request sent, one may."""

    class Interrupted(VirtualIO):
        async def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt("in the pause")

    with pytest.raises(KeyboardInterrupt) as caught:
        submit(Interrupted(service()), "run", 60.0)
    assert not hasattr(caught.value, "__notes__")

    class InterruptedLater(VirtualIO):
        async def send(self, request: Request, limit: TimeLimit) -> Response:
            if self.calls:
                raise KeyboardInterrupt("in the second request")
            return await super().send(request, limit)

    with pytest.raises(KeyboardInterrupt) as caught:
        submit(InterruptedLater(service()), "run", 60.0)
    assert "may have been enqueued" in caught.value.__notes__[0]


def test_a_cancel_that_comes_too_late_says_what_became_of_the_job() -> None:
    """If the job ended before it was cancelled, the error has its state."""
    service = Service(
        Timeline(1.5, 2.0), [RequestFault(), RequestFault(Fault.HANGS)], started=False
    )
    outcome = submit(VirtualIO(service), "run_sync", 5.0, "cancel")
    assert isinstance(outcome, errors.RunpodTimeoutError)
    assert not outcome.cancelled
    assert outcome.state is not None
    assert outcome.state.status == "COMPLETED"
    assert "it was COMPLETED before" in str(outcome)


@pytest.mark.parametrize(("start", "was"), [(0.5, "IN_PROGRESS"), (30.0, "IN_QUEUE")])
def test_the_message_of_a_cancelled_job_says_what_it_was(start: float, was: str) -> None:
    """It does not say that the job is still running or queued, nor how to learn why."""
    service = Service(Timeline(start, 60.0))
    outcome = submit(VirtualIO(service), "run_sync", 5.0, "cancel")
    assert isinstance(outcome, errors.RunpodTimeoutError)
    assert outcome.cancelled
    assert str(outcome).endswith(f"timed out after 5 s; the job was {was}; it was cancelled")


READS = [api.status(ENDPOINT, JOB), api.health(ENDPOINT)]
ONCE = [api.cancel(ENDPOINT, JOB), api.retry(ENDPOINT, JOB), api.purge(ENDPOINT)]


@given(st.sampled_from(READS + ONCE), request_faults, randoms, timeouts)
def test_an_operation_ends_by_its_deadline(
    op: object, faults: list[RequestFault], draws: list[float], timeout: float
) -> None:
    """A call with one response, with all retries and pauses, takes no longer than its timeout."""
    service = Faulty(Timeline(), faults)
    io = VirtualIO(service, randoms=draws)
    here = session(io)
    outcome = drive(call(here, op, here.deadline(timeout)))  # type: ignore[arg-type]
    assert io.now() <= timeout + A_BLINK
    if isinstance(outcome, errors.RunpodTimeoutError):
        assert (outcome.job is None) == (op in (READS[1], ONCE[2]))


class Faulty(Service):
    """Responds to the operations that the base class does not support."""

    def _handle(self, request, now):  # type: ignore[no-untyped-def]
        from tests.flows.virtual import ok

        return now, ok({"id": JOB, "status": "IN_QUEUE", "removed": 1})


@given(st.sampled_from([Fault.REQUEST_LOST, Fault.PAGE, Fault.BROKEN, Fault.RESPONSE_LOST]))
def test_what_may_have_happened_is_not_repeated(fault: Fault) -> None:
    """A cancel, a retry or a purge with an unknown outcome is sent once."""
    for op in ONCE:
        io = VirtualIO(Faulty(Timeline(), [RequestFault(fault)]))
        here = session(io)
        outcome = drive(call(here, op, here.deadline(60.0)))  # type: ignore[arg-type]
        assert isinstance(outcome, errors.RunpodError)
        assert len(io.calls) == 1


def test_a_timer_that_fires_early() -> None:
    """An attempt that the deadline ended is the end of the call, not a fault to retry."""
    for op in (*READS, *ONCE):
        io = VirtualIO(Faulty(Timeline(), [RequestFault(Fault.HANGS)]), early=1e-9)
        here = session(io)
        outcome = drive(call(here, op, here.deadline(0.3)))  # type: ignore[arg-type]
        assert isinstance(outcome, errors.RunpodTimeoutError)
        assert len(io.calls) == 1


def test_a_limit_whose_timer_fires_early() -> None:
    """The transports, too, take the attempt as ended by its limit, and drop their connections."""
    io = VirtualIO(Service(Timeline()))
    limit = TimeLimit(io.now, Deadline.after(0.3, io.now()))
    for io.time, passed in ((0.1, False), (0.29, False), (0.3 - 1e-9, True), (0.4, True)):
        assert limit.has_passed() is passed


def test_what_extends_a_limit() -> None:
    """The client's timeout begins anew after 16 KiB of a body, and not after single bytes."""
    io = VirtualIO(Service(Timeline()))
    here = session(io)
    limit = here.limit(here.call_deadline(UNSET), 0.0, repeatable=True)
    for size, at, ends_at in ((1, 4.0, 10.0), (PROGRESS, 8.0, 18.0), (1, 9.0, 18.0)):
        io.time = at
        limit.add_progress(size)
        assert limit.ends_at == ends_at


def test_a_limit_that_was_ended() -> None:
    """Another thread can end an attempt; what arrives of a body meanwhile changes nothing."""
    io = VirtualIO(Service(Timeline()))
    limit = TimeLimit(io.now, Deadline.after(60.0, io.now()), max_idle=10.0)
    limit.end()
    limit.add_progress(PROGRESS)
    assert limit.left() < 0


@pytest.mark.parametrize(
    ("operation", "timeout", "took", "in_time"),
    [
        (api.health(ENDPOINT), UNSET, 9.0, True),
        (api.health(ENDPOINT), UNSET, 11.0, False),
        (api.health(ENDPOINT), None, 10_000.0, True),
        (api.run(ENDPOINT, REQUEST), UNSET, 11.0, False),
        (api.run(ENDPOINT, REQUEST), 60.0, 59.0, True),
        (api.run(ENDPOINT, REQUEST), None, 10_000.0, True),
    ],
    ids=range(6),
)
def test_the_time_of_an_attempt(operation: Any, timeout: Any, took: float, in_time: bool) -> None:
    """It is the client's timeout; all of the call's, if there is no other attempt or no limit."""
    io = VirtualIO(Faulty(Timeline(), [RequestFault(delay=took)]))
    here = session(io, max_retries=0)
    outcome = drive(call(here, operation, here.call_deadline(timeout)))
    assert isinstance(outcome, errors.RunpodError) is not in_time
    assert len(io.calls) == 1


def test_an_input_that_takes_too_long_to_encode() -> None:
    """It is not sent, and the error says that no job exists."""

    class Slow(dict[str, Any]):
        def items(self) -> Any:
            io.time += 2.0
            return super().items()

    io = VirtualIO(Service(Timeline(), started=False))
    outcome = drive(run(session(io), api.JobRequest(Slow(a=1)), 1.0))
    assert isinstance(outcome, errors.RunpodTimeoutError)
    assert not isinstance(outcome, errors.SubmissionUncertainError)
    assert io.calls == []


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.BUSY, Fault.TOO_MANY])
def test_a_purge_is_never_repeated(fault: Fault) -> None:
    """A purge is not retried, even if it certainly had no effect."""
    io = VirtualIO(Faulty(Timeline(), [RequestFault(fault)]))
    here = session(io)
    outcome = drive(call(here, api.purge(ENDPOINT), here.deadline(60.0)))
    assert isinstance(outcome, errors.RunpodError)
    assert len(io.calls) == 1


@given(request_faults, randoms, st.integers(0, 4))
def test_retries_are_counted(
    faults: list[RequestFault], draws: list[float], max_retries: int
) -> None:
    """A request is sent at most `max_retries` times more."""
    io = VirtualIO(Faulty(Timeline(), faults), randoms=draws)
    here = session(io, max_retries=max_retries)
    drive(call(here, api.health(ENDPOINT), here.deadline(None)))
    assert len(io.calls) <= max_retries + 1
    repeatable = set(Fault) - {Fault.NONE, Fault.NONSENSE}
    if len(faults) > max_retries and all(
        request_fault.fault in repeatable for request_fault in faults
    ):
        assert len(io.calls) == max_retries + 1


@given(st.sampled_from(["7", "1000000000", "0", "soon", "nan"]), st.floats(0, 0.999))
def test_retry_after_is_kept_and_bounded(asked: str, draws: float) -> None:
    """The pause is at least what the server asks for, and never more than a minute."""
    faults = [RequestFault(Fault.TOO_MANY, retry_after=asked)]
    io = VirtualIO(Faulty(Timeline(), faults), randoms=[draws])
    here = session(io)
    drive(call(here, api.health(ENDPOINT), here.deadline(None)))
    pauses = [step[2] for step in io.steps if step[0] == "sleep"]
    wanted = {"7": 7.0, "1000000000": 60.0}.get(asked, 0.0)
    assert sum(pauses) >= wanted
    assert sum(pauses) <= 60.0


@pytest.mark.parametrize("draw", [0.0, 0.3, 0.999])
def test_pauses_before_retries(draw: float) -> None:
    """Their lengths are random, up to half a second at first, then twice as much, up to eight."""
    io = VirtualIO(Faulty(Timeline(), [RequestFault(Fault.BROKEN)] * 9), randoms=[draw] * 9)
    here = session(io, max_retries=9)
    drive(call(here, api.health(ENDPOINT), here.deadline(None)))
    pauses = [step[2] for step in io.steps if step[0] == "sleep"]
    longest = [0.5, 1, 2, 4, 8, 8, 8, 8, 8]
    assert pauses == [pytest.approx(draw * length) for length in longest]


def test_retry_after_beyond_the_deadline_is_not_waited_for() -> None:
    """The refusal is raised at once, with the pause that the server asked for."""
    io = VirtualIO(Faulty(Timeline(), [RequestFault(Fault.TOO_MANY, retry_after="30")]))
    here = session(io)
    outcome = drive(call(here, api.health(ENDPOINT), here.deadline(10.0)))
    assert isinstance(outcome, errors.RateLimitError)
    assert outcome.retry_after == 30.0
    assert io.now() < 1.0


def test_a_job_is_not_cancelled_before_its_time() -> None:
    """If the server asks for a longer pause than the remaining time, the wait lasts that time."""
    service = Service(Timeline(1.0, 500.0), [RequestFault(Fault.TOO_MANY, retry_after="60")])
    outcome = waiting(VirtualIO(service), 30.0, "cancel")
    assert isinstance(outcome, errors.RunpodTimeoutError)
    assert isinstance(outcome.__cause__, errors.RateLimitError)
    assert service.cancelled_at == pytest.approx(30.0, abs=0.1)


def test_lost_answers_are_known() -> None:
    """Simulated faults that lose a response do perform the request."""
    for fault in LOSES_RESPONSE:
        service = Service(Timeline(), [RequestFault(fault)], started=False)
        submit(VirtualIO(service), "run", 5.0)
        assert len(service.submitted_at) == 1
