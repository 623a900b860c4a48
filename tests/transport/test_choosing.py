"""The argument `transport`, and its errors if the transport is not available."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import anyio
import httpx
import pytest

from runpod_sdk import AsyncRunpod, ConfigurationError, Runpod

KEY = "rpa_CANARY0123456789"


def test_a_transport_that_there_is_not() -> None:
    """An unknown name is refused, and the error lists the valid names."""
    wrong: Any = "curl"
    with pytest.raises(ValueError, match='"direct", "httpx" or "aiohttp"'):
        AsyncRunpod(KEY, transport=wrong)
    with pytest.raises(ValueError, match='"direct" or "httpx"'):
        Runpod(KEY, transport=wrong)


def test_a_callers_client_has_its_own() -> None:
    """`http_client` and `transport` cannot be combined."""
    pytest.importorskip("aiohttp")
    with pytest.raises(ValueError, match="not both"):
        AsyncRunpod(KEY, http_client=httpx.AsyncClient(), transport="aiohttp")


def test_aiohttp_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error says what to install."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "runpod_sdk._io.aiohttp_client", raising=False)
    with pytest.raises(ConfigurationError, match=r"runpod_sdk\[aiohttp\]"):
        AsyncRunpod(KEY, transport="aiohttp")


def test_aiohttp_needs_asyncio() -> None:
    """Under trio the first call raises the error; nothing is sent."""
    pytest.importorskip("aiohttp")

    async def main() -> None:
        async with AsyncRunpod(KEY, transport="aiohttp", base_url="http://127.0.0.1:1") as client:
            with pytest.raises(ConfigurationError, match="asyncio"):
                await client.endpoint("ep").health()

    anyio.run(main, backend="trio")


def test_a_pickled_client_goes_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled client keeps its transport."""
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    revived = pickle.loads(pickle.dumps(AsyncRunpod(KEY, transport="aiohttp")))

    async def main() -> None:
        with pytest.raises(ConfigurationError, match="asyncio"):
            await revived.endpoint("ep").health()

    anyio.run(main, backend="trio")
