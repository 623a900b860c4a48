"""Tools that mock or record httpx see the default client, and nothing leaves the machine."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import httpx
import pytest

from runpod_sdk import APIConnectionError, AsyncRunpod, Runpod, SubmissionUncertainError
from tests.transport.server import GOOD, Server, good

respx = pytest.importorskip("respx")
pytest.importorskip("pytest_httpx")
vcr = pytest.importorskip("vcr")
wrapt = pytest.importorskip("wrapt")

KEY = "rpa_CANARY0123456789"
TRANSPORTS = ["direct", "httpx"]
STYLES = ["sync", "sync map", "async", "async map"]


@pytest.fixture
def server() -> Iterator[Server]:
    """Start the server that the client is configured for, and that mocks stand in for."""
    with Server(good) as started:
        yield started


class Mocked(Protocol):
    """Puts answers of a tool in the place of a server's, for as long as the context lasts."""

    def __call__(self, base_url: str) -> AbstractContextManager[Any]: ...


def by_respx(base_url: str, using: str) -> AbstractContextManager[Any]:
    """Answer each request by respx."""
    router = respx.mock(using=using, assert_all_called=False)
    router.route(url__startswith=base_url).respond(content=GOOD)
    return router  # type: ignore[no-any-return]


def by_vcrpy(base_url: str, folder: Path) -> AbstractContextManager[Any]:
    """Replay a recording by vcrpy, as often as it is asked for."""
    calls = [("POST", "run"), ("GET", "status/j1"), ("GET", "status-sync/j1")]
    recorded = [
        {
            "request": {
                "method": method,
                "uri": f"{base_url}/ep/{path}",
                "body": "",
                "headers": {},
            },
            "response": {
                "status": {"code": 200, "message": "OK"},
                "headers": {"Content-Type": ["application/json"]},
                "body": {"string": GOOD.decode()},
            },
        }
        for method, path in calls
    ]
    cassette = folder / "recorded.json"
    cassette.write_text(json.dumps({"version": 1, "interactions": recorded}), encoding="utf-8")
    recorder = vcr.VCR(serializer="json", match_on=["method", "path"])
    return recorder.use_cassette(  # type: ignore[no-any-return]
        str(cassette), record_mode="none", allow_playback_repeats=True
    )


@pytest.fixture(params=["respx, httpcore", "respx, httpx", "vcrpy"])
def mocked(request: pytest.FixtureRequest, tmp_path: Path) -> Mocked:
    """Make the contexts in which a tool answers."""
    tool, _, using = request.param.partition(", ")
    if tool == "respx":
        return functools.partial(by_respx, using=using)
    return functools.partial(by_vcrpy, folder=tmp_path)


def outputs(style: str, base_url: str, **options: Any) -> list[Any]:
    """Run a job or three by a new client, and return the outputs."""
    if style.startswith("sync"):
        with Runpod(KEY, base_url=base_url, **options) as client:
            return sync_outputs(client, style)

    async def main() -> list[Any]:
        async with AsyncRunpod(KEY, base_url=base_url, **options) as client:
            return await async_outputs(client, style)

    return asyncio.run(main())


def sync_outputs(client: Runpod, style: str) -> list[Any]:
    """Run a job or three by a sync client, and return the outputs."""
    endpoint = client.endpoint("ep")
    if style == "sync map":
        return [result.output for result in endpoint.map([1, 2, 3])]
    return [endpoint.run(input=1).output()]


async def async_outputs(client: AsyncRunpod, style: str) -> list[Any]:
    """Run a job or three by an async client, and return the outputs."""
    endpoint = client.endpoint("ep")
    if style == "async map":
        return [result.output async for result in endpoint.map([1, 2, 3])]
    return [await (await endpoint.run(input=1)).output()]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("style", STYLES)
def test_a_mock_answers(server: Server, mocked: Mocked, style: str, transport: str) -> None:
    """Each request of each client is the mock's; no connection is made."""
    with mocked(server.base_url):
        assert set(outputs(style, server.base_url, transport=transport)) == {1}
    assert server.connections == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("style", STYLES)
def test_pytest_httpx_answers(server: Server, httpx_mock: Any, style: str, transport: str) -> None:
    """The fixture of pytest-httpx is followed, too."""
    httpx_mock.add_response(content=GOOD, is_reusable=True)
    assert set(outputs(style, server.base_url, transport=transport)) == {1}
    assert server.connections == 0
    assert httpx_mock.get_requests()[0].headers["authorization"].endswith(KEY)


@pytest.mark.parametrize("style", ["sync", "sync map"])
def test_for_as_long_as_it_lasts(server: Server, mocked: Mocked, style: str) -> None:
    """A mock that starts after a client was used, and ends before it is used again."""
    with Runpod(KEY, base_url=server.base_url) as client:
        sync_outputs(client, style)
        seen = len(server.visits)
        assert seen > 0
        with mocked(server.base_url):
            sync_outputs(client, style)
        assert len(server.visits) == seen
        sync_outputs(client, style)
        assert len(server.visits) == 2 * seen


