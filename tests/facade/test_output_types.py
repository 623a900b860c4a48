"""Outputs as values of a caller's own types, and errors for other outputs."""

from __future__ import annotations

import base64
import dataclasses
import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, TypedDict

import attrs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import ConfigurationError, JobFailedError, OutputValidationError
from tests.facade.clients import JOB, Driver, Script, driver, job


class Kind(Enum):
    CAT = "cat"
    DOG = "dog"


@attrs.frozen
class Box:
    x: int
    y: int


@attrs.frozen
class Found:
    kind: Kind
    score: float
    box: Box | None = None


@dataclasses.dataclass
class Image:
    name: str
    data: bytes
    made: datetime
    found: list[Found]


class Named(TypedDict):
    name: str
    sizes: dict[str, int]


class Model(pydantic.BaseModel):
    name: str
    size: int = 1


@dataclasses.dataclass
class Nesting:
    """A dataclass that holds a model of pydantic."""

    model: Model


IMAGE = {
    "name": "a",
    "data": base64.b64encode(b"\x00\xff").decode(),
    "made": "2026-01-02T03:04:05+00:00",
    "found": [{"kind": "cat", "score": 1, "box": {"x": 1, "y": 2}, "more": None}],
}

FITTING: list[tuple[Any, Any, Any]] = [
    ({"x": 1, "y": 2}, Box, Box(1, 2)),
    (
        IMAGE,
        Image,
        Image(
            "a",
            b"\x00\xff",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            [Found(Kind.CAT, 1.0, Box(1, 2))],
        ),
    ),
    ({"name": "n", "sizes": {"s": 1}}, Named, {"name": "n", "sizes": {"s": 1}}),
    ([{"x": 1, "y": 2}], list[Box], [Box(1, 2)]),
    ({"a": {"x": 1, "y": 2}}, dict[str, Box], {"a": Box(1, 2)}),
    ([1, "a"], tuple[int, str], (1, "a")),
    ("yes", Literal["yes", "no"], "yes"),
    (None, Box | None, None),
    ("text", int | str, "text"),
    (None, type(None), None),
    ({"any": [1]}, Any, {"any": [1]}),
    ({"name": "n"}, Model, Model(name="n")),
    ([{"name": "n"}, None], list[Model | None], [Model(name="n"), None]),
    ({"model": {"name": "n", "size": 2}}, Nesting, Nesting(Model(name="n", size=2))),
]


@pytest.mark.parametrize(("output", "kind", "wanted"), FITTING, ids=lambda value: repr(value)[:30])
def test_an_output_that_fits(driver: Driver, output: Any, kind: Any, wanted: Any) -> None:
    """`run_sync`, `Job.output` and a state give the same value; the wire form stays."""
    endpoint = driver.endpoint(Script(job(output=output)))
    state = driver.call(lambda: endpoint.run_sync(input=1, output_type=kind))
    assert state.output == wanted
    assert type(state.output) is type(wanted)
    assert state.to_dict()["output"] == output
    assert driver.call(lambda: endpoint.job(JOB).output(output_type=kind)) == wanted
    plain = driver.call(lambda: endpoint.status(JOB))
    assert plain.output == output
    assert plain.output_as(kind) == wanted


MISFITS: list[tuple[Any, Any, list[str]]] = [
    ({"x": 1}, Box, ["Box", "required field missing", "output.y"]),
    ({"x": "1", "y": 2}, Box, ["expected int, not str", "output.x"]),
    ({"x": True, "y": 2}, Box, ["expected int, not bool"]),
    ({"x": 1.5, "y": 2}, Box, ["expected int, not float"]),
    ([{"x": 1, "y": 2}, 3], list[Box], ["output[1]"]),
    ("text", Box, ["Box"]),
    (None, Box, ["Box"]),
    ({**IMAGE, "made": "yesterday"}, Image, ["output.made"]),
    ({**IMAGE, "data": "not base64"}, Image, ["output.data"]),
    ({**IMAGE, "data": "AA*=="}, Image, ["output.data"]),
    ("abc", list[str], ["expected list, not str"]),
    ({"kind": "cow", "score": 1.0}, Found, ["output.kind"]),
    ({"name": 5, "sizes": {}}, Named, ["expected str, not int", "output.name"]),
    ("maybe", Literal["yes", "no"], ["maybe"]),
    (5, str, ["expected str, not int"]),
    ({}, Model, ["Field required", "output.name"]),
    ([{"name": 1}], list[Model], ["valid string", "output.0.name"]),
    ({"model": {"size": 1}}, Nesting, ["output.model"]),
]


