"""The two ways to give a request: what is sent, and what is refused before anything is."""

from __future__ import annotations

import copy
import io
import json
import pathlib
import pickle
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from pydantic import BaseModel, SecretStr, field_serializer

from runpod_sdk import ExecutionPolicy, S3Config
from runpod_serverless_api.models import JobRequest
from runpod_serverless_api.models import S3Config as WireS3Config
from tests.facade.clients import Driver, Script, job

POLICY = ExecutionPolicy(execution_timeout=5, ttl=timedelta(hours=1), low_priority=True)
WIRE_POLICY = {"executionTimeout": 5_000, "ttl": 3_600_000, "lowPriority": True}
STORAGE = S3Config(
    access_id="id",
    access_secret="secret",
    bucket_name="bucket",
    endpoint_url="https://s3.test",
    object_path="a/b",
)
WIRE_STORAGE = {
    "accessId": "id",
    "accessSecret": "secret",
    "bucketName": "bucket",
    "endpointUrl": "https://s3.test",
    "objectPath": "a/b",
}
HOOK = "https://hook.test/done"
WHOLE = {"input": {"a": 1}, "webhook": HOOK, "policy": WIRE_POLICY, "s3Config": WIRE_STORAGE}


@dataclass
class Box:
    parts: list[Any]


METHODS = pytest.mark.parametrize("method", ["run", "run_sync"])


def sent(driver: Driver, method: str, *args: Any, **kwargs: Any) -> Any:
    """Submit, and return the one body that went out."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    driver.call(lambda: getattr(endpoint, method)(*args, **kwargs))
    assert script.asked == ["POST /run" if method == "run" else "POST /runsync"]
    assert script.last.headers["content-type"] == "application/json"
    return script.bodies[0]


def refused(driver: Driver, error: Any, match: str, *args: Any, **kwargs: Any) -> BaseException:
    """Submit in both ways, and return the error; nothing may have gone out."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    for method in ("run", "run_sync"):
        with pytest.raises(error, match=match) as caught:
            driver.call(lambda method=method: getattr(endpoint, method)(*args, **kwargs))
    assert script.requests == []
    return caught.value


@METHODS
def test_the_body_of_the_api(driver: Driver, method: str) -> None:
    """A body goes out as it was given, and is not touched."""
    body = copy.deepcopy(WHOLE)
    assert sent(driver, method, body) == WHOLE
    assert body == WHOLE


@METHODS
def test_any_mapping_is_a_body(driver: Driver, method: str) -> None:
    """A body need not be a dict."""
    assert sent(driver, method, MappingProxyType({"input": [1]})) == {"input": [1]}


@METHODS
def test_the_generated_model(driver: Driver, method: str) -> None:
    """The generated request model is a body too."""
    assert sent(driver, method, JobRequest.from_dict(WHOLE)) == WHOLE


@METHODS
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copied_generated_model(driver: Driver, method: str, twin: Any) -> None:
    """Unset fields of a model are not sent, also after copying and pickling."""
    model = twin(JobRequest(input_=1, s_3_config=WireS3Config(access_id="id")))
    assert sent(driver, method, model) == {"input": 1, "s3Config": {"accessId": "id"}}


@METHODS
def test_keywords(driver: Driver, method: str) -> None:
    """The keywords say the same in Python's names and units."""
    keywords = {"input": {"a": 1}, "webhook": HOOK, "policy": POLICY, "s3_config": STORAGE}
    assert sent(driver, method, **keywords) == WHOLE


ANY_JSON: list[Any] = [
    None,
    True,
    False,
    0,
    -1.5,
    10**30,
    "",
    "text",
    "ü 🎉 \u2028 \x00",
    [],
    {},
    [None, [], {}],
    {"": None},
    {"input": 1, "webhook": 2},
    {"prompt": "x", "policy": {}},
]


@METHODS
@pytest.mark.parametrize("value", ANY_JSON, ids=ascii)
def test_input_is_sent_as_it_is(driver: Driver, method: str, value: Any) -> None:
    """Any JSON value is an input, also an empty value and a value that looks like a request."""
    for body in (sent(driver, method, input=value), sent(driver, method, {"input": value})):
        assert json.dumps(body) == json.dumps({"input": value})


