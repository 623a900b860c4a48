"""A job that is COMPLETED and has no output: an error in its place, or nothing at all."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk import JobFailedError, Runpod
from tests.facade.clients import JOB, KEY, Driver, Script, answer, job

WHY = "Prompt has no outputs"
ASKS: dict[str, Callable[[Any], Any]] = {
    "output": lambda endpoint: endpoint.job(JOB).output(),
    "run_sync": lambda endpoint: endpoint.run_sync(input=1),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("more", [{}, {"output": None}], ids=["absent", "null"])
def test_an_error_in_place_of_an_output(driver: Driver, ask: str, more: dict[str, Any]) -> None:
    """Methods that return the result raise the job's error."""
    endpoint = driver.endpoint(Script(job(error=WHY, **more)))
    with pytest.raises(JobFailedError, match=f"{JOB}.*{WHY}") as caught:
        driver.call(lambda: ASKS[ask](endpoint))
    assert caught.value.state.error == WHY
    assert caught.value.job.id == JOB


def test_who_asks_for_the_state_gets_it(driver: Driver) -> None:
    """The status is COMPLETED, and says no more than that."""
    endpoint = driver.endpoint(Script(job(error=WHY)))
    for ask in (
        lambda: endpoint.status(JOB),
        lambda: endpoint.job(JOB).wait(),
        lambda: endpoint.run_sync(input=1, check=False),
    ):
        state = driver.call(ask)
        assert (state.status, state.error, state.has_output) == ("COMPLETED", WHY, False)


@pytest.mark.parametrize("ask", ASKS)
def test_an_error_beside_an_output(driver: Driver, ask: str) -> None:
    """An output is returned, with any members beside it or in it."""
    endpoint = driver.endpoint(Script(job(error=WHY, output={"error": "some"})))
    given = driver.call(lambda: ASKS[ask](endpoint))
    assert getattr(given, "output", given) == {"error": "some"}


def test_an_error_in_place_of_an_output_of_a_map(driver: Driver) -> None:
    """It is the error of its input."""
    endpoint = driver.endpoint(Script(answer({"id": JOB, "status": "COMPLETED", "error": WHY})))
    (result,) = driver.take(endpoint.map([1]))
    assert isinstance(result.error, JobFailedError)
    assert result.state.error == WHY


@pytest.mark.parametrize(
    "end",
    [
        b'{"status": "COMPLETED", "output": [%s]}' % (b"7" * 5_000),
        b'{"status": "COMPLETED", "error": "%s"}' % WHY.encode(),
    ],
    ids=["without an id, a long integer", "an error in place of an output"],
)
def test_a_journal_keeps_an_odd_end(driver: Driver, tmp_path: Path, end: bytes) -> None:
    """And hands it out again, without a request."""
    script = Script(job("IN_QUEUE"), answer(end))
    endpoint = driver.endpoint(script)
    first, again = (
        driver.take(endpoint.map([1], journal=tmp_path / "a.sqlite"))[0] for _ in range(2)
    )
    assert len(script.requests) == 2
    assert again.state == first.state
    assert again.state.id == JOB
    assert str(again.error) == str(first.error)
    assert (again.error is None) == (b"error" not in end)


def test_no_output_and_no_error(driver: Driver) -> None:
    """None, and one warning for a job, which says what the reasons may be."""
    one = driver.endpoint(Script(job())).job(JOB)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert driver.call(one.output) is None
        assert driver.call(one.output) is None
    (warning,) = caught
    assert warning.category is UserWarning
    assert re.search("20 MB.*rp_handler.*stream", str(warning.message))


def test_the_warning_names_the_callers_line() -> None:
    """And not one of this package."""
    client = Runpod(KEY, http_client=httpx.Client(transport=httpx.MockTransport(Script(job()))))
    with pytest.warns(UserWarning, match="without an output") as caught:
        client.endpoint("ep").job(JOB).output()
    assert caught[0].filename == __file__


@pytest.mark.parametrize("output", [None, {}, [], 0, ""], ids=str)
def test_an_output_that_is_there_is_no_reason_to_warn(driver: Driver, output: Any) -> None:
    """Be it null or empty."""
    one = driver.endpoint(Script(job(output=output))).job(JOB)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert driver.call(one.output) == output


def test_a_type_that_allows_none(driver: Driver) -> None:
    """A caller that checks for an output gets no warning."""
    pytest.importorskip("cattrs")
    one = driver.endpoint(Script(job())).job(JOB)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert driver.call(lambda: one.output(output_type=int | None)) is None
