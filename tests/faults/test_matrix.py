"""Every fault with every operation, in each mode: results, retries and deadlines."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from runpod_sdk import RunpodTimeoutError, StreamInterruptedError, SubmissionUncertainError
from runpod_sdk.settings import BACKOFF_FIRST, PAUSE_FIRST
from tests.faults.catalogue import (
    EVERYWHERE,
    GOOD_JOB,
    JOB,
    LONG_PAUSES,
    OPERATIONS,
    PURGE,
    ROWS,
    STREAM,
    Op,
    good,
    strike,
)
from tests.faults.modes import MODES, TALLY, WAYS, Case, Outcome, run_all, run_alone
from tests.faults.server import (
    Behaviour,
    Server,
    answer,
    by_endpoint,
    by_operation,
    closed_port,
    in_turn,
)

# Under trio, httpx's generators complain when a body is not read to its end.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
    pytest.mark.usefixtures("virtual_time"),
]

FAULTS = {name: row for row in ROWS for name in row.faults}
STAYING = [
    (mode, name)
    for mode in (*MODES, *WAYS)
    for name, row in FAULTS.items()
    if strike(name, row, mode)
]
PASSING = [
    (mode, name)
    for mode, name in STAYING
    if FAULTS[name].faults[name] is not None
    and not re.match(r"\d{3} (HTML|text|nothing|list|deep|nested|wrong|invalid|endless)", name)
    and name not in map(str, [*range(521, 524), *range(525, 528)])
]
"""Retries depend only on the status, so one body of each is enough."""
WAITING = ("wait", "run_sync, submitted", "stream")
"""Operations with long polls, whose timeout error says so."""
PATIENCE = 0.8
"""The time limit of an attempt in seconds, in addition to its long poll, if the fault passes."""
ENOUGH = 8.0
"""The timeout of calls that end without it, in seconds."""
CUT = ("reset in the head of the request", "reset after the head of the request")
"""Faults that may occur before the whole request was sent: then it is sent again."""
SENT_WHILE_WAITING = 50
"""The number of failing requests in a wait of half a second; pauses are random."""
SIZE = 2**18
"""The maximum response size in these tests, in bytes: more than the deepest of them has."""
Cases = dict[tuple[str, str], Case]
IN_QUEUE = answer({"id": JOB, "status": "IN_QUEUE"})


def asks_again(fault: str, op: Op) -> bool:
    """Return whether the operation continues after the fault, at least to restore lost data."""
    row = FAULTS[fault]
    made_good = op.kind == STREAM and row.streaming is StreamInterruptedError
    return op.kind in row.again or made_good or not_known_yet(fault, op)


def not_known_yet(fault: str, op: Op) -> bool:
    """Return whether the fault may mean that servers do not know the new job yet."""
    return op.submitted and fault.startswith("404")


class Matrix:
    """The outcomes of each fault and operation in one mode; a passing fault is applied once."""

    def __init__(self, mode: str, *, passing: bool) -> None:
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        makes: dict[str, Callable[[], Behaviour]] = {}
        cases: Cases = {}
        refused: Cases = {}
        tried = [fault for one, fault in (PASSING if passing else STAYING) if one == mode]
        for number, fault in enumerate(tried):
            row = FAULTS[fault]
            for operation, op in OPERATIONS.items():
                behaviour = row.faults[fault]
                id = f"{operation.replace(', ', '-')}-{number}"
                case = make_case(id, operation, fault, passing)
                if behaviour is None:
                    refused[fault, operation] = case
                else:
                    cases[fault, operation] = case
                    makes[id] = partial(make_behaviour, behaviour, op, passing)
        options: dict[str, Any] = {"max_response_size": SIZE}
        with Server(by_endpoint(lambda id: makes[id]())) as self.server:
            options["base_url"] = self.server.base_url
            alone = {name: case for name, case in cases.items() if FAULTS[name[0]].alone}
            long = {name: case for name, case in cases.items() if FAULTS[name[0]].long}
            rest = {name: case for name, case in cases.items() if name not in alone | long}
            self._keep(mode, alone, run_alone(mode, list(alone.values()), **options))
            self._keep(mode, rest, run_all(mode, list(rest.values()), **options))
            if passing:
                options["timeout"] = PATIENCE
            self._keep(mode, long, run_all(mode, list(long.values()), **options))
        if not passing:
            with closed_port() as base_url:
                found = run_all(mode, list(refused.values()), base_url=base_url)
                self._keep(mode, refused, found)

    def _keep(self, mode: str, cases: Cases, found: list[Outcome]) -> None:
        self.outcomes |= dict(zip(cases, found, strict=True))
        for fault, operation in cases:
            TALLY[FAULTS[fault].title, operation, mode] += 1

    def sent(self, fault: str, operation: str) -> int:
        """Return how often the operation was requested, without its other requests."""
        return self._asked(self.outcomes[fault, operation], operation)

    def _asked(self, outcome: Outcome, operation: str) -> int:
        names = {
            "run_sync": ("run", "runsync"),
            "wait": ("status-sync",),
            "run_sync, submitted": ("status-sync",),
            "purge_queue": ("purge-queue",),
        }.get(operation, (operation,))
        requests = self.server.asked(outcome.case.endpoint)
        return sum(request.operation in names for request in requests)


def make_behaviour(behaviour: Behaviour, op: Op, passing: bool) -> Behaviour:
    """Create the server's behaviour in a case."""
    if passing:
        behaviour = in_turn(behaviour, good())
    if op.submitted:
        return by_operation(run=IN_QUEUE, runsync=IN_QUEUE, other=behaviour)
    return behaviour


