"""Slow and cut transfers: transfers with progress succeed; incomplete uploads create no job."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import (
    APIConnectionError,
    Journal,
    JournalStatus,
    Runpod,
    RunpodTimeoutError,
    SubmissionTimeoutError,
    SubmissionUncertainError,
)
from tests.faults import server as faulty
from tests.faults.catalogue import CUT_UPLOAD, JOB, SLOW_TRANSFER
from tests.faults.lines import behind_proxy, client_options, says, trusted
from tests.faults.modes import ALL_WAYS, KEY, MODES, TALLY, WAYS, Case, Outcome, run_one
from tests.faults.proxy import DOWN, UP, Cut, Pace

__all__ = ["trusted"]

# httpcore leaves the sockets of what is cancelled under trio to the garbage collector.
pytestmark = [
    pytest.mark.usefixtures("trusted", "virtual_time"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
each_way = pytest.mark.parametrize(
    ("mode", "tls"),
    [
        pytest.param(mode, tls, id=f"{mode}, {'TLS' if tls else 'plain'}")
        for mode in ALL_WAYS
        for tls in (False, True)
        if not (tls and mode == "uvloop")  # it resolves names itself, and the names are not real
    ],
)

KIB = 1024
LARGE = "x" * 300 * KIB
DONE = says({"id": JOB, "status": "COMPLETED", "output": 1})
LARGE_RESULT = says({"id": JOB, "status": "COMPLETED", "output": LARGE})
PATIENCE = 0.3
"""A client's timeout in seconds, for transfers that take longer."""
SLOW = 20 * KIB, 0.03
"""A connection on which `LARGE` takes longer than `PATIENCE`, and 16 KiB far less."""
DRIPPING = 1, 0.01
"""A connection on which 16 KiB take longer than `PATIENCE`."""


def slowed(mode: str, direction: str) -> tuple[Pace, float]:
    """
    Return a slow connection, and a client's timeout that is shorter than a transfer on it.

    Both are longer for uvloop, whose time is real: the machine may be busy between two pieces.
    """
    times = 3 if mode == "uvloop" else 1
    size, interval = SLOW
    return Pace(direction, size, interval * times), PATIENCE * times


def run(mode: str, operation: str, url: str, patience: float = PATIENCE, **given: Any) -> Outcome:
    """Call *operation* of a client whose timeout is *patience*."""
    given = {"input": LARGE} if operation.startswith("run") else {"job_id": JOB} | given
    case = Case("ep", lambda endpoint: getattr(endpoint, operation)(**given))
    return run_one(mode, case, timeout=patience, base_url=url, **client_options(mode))


def collect(mode: str) -> None:
    """Collect httpcore's unclosed objects, while their warnings are ignored."""
    if mode.endswith("o by httpx"):
        gc.collect()


@each_way
def test_a_slow_upload(mode: str, tls: bool) -> None:
    """A request that takes longer than the client's timeout succeeds while it makes progress."""
    pace, patience = slowed(mode, UP)
    with behind_proxy(DONE, tls=tls, pace=pace) as (url, server, proxy):
        outcome = run(mode, "run", url, patience)
    TALLY[SLOW_TRANSFER.title, "run", mode] += 1
    assert outcome.error is None
    assert outcome.took > patience
    assert len(server.visits) == proxy.connections == 1


@each_way
def test_a_slow_download(mode: str, tls: bool) -> None:
    """A response with progress is received completely, and requested once."""
    operation = "status" if tls else "wait"
    pace, patience = slowed(mode, DOWN)
    with behind_proxy(LARGE_RESULT, tls=tls, pace=pace) as (url, server, _):
        outcome = run(mode, operation, url, patience)
    TALLY[SLOW_TRANSFER.title, operation, mode] += 1
    assert outcome.error is None
    assert outcome.value.output == LARGE
    assert outcome.took > patience
    assert len(server.visits) == 1


