"""A place that the links of an output lead to."""

from __future__ import annotations

import base64
import gzip
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Site(BaseHTTPRequestHandler):
    """A place that links lead to; keeps what it was asked."""

    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.asked.append(
            (self.path, {name.lower(): value for name, value in self.headers.items()})
        )
        status, headers, body = 200, {"content-type": "image/png"}, PNG
        match self.path:
            case "/page" | "/page.mp4":
                headers, body = {"content-type": "text/html; charset=utf-8"}, b"<html>"
            case "/gone":
                status = 404
            case "/to-file":
                status, headers = 302, {"location": "file:///etc/passwd"}
            case "/to-itself":
                status, headers = 302, {"location": "/to-itself"}
            case "/moved":
                status, headers = 302, {"location": "/pictures/horse.png?signature=1"}
                headers["set-cookie"] = "a=b"
            case "/flood":
                self.flood()
                return
            case "/packed":
                headers["content-encoding"] = "gzip"
                body = gzip.compress(PNG)
            case "/packed-twice":
                headers["content-encoding"] = "gzip, gzip"
                body = gzip.compress(gzip.compress(PNG))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def flood(self) -> None:
        """Lead elsewhere, in very many words."""
        self.send_response(302)
        self.send_header("location", "/x")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            for _ in range(64):
                self.wfile.write(bytes(2**20))
            self.asked.append(("/flood, to its end", {}))

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
