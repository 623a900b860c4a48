"""Files for outputs, made here: pictures, and a sound."""

from __future__ import annotations

import base64
import io
import math
import struct
import wave
import zlib


def png(width: int = 64, height: int = 48, hue: int = 0) -> bytes:
    """Paint a picture whose colours begin at *hue*."""
    rows = b"".join(
        b"\0"
        + bytes(
            (hue * part + x * 255 // width + y * part) % 256
            for x in range(width)
            for part in (1, 2, 3)
        )
        for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def wav(seconds: float = 0.2) -> bytes:
    """Return a tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        tone = (int(9000 * math.sin(n / 4)) for n in range(int(8000 * seconds)))
        sound.writeframes(b"".join(struct.pack("<h", value) for value in tone))
    return file.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()
