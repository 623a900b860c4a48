"""Inputs of a caller's own types, and endpoints that say what both inputs and outputs are."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

import attrs
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import (
    AsyncEndpoint,
    ConfigurationError,
    Endpoint,
    ExecutionPolicy,
    Job,
    JobFailedError,
    JobResult,
    JobState,
    MapProgress,
    MapResult,
    OutputValidationError,
    RequestTooLargeError,
)
from runpod_sdk.local import LocalEndpoint
from runpod_serverless_api.models import JobRequest
from tests.facade.clients import JOB, Driver, Script, job
from tests.facade.clients import driver as drive
from tests.hypothesis_profiles import at_most


class Kind(Enum):
    CAT = "cat"
    DOG = "dog"


@attrs.frozen
class Box:
    x: int
    y: int = 2


@dataclasses.dataclass
class Image:
    name: str
    data: bytes = b""
    made: datetime | None = None
    kind: Kind = Kind.CAT
    boxes: list[Box] = dataclasses.field(default_factory=list)


class Model(pydantic.BaseModel):
    name: str
    size: int | None = None
    made: datetime | None = None


class Named(pydantic.BaseModel):
    """A model whose names of fields are other ones in JSON, and whose bytes are base64."""

    model_config = pydantic.ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    steps: int = pydantic.Field(alias="numSteps")
    data: bytes = b"\xff"


@pydantic.dataclasses.dataclass
class Checked:
    name: str
    boxes: list[int] = dataclasses.field(default_factory=list)


@attrs.frozen
class Nesting:
    """An attrs class that holds one of each other kind, one of them undeclared."""

    image: Image
    model: Model
    checked: Checked
    any: Any = None


@attrs.frozen
class Odd:
    """It holds what it likes."""

    any: Any


class Options(TypedDict):
    since: datetime
    kinds: list[Kind]


class Opaque:
    """A class that can be neither written nor read as JSON."""

    def __init__(self, one: Any, two: Any) -> None: ...

    def __repr__(self) -> str:
        return "Opaque()"


WHEN = datetime(2026, 1, 2, 3, 4, 5)
MODEL = {"name": "n", "size": None, "made": None}

# What is given, its type, and what the handler gets.
WRITTEN: list[tuple[Any, Any, Any]] = [
    (Box(1), Box, {"x": 1, "y": 2}),
    (
        Image("a", b"\x00\xff", WHEN, Kind.DOG, [Box(1, 3)]),
        Image,
        {
            "name": "a",
            "data": "AP8=",
            "made": "2026-01-02T03:04:05",
            "kind": "dog",
            "boxes": [{"x": 1, "y": 3}],
        },
    ),
    (
        Model(name="n", made=WHEN),
        Model,
        {"name": "n", "size": None, "made": "2026-01-02T03:04:05"},
    ),
    (Named(numSteps=3), Named, {"numSteps": 3, "data": "_w=="}),
    (Checked("n", [1]), Checked, {"name": "n", "boxes": [1]}),
    (
        Nesting(Image("a"), Model(name="n"), Checked("c")),
        Nesting,
        {
            "image": {"name": "a", "data": "", "made": None, "kind": "cat", "boxes": []},
            "model": MODEL,
            "checked": {"name": "c", "boxes": []},
            "any": None,
        },
    ),
]

# These have a form only where a type says what they are.
SPELLED: list[tuple[Any, Any, Any]] = [
    ([Box(1), Box(2)], list[Box], [{"x": 1, "y": 2}, {"x": 2, "y": 2}]),
    ({"a": Model(name="n")}, dict[str, Model], {"a": {"name": "n", "size": None, "made": None}}),
    (
        {"since": WHEN, "kinds": [Kind.DOG]},
        Options,
        {"since": "2026-01-02T03:04:05", "kinds": ["dog"]},
    ),
    (None, Box | None, None),
    (Box(1), Box | None, {"x": 1, "y": 2}),
    (b"\x00\xff", bytes, "AP8="),
    ([b"\x00"], list[bytes], ["AA=="]),
    (Kind.DOG, Kind, "dog"),
    (date(2026, 1, 2), date, "2026-01-02"),
    ("yes", Literal["yes", "no"], "yes"),
    (1, float, 1),
    ({"any": [1]}, dict, {"any": [1]}),
    ({"any": [1]}, Any, {"any": [1]}),
]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    """An endpoint that returns its input; a negative number, or an `error`, is a failure."""

    def handler(job: Any) -> Any:
        value = job["input"]
        if isinstance(value, dict) and value.get("x") == -1:
            raise ValueError("below zero")
        return value

    with LocalEndpoint(handler, workers=4) as local:
        yield local


@pytest.fixture(scope="module", params=["sync", "asyncio"])
def driver(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with drive(request.param) as driver:
        yield driver


@pytest.fixture(scope="module")
def client(driver: Driver, local: LocalEndpoint) -> Any:
    return driver.client(api_key=local.api_key, base_url=local.base_url)


UNDECLARED: list[tuple[Any, Any, Any]] = [
    (Odd([Box(1), Model(name="n")]), Odd, {"any": [{"x": 1, "y": 2}, MODEL]}),
    (Odd({"at": WHEN, "kind": Kind.CAT}), Odd, {"any": {"at": WHEN.isoformat(), "kind": "cat"}}),
]


@pytest.mark.parametrize(
    ("value", "kind", "wire"), [*WRITTEN, *UNDECLARED], ids=lambda value: repr(value)[:20]
)
def test_a_value_of_a_class_is_an_input(
    driver: Driver, client: Any, local: LocalEndpoint, value: Any, kind: Any, wire: Any
) -> None:
    """An endpoint without types takes it too, alone and within JSON; the handler gets JSON."""
    endpoint = client.endpoint(local.endpoint_id)
    nested = {"deep": [{"er": value}], "more": [value, 1, None]}
    expected = {"deep": [{"er": wire}], "more": [wire, 1, None]}
    assert driver.call(lambda: endpoint.run_sync(input=value)).output == wire
    assert driver.call(lambda: endpoint.run_sync({"input": nested})).output == expected
    submitted = driver.call(lambda: endpoint.run(input=nested))
    assert driver.call(lambda: submitted.output()) == expected


@pytest.mark.parametrize(
    ("value", "kind", "wire"), [*WRITTEN, *SPELLED], ids=lambda value: repr(value)[:20]
)
def test_an_endpoint_of_two_types(
    driver: Driver, client: Any, local: LocalEndpoint, value: Any, kind: Any, wire: Any
) -> None:
    """Methods for a result return the type; methods for a state return the received JSON."""
    endpoint = client.endpoint(local.endpoint_id, input_type=kind, output_type=kind)
    state = driver.call(lambda: endpoint.run_sync(input=value))
    assert state.output == value
    assert type(state.output) is type(value) or kind is float
    assert state.to_dict()["output"] == wire
    submitted = driver.call(lambda: endpoint.run(input=value))
    assert driver.call(lambda: submitted.output()) == value
    assert driver.call(lambda: submitted.output(output_type=Any)) == wire
    for ask in (submitted.wait, submitted.status, lambda: endpoint.wait(submitted.id)):
        assert driver.call(ask).output == wire
    assert driver.call(lambda: endpoint.job(submitted.id).output()) == value


WRONG: list[tuple[Any, Any, list[str]]] = [
    ({"x": 1}, Box, ["input must be a Box, not a dict"]),
    (None, Box, ["input must be a Box, not None"]),
    (Box(1), Model, ["input must be a Model, not a Box"]),
    ({"name": "n"}, Model, ["input must be a Model, not a dict"]),
    ("cat", Kind, ["input must be a Kind, not a str"]),
    ("text", list[Box], ["list[", "Box]", "expected list, not str"]),
    ([Box(1), {"x": 1, "y": "2"}], list[Box], ["expected int, not str", "input[1].y"]),
    ([Box(1), 3], list[Box], ["input[1]"]),
    ([{"name": 1}], list[Model], ["valid string", "input.0.name"]),
    ({"since": WHEN}, Options, ["Options", "input.kinds"]),
    ({"since": 5, "kinds": []}, Options, ["input.since"]),
    (True, int, ["expected int, not bool"]),
    ("5", float, ["expected float, not str"]),
    ("maybe", Literal["yes", "no"], ["maybe"]),
    ([1j], list[int], ["complex"]),
]


@pytest.mark.parametrize(("value", "kind", "said"), WRONG, ids=lambda value: repr(value)[:20])
def test_an_input_of_another_type(driver: Driver, value: Any, kind: Any, said: list[str]) -> None:
    """It says what is wrong where, however the input is given, and nothing is sent."""
    script = Script(job())
    client = driver.client(http_client=driver.http_client(script))
    endpoint = client.endpoint("ep", input_type=kind)
    for ask in (
        lambda: endpoint.run(input=value),
        lambda: endpoint.run({"input": value}),
        lambda: endpoint.run_sync(input=value),
        lambda: endpoint.map([value]),
    ):
        with pytest.raises(TypeError) as caught:
            driver.take(driver.call(ask))
        for part in said:
            assert part in str(caught.value)
    assert script.requests == []


STATE = JobState(id=JOB, status="COMPLETED", output={"x": 1}, has_output=True, wire={})
"""A state in place of its output, a mistake that a caller may make."""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Odd(1j), "complex"),
        (Odd(Opaque(1, 2)), "Opaque"),
        (STATE, "JobState"),
        ({"policy": ExecutionPolicy(ttl=60)}, "ExecutionPolicy"),
        (Box, "type"),
        (Model, "ModelMetaclass"),
        ({1, 2}, "set"),
        ({"at": WHEN.time()}, "datetime.time"),
        ([b"bytes"], "bytes"),
        (Image("a", boxes=5), "Image does not match its class"),  # type: ignore[arg-type]
        (Odd(float("nan")), "is nan, which can't be written as JSON"),
    ],
    ids=repr,
)
def test_what_has_no_form(driver: Driver, value: Any, said: str) -> None:
    """A value without a JSON form, in a class or not, raises at once."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    for ask in (
        lambda: endpoint.run(input=value),
        lambda: endpoint.run_sync({"input": {"a": [value]}}),
    ):
        with pytest.raises((TypeError, ValueError), match="can't be written as JSON") as caught:
            driver.call(ask)
        assert said in str(caught.value)
    assert script.requests == []