class Level(IntEnum):
    """Something that JSON writes as a number."""

    LOW = 1


@METHODS
def test_what_json_has_a_form_for(driver: Driver, method: str) -> None:
    """Tuples are lists, and members of an IntEnum are numbers."""
    assert sent(driver, method, input=(Level.LOW, (2,))) == {"input": [1, [2]]}


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 600), "2026-01-02T03:04:05.000600"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Decimal("1.10"), "1.10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-1E-7"), "-0.0000001"),
        (Decimal("1E+999999"), "1E+999999"),
    ],
    ids=repr,
)
def test_values_with_one_form_in_json(driver: Driver, value: Any, wire: str) -> None:
    """Alone, deep in an input, and beside a value of a class."""
    assert sent(driver, "run", input=value) == {"input": wire}
    deep = {"a": [0, {"b": value}], "box": Box([value])}
    assert sent(driver, "run_sync", input=deep)["input"] == {
        "a": [0, {"b": wire}],
        "box": {"parts": [wire]},
    }


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity")], ids=repr)
def test_decimals_that_are_no_number(driver: Driver, value: Decimal) -> None:
    refused(driver, ValueError, rf"^input\.a\[1\] is {value}", input={"a": [0, value]})


@METHODS
def test_what_is_not_given_is_not_sent(driver: Driver, method: str) -> None:
    """None leaves a keyword out, and an empty policy sends no setting."""
    none = {"webhook": None, "policy": None, "s3_config": None}
    assert sent(driver, method, input=1, **none) == {"input": 1}
    assert sent(driver, method, input=1, policy=ExecutionPolicy()) == {"input": 1, "policy": {}}
    priority = ExecutionPolicy(low_priority=False)
    assert sent(driver, method, input=1, policy=priority)["policy"] == {"lowPriority": False}
    storage = S3Config(access_id="a", access_secret="b", bucket_name="c", endpoint_url="d")
    assert "objectPath" not in sent(driver, method, input=1, s3_config=storage)["s3Config"]


@pytest.mark.filterwarnings("ignore:.*RunPod documents")
@pytest.mark.parametrize(
    ("length", "wire"),
    [
        (5, 5_000),
        (0.5, 500),
        (1.2345, 1_234),
        (0.0001, 1),
        (timedelta(minutes=10), 600_000),
        (timedelta(milliseconds=1), 1),
        (86_400, 86_400_000),
    ],
)
def test_a_policy_is_milliseconds_on_the_wire(driver: Driver, length: Any, wire: int) -> None:
    """Seconds and `timedelta` become whole milliseconds, of one at least."""
    policy = ExecutionPolicy(execution_timeout=length, ttl=length)
    body = sent(driver, "run", input=1, policy=policy)
    assert json.dumps(body["policy"]) == json.dumps({"executionTimeout": wire, "ttl": wire})


@pytest.mark.parametrize("field", ["execution_timeout", "ttl"])
@pytest.mark.parametrize("length", [0, -1, float("nan"), timedelta(0), timedelta(seconds=-1)])
def test_a_policy_that_is_no_length(field: str, length: Any) -> None:
    """A policy is refused where it is made, by the name of its field."""
    with pytest.raises(ValueError, match=field):
        ExecutionPolicy(**{field: length})


@pytest.mark.parametrize("field", ["execution_timeout", "ttl"])
@pytest.mark.parametrize("length", [True, "5"])
def test_a_policy_that_is_no_number(field: str, length: Any) -> None:
    """A type that is not a length of time is refused."""
    with pytest.raises(TypeError, match=field):
        ExecutionPolicy(**{field: length})


@pytest.mark.parametrize(
    "body", [WHOLE, {"input": None}, JobRequest(input_=1)], ids=["whole", "input", "model"]
)
@pytest.mark.parametrize(
    "keyword",
    [
        {"input": 1},
        {"input": None},
        {"webhook": HOOK},
        {"policy": POLICY},
        {"s3_config": STORAGE},
        {"webhook": ""},
    ],
    ids=lambda keyword: f"{keyword}"[:20],
)
def test_both_ways_at_once(driver: Driver, body: Any, keyword: Any) -> None:
    """A body and a keyword together are refused: neither could win."""
    refused(driver, ValueError, "not both", body, **keyword)


