"""The generated models keep what the API sends, what the document does not know included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_serverless_api import models
from runpod_serverless_api.types import UNSET
from tests.hypothesis_profiles import at_most
from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
MODELS = [
    name for name, schema in SCHEMAS.items() if schema.get("type") == "object" or "allOf" in schema
]
REQUESTS = {"JobRequest", "ExecutionPolicy", "S3Config", "BatchAddition", "BatchUpdate"}

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in REQUESTS])
@at_most(40)
@given(data=st.data())
def test_an_answer_with_odd_values_is_still_read(name: str, data: st.DataObject) -> None:
    """No value of any member, of the wrong type or null, makes a model of an answer raise."""
    parts = SCHEMAS[name].get("allOf", [SCHEMAS[name]])
    names = {"id", "status"} if "allOf" in SCHEMAS[name] else set()
    for part in parts:
        names |= set(part.get("properties", {}))
    value = data.draw(st.fixed_dictionaries(dict.fromkeys(sorted(names), JSON)))
    getattr(models, name).from_dict(value)


def test_a_known_status_is_a_member_and_an_unknown_one_stays() -> None:
    """A status of the document is a member of the enum, any other is the string that came."""
    known = models.Job.from_dict({"id": "a", "status": "FAILED"})
    unknown = models.Job.from_dict({"id": "a", "status": "NOT_KNOWN"})
    assert known.status is models.JobStatus.FAILED
    assert known.status == "FAILED"
    assert type(unknown.status) is str
    assert unknown.status == "NOT_KNOWN"


def test_an_absent_output_is_not_a_null_one() -> None:
    """A job without output, and one whose handler returned None, are told apart."""
    absent = models.Job.from_dict({"id": "a", "status": "COMPLETED"})
    null = models.Job.from_dict({"id": "a", "status": "COMPLETED", "output": None})
    assert absent.output is UNSET
    assert null.output is None


@pytest.mark.parametrize("error", ["boom", "", {"code": 7}, ["a"], None, 0])
def test_an_error_keeps_its_form(error: Any) -> None:
    """An error is a string by all accounts; one that is not comes through as well."""
    assert models.Job.from_dict({"id": "a", "status": "FAILED", "error": error}).error == error
    assert models.StreamChunk.from_dict({"error": error}).error == error


@pytest.mark.parametrize("stream", [None, [], [{"output": None}], [7], "odd", {"a": 1}])
def test_a_stream_keeps_its_form(stream: Any) -> None:
    """A stream without a list of chunks is no reason to lose the status beside it."""
    batch = models.JobStream.from_dict({"status": "IN_PROGRESS", "stream": stream})
    assert batch.status is models.JobStatus.IN_PROGRESS
    if stream == [{"output": None}]:
        assert batch.stream == [models.StreamChunk(output=None)]
    else:
        assert batch.stream == stream


@pytest.mark.parametrize("body", [{}, {"jobs": None, "workers": None}, {"jobs": 1, "workers": []}])
def test_health_without_counters_is_read(body: dict[str, Any]) -> None:
    """Counters that are not there, or null, or odd, do not raise."""
    assert models.Health.from_dict(body).to_dict() == body
