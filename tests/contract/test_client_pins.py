"""
What the generated functions use of a client and of a response, and nothing else.

The facade gives them a stand-in that has just that. A generator that uses more must
fail here, and not in a user's process.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import pytest

from runpod_sdk._flows.call import _GeneratedClientAdapter
from runpod_sdk._flows.io import Response as IOResponse
from runpod_sdk._io.sync import drive
from runpod_serverless_api import api, models
from runpod_serverless_api.types import UNSET, Response
from tests.yaml_files import read_yaml

OF_A_CLIENT = {"get_async_httpx_client", "raise_on_unexpected_status"}
OF_A_REQUEST = {"method", "url", "params", "json", "headers"}
OF_A_RESPONSE = {"status_code", "json", "content", "headers"}

ROOT = Path(__file__).parents[2]
DOCUMENT = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
DOCUMENTED = {
    operation["operationId"]: (method, path)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    module.name.rpartition(".")[2]: importlib.import_module(module.name).asyncio_detailed
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}.")
    if not module.ispkg
}

ANSWERS: list[tuple[int, Any]] = [
    (
        200,
        {"id": "x", "status": "COMPLETED", "jobs": {}, "workers": {}, "stream": [], "removed": 1},
    ),
    *(
        (code, {"status": code, "detail": "no"})
        for code in (202, 400, 401, 404, 418, 429, 500, 503)
    ),
]


class Strict:
    """Has what it was made with; keeps what was asked for, and has nothing else."""

    def __init__(self, **has: Any) -> None:
        self.__dict__["_has"] = has
        self.__dict__["_touched"] = set[str]()

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if name in ("__dict__", "__class__"):
            return object.__getattribute__(self, name)
        own["_touched"].add(name)
        if name not in own["_has"]:
            raise AttributeError(f"{name} is not among {sorted(own['_has'])}")
        return own["_has"][name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_touched"].add(f"{name} =")
        raise AttributeError(f"{name} can't be set")


def touched(strict: Strict) -> set[str]:
    return strict.__dict__["_touched"]  # type: ignore[no-any-return]


@attrs.frozen
class Use:
    """What one call used."""

    of_client: set[str]
    of_http: set[str]
    of_response: set[str]
    requests: list[tuple[tuple[Any, ...], dict[str, Any]]]
    result: Any


def use_of(function: Callable[..., Any], status: int, said: Any, /, **arguments: Any) -> Use:
    """Call a generated function with strict objects; it must not suspend but in `request`."""
    content = json.dumps(said).encode()
    response = Strict(
        status_code=status, json=lambda: json.loads(content), content=content, headers={"x": "y"}
    )
    requests: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    async def request(*args: Any, **kwargs: Any) -> Strict:
        requests.append((args, kwargs))
        return response

    http = Strict(request=request)
    client = Strict(get_async_httpx_client=lambda: http, raise_on_unexpected_status=False)
    result = drive(function(**arguments, client=client))
    return Use(touched(client), touched(http), touched(response), requests, result)


def excess(use: Use) -> list[str]:
    """Say in a line each what a call used that the facade's stand-in need not have."""
    wrong = [f"client.{name}" for name in use.of_client - OF_A_CLIENT]
    wrong += [f"client.get_async_httpx_client().{name}" for name in use.of_http - {"request"}]
    wrong += [f"response.{name}" for name in use.of_response - OF_A_RESPONSE]
    for args, kwargs in use.requests:
        wrong += [f"request(…, {name}=…)" for name in kwargs.keys() - OF_A_REQUEST]
        wrong += [f"request({value!r}, …)" for value in args]
    if len(use.requests) != 1:
        wrong.append(f"{len(use.requests)} requests")
    return sorted(wrong)


