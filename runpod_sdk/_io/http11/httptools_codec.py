"""HTTP/1.1 by httptools: llhttp, the parser of Node.js."""

from __future__ import annotations

import re
from typing import Any

import httptools

from runpod_sdk._io.http11.codec import LONGEST_HEAD, ResponseReceiver
from runpod_sdk._io.transport_errors import LocalProtocolError, RemoteProtocolError

_TARGET = re.compile(r"[\x21-\x7e]+")
_FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e]*")


class HttptoolsCodec:
    """
    A codec by httptools.

    There is a parser only during a response, because thousands of connections may wait for theirs.
    """

    def __init__(self) -> None:
        self._parser: _ResponseParser | None = None

    @staticmethod
    def headers(fields: tuple[tuple[str, str], ...]) -> bytes:
        """Return the lines of the headers, and the empty line after them."""
        lines = [f"{name}: {value}" for name, value in fields]
        if not all(map(_FIELD.fullmatch, lines)):
            raise LocalProtocolError("a header of the request is invalid")
        return "\r\n".join([*lines, "\r\n"]).encode("ascii")

    @staticmethod
    def request(method: str, target: str, headers: bytes) -> bytes:
        if not _TARGET.fullmatch(target):
            raise LocalProtocolError("the request's target is invalid")
        return f"{method} {target} HTTP/1.1\r\n".encode("ascii") + headers

    def start(self, request: bytes, content: bytes | None) -> tuple[bytes, bytes]:
        return request, content or b""

    def receive(self, data: bytes, receiver: ResponseReceiver) -> None:
        if self._parser is None:
            self._parser = _ResponseParser()
        self._parser.receive(data, receiver)

    def renew(self) -> bool:
        parser, self._parser = self._parser, None
        return parser is not None and parser.end()


class _ResponseParser:
    """
    Parses one response.

    httptools calls the methods that begin with `on_`. They only record, and the receiver gets its
    parts afterwards, because httptools replaces an exception that passes through it.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append
        self._headers: list[tuple[bytes, bytes]] = []
        self._overhead = 0
        """The bytes since the last head or piece of the body."""
        self._status = 0
        """The status of the response; 0 until its head is complete."""
        self._is_announced = False
        """Whether the receiver has got the head."""
        self._is_complete = False
        self._last_pieces = 0
        """How many of the pieces belong to the response, once it is complete."""
        self._is_reusable = False
        self._parser: Any = httptools.HttpResponseParser(self)
        # As h11 does: lines may end without CR, Transfer-Encoding precedes Content-Length, a header
        # may be folded or have control characters, and spaces may follow the size of a chunk.
        self._parser.set_dangerous_leniencies(
            lenient_optional_cr_before_lf=True,
            lenient_chunked_length=True,
            lenient_headers=True,
            lenient_spaces_after_chunk_size=True,
        )

    def receive(self, data: bytes, receiver: ResponseReceiver) -> None:
        if data:
            self._parse(data)
        else:
            self._end_of_connection()
        if self._status and not self._is_announced:
            if any(b"\0" in value for _, value in self._headers):
                raise RemoteProtocolError("a header of the response has a null character")
            self._is_announced = True
            receiver.head(self._status, self._headers)
        if self._is_complete:
            del self._pieces[self._last_pieces :]
        for piece in self._pieces:
            if receiver.has_ended:
                break
            receiver.content(piece)
        self._pieces.clear()
        if self._is_complete and not receiver.has_ended:
            receiver.end()

    def _parse(self, data: bytes) -> None:
        self._overhead += len(data)
        interruption: BaseException | None = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:  # a signal handler has raised
            interruption = error.__context__ or error
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._is_complete:
                switches = self._parser.get_status_code() == 101
                reason = "it switches protocols" if switches else error
                raise RemoteProtocolError(f"the response is invalid: {reason}") from error
            self._is_reusable = False  # it could be mistaken for the next response
        if interruption is not None:
            raise interruption
        if self._pieces:
            self._overhead = 0
        if not self._is_complete and self._overhead > LONGEST_HEAD:
            raise RemoteProtocolError("the head or the trailer of the response is too long")

    def _end_of_connection(self) -> None:
        names = {name.lower() for name, _ in self._headers}
        if names & {b"content-length", b"transfer-encoding"}:
            raise RemoteProtocolError("the server closed the connection before the end")
        self._on_end()

    def end(self) -> bool:
        """Release the parser; return whether the connection can be used again."""
        self._parser = None  # it has a reference to this object
        return self._is_reusable

    def on_message_begin(self) -> None:
        self._is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # else it is a trailer
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        if self._status:  # data behind the response
            return
        self._overhead = 0
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
        else:
            self._headers.clear()

    def on_message_complete(self) -> None:
        if self._status and not self._is_complete:
            self._is_reusable = self._parser.should_keep_alive()
            self._on_end()

    def _on_end(self) -> None:
        self._is_complete = True
        self._last_pieces = len(self._pieces)