def test_a_model_stays_as_it_was(driver: Driver) -> None:
    """What one call adds to a request, another call with the same model does not send."""
    model = JobRequest(input_=1)
    script = Script(job(), job())
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.run(model, extra_body={"priority": "high"}))
    driver.call(lambda: endpoint.run(model))
    assert [json.loads(request.content) for request in script.requests] == [
        {"input": 1, "priority": "high"},
        {"input": 1},
    ]


@pytest.mark.parametrize("args", [(), (None,)])
def test_no_input(driver: Driver, args: Any) -> None:
    """A call without an input is refused; the error says how to pass one."""
    refused(driver, ValueError, r"run\(input=", *args)


@pytest.mark.parametrize("body", [{}, {"webhook": HOOK}, {"policy": WIRE_POLICY}], ids=repr)
def test_a_body_without_input(driver: Driver, body: Any) -> None:
    """A body without input is refused by the name of what is missing."""
    refused(driver, ValueError, r"'input'.*run\(input=", body)


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "x"},
        {"input": 1, "prompt": "x"},
        {"Input": 1, "prompt": 2},
        {"prompt": 1, "a": 2},
        {"input": 1, "prompt": None},
        {"input": 1, "prompt": float("nan")},
    ],
    ids=repr,
)
def test_a_body_with_a_field_that_the_api_lacks(driver: Driver, body: Any) -> None:
    """An unknown key is named: the service would drop it silently."""
    refused(driver, ValueError, r"'prompt'.*run\(input=", body)


@pytest.mark.parametrize("key", ["s3_config", "execution_timeout", "webhookv2", "timeout"])
def test_a_python_name_in_a_body(driver: Driver, key: str) -> None:
    """A body has the wire's names; Python's are not guessed to mean them."""
    refused(driver, ValueError, repr(key), {"input": 1, key: {}})


@pytest.mark.parametrize(
    "body", ["text", 5, [1], [["input", 1]], ("input",), b"{}", True, 0, "", []], ids=repr
)
def test_a_body_that_is_no_object(driver: Driver, body: Any) -> None:
    """A value other than an object is not a body, although it might be an input."""
    refused(driver, TypeError, r"run\(input=", body)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), float("-inf"), {"a": [float("nan")]}, "\ud800", {"\udfff": 1}],
    ids=ascii,
)
def test_what_json_can_not_say(driver: Driver, value: Any) -> None:
    """NaN, infinity and lone surrogates are refused before anything is sent."""
    refused(driver, ValueError, "JSON", input=value)
    refused(driver, ValueError, "JSON", {"input": value})


@METHODS
def test_an_input_within_the_input(driver: Driver, method: str) -> None:
    """The API's body given as the input is sent, and warned of at the caller's line."""
    for nested in ({"input": {"prompt": "x"}}, {"input": "x"}):
        with pytest.warns(UserWarning, match="only key is 'input'") as caught:
            assert sent(driver, method, input=nested) == {"input": nested}
        assert len(caught) == 1
        assert sent(driver, method, {"input": nested}) == {"input": nested}  # on purpose
    assert sent(driver, method, input={"input": 1, "seed": 2})["input"]["seed"] == 2


def test_a_map_warns_once(driver: Driver) -> None:
    """Of an input within the input a `map` warns by its first one."""
    endpoint = driver.endpoint(Script(job()))

    def results() -> Any:
        return endpoint.map([{"input": {"n": n}} for n in range(3)])

    async def gathered() -> list[Any]:
        async with results() as taken:
            return [result async for result in taken]

    with pytest.warns(UserWarning, match="only key is 'input'") as caught:
        assert len(driver.call(gathered) if driver.is_async else list(results())) == 3
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("policy", "advice"),
    [
        ({"execution_timeout": 5_000}, r"'execution_timeout'.*executionTimeout, ttl, lowPriority"),
        ({"ttl": 60_000, "lowpriority": True}, "'lowpriority'"),
        ({"executionTimeout": 5_000, "timeout": 1}, "'timeout'"),
    ],
)
def test_a_policy_with_unknown_names(driver: Driver, policy: Any, advice: str) -> None:
    """The service would ignore them: nothing is sent, of a dict or of the generated model."""
    body = {"input": 1, "policy": policy}
    refused(driver, ValueError, advice, body)
    refused(driver, ValueError, advice, JobRequest.from_dict(body))


