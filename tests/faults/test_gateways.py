"""Intermediaries between client and service: gateways that cut, caches that mix up responses."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from runpod_sdk import APIResponseValidationError
from tests.faults.catalogue import GATEWAY, OTHER_JOB
from tests.faults.modes import ALL_WAYS, JOB, TALLY, Case, run_one
from tests.faults.server import (
    Behaviour,
    Exchange,
    Server,
    answer,
    by_operation,
    close,
    reset,
)

pytestmark = [
    pytest.mark.parametrize("mode", ALL_WAYS),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.usefixtures("virtual_time"),
]

DONE = {"id": JOB, "status": "COMPLETED", "output": "done"}
CUTS: dict[str, Behaviour] = {
    "504": answer("<html>gateway time-out", 504, "text/html"),
    "524": answer("<html>a timeout occurred", 524, "text/html"),
    "a reset": reset,
    "closed": close,
}


class Gateway:
    """Cuts each long poll; the job ends after some requests at `/status`."""

    def __init__(self, cut: Behaviour) -> None:
        self.holds: list[float] = []
        self._cut = cut
        self._asked = 0

    def held(self, exchange: Exchange) -> bool:
        query = parse_qs(urlsplit(exchange.request.path).query)
        self.holds.append(float(query["wait"][0]))
        exchange.sleep(0.01)
        return self._cut(exchange)

    def status(self, exchange: Exchange) -> bool:
        self._asked += 1
        state = DONE if self._asked > 1 else {"id": JOB, "status": "IN_PROGRESS"}
        return answer(state)(exchange)


@pytest.mark.parametrize("cut", CUTS)
def test_a_gateway_that_cuts_held_answers(mode: str, cut: str) -> None:
    """The client uses shorter long polls, then `/status`, and gets the result."""
    gateway = Gateway(CUTS[cut])
    behaviour = by_operation(status_sync=gateway.held, status=gateway.status)
    with Server(behaviour) as server:
        case = Case("ep", lambda endpoint: endpoint.wait(JOB, timeout=20))
        outcome = run_one(mode, case, base_url=server.base_url)
    TALLY[GATEWAY.title, "wait", mode] += 1
    assert outcome.error is None
    assert outcome.value.output == "done"
    assert gateway.holds == sorted(gateway.holds, reverse=True)
    assert len(gateway.holds) < 8


OTHER = answer({"id": "another-job", "status": "COMPLETED", "output": "of somebody else"})
ASKS: dict[str, Any] = {
    "status": lambda endpoint: endpoint.status(JOB, timeout=10),
    "wait": lambda endpoint: endpoint.wait(JOB, timeout=10),
    "output": lambda endpoint: endpoint.job(JOB).output(timeout=10),
    "cancel": lambda endpoint: endpoint.cancel(JOB, timeout=10),
    "retry": lambda endpoint: endpoint.retry(JOB, timeout=10),
    "run_sync": lambda endpoint: endpoint.run_sync(input=1, timeout=10),
}


def test_an_answer_of_another_job(mode: str) -> None:
    """Every operation on a job refuses it, and does not retry."""
    queued = answer({"id": JOB, "status": "IN_QUEUE"})
    for operation, ask in ASKS.items():
        with Server(by_operation(runsync=queued, other=OTHER)) as server:
            outcome = run_one(mode, Case("ep", ask), base_url=server.base_url)
        TALLY[OTHER_JOB.title, operation, mode] += 1
        assert type(outcome.error) is APIResponseValidationError, operation
        assert "another job" in str(outcome.error)
        asked = [request.operation for request in server.requests]
        assert len(asked) == 1 + (operation == "run_sync"), asked
