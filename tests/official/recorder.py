"""A relay that passes every byte on as it is, and keeps what it saw."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from attrs import Factory, define


@define
class Exchange:
    """A request and its answer, as they were on the wire."""

    sent: bytearray = Factory(bytearray)
    received: bytearray = Factory(bytearray)

    @property
    def verb(self) -> str:
        return self._line(self.sent)[0]

    @property
    def path(self) -> str:
        return self._line(self.sent)[1]

    @property
    def operation(self) -> str:
        """What follows the id of the endpoint."""
        return urlsplit(self.path).path.split("/")[3]

    @property
    def status(self) -> int:
        return int(self._line(self.received)[1])

    @property
    def media_type(self) -> str:
        head, _, _ = bytes(self.received).partition(b"\r\n\r\n")
        lines = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
        fields = {name.strip().lower(): value.strip() for name, _, value in lines}
        return fields.get(b"content-type", b"").decode()

    @property
    def request(self) -> Any:
        """What was asked with; None without a body."""
        text = bytes(self.sent).partition(b"\r\n\r\n")[2]
        return json.loads(text) if text else None

    @property
    def answer(self) -> Any:
        """What was answered; a text, if it is no JSON."""
        text = bytes(self.received).partition(b"\r\n\r\n")[2]
        return json.loads(text) if self.media_type == "application/json" else text.decode()

    @property
    def answered(self) -> bool:
        """Whether all of the answer has come."""
        return _length(self.received) == len(self.received)

    @staticmethod
    def _line(message: bytearray) -> list[str]:
        return bytes(message).partition(b"\r\n")[0].decode().split(" ")


def _length(message: bytearray) -> int | None:
    """Say how long a message is as a whole; None as long as its head has not come."""
    head, end, _ = bytes(message).lower().partition(b"\r\n\r\n")
    body = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(head) + len(end) + int(body or 0) if end else None


class Recorder:
    """Stand between one client and a server, on a port of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._news = threading.Condition()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self.exchanges: list[Exchange] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count: int, *, patience: float) -> bool:
        """Wait until *count* exchanges are complete."""
        with self._news:
            return self._news.wait_for(
                lambda: sum(each.answered for each in self.exchanges) >= count, patience
            )

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._sockets += client, server
            threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        current: list[Exchange] = []

        def to_server(data: bytes) -> None:
            # An answer may come before the request has ended, and then two at once.
            while data:
                if not current or len(current[-1].sent) == _length(current[-1].sent):
                    current.append(Exchange())
                    self.exchanges.append(current[-1])
                sent = current[-1].sent
                sent += data
                end = _length(sent) or len(sent)
                data = bytes(sent[end:])
                del sent[end:]

        def to_client(data: bytes) -> None:
            current[-1].received += data
            self._news.notify_all()

        back = threading.Thread(target=self._pump, args=(server, client, to_client), daemon=True)
        back.start()
        self._pump(client, server, to_server)
        back.join()
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, keep: Any) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                with self._news:
                    keep(data)
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