@pytest.mark.parametrize("value", ["5000", True, [5_000]])
def test_a_time_of_a_policy_that_is_no_number(driver: Driver, value: Any) -> None:
    """A text is distinguished from a number of milliseconds."""
    match = r"policy.ttl must be a number of milliseconds"
    refused(driver, TypeError, match, {"input": 1, "policy": {"ttl": value}})


def test_a_storage_in_the_spelling_of_python(driver: Driver) -> None:
    """It would be no use to the handler; other fields are the handler's business."""
    body: Any = {"input": 1, "s3Config": {"access_id": "a"}}
    refused(driver, ValueError, "'access_id': use 'accessId'", body)
    body["s3Config"] = {"accessId": "a", "region": "b"}
    assert sent(driver, "run", body) == body


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [
        ("executionTimeout", 3_000, "seconds instead of milliseconds"),
        ("executionTimeout", 600, "seconds instead of milliseconds"),
        ("ttl", 9_999, "seconds instead of milliseconds"),
        ("ttl", 10**10, "the unit is milliseconds"),
        ("executionTimeout", 5_000, None),
        ("ttl", 604_800_000, None),
        ("ttl", None, None),
    ],
)
def test_a_time_of_a_body_in_another_unit(
    driver: Driver, name: str, value: Any, guess: str | None
) -> None:
    """It is sent, and warned of where RunPod documents another range."""
    body = {"input": 1, "policy": {name: value}}
    if guess is None:
        assert sent(driver, "run", body) == body
        return
    with pytest.warns(UserWarning, match=rf"policy\.{name} is {value} ms.*{guess}") as caught:
        assert sent(driver, "run", body) == body
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("name", "value", "guess"),
    [
        ("execution_timeout", 3, "the unit is seconds"),
        ("ttl", timedelta(milliseconds=5), "the unit is seconds"),
        ("ttl", 86_400_000, "86400000 s.*milliseconds instead of seconds"),
        ("execution_timeout", 600_000_000, "milliseconds instead of seconds"),
    ],
)
def test_a_time_of_a_policy_in_another_unit(
    driver: Driver, name: str, value: Any, guess: str
) -> None:
    """The policy warns where it is made, once, and is sent."""
    with pytest.warns(UserWarning, match=rf"^{name} is .*{guess}") as caught:
        policy = ExecutionPolicy(**{name: value})
    assert [warning.filename for warning in caught] == [__file__]
    assert len(sent(driver, "run", input=1, policy=policy)["policy"]) == 1


class Opaque:
    """Nothing that JSON knows."""


class Token(BaseModel):
    """A model with a secret."""

    token: SecretStr = SecretStr("canary")
    stars: str = "*" * 10


class Keys(BaseModel):
    """A model with secrets for keys."""

    m: dict[SecretStr, int]