@pytest.mark.parametrize(("output", "kind", "said"), MISFITS, ids=lambda value: repr(value)[:30])
def test_an_output_that_does_not(driver: Driver, output: Any, kind: Any, said: list[str]) -> None:
    """The error says what is wrong where, and keeps the state and the output as it came."""
    endpoint = driver.endpoint(Script(job(output=output)))
    for ask in (
        lambda: endpoint.run_sync(input=1, output_type=kind),
        lambda: endpoint.run_sync(input=1, output_type=kind, check=False),
        lambda: endpoint.job(JOB).output(output_type=kind),
    ):
        with pytest.raises(OutputValidationError) as caught:
            driver.call(ask)
        error = caught.value
        for part in (JOB, *said):
            assert part in str(error)
        assert error.state.succeeded
        assert error.state.output == output
        twin = pickle.loads(pickle.dumps(error))
        assert (str(twin), twin.state) == (str(error), error.state)


def test_no_output_is_told_from_null(driver: Driver) -> None:
    """A job without output says so; where None will do, it does."""
    endpoint = driver.endpoint(Script(job()))
    with pytest.raises(OutputValidationError, match="has no output"):
        driver.call(lambda: endpoint.run_sync(input=1, output_type=Box))
    state = driver.call(lambda: endpoint.run_sync(input=1, output_type=Box | None))
    assert state.output is None


def test_a_job_that_failed_is_not_read(driver: Driver) -> None:
    """A failed job has no output of the type: the result is the error, or the received state."""
    endpoint = driver.endpoint(Script(job("FAILED", error="x", output="partial")))
    for ask in (
        lambda: endpoint.run_sync(input=1, output_type=Box),
        lambda: endpoint.job(JOB).output(output_type=Box),
    ):
        with pytest.raises(JobFailedError):
            driver.call(ask)
    state = driver.call(lambda: endpoint.run_sync(input=1, output_type=Box, check=False))
    assert state.output == "partial"


@attrs.frozen
class Odd:
    """Nothing of JSON can be a complex number."""

    number: complex


class Opaque:
    """A class that cannot be created from JSON."""

    def __init__(self, one: Any, two: Any) -> None: ...


@pytest.mark.parametrize("kind", [Opaque, list[Opaque]], ids=repr)
def test_a_type_that_nothing_can_be(driver: Driver, kind: Any) -> None:
    """The caller's mistake is found before a job is submitted and paid."""
    script = Script(job(output=1))
    endpoint = driver.endpoint(script)
    for ask in (
        lambda: endpoint.run_sync(input=1, output_type=kind),
        lambda: endpoint.job(JOB).output(output_type=kind),
    ):
        with pytest.raises(TypeError, match="Opaque"):
            driver.call(ask)
    assert script.requests == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(output=JSON, kind=st.sampled_from([Box, Image, Named, Model, list[int], int | str | None]))
def test_any_output_is_read_or_refused(output: Any, kind: Any) -> None:
    """Any output is of the type, or an error that contains it."""
    with driver("sync") as sync:
        endpoint = sync.endpoint(Script(job(output=output)))
        try:
            value = endpoint.job(JOB).output(output_type=kind)
        except OutputValidationError as error:
            kept = error.state.output
        else:
            kept = output
            if kind in (Box, Image, Model):
                assert isinstance(value, kind)
    assert kept == output


WITHOUT = """
import json, sys
sys.modules["cattrs"] = None
sys.modules["cattrs.preconf.json"] = None
import pydantic
from runpod_sdk import Runpod, ConfigurationError
from dataclasses import dataclass

@dataclass
class Mine: x: int
class Theirs(pydantic.BaseModel): x: int

endpoint = Runpod("key-of-a-test", base_url="http://127.0.0.1:9/").endpoint("e")
try:
    endpoint.run_sync(input=1, output_type=Mine)
except ConfigurationError as error:
    said = str(error)
from runpod_sdk import JobState
state = JobState(id="j", status="COMPLETED", output={"x": 1}, has_output=True, wire={})
print(json.dumps([said, state.output_as(Theirs).x]))
"""


def test_without_cattrs() -> None:
    """The error says what to install; a model of pydantic needs no more than pydantic."""
    assert issubclass(ConfigurationError, Exception)
    command = [sys.executable, "-W", "error", "-c", WITHOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said, x = json.loads(done.stdout)
    assert 'pip install "runpod_sdk[types]"' in said
    assert x == 1
