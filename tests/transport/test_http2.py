"""An `http_client` that speaks HTTP/2, where h2 is installed (`httpx[http2]`)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from typing import Any

import anyio
import httpx
import pytest

h2_connection = pytest.importorskip("h2.connection", reason="httpx[http2] is not installed")
h2_events = pytest.importorskip("h2.events")

from runpod_sdk import AsyncRunpod, Runpod, RunpodTimeoutError, SubmissionTimeoutError  # noqa: E402
from tests.faults.lines import CERTIFICATE, HOST, trusted  # noqa: E402

__all__ = ["trusted"]

pytestmark = pytest.mark.usefixtures("trusted")
JOB = b'{"id": "j1", "status": "COMPLETED", "output": 1}'


class Server:
    """Answers each request over HTTP/2 with `JOB`, but none to the endpoint `silent`."""

    def __init__(self, stack: ExitStack) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(CERTIFICATE)
        self._tls.set_alpn_protocols(["h2"])
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._stack = stack
        self.url = f"https://{HOST}:{self._listener.getsockname()[1]}/v2"
        self.connections = 0
        self.received = Counter[str]()
        thread = threading.Thread(target=self._accept)
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(self._listener.shutdown, socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with suppress(OSError), self._tls.wrap_socket(plain, server_side=True) as sock:
            http = h2_connection.H2Connection(
                h2_connection.H2Configuration(client_side=False, header_encoding="utf-8")
            )
            http.initiate_connection()
            paths: dict[int, str] = {}
            sock.sendall(http.data_to_send())
            while data := sock.recv(65_536):
                for event in http.receive_data(data):
                    if isinstance(event, h2_events.RequestReceived):
                        paths[event.stream_id] = dict(event.headers)[":path"]
                    elif isinstance(event, h2_events.DataReceived):
                        http.acknowledge_received_data(
                            event.flow_controlled_length, event.stream_id
                        )
                    elif isinstance(event, h2_events.StreamEnded):
                        path = paths[event.stream_id]
                        self.received[path] += 1
                        if "/silent/" not in path:
                            http.send_headers(event.stream_id, [(":status", "200")])
                            http.send_data(event.stream_id, JOB, end_stream=True)
                sock.sendall(http.data_to_send())


def client_options() -> dict[str, Any]:
    return {
        "http2": True,
        "trust_env": False,
        "verify": ssl.create_default_context(cafile=str(CERTIFICATE)),
    }


def test_sync() -> None:
    """Small and large requests share a connection; timeouts are kept, and say what they mean."""
    with ExitStack() as stack:
        server = Server(stack)
        http_client = stack.enter_context(httpx.Client(**client_options()))
        client = stack.enter_context(Runpod("key", base_url=server.url, http_client=http_client))
        endpoint = client.endpoint("ep")
        assert endpoint.status("j1").output == 1
        assert endpoint.run(input="x" * 300_000).id == "j1"
        assert server.connections == 1
        with pytest.raises(RunpodTimeoutError):
            client.endpoint("silent").status("j1", timeout=0.2)
        for seconds in (0.2, 4):  # the machine may stand still for all of the shorter time
            with pytest.raises(RunpodTimeoutError) as caught:
                client.endpoint("silent").run(input=1, timeout=seconds)
            if server.received["/v2/silent/run"]:
                break
        assert type(caught.value) is SubmissionTimeoutError
        assert endpoint.status("j1").output == 1
    assert server.received["/v2/silent/run"] == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_connection_that_others_wait_on(backend: str) -> None:
    """After a failure it gets no new requests, though it is in use: it may be dead."""

    async def main(server: Server) -> None:
        async with (
            httpx.AsyncClient(**client_options()) as http_client,
            AsyncRunpod("key", base_url=server.url, http_client=http_client) as client,
            anyio.create_task_group() as group,
        ):
            assert (await client.endpoint("ep").status("j1")).output == 1
            group.start_soon(client.endpoint("silent").wait, "j1")
            with pytest.raises(RunpodTimeoutError):
                await client.endpoint("silent").status("j2", timeout=0.2)
            assert (await client.endpoint("ep").run(input="x" * 300_000)).id == "j1"
            assert server.connections == 2
            group.cancel_scope.cancel()

    with ExitStack() as stack:
        anyio.run(main, Server(stack), backend=backend)
