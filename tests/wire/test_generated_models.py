"""Wire → generated model → wire changes nothing, for every object of the API document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from runpod_sdk import JobStatus
from runpod_serverless_api import models
from tests.hypothesis_profiles import at_most
from tests.wire.documents import OBJECTS, SCHEMAS, documents, text


@pytest.mark.parametrize("name", OBJECTS)
def test_wire_model_wire_is_the_identity(name: str) -> None:
    """Whatever the schema admits comes out of its model as it went in."""
    model: Any = getattr(models, name)

    @at_most(50)
    @given(documents(name))
    def identity(body: dict[str, Any]) -> None:
        before = text(body)
        assert text(model.from_dict(body).to_dict()) == before
        assert text(body) == before

    identity()


def test_the_statuses_are_those_of_the_document() -> None:
    """`JobStatus` has no other values; one may be in the document first, and is a string then."""
    documented = SCHEMAS["JobStatus"]["enum"]
    assert [status.value for status in JobStatus if status in documented] == list(JobStatus)
    assert {status.value for status in models.JobStatus} == set(documented)


@pytest.mark.parametrize("status", JobStatus)
def test_a_status_is_its_string(status: JobStatus) -> None:
    """A status can be compared with, and written as, the string of the wire."""
    assert status == status.value == str(status) == f"{status}"