@pytest.mark.parametrize("style", ["async", "async map"])
def test_for_as_long_as_it_lasts_async(server: Server, mocked: Mocked, style: str) -> None:
    """The same for the async client."""

    async def main() -> None:
        async with AsyncRunpod(KEY, base_url=server.base_url) as client:
            await async_outputs(client, style)
            seen = len(server.visits)
            assert seen > 0
            with mocked(server.base_url):
                await async_outputs(client, style)
            assert len(server.visits) == seen
            await async_outputs(client, style)
            assert len(server.visits) == 2 * seen

    asyncio.run(main())


def test_a_mock_of_another_thread(server: Server, mocked: Mocked) -> None:
    """What one thread mocks is mocked for the others, as with httpx's own clients."""
    started, done = threading.Event(), threading.Event()

    def hold() -> None:
        with mocked(server.base_url):
            started.set()
            done.wait(10)

    with Runpod(KEY, base_url=server.base_url) as client:
        thread = threading.Thread(target=hold)
        thread.start()
        started.wait(10)
        try:
            sync_outputs(client, "sync")
        finally:
            done.set()
            thread.join()
        assert server.connections == 0
        sync_outputs(client, "sync")
        assert server.connections == 1


def test_a_derived_client(server: Server, mocked: Mocked) -> None:
    """A client with other options follows a mock as the one that it comes from."""
    with Runpod(KEY, base_url=server.base_url) as client:
        derived = client.with_options(timeout=5)
        with mocked(server.base_url):
            for style in ("sync", "sync map"):
                sync_outputs(derived, style)
        assert server.connections == 0


@pytest.mark.parametrize("style", ["sync", "sync map"])
def test_a_mock_of_sync_functions_alone(
    server: Server, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test's own replacement of one function sees every request of the sync client."""
    paths = []

    def answer(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(200, content=GOOD)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    assert set(outputs(style, server.base_url)) == {1}
    assert server.connections == 0
    assert paths.count("/v2/ep/run") == len(outputs(style, server.base_url))


@pytest.mark.parametrize(
    "target",
    [
        "httpx.Client._send_single_request",
        "httpx.HTTPTransport.handle_request",
        "httpcore.ConnectionPool.handle_request",
        "httpcore.HTTPConnection.handle_request",
    ],
)
def test_a_mock_object(server: Server, target: str) -> None:
    """A function may be replaced by a Mock, too."""
    with (
        mock.patch(target, side_effect=ZeroDivisionError),
        Runpod(KEY, base_url=server.base_url) as client,
        pytest.raises(ZeroDivisionError),
    ):
        client.endpoint("ep").status("j1")
    assert server.connections == 0


def test_a_proxy_of_a_function(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tracers wrap transparently does not make the default client go through httpx."""
    seen = []

    def trace(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        seen.append(args)
        return wrapped(*args, **kwargs)

    for cls, name in (
        (httpx.HTTPTransport, "handle_request"),
        (httpx.Client, "send"),
        (httpx.Client, "_send_single_request"),
    ):
        monkeypatch.setattr(cls, name, wrapt.FunctionWrapper(getattr(cls, name), trace))
    outputs("sync", server.base_url)
    assert seen == []
    outputs("sync", server.base_url, transport="httpx")
    assert len(seen) == 3 * len(server.visits) / 2


@pytest.mark.parametrize("style", ["sync", "async"])
def test_a_tracer_sees_the_exceptions_of_httpx(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `transport="httpx"`, the SDK's own connections raise them, too."""
    seen = []

    def trace(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        try:
            return wrapped(*args, **kwargs)
        except httpx.HTTPError as error:
            seen.append(type(error))
            raise

    async def async_trace(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        try:
            return await wrapped(*args, **kwargs)
        except httpx.HTTPError as error:
            seen.append(type(error))
            raise

    for cls, name, tracer in (
        (httpx.HTTPTransport, "handle_request", trace),
        (httpx.AsyncHTTPTransport, "handle_async_request", async_trace),
    ):
        monkeypatch.setattr(cls, name, wrapt.FunctionWrapper(getattr(cls, name), tracer))
    with Server(lambda visit: False) as server, pytest.raises(SubmissionUncertainError):
        outputs(style, server.base_url, transport="httpx")
    assert seen == [httpx.RemoteProtocolError]


def test_a_header_of_a_tracer_with_a_line_break(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent: its end would be a header of its own."""

    def trace(wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        args[0].headers["x-trace"] = "1\r\nx-other: 2"
        return wrapped(*args, **kwargs)

    wrapper = wrapt.FunctionWrapper(httpx.HTTPTransport.handle_request, trace)
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", wrapper)
    with pytest.raises(APIConnectionError):
        outputs("sync", server.base_url, transport="httpx")
    assert server.visits == []


def test_an_exchange_that_was_not_expected(server: Server) -> None:
    """A request that a mock has no answer for is the mock's own error, and none is sent."""
    with (
        respx.mock(base_url=server.base_url) as router,
        Runpod(KEY, base_url=server.base_url) as client,
    ):
        router.get("/ep/health").respond(json={"jobs": {}, "workers": {}})
        client.endpoint("ep").health()
        with pytest.raises(AssertionError, match="not mocked"):
            client.endpoint("ep").run(input=1)
    assert server.connections == 0