def arguments_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Make an argument for each parameter, by its type."""
    made = {name: _made(name, hint) for name, hint in get_type_hints(function).items()}
    return {name: value for name, value in made.items() if name not in ("client", "return")}


def _made(name: str, hint: Any) -> Any:
    examples: dict[Any, Any] = {
        str: f"a/{name}",
        int: 1_000,
        models.JobRequest: models.JobRequest(input_={"a": None}),
        list[models.JobRequest]: [models.JobRequest(input_=1)],
        models.BatchAddition: models.BatchAddition(requests=[models.JobRequest(input_=1)]),
        models.BatchUpdate: models.BatchUpdate.from_dict({}),
    }
    for member in (hint, *getattr(hint, "__args__", ())):
        if member in examples:
            return examples[member]
    assert name in ("client", "return"), f"no example of {name}: {hint}"
    return None


def given_or_not(function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Give the arguments all, and only those that have no default."""
    arguments = arguments_of(function)
    yield arguments
    parameters = inspect.signature(function).parameters
    required = inspect.Parameter.empty
    yield {key: arg for key, arg in arguments.items() if parameters[key].default is required}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_uses_no_more_than_the_stand_in_has(name: str) -> None:
    """Whatever is answered, a call touches these attributes, and passes these arguments."""
    for arguments in given_or_not(FUNCTIONS[name]):
        for status, body in ANSWERS:
            use = use_of(FUNCTIONS[name], status, body, **arguments)
            assert excess(use) == []
            assert use.of_client >= {"get_async_httpx_client"}
            assert isinstance(use.result, Response)
            assert use.result.status_code == status
            assert use.result.parsed is not None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_passes_what_the_port_can_send(name: str) -> None:
    """Verb and path are those of the document, ids escaped; the rest is plain, and no sentinel."""
    for arguments in given_or_not(FUNCTIONS[name]):
        ((_, kwargs),) = use_of(FUNCTIONS[name], *ANSWERS[0], **arguments).requests
        method, path = DOCUMENTED[name]
        ids = {key: f"a%2F{key}" for key in arguments if key.endswith("_id")}
        assert (kwargs["method"], kwargs["url"]) == (method, path.format(**ids))
        params, headers = kwargs.get("params", {}), kwargs.get("headers", {})
        assert UNSET not in [*params.values(), *headers.values()]
        assert {type(value) for value in params.values()} <= {str, int}
        assert headers in ({}, {"Content-Type": "application/json"})
        assert ("json" in kwargs) is ("body" in arguments) is bool(headers)
        assert json.loads(json.dumps(kwargs.get("json"))) == kwargs.get("json")


def test_every_operation_of_the_document_has_its_function() -> None:
    """Nothing is generated that is not documented, and nothing documented is left out."""
    assert FUNCTIONS.keys() == DOCUMENTED.keys()


def test_the_stand_in_has_what_is_pinned() -> None:
    """The facade's stand-in takes these arguments, and its reply has these attributes."""
    assert set(dir(_GeneratedClientAdapter)) >= OF_A_CLIENT
    parameters = inspect.signature(_GeneratedClientAdapter.request).parameters
    assert parameters.keys() - {"self"} == OF_A_REQUEST
    assert (
        set(dir(IOResponse)) | {field.name for field in attrs.fields(IOResponse)} >= OF_A_RESPONSE
    )


async def _asks(client: Any, **kwargs: Any) -> Any:
    return await client.get_async_httpx_client().request(method="get", url="/", **kwargs)


async def _more_of_the_request(*, client: Any) -> Any:
    return (await _asks(client, timeout=1)).json()


async def _two_requests(*, client: Any) -> Any:
    await _asks(client)
    return await _asks(client)


async def _positionally(*, client: Any) -> Any:
    return await client.get_async_httpx_client().request("get", "/")


async def _more_of_the_client(*, client: Any) -> Any:
    getattr(client, "base_url", None)
    return await _asks(client)


async def _more_of_the_response(*, client: Any) -> Any:
    return getattr(await _asks(client), "text", None)


async def _another_verb(*, client: Any) -> Any:
    http = client.get_async_httpx_client()
    return getattr(http, "get", http.request) and await _asks(client)


@pytest.mark.parametrize(
    ("function", "finding"),
    [
        (_more_of_the_request, "request(…, timeout=…)"),
        (_two_requests, "2 requests"),
        (_positionally, "request('get', …)"),
        (_more_of_the_client, "client.base_url"),
        (_more_of_the_response, "response.text"),
        (_another_verb, "client.get_async_httpx_client().get"),
    ],
)
def test_what_goes_beyond_is_found(function: Callable[..., Any], finding: str) -> None:
    """A function that uses anything else does not pass, even where it could do without."""
    assert finding in excess(use_of(function, 200, {}))


def test_a_strict_object_has_nothing_else() -> None:
    """What is not given is an error that says so, and cannot be set either."""
    strict = Strict(a=1)
    assert strict.a == 1
    with pytest.raises(AttributeError, match="b is not among"):
        _ = strict.b
    with pytest.raises(AttributeError, match="can't be set"):
        strict.a = 2
    assert touched(strict) == {"a", "b", "a ="}