def make_case(id: str, operation: str, fault: str, passing: bool) -> Case:
    """Create a case, with a short timeout if it would not end without."""
    op = OPERATIONS[operation]
    if FAULTS[fault].long:
        short = not (passing and asks_again(fault, op)) or operation in WAITING
    else:
        short = operation in WAITING and asks_again(fault, op) and not passing
    timeout = op.timeout if short else ENOUGH
    return Case(id, lambda endpoint: op.ask(endpoint, timeout), timeout)


_DONE: dict[tuple[str, bool], Matrix] = {}


def matrix(mode: str, *, passing: bool) -> Matrix:
    """Run all cases, when the first outcome is needed: the cases of a mode run together."""
    if (mode, passing) not in _DONE:
        _DONE[mode, passing] = Matrix(mode, passing=passing)
    return _DONE[mode, passing]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Leave no thread behind."""
    before = threading.active_count()
    yield
    _DONE.clear()
    gc.collect()
    assert threading.active_count() <= before


@pytest.mark.parametrize(("mode", "fault"), STAYING)
def test_a_fault_that_stays(mode: str, fault: str) -> None:
    """Each operation ends in time, with the page's error and the expected number of requests."""
    tried, row = matrix(mode, passing=False), FAULTS[fault]
    for operation, op in OPERATIONS.items():
        outcome = tried.outcomes[fault, operation]
        error = outcome.error
        case = f"{operation}, {fault}: {error!r} after {outcome.took:.2f} s"
        assert not outcome.late, case
        expected = row.seen_by(op.kind)
        if expected is None:
            assert error is None, case
            continue
        no_time = operation in WAITING and asks_again(fault, op)
        assert type(error) is expected or (no_time and type(error) is RunpodTimeoutError), case
        uncertain = isinstance(error, SubmissionUncertainError)
        assert uncertain == ("check before you submit it again" in str(error)), case
        if row.faults[fault] is not None:
            assert not op.submitted or error.job.id == JOB, case
            sent = tried.sent(fault, operation)
            if no_time:  # a wait polls until its timeout
                assert 1 <= sent <= SENT_WHILE_WAITING, case
            elif fault in CUT and op.kind != PURGE:
                assert 1 <= sent <= 3, case
            elif not_known_yet(fault, op):
                assert 1 <= sent <= 1 + round(op.timeout / PAUSE_FIRST), case
            else:
                again = op.kind in row.again and not row.long and not fault.endswith(LONG_PAUSES)
                assert sent == (3 if again else 1), case


@pytest.mark.parametrize(("mode", "fault"), PASSING)
def test_a_fault_that_passes(mode: str, fault: str) -> None:
    """Repeatable requests are sent again once, and succeed; others are not repeated."""
    tried, row = matrix(mode, passing=True), FAULTS[fault]
    for operation, op in OPERATIONS.items():
        outcome, sent = tried.outcomes[fault, operation], tried.sent(fault, operation)
        case = f"{operation}, {fault}: {outcome.error!r} after {outcome.took:.2f} s, sent {sent}"
        assert not outcome.late, case
        if row.long and op.kind in row.again and operation not in WAITING:
            assert outcome.took < PATIENCE + 2 * BACKOFF_FIRST, case  # of one attempt and a pause
        waits = operation in WAITING
        long_pause = fault.endswith(LONG_PAUSES) and op.kind in row.again
        no_time = (row.long and waits) or long_pause
        no_long_poll = waits and op.kind != STREAM and fault[:3] in ("404", "405")
        if asks_again(fault, op) and no_time:
            expected = RunpodTimeoutError if waits else row.seen_by(op.kind)
            assert type(outcome.error) is expected, case
            assert sent == 1, case
        elif asks_again(fault, op) or no_long_poll:
            assert outcome.error is None, case
            lost = op.kind == STREAM and row.streaming is not None
            again = op.kind in row.again
            assert sent == (1 if no_long_poll else 3 if op.kind == STREAM else 2), case
            assert again != (lost or no_long_poll), case
            if op.kind == STREAM:
                assert outcome.value == [1], case
            elif waits or operation == "run_sync":
                assert outcome.value.to_dict() == GOOD_JOB, case
        elif row.sees is None or (fault in CUT and sent == 2):
            assert outcome.error is None, case
        else:
            assert type(outcome.error) is row.seen_by(op.kind), case
            assert sent == 1, case


def test_every_kind_is_in_the_catalogue() -> None:
    """Every kind of operation has a case."""
    assert FAULTS.keys() >= EVERYWHERE
    assert {op.kind for op in OPERATIONS.values()} == {"read", "submit", "act", "purge", "stream"}
