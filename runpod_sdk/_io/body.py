"""The body of a response, decompressed up to a maximum size."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from typing import Final

from runpod_sdk._flows.io import Response
from runpod_sdk._headers import ResponseHeaders
from runpod_sdk._io.identity import Identity
from runpod_sdk._io.transport_errors import DecodingError, RemoteProtocolError

_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_START: Final = b"\x1f"
"""The first byte of a gzip member."""


class ResponseBody:
    """
    Collects a response's body, up to the maximum size.

    In a response with an error status, a body that cannot be decompressed is ignored, because the
    status is more important.
    """

    def __init__(
        self,
        identity: Identity,
        status: int,
        headers: Sequence[tuple[bytes, bytes]],
        *,
        unpacked: bool = False,
    ) -> None:
        """
        Start with the response's head.

        Args:
            identity: The client's identity.
            headers: The names and values of the headers, as they were received.
            unpacked: Whether the pieces are decompressed already.

        Raises:
            RemoteProtocolError: The status is none of a final response, such as 101, by which the
                server switches to a protocol that was not requested.
            DecodingError: The content encoding was not requested. Some encodings, and
                nested ones, can expand a few bytes to more than the available memory.
        """
        if status < 200:
            raise RemoteProtocolError(f"status {status} in place of a final response")
        self._headers = ResponseHeaders.received(headers)
        encoding = ""
        if "content-encoding" in self._headers:
            encoding = self._headers["content-encoding"].strip().lower()
        self._is_error = status >= 400
        self._is_readable = encoding in ("gzip", "x-gzip", "identity", "")
        if not (self._is_readable or self._is_error):
            raise DecodingError("the response uses a content encoding that was not requested")
        self._gzip = _Gzip() if "gzip" in encoding and not unpacked else None
        self._identity = identity
        self._status = status
        self._pieces: list[bytes | bytearray] = []
        self._left = identity.config.max_response_size

    def add(self, piece: bytes | bytearray) -> bool:
        """
        Add a piece; return whether to read more pieces.

        Raises:
            DecodingError: The piece cannot be decompressed.
        """
        if self._gzip is not None and self._is_readable:
            try:
                piece = self._gzip.unpack(piece, self._left + 1)
            except zlib.error as error:
                self._is_readable = False
                if not self._is_error:
                    raise DecodingError(f"the gzip data is corrupt: {error}") from error
        if not self._is_readable:
            return False
        self._left -= len(piece)
        self._pieces.append(piece if self._left >= 0 else piece[: self._left])
        return self._left >= 0

    def response(self) -> Response:
        """
        Return the response with the collected body.

        Raises:
            DecodingError: The compressed data is incomplete.
        """
        too_large = self._left < 0
        if self._gzip and self._pieces and not (self._gzip.is_whole or too_large or self._is_error):
            raise DecodingError("the compressed response is incomplete")
        return Response(
            self._status,
            self._headers,
            b"".join(self._pieces),
            too_large=too_large,
            received=time.time(),
            secrets=(self._identity.key.value,),
            base_url=self._identity.config.base_url,
            key_origin=self._identity.key.origin if self._status in (401, 403) else "",
        )


class _Gzip:
    """Decompresses gzip, one member after another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    def unpack(self, data: bytes | bytearray, most: int) -> bytes:
        """Return *data* decompressed, at most *most* bytes."""
        parts = bytearray()
        while data and len(parts) < most:
            if self._member.eof:
                if not data.startswith(_GZIP_START):
                    break  # padding
                self._member = zlib.decompressobj(_GZIP)
            parts += self._member.decompress(data, most - len(parts))
            data = self._member.unused_data
        return bytes(parts)
