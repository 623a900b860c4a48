"""A fork while a thread looks up the span of a job."""

from __future__ import annotations

import httpx

from runpod_sdk import Runpod
from tests.facade.test_forks import Gate, slow_key
from tests.forking import in_child, needs_fork, no_warning
from tests.otel.exported import Exported

pytestmark = [needs_fork, no_warning]


def test_the_spans_of_a_client(told: Exported) -> None:
    """The child requests jobs, and waits for no thread of its parent."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": request.url.path.rpartition("/")[2], "status": "X"})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    gate = Gate()
    with Runpod("key", http_client=http) as client:
        endpoint = client.endpoint("ep")
        first = endpoint.job("first")
        with gate.held_by(lambda: endpoint.job(slow_key(gate))):
            assert in_child(lambda: endpoint.job("second").status().id) == "second"
        assert first.status().id == "first"
