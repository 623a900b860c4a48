"""
At most one job, and a true report about it, for a fault at any byte of a submission.

A proxy between the client and a local endpoint breaks connections at random bytes; the
endpoint's handler counts the jobs.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from runpod_sdk import APIConnectionError, RunpodError, SubmissionUncertainError
from runpod_sdk.local import LocalEndpoint
from tests.facade.clocks import JumpingRunpod
from tests.faults.modes import MODES, TALLY, WAYS, Case, Outcome, run_alone
from tests.faults.proxy import DOWN, UP, Cut, Proxy
from tests.hypothesis_profiles import at_most

# Under trio, httpx's generators complain when a request is not written to its end.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")

STRUCK = "The connection breaks at any byte of the request or the answer"
LONGEST = 420
"""More bytes than a request or its response has."""


class Counting:
    """A local endpoint that counts its jobs by their inputs."""

    def __init__(self) -> None:
        self.jobs: Counter[str] = Counter()
        self.ids: dict[str, str] = {}
        self._tokens = count()
        self.local = LocalEndpoint(self._handle, workers=4)

    def _handle(self, job: dict[str, Any]) -> str:
        token = str(job["input"])
        self.jobs[token] += 1
        self.ids[token] = job["id"]
        return token

    def token(self) -> str:
        return f"t{next(self._tokens)}"

    def settle(self) -> None:
        """Wait until no job is left that could still be counted."""
        with self.local.client() as client:
            endpoint = client.endpoint(self.local.endpoint_id)
            while True:
                jobs = endpoint.health().jobs
                if not jobs.in_queue and not jobs.in_progress:
                    return
                time.sleep(0.01)


@pytest.fixture(scope="module")
def counting() -> Iterator[Counting]:
    """Share one endpoint among these tests."""
    made = Counting()
    with made.local:
        yield made


def submit(
    mode: str, counting: Counting, operation: str, cuts: list[Cut | None], timeout: float
) -> tuple[str, Outcome]:
    """Submit a job through connections that are cut, one after another; return its token."""
    token, local = counting.token(), counting.local
    ask = lambda endpoint: getattr(endpoint, operation)(input=token, timeout=timeout)  # noqa: E731
    case = Case(local.endpoint_id, ask, timeout)
    with Proxy(urlsplit(local.base_url).port or 0, cuts) as proxy:
        outcome = run_alone(mode, [case], base_url=proxy.base_url, api_key=local.api_key)[0]
    TALLY[STRUCK, operation, mode] += 1
    return token, outcome


def check(counting: Counting, operation: str, token: str, outcome: Outcome) -> None:
    """Compare the caller's result with the actual jobs."""
    made, error = counting.jobs[token], outcome.error
    case = f"{operation}: {made} jobs, {error!r}"
    assert made <= 1, case
    if error is None:
        assert made == 1, case
        assert outcome.value.id == counting.ids[token], case
        return
    assert isinstance(error, RunpodError), case
    if isinstance(error, SubmissionUncertainError):
        assert "may have been enqueued" in str(error), case
    elif error.job is not None:
        assert made == 1, case
        assert error.job.id == counting.ids[token], case
    else:
        assert made == 0, case


@pytest.mark.parametrize("operation", ["run", "run_sync"])
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("direction", [UP, DOWN])
@pytest.mark.parametrize("mode", [*MODES, *WAYS])
def test_every_position(
    mode: str, counting: Counting, operation: str, how: str, direction: str
) -> None:
    """Cut anywhere, the submission is not repeated, and the error says that a job may exist."""
    found = [
        (position, *submit(mode, counting, operation, [Cut(direction, position, how)], 10.0))
        for position in range(0, LONGEST, 12)
    ]
    counting.settle()
    for position, token, outcome in found:
        check(counting, operation, token, outcome)
        if outcome.error is not None:
            assert isinstance(outcome.error, SubmissionUncertainError), position
    failed = [outcome for _, _, outcome in found if outcome.error]
    assert 0 < len(failed) < len(found)
    made = sum(counting.jobs[token] for _, token, _ in found)
    assert made == len(found) if direction == DOWN else 0 < made < len(found)


cuts = st.builds(
    Cut,
    st.sampled_from([UP, DOWN]),
    st.integers(0, LONGEST),
    st.sampled_from(["close", "reset", "stall", "delay", "delay"]),
)
stories = st.lists(
    st.tuples(
        st.sampled_from(["run", "run_sync"]),
        st.lists(st.none() | cuts, max_size=4),
        st.sampled_from([0.2, 0.4, 0.8]),
    ),
    min_size=12,
    max_size=12,
)


@pytest.mark.parametrize("mode", [*MODES, WAYS[0]])
@at_most(
    5,
    database=None,
    phases=[Phase.generate],  # shrinking examples over a network is slow
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=stories)
def test_at_most_one_job_and_the_truth(
    mode: str, counting: Counting, drawn: list[tuple[str, list[Cut | None], float]]
) -> None:
    """With any fault at any byte: at most one job, returned or truthfully reported, in time."""
    with ThreadPoolExecutor(len(drawn)) as pool:
        found = list(
            pool.map(lambda one: (one, submit(mode, counting, one[0], list(one[1]), one[2])), drawn)
        )
    counting.settle()
    for (operation, cuts, _), (token, outcome) in found:
        check(counting, operation, token, outcome)
        assert not outcome.late, cuts


@pytest.mark.parametrize("operation", ["run", "run_sync"])
def test_refused_at_first(counting: Counting, operation: str) -> None:
    """Without a listener nothing is sent; with a later listener, the job is sent once."""
    local = counting.local
    token = counting.token()
    proxy = Proxy(urlsplit(local.base_url).port or 0)
    base_url = proxy.base_url
    port = urlsplit(base_url).port
    with proxy:
        pass  # the listener is gone
    with JumpingRunpod(local.api_key, base_url=base_url) as client:
        endpoint = client.endpoint(local.endpoint_id)
        with pytest.raises(APIConnectionError) as caught:
            getattr(endpoint, operation)(input=token, timeout=5)
    counting.settle()
    assert port
    assert not isinstance(caught.value, SubmissionUncertainError)
    assert counting.jobs[token] == 0
