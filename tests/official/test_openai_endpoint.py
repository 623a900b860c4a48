"""`endpoint.openai()`: OpenAI's own client, as an endpoint of ours makes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint, LostReply
from tests.facade.clients import Driver, SocketServer, driver, http_answer
from tests.local.processes import until
from tests.official.drivers.openai_worker import handler

openai = pytest.importorskip("openai", reason="scripts/official has OpenAI's client")

PATIENCE = 20.0
MESSAGES: Any = [{"role": "user", "content": "Say hello."}]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=2) as local:
        yield local


@pytest.fixture(scope="module", params=["sync", "asyncio"])
def mode(request: pytest.FixtureRequest) -> Iterator[Driver]:
    with driver(request.param) as opened:
        yield opened


@pytest.fixture
def endpoint(mode: Driver, local: LocalEndpoint) -> Any:
    client = mode.client(api_key=local.api_key, base_url=local.base_url)
    return client.endpoint(local.endpoint_id)


@pytest.fixture
def client(mode: Driver, endpoint: Any) -> Iterator[Any]:
    made = endpoint.openai()
    assert type(made) is (openai.AsyncOpenAI if mode.is_async else openai.OpenAI)
    yield made
    mode.call(made.close)


def test_a_completion(mode: Driver, client: Any) -> None:
    """The worker's answer comes as OpenAI's types."""
    create = client.chat.completions.create
    answer = mode.call(lambda: create(model="tiny", messages=MESSAGES))
    assert answer.choices[0].message.content == "Hello."


def test_accounts_at_openai_are_not_told(mode: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of OpenAI is not sent to RunPod; what is asked for is."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: secret\nauthorization: Bearer secret")
    listing = http_answer({"object": "list", "data": []})
    with SocketServer(lambda connection, _: connection.sendall(listing)) as server:
        endpoint = mode.client(api_key="rpa_0123456789", base_url=server.base_url).endpoint("ep")
        made, other = endpoint.openai(), endpoint.openai(organization="ours")
        for client in (made, made.with_options(timeout=5), other):
            mode.call(client.models.list)
        for client in (made, other):
            mode.call(client.close)
    plain, derived, asked = (request.lower() for request in server.requests)
    for request in (plain, derived, asked):
        assert b"secret" not in request
        assert request.count(b"authorization: bearer rpa_0123456789\r\n") == 1
    assert b"openai-organization" not in plain + derived
    assert b"openai-organization: ours\r\n" in asked


def test_a_stream(mode: Driver, client: Any) -> None:
    """Chunks come one after the other."""
    create = client.chat.completions.create

    async def awaited() -> list[Any]:
        chunks = await create(model="tiny", messages=MESSAGES, stream=True)
        return [chunk async for chunk in chunks]

    def taken() -> Any:
        if mode.is_async:
            return awaited()
        return list(create(model="tiny", messages=MESSAGES, stream=True))

    contents = [chunk.choices[0].delta.content for chunk in mode.call(taken)]
    assert contents == ["Hel", "lo", "."]


def test_the_base_url_is_enough(mode: Driver, endpoint: Any, local: LocalEndpoint) -> None:
    """Any client of the API can be pointed there."""
    with openai.OpenAI(api_key=local.api_key, base_url=endpoint.openai_base_url) as plain:
        assert [model.id for model in plain.models.list()] == ["tiny"]


def test_no_job_is_sent_twice(mode: Driver, endpoint: Any, local: LocalEndpoint) -> None:
    """A lost answer is not made good by another job, unless that was asked for."""

    def jobs_of(made: Any) -> int:
        before = endpoint_health().jobs.completed or 0
        local.faults.add(LostReply("openai"), times=3)
        create = made.chat.completions.create
        with pytest.raises(openai.APIConnectionError):
            mode.call(lambda: create(model="tiny", messages=MESSAGES))
        local.faults.clear()
        mode.call(made.close)
        until(lambda: endpoint_health().jobs.in_progress == 0, PATIENCE)
        return (endpoint_health().jobs.completed or 0) - before

    def endpoint_health() -> Any:
        return mode.call(lambda: endpoint.health())

    assert jobs_of(endpoint.openai()) == 1
    assert jobs_of(endpoint.openai(max_retries=1)) == 2


def test_what_else_it_takes(mode: Driver, endpoint: Any) -> None:
    """Options are passed on; what the endpoint knows can't be given."""
    made = endpoint.openai(timeout=5.0, max_retries=1)
    assert (made.timeout, made.max_retries) == (5.0, 1)
    mode.call(made.close)
    with pytest.raises(TypeError, match="api_key"):
        endpoint.openai(api_key="another")