class Shown(Token):
    """A token whose serializer sends it in plain text."""

    @field_serializer("token")
    def shown(self, value: SecretStr) -> str:
        return value.get_secret_value()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"bytes", r"is of type bytes.*to_base64.*to_data_url.*runpod_sdk\.media"),
        (bytearray(b"bytes"), "is of type bytearray.*to_base64"),
        (pathlib.Path("photo.png"), r"is of type pathlib\..*Path.*to_base64.*to_data_url"),
        (io.BytesIO(b"x"), "is of type _io.BytesIO.*to_base64.*to_data_url"),
        ({1, 2}, r"is of type set.*list\("),
        (iter([1]), r"is of type list_iterator.*list\("),
        (MappingProxyType({}), r"is of type mappingproxy.*dict\("),
        (time(12, 30), r"is of type datetime\.time.*isoformat"),
        (Enum("Kind", "A").A, "its .value"),
        (Opaque, "not a class"),
        (Opaque(), r"is of type .*\.Opaque.*dicts, lists"),
        (SecretStr("canary"), r"is of type pydantic\..*SecretStr.*get_secret_value"),
        ({("a",): 1}, "key of type tuple.*strings, numbers"),
        ({1: "a", "1": "b"}, "keys 1 and '1'.*same key"),
        ({"true": "a", True: "b"}, "keys 'true' and True.*same key"),
        ({None: 1, "null": 2}, "keys None and 'null'.*same key"),
        ({1.5: 1, "1.5": 2}, r"keys 1\.5 and '1\.5'.*same key"),
        ({10**20: 1, str(10**20): 2}, "same key"),
    ],
    ids=lambda value: re.sub(r" at 0x.*", "", f"{value!r:.30}"),
)
def test_the_place_of_what_json_has_no_form_for(driver: Driver, value: Any, said: str) -> None:
    """Deep in an input, or as all of it: where it is, what it is and what to do; no secret."""
    deep = {"images": [0, {"my key": (1,), "mask": value}]}
    for match, input in (
        (rf"^input\.images\[1\]\.mask .*{said}", deep),
        (f"^input .*{said}", value),
    ):
        error = refused(driver, TypeError, match, input=input)
        assert "canary" not in str(error)
        assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "is nan"),
        (float("-inf"), "is -inf"),
        ({float("nan"): 1}, "has the key nan"),
        ("a\ud800", "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        (10**5_000, "too many digits"),
        ({10**5_000: 1}, "as a key an integer with too many digits"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_place_of_what_json_can_not_say(driver: Driver, value: Any, said: str) -> None:
    """Values of the right type are checked too."""
    input = [{"a b": {"c": value}}]
    refused(driver, ValueError, rf"^input\[0\]\['a b'\]\.c .*{said}", input=input)


def test_keys_that_are_no_strings(driver: Driver) -> None:
    """They become strings, as long as they stay apart."""
    keys = {1: "a", 2.5: "b", None: "c", False: "d", "1.0": "e"}
    text = {"1": "a", "2.5": "b", "null": "c", "false": "d", "1.0": "e"}
    assert sent(driver, "run", input=[keys])["input"] == [text]


def test_secrets_of_pydantic(driver: Driver) -> None:
    """A value that pydantic would write as asterisks is refused, but a text of asterisks is not."""
    for path, value in ((r"\.token", Token()), (r"\[0\]\.m\.token", [{"m": Token()}])):
        refused(driver, TypeError, f"^input{path} is a secret.*get_secret_value", input=value)
    keys = Keys(m={SecretStr("canary"): 1})
    refused(driver, TypeError, r"^input\.m\[.*\] is a secret", input=keys)
    assert sent(driver, "run", input=Shown())["input"] == {"token": "canary", "stars": "*" * 10}


@pytest.mark.parametrize(
    "value", [object, b"bytes", {1}, [timedelta(1)], {("a",): 1}, 1j], ids=repr
)
def test_what_json_has_no_form_for(driver: Driver, value: Any) -> None:
    """Other types are refused before anything is sent, with what may be given instead."""
    refused(driver, TypeError, "JSON", input=value)
    refused(driver, TypeError, "JSON", {"input": value})


@pytest.mark.parametrize("driver", ["sync", "trio"], indirect=True)
def test_what_contains_itself(driver: Driver) -> None:
    """A list within itself is refused, and so is a list with too many levels."""
    loop: list[Any] = []
    loop.append(loop)
    refused(driver, ValueError, "JSON", input=loop)
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    refused(driver, ValueError, "JSON", input=deep)


@pytest.mark.parametrize(
    "webhook",
    [
        "",
        "hook.test",
        "ftp://hook.test",
        "javascript:alert(1)",
        " https://hook.test",
        "https://",
        "https://[::1",
        "https://hook test/",
        "https://hook.test/\n",
    ],
)
def test_a_webhook_that_is_no_url(driver: Driver, webhook: str) -> None:
    """A webhook is a URL that RunPod can call."""
    refused(driver, ValueError, "webhook", input=1, webhook=webhook)
    refused(driver, ValueError, "webhook", {"input": 1, "webhook": webhook})


def test_a_priority_that_is_no_truth(driver: Driver) -> None:
    """A text such as "no" would count as true."""
    policy = ExecutionPolicy(low_priority="no")  # type: ignore[arg-type]
    refused(driver, TypeError, "policy.low_priority must be True or False", input=1, policy=policy)
    body = {"input": 1, "policy": {"lowPriority": "no"}}
    refused(driver, TypeError, "policy.lowPriority must be True or False", body)


@pytest.mark.parametrize("value", ["false", 1, None])
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("check", "run_sync"),
        ("ordered", "map"),
        ("ordered", "collect"),
        ("overwrite", "save_output"),
    ],
)
def test_a_truth_that_is_none(driver: Driver, name: str, method: str, value: Any) -> None:
    """True and False are the only values of a flag: the text "false" would count as true."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    calls = {
        "run_sync": lambda: endpoint.run_sync(input=1, check=value),
        "map": lambda: endpoint.map([1], ordered=value),
        "collect": lambda: endpoint.journaled("never.sqlite").collect(ordered=value),
        "save_output": lambda: endpoint.job("j1").save_output("pictures", overwrite=value),
    }
    with pytest.raises(
        TypeError, match=f"^{name} must be True or False, not {re.escape(repr(value))}$"
    ):
        driver.call(calls[method])
    assert script.requests == []


@pytest.mark.parametrize("length", [float("inf"), 2_592_000_000, timedelta.max])
def test_a_policy_is_never_left_out(length: Any) -> None:
    """A time beyond all bounds, such as milliseconds of a month, is refused and not ignored."""
    for name in ("execution_timeout", "ttl"):
        with pytest.raises(ValueError, match=f"{name} is too long"):
            ExecutionPolicy(**{name: length})


class Unhelpful:
    """A value whose every attribute raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_a_value_that_can_not_be_asked(driver: Driver) -> None:
    """The error is still about the input."""
    refused(driver, TypeError, r"^input\[0\] is of type .*Unhelpful", input=[Unhelpful()])


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("webhook", 5),
        ("webhook", b"https://hook.test"),
        ("policy", {"executionTimeout": 5}),
        ("policy", 5),
        ("s3_config", {"accessId": "a"}),
    ],
)
def test_a_keyword_of_another_type(driver: Driver, keyword: str, value: Any) -> None:
    """A keyword of the wire's form, or any other, is refused by its name."""
    refused(driver, TypeError, keyword, input=1, **{keyword: value})


