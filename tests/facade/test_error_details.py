"""The details of the handler's exception in a `JobFailedError`."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from runpod_sdk import JobFailedError
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import JOB, Driver, Script, in_no_time, job

TRACE = "Traceback (most recent call last):\n  File ...\nValueError: out of paint\n"
CHAIN = f"{TRACE.replace('ValueError', 'KeyError')}\nDuring handling of the above …\n\n{TRACE}"


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (
            json.dumps(
                {
                    "error_type": "<class 'ValueError'>",
                    "error_message": "out of paint",
                    "error_traceback": TRACE,
                    "hostname": "pod",
                }
            ),
            ("ValueError", "out of paint", TRACE),
        ),
        (
            '{"error_type": "<class \'__main__.Odd\'>", "error_message": ""}',
            ("Odd", "", None),
        ),
        (f"handler: out of paint \ntraceback: {TRACE}", ("ValueError", "out of paint", TRACE)),
        (f"handler: out of paint \ntraceback: {CHAIN}", ("ValueError", "out of paint", CHAIN)),
        ("out of paint", (None, None, None)),
        ('{"error": "out of paint"}', (None, None, None)),
        ("[1]", (None, None, None)),
        (None, (None, None, None)),
    ],
    ids=lambda value: f"{value!r:.30}",
)
@in_no_time
def test_the_parts_of_an_error(driver: Driver, error: Any, details: tuple[Any, ...]) -> None:
    """None where the worker did not send it; also from a pickle."""
    fields = {} if error is None else {"error": error}
    endpoint = driver.endpoint(Script(job("FAILED", **fields)))
    with pytest.raises(JobFailedError) as caught:
        driver.call(lambda: endpoint.job(JOB).output())
    for one in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (one.error_type, one.error_message, one.error_traceback) == details


def test_a_handler_of_a_real_worker() -> None:
    def handler(_: dict[str, Any]) -> None:
        raise LookupError("no such horse")

    with (
        LocalEndpoint(handler) as local,
        local.client() as client,
        pytest.raises(JobFailedError) as caught,
    ):
        client.endpoint(local.endpoint_id).run_sync(input={})
    assert (caught.value.error_type, caught.value.error_message) == ("LookupError", "no such horse")
    assert "raise LookupError" in (caught.value.error_traceback or "")