@pytest.mark.parametrize("mode", ALL_WAYS)
@pytest.mark.parametrize("direction", [UP, DOWN])
def test_a_strict_total(mode: str, direction: str) -> None:
    """A timeout that the caller passes ends a transfer with progress."""
    tls = direction == UP and mode != "uvloop"
    with behind_proxy(LARGE_RESULT, tls=tls, pace=Pace(direction, *SLOW)) as (url, _, _):
        arguments = {"input": LARGE} if direction == UP else {"job_id": JOB}
        operation = "run" if direction == UP else "status"
        ask = lambda endpoint: getattr(endpoint, operation)(timeout=0.3, **arguments)  # noqa: E731
        outcome = run_one(mode, Case("ep", ask, 0.3), base_url=url, **client_options(mode))
    assert type(outcome.error) is RunpodTimeoutError
    assert not outcome.late
    collect(mode)


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_an_upload_that_drips(mode: str) -> None:
    """Below 16 KiB within the client's timeout, the call ends: nothing was accepted."""
    with behind_proxy(DONE, tls=False, pace=Pace(UP, *DRIPPING)) as (url, server, _):
        outcome = run(mode, "run", url)
    assert type(outcome.error) in (APIConnectionError, RunpodTimeoutError)
    assert not isinstance(outcome.error, SubmissionUncertainError | SubmissionTimeoutError)
    assert server.visits == []
    collect(mode)


@each_way
def test_an_upload_that_is_cut_passes(mode: str, tls: bool) -> None:
    """A request that was cut before its last byte is sent again, and there is one job."""
    cuts = [Cut(UP, 150 * KIB, "reset"), Cut(UP, 40 * KIB, "close")]
    with behind_proxy(DONE, tls=tls, cuts=cuts) as (url, server, proxy):
        outcome = run(mode, "run", url, 10)
    TALLY[CUT_UPLOAD.title, "run", mode] += 1
    assert outcome.error is None
    assert proxy.connections == 3
    assert len(server.visits) == 1


@each_way
@pytest.mark.parametrize(("operation", "how"), [("run", "close"), ("run_sync", "reset")])
def test_an_upload_that_is_cut(mode: str, tls: bool, operation: str, how: str) -> None:
    """If each attempt is cut, the error is not `SubmissionUncertainError`."""
    cuts = [Cut(UP, 60 * KIB, how)] * 3
    with behind_proxy(DONE, tls=tls, cuts=cuts) as (url, server, proxy):
        outcome = run(mode, operation, url, 10)
    TALLY[CUT_UPLOAD.title, operation, mode] += 1
    assert type(outcome.error) is APIConnectionError
    assert proxy.connections == 3
    assert server.visits == []


@pytest.mark.parametrize("mode", [*MODES, *WAYS])
def test_an_upload_whose_last_piece_is_not_taken(mode: str) -> None:
    """It certainly created no job, other than one that the system has taken whole."""
    errors: list[Any] = []
    for size, buffer in (10 * KIB, KIB), (20 * KIB, KIB), (20 * KIB, None):
        case = Case("ep", lambda endpoint: endpoint.run(input="x" * size, timeout=0.3))  # noqa: B023
        with faulty.Server(faulty.unread_silence, buffer=buffer) as server:
            outcome = run_one(mode, case, base_url=server.base_url, **client_options(mode))
        errors.append(type(outcome.error))
    assert errors == [SubmissionTimeoutError, RunpodTimeoutError, SubmissionTimeoutError]


@pytest.mark.parametrize("what", ["cut", "too slow"])
def test_a_journal_keeps_nothing_uncertain(what: str, tmp_path: Path) -> None:
    """Inputs whose upload was cut or took too long were not submitted: they stay open."""
    path = tmp_path / "jobs.journal"
    cuts = [Cut(UP, 60 * KIB, "reset")] * 6 if what == "cut" else []
    pace = None if what == "cut" else Pace(UP, *DRIPPING)
    with behind_proxy(DONE, tls=False, cuts=cuts, pace=pace) as (url, server, _):
        with Runpod(KEY, base_url=url, timeout=PATIENCE, max_retries=0) as client:
            endpoint = client.endpoint("ep")
            results = list(endpoint.map([LARGE] * 3, journal=path, concurrency=3))
        assert server.visits == []
    for result in results:
        assert isinstance(result.error, APIConnectionError | RunpodTimeoutError)
        assert not isinstance(result.error, SubmissionUncertainError)
    with Journal(path) as journal:
        assert journal.counts == {JournalStatus.OPEN: 3}