@pytest.mark.parametrize("name", ["access_id", "access_secret", "endpoint_url", "object_path"])
def test_a_storage_that_is_not_of_strings(driver: Driver, name: str) -> None:
    """Such as None of an environment variable that is not set, which a worker would get as null."""
    kind = int if name == "object_path" else type(None)
    storage = evolve(STORAGE, **{name: kind()})
    message = f"^{name} of an S3Config must be a string, not {kind.__name__}$"
    refused(driver, TypeError, message, input=1, s3_config=storage)


@pytest.mark.parametrize("value", [None, 5, "text", [1], [], [("ttl", 5_000)]], ids=repr)
@pytest.mark.parametrize("name", ["policy", "s3Config"])
def test_a_part_of_a_body_that_is_no_object(driver: Driver, name: str, value: Any) -> None:
    """A policy or a storage that is no object is refused by its name."""
    refused(driver, TypeError, name, {"input": 1, name: value})


@pytest.mark.parametrize("keyword", ["webhook_v2", "prompt", "executionTimeout"])
def test_an_unknown_keyword(driver: Driver, keyword: str) -> None:
    """No keyword is passed through unread."""
    refused(driver, TypeError, keyword, input=1, **{keyword: 1})


def test_a_request_in_the_url_of_the_endpoint(driver: Driver) -> None:
    """A submission has the API's URL, with `wait` in its range for run_sync."""
    script = Script(job())
    endpoint = driver.endpoint(script)
    driver.call(lambda: endpoint.run(input=1))
    driver.call(lambda: endpoint.run_sync(input=1))
    run, run_sync = script.requests
    assert str(run.url) == "https://api.test/v2/ep/run"
    assert run_sync.url.path == "/v2/ep/runsync"
    assert list(run_sync.url.params) == ["wait"]
    assert 1_000 <= int(run_sync.url.params["wait"]) <= 300_000