def test_the_generated_model(driver: Driver) -> None:
    """It is a request of a typed endpoint too, checked, and sent whole; it stays as it is."""
    script = Script(job("IN_QUEUE"))
    client = driver.client(http_client=driver.http_client(script))
    request = JobRequest(input_=[Box(1)], webhook="https://a.test/")
    request["more"] = 1
    driver.call(lambda: client.endpoint("ep", input_type=list[Box]).run(request))
    box = {"x": 1, "y": 2}
    assert script.bodies == [{"input": [box], "webhook": "https://a.test/", "more": 1}]
    assert request.input_ == [Box(1)]
    with pytest.raises(TypeError, match="input must be a Box, not a list"):
        driver.call(lambda: client.endpoint("ep", input_type=Box).run(request))


def test_sizes_are_those_of_the_json(driver: Driver) -> None:
    """A value that is too large as JSON is refused before it is sent, like any other."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    with pytest.raises(RequestTooLargeError):
        driver.call(lambda: endpoint.run(input=Image("a", bytes(8 * 2**20))))
    assert script.requests == []


@pytest.mark.parametrize("kind", [Opaque, list[Opaque], dict[str, Opaque]], ids=repr)
def test_a_type_that_nothing_can_be(driver: Driver, kind: Any) -> None:
    """The error is raised when the endpoint is created."""
    client = driver.client()
    for named in ({"input_type": kind}, {"output_type": kind}):
        with pytest.raises(TypeError, match="Opaque"):
            client.endpoint("ep", **named)


def test_an_output_of_another_type(driver: Driver, client: Any, local: LocalEndpoint) -> None:
    """The error keeps the output; another type may be asked for, and a failure stays one."""
    endpoint = client.endpoint(local.endpoint_id, output_type=Box)
    with pytest.raises(OutputValidationError, match="not a Box") as caught:
        driver.call(lambda: endpoint.run_sync(input={"x": "1"}))
    assert caught.value.state.output == {"x": "1"}
    submitted = driver.call(lambda: endpoint.run(input={"x": "1"}))
    with pytest.raises(OutputValidationError):
        driver.call(lambda: submitted.output())
    assert driver.call(lambda: submitted.output(output_type=dict[str, str])) == {"x": "1"}
    state = driver.call(lambda: endpoint.run_sync(input={"x": "1"}, output_type=dict[str, str]))
    assert state.output == {"x": "1"}
    with pytest.raises(JobFailedError):
        driver.call(lambda: endpoint.run_sync(input={"x": -1}))
    failed = driver.call(lambda: endpoint.run_sync(input={"x": -1}, check=False))
    assert not failed.succeeded


def test_a_map(driver: Driver, client: Any, local: LocalEndpoint, tmp_path: Path) -> None:
    """Results are of the type. A misfit is its result's error, with its job. No result is lost."""
    endpoint = client.endpoint(local.endpoint_id, input_type=Box, output_type=Box)
    other = client.endpoint(local.endpoint_id, input_type=Box, output_type=Model)
    boxes = [Box(1), Box(-1), Box(3)]
    for journal in (None, str(tmp_path / driver.mode)):
        for _ in range(2 if journal else 1):  # what a journal knows is read like what comes
            results = driver.take(endpoint.map(boxes, journal=journal))
            assert [result.input for result in results] == boxes
            assert isinstance(results[1].error, JobFailedError)
            for index in (0, 2):
                assert results[index].error is None
                assert results[index].output == boxes[index]
                assert results[index].state.output == {"x": boxes[index].x, "y": 2}
        told: list[MapProgress] = []
        misfits = driver.take(
            other.map([Box(1)], journal=journal and f"{journal}-2", progress=told.append)
        )
        assert isinstance(misfits[0].error, OutputValidationError)
        assert misfits[0].error.index == 0
        assert misfits[0].error.job == other.job(misfits[0].job_id)
        assert misfits[0].state.output == {"x": 1, "y": 2}
        assert (told[-1].finished, told[-1].failed) == (1, 1)
        with pytest.raises(OutputValidationError):
            misfits[0].output  # noqa: B018
        with pytest.raises(OutputValidationError):
            driver.take(other.map([Box(1)], on_error="raise"))


