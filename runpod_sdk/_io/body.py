"""The body of an answer, unpacked, in a bounded space."""

from __future__ import annotations

import time
import zlib
from typing import Final

import httpx

from runpod_sdk._flows.io import Response
from runpod_sdk._io.identity import Identity

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f"
"""What a member begins with."""


class ResponseBody:
    """
    Collects a response's body, up to the maximum size.

    In a response with an error status, a body that cannot be decompressed is ignored, because the
    status is more important.
    """

    def __init__(
        self, identity: Identity, status: int, headers: httpx.Headers, *, unpacked: bool = False
    ) -> None:
        """
        Begin with the answer's head.

        Args:
            identity: That of the client which sent the request.
            unpacked: Whether the pieces come unpacked.

        Raises:
            httpx.DecodingError: It is packed in a way that was not asked for; some of
                them, and one within another, make of a few bytes more than there is memory.
        """
        packing = ""
        if "content-encoding" in headers:  # it seldom is, and `get` takes long to find that out
            packing = headers["content-encoding"].strip().lower()
        self._is_error = status >= 400
        self._is_readable = packing in ("gzip", "x-gzip", "identity", "")
        if not (self._is_readable or self._is_error):
            raise httpx.DecodingError("the response uses a content encoding that was not requested")
        self._gzip = _Gzip() if "gzip" in packing and not unpacked else None
        self._identity = identity
        self._status = status
        self._headers = headers
        self._pieces: list[bytes | bytearray] = []
        self._room = identity.config.max_response_size

    def add(self, piece: bytes | bytearray) -> bool:
        """
        Add a piece; return whether to read more pieces.

        Raises:
            httpx.DecodingError: The piece cannot be decompressed.
        """
        if self._gzip is not None and self._is_readable:
            try:
                piece = self._gzip.unpack(piece, self._room + 1)
            except zlib.error as error:
                self._is_readable = False
                if not self._is_error:
                    raise httpx.DecodingError(f"the gzip data is corrupt: {error}") from error
        if not self._is_readable:
            return False
        self._room -= len(piece)
        self._pieces.append(piece if self._room >= 0 else piece[: self._room])
        return self._room >= 0

    def response(self) -> Response:
        """
        Make the reply of all that was taken.

        Raises:
            httpx.DecodingError: It ends in the middle of what was packed.
        """
        too_large = self._room < 0
        if self._gzip and self._pieces and not (self._gzip.is_whole or too_large or self._is_error):
            raise httpx.DecodingError("the compressed response is incomplete")
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
    """Unpacks gzip: one member after another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def is_whole(self) -> bool:
        return self._member.eof

    def unpack(self, data: bytes | bytearray, most: int) -> bytes:
        """Return what *data* is unpacked, *most* bytes of it."""
        parts = bytearray()
        while data and len(parts) < most:
            if self._member.eof:
                if not data.startswith(_MAGIC):
                    break  # padding
                self._member = zlib.decompressobj(_GZIP)
            parts += self._member.decompress(data, most - len(parts))
            data = self._member.unused_data
        return bytes(parts)
