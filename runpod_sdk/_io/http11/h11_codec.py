"""HTTP/1.1 by h11."""

from __future__ import annotations

from typing import Any, Final

import h11

from runpod_sdk._io.http11.codec import LONGEST_HEAD, ResponseReceiver
from runpod_sdk._io.transport_errors import LocalProtocolError, RemoteProtocolError

_DONE: Final = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


class H11Codec:
    """A codec by h11."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)

    @staticmethod
    def headers(fields: tuple[tuple[str, str], ...]) -> Any:
        """Return headers in h11's form, checked by h11, which is slow."""
        return H11Codec.request("GET", "/", list(fields)).headers

    @staticmethod
    def request(method: str, target: str, headers: Any) -> h11.Request:
        try:
            return h11.Request(method=method, target=target, headers=headers)
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(str(error)) from error

    def start(self, request: h11.Request, content: bytes | None) -> tuple[bytes, bytes]:
        head = self._http.send(request) or b""
        body = b"" if content is None else self._http.send(h11.Data(content)) or b""
        self._http.send(h11.EndOfMessage())
        return head, body

    def receive(self, data: bytes, receiver: ResponseReceiver) -> None:
        self._http.receive_data(data)
        try:
            while not receiver.has_ended and (event := self._next()) is not h11.NEED_DATA:
                if type(event) is h11.Response:  # isinstance is slow with h11's abstract classes
                    receiver.head(event.status_code, event.headers.raw_items())
                elif type(event) is h11.Data:
                    receiver.content(event.data)
                elif type(event) is not h11.InformationalResponse:
                    receiver.end()
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(str(error)) from error

    def _next(self) -> object:
        return self._http.next_event()

    def renew(self) -> bool:
        extra_data, _ = self._http.trailing_data  # it could be mistaken for the next response
        if extra_data or self._http.states != _DONE:
            return False
        self._http.start_next_cycle()
        return True