def test_a_journal_keeps_the_json(
    driver: Driver, client: Any, local: LocalEndpoint, tmp_path: Path
) -> None:
    """It resumes with other types, or none: the journal has the JSON of inputs and outputs."""
    path = str(tmp_path / "run.sqlite")
    typed = client.endpoint(local.endpoint_id, input_type=Options, output_type=Options)
    options = {"since": WHEN, "kinds": [Kind.DOG]}
    wire = {"since": "2026-01-02T03:04:05", "kinds": ["dog"]}
    [first] = driver.take(typed.map([options], journal=path))
    assert first.output == options
    plain = client.endpoint(local.endpoint_id)
    [again] = driver.take(plain.map([wire], journal=path))
    assert again.job_id == first.job_id
    assert again.output == wire


def test_a_map_that_can_t_be_sent(
    driver: Driver,
    client: Any,
    local: LocalEndpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing API key ends the map, and leaves the journal unchanged."""
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    path = str(tmp_path / "run.sqlite")
    endpoint = client.endpoint(local.endpoint_id)
    keyless = pickle.loads(pickle.dumps(endpoint))
    with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY"):
        driver.take(keyless.map([1, 2], journal=path))
    driver.call(lambda: driver.close(keyless.client))
    assert [result.output for result in driver.take(endpoint.map([1, 2], journal=path))] == [1, 2]


def test_what_ends_first(driver: Driver, client: Any, local: LocalEndpoint) -> None:
    """`as_completed` converts each output to its endpoint's type; `wait_all` returns states."""
    typed = client.endpoint(local.endpoint_id, output_type=Box)
    plain = client.endpoint(local.endpoint_id)
    box = {"x": 1, "y": 2}
    jobs = [driver.call(lambda: typed.run(input=box)), driver.call(lambda: plain.run(input=box))]
    jobs.append(driver.call(lambda: typed.run(input="none")))
    ended = {result.job.id: result for result in driver.take(client.as_completed(jobs))}
    assert ended[jobs[0].id].output == Box(1)
    assert ended[jobs[1].id].output == box
    misfit = ended[jobs[2].id]
    assert isinstance(misfit.error, OutputValidationError)
    assert misfit.error.job == jobs[2]
    assert misfit.state.output == "none"
    states = driver.call(lambda: client.wait_all(jobs))
    assert [state.output for state in states] == [box, box, "none"]


def test_endpoints_are_values(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The types are part of an endpoint: of what equals it, its repr, its copies and pickles."""
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_of-here")
    client = driver.client()
    endpoint = client.endpoint("ep", input_type=Box, output_type=list[Box])
    assert endpoint == client.endpoint("ep", input_type=Box, output_type=list[Box])
    assert len({endpoint, client.endpoint("ep", output_type=Box), client.endpoint("ep")}) == 3
    assert "input_type=<class" in repr(endpoint)
    assert repr(client.endpoint("ep")).endswith("id='ep')")
    for twin in (
        copy.copy(endpoint),
        copy.deepcopy(endpoint),
        pickle.loads(pickle.dumps(endpoint)),
    ):
        assert (twin.input_type, twin.output_type) == (Box, list[Box])
    revived = pickle.loads(pickle.dumps(endpoint.job(JOB)))
    assert revived.endpoint.output_type == list[Box]


def test_annotations_can_be_evaluated() -> None:
    """Type arguments may be left out at run time too, on each version of Python."""
    for spelled in (
        Endpoint[Box, Image],
        Endpoint[Box],
        AsyncEndpoint[Box, list[Image]],
        Job[Image],
        MapResult[Box],
        MapResult[Box, Image],
        JobResult[Job[Image], Image],
        JobResult[Job],
    ):
        assert get_args(spelled)


@attrs.frozen
class Leaf:
    flag: bool
    count: int
    share: float
    text: str
    data: bytes
    at: datetime
    kind: Kind


@dataclasses.dataclass
class Node:
    leaf: Leaf | None
    leaves: list[Leaf]
    named: dict[str, Leaf]
    pair: tuple[int, str]
    nodes: list[Node]


LEAVES = st.builds(
    Leaf,
    flag=st.booleans(),
    count=st.integers(),
    at=st.datetimes(),
    kind=st.sampled_from(Kind),
    share=st.floats(allow_nan=False, allow_infinity=False),
    text=st.text(st.characters(codec="utf-8"), max_size=5),
    data=st.binary(max_size=5),
)
NODES: st.SearchStrategy[Node] = st.deferred(
    lambda: st.builds(
        Node,
        leaf=st.none() | LEAVES,
        leaves=st.lists(LEAVES, max_size=2),
        named=st.dictionaries(
            st.text(st.characters(codec="utf-8"), max_size=3), LEAVES, max_size=2
        ),
        pair=st.tuples(st.integers(), st.text(st.characters(codec="utf-8"), max_size=3)),
        nodes=st.lists(NODES, max_size=1),
    )
)
OWN = [int, str, float, bool, bytes, datetime, Kind, Leaf]
SPELLINGS = st.recursive(
    st.sampled_from(OWN),
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),  # type: ignore[valid-type]
        inner.map(lambda kind: dict[str, kind]),  # type: ignore[valid-type]
    ),
    max_leaves=3,
)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Draw values of a type that JSON can say."""
    if kind is Leaf:
        return LEAVES
    if kind is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if kind is str:
        return st.text(st.characters(codec="utf-8"), max_size=5)
    if kind in OWN:
        return st.from_type(kind)
    *_, inner = kind.__args__
    if kind.__origin__ is list:
        return st.lists(values_of(inner), max_size=3)
    return st.dictionaries(values_of(str), values_of(inner), max_size=3)


@st.composite
def made_classes(draw: st.DrawFn) -> tuple[type, Any]:
    """Draw an attrs class or a dataclass of any fields, and a value of it."""
    kinds: list[Any] = draw(st.lists(SPELLINGS, min_size=1, max_size=4))
    fields = {f"field_{index}": kind for index, kind in enumerate(kinds)}
    made: type = (
        attrs.make_class("Made", {name: attrs.field(type=kind) for name, kind in fields.items()})
        if draw(st.booleans())
        else dataclasses.make_dataclass("Made", fields.items())
    )
    return made, made(**{name: draw(values_of(kind)) for name, kind in fields.items()})


@at_most(150)
@given(drawn=made_classes() | NODES.map(lambda node: (Node, node)))
def test_what_is_sent_reads_as_what_was_given(drawn: tuple[type, Any]) -> None:
    """Of any attrs class or dataclass, what the handler gets reads back as the value."""
    kind, value = drawn
    sent: list[Any] = []

    def echo(request: Any) -> Any:
        sent.append(json.loads(request.content)["input"])
        return job(output=sent[-1])(request)

    with drive("sync") as sync:
        client = sync.client(http_client=sync.http_client(echo))
        endpoint = client.endpoint("ep", input_type=kind, output_type=kind)
        state = endpoint.run_sync(input=value)
        assert state.output == value
        assert state.to_dict()["output"] == sent[-1]
        assert client.endpoint("ep").run_sync(input=[value]).output_as(list[kind]) == [value]  # type: ignore[valid-type]


WITHOUT = """
import json, sys
sys.modules["cattrs"] = None
sys.modules["cattrs.preconf.json"] = None
import httpx, pydantic
from runpod_sdk import Runpod, ConfigurationError
from dataclasses import dataclass

@dataclass
class Mine: x: int
class Theirs(pydantic.BaseModel): x: int

def answer(request):
    sent.append(json.loads(request.content)["input"])
    return httpx.Response(200, json={"id": "j", "status": "COMPLETED", "output": sent[-1]})

sent, said = [], []
http_client = httpx.Client(transport=httpx.MockTransport(answer))
client = Runpod("key-of-a-test", base_url="http://127.0.0.1:9/", http_client=http_client)
endpoint = client.endpoint("e")
for ask in (
    lambda: endpoint.run(input=[Mine(1)]),
    lambda: endpoint.run_sync(input=Mine(1)),
    lambda: list(endpoint.map([1, Mine(1)])),
    lambda: list(endpoint.map([Mine(1)], journal=sys.argv[1])),
    lambda: client.endpoint("e", input_type=Mine),
    lambda: client.endpoint("e", output_type=list[Mine]),
):
    try:
        ask()
    except ConfigurationError as error:
        said.append(str(error))
typed = client.endpoint("e", input_type=Theirs, output_type=list[Theirs] | Theirs)
said.append(typed.run_sync(input=Theirs(x=1)).output.x)
print(json.dumps([said, sent]))
"""


def test_without_cattrs(tmp_path: Path) -> None:
    """The error says what to install, before anything is sent; a model needs pydantic alone."""
    command = [sys.executable, "-W", "error", "-c", WITHOUT, str(tmp_path / "run.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, sent = json.loads(done.stdout)
    assert len(said) == 7
    assert all('pip install "runpod_sdk[types]"' in text for text in said[:6])
    assert said[6] == 1
    assert [value for value in sent if value != 1] == [{"x": 1}]
