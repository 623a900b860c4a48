"""Refused bodies and queries, and the nearest accepted bodies and queries."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from runpod_sdk.local import Limits

from . import support
from .conftest import Serve
from .support import UNKNOWN, Api, echo


@pytest.mark.parametrize("path", ["/run", "/runsync"])
@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "malformed JSON"),
        (b"{", "malformed JSON"),
        (b"\xff", "malformed JSON"),
        (b'{"input": NaN}', "malformed JSON: NaN"),
        (b'{"input": -1e999}', "malformed JSON: -1e999 is out of range"),
        (b'{"input": ' + b"[" * 100_000, "malformed JSON: nested too deeply"),
        (b"[]", "must be an object"),
        (b'"text"', "must be an object"),
        (b"{}", "missing input"),
        (b'{"prompt": 1}', "missing input"),
        (b'{"input": 1, "policy": 5}', "must be objects"),
        (b'{"input": 1, "policy": []}', "must be objects"),
        (b'{"input": 1, "policy": "text"}', "must be objects"),
        (b'{"input": 1, "s3Config": null}', "must be objects"),
        (b'{"input": 1, "webhook": 5}', "webhook must be a string"),
        (b'{"input": 1, "policy": {"lowPriority": 1}}', "lowPriority must be a boolean"),
        (b'{"input": 1, "policy": {"ttl": "1"}}', "positive integers"),
        (b'{"input": 1, "policy": {"ttl": 0}}', "positive integers"),
        (b'{"input": 1, "policy": {"executionTimeout": 1.5}}', "positive integers"),
        (b'{"input": 1, "policy": {"executionTimeout": true}}', "positive integers"),
    ],
)
def test_bad_bodies(api: Api, path: str, content: bytes, detail: str) -> None:
    """A body that the contract does not describe is refused, and makes no job."""
    before = api.health()
    status, said = api.refused("POST", path, content=content)
    assert status == 400
    assert said.startswith("bad request: body: ")
    assert detail in said
    assert api.health() == before


def test_times_of_a_policy_have_no_upper_limit(api: Api) -> None:
    """A policy beyond what can be is taken for the longest there is."""
    assert api.run_sync(1, policy={"ttl": 10**400, "executionTimeout": 10**30})["output"] == 1


def test_times_of_a_policy_may_be_written_as_floats(api: Api) -> None:
    """To the contract an integer is a number without a fraction, however it is written."""
    content = b'{"input": 1, "policy": {"ttl": 6e4, "executionTimeout": 5000.0}}'
    assert api.ok("POST", "/runsync", content=content)["output"] == 1


@pytest.mark.parametrize(
    "wait", ["0", "999", "300001", "-1000", "1e3", "1000.0", "", "abc", "1_000", "٣٠٠٠", "9" * 5000]
)
def test_waits_out_of_range(api: Api, wait: str) -> None:
    """`wait` is an integer from 1000 to 300000, or refused."""
    done = api.run_sync()["id"]
    before = api.health()
    for method, path in (
        ("POST", "/runsync"),
        ("GET", f"/status-sync/{done}"),
        ("GET", f"/stream/{done}"),
    ):
        status, detail = api.refused(method, path, params={"wait": wait}, content=b'{"input":1}')
        assert (status, detail) == (
            400,
            "bad request: query: wait: must be an integer from 1000 to 300000 (milliseconds)",
        )
    assert api.health() == before


@pytest.mark.parametrize("wait", ["1000", "300000"])
def test_waits_in_range(api: Api, wait: str) -> None:
    """Both ends of the range are accepted; a finished job is returned at once."""
    done = api.ok("POST", "/runsync", params={"wait": wait}, json={"input": 1})
    assert api.ok("GET", f"/status-sync/{done['id']}", params={"wait": wait}) == done
    assert api.ok("GET", f"/stream/{done['id']}", params={"wait": wait})["stream"] == []


@pytest.mark.parametrize("ttl", ["0", "-1", "soon", ""])
def test_a_bad_ttl(api: Api, ttl: str) -> None:
    """`ttl` is a positive integer, or refused."""
    status, detail = api.refused("GET", f"/status/{UNKNOWN}", params={"ttl": ttl})
    assert status == 400
    assert detail.startswith("bad request: query: ttl: ")


@pytest.mark.parametrize(("path", "mib"), [("/run", 10), ("/runsync", 20)])
@pytest.mark.parametrize("chunked", [False, True])
def test_oversized_bodies(api: Api, path: str, mib: int, chunked: bool) -> None:
    """A body over the limit is refused in the recorded words, and the connection survives."""

    def pieces() -> Any:
        yield b'{"input":"'
        for _ in range(mib):
            yield b"x" * 2**20
        yield b'"}'

    content = pieces() if chunked else b"".join(pieces())
    assert api.refused("POST", path, content=content) == (
        400,
        f"bad request: body: exceeded max body size of {mib}MiB",
    )
    assert api.run_sync(1)["output"] == 1


def test_an_endless_body_is_refused_while_it_is_sent(serve: Serve) -> None:
    """The answer comes before the body has ended."""
    api = serve(echo, limits=Limits(run_body=1000))
    connection = support.raw_connection(api)
    connection.sendall(
        f"POST {httpx.URL(api.url).path}/run HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {api.headers['authorization']}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n".encode()
        + b"400\r\n"
        + b"x" * 0x400
        + b"\r\n"
    )
    with connection:
        answer = connection.recv(65536)
        while b"1000B" not in answer:
            answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_body_of_just_the_limit_is_taken(serve: Serve) -> None:
    """The limit itself is not over the limit."""
    api = serve(echo, limits=Limits(run_body=100, run_sync_body=100))
    body = b'{"input":1}'
    assert api.ok("POST", "/runsync", content=body.ljust(100))["output"] == 1
    assert api.refused("POST", "/runsync", content=body.ljust(101))[0] == 400
    assert api.refused("POST", "/run", content=body.ljust(101))[0] == 400
