"""`AsyncClientSession`, as in the `http_client` module of RunPod's own package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

__all__ = ["AsyncClientSession"]


def AsyncClientSession(*args: Any, **kwargs: Any) -> aiohttp.ClientSession:
    """
    Return an aiohttp session for `AsyncioEndpoint`; the caller closes it.

    Unlike the session of RunPod's own package, this session does not contain the API key: the
    endpoint adds it to its requests.
    """
    import aiohttp

    timeout = aiohttp.ClientTimeout(600)
    return aiohttp.ClientSession(
        *args, **{"connector": aiohttp.TCPConnector(limit=0), "timeout": timeout, **kwargs}
    )


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        from runpod_sdk.compat._shared import missing

        raise missing(f"runpod_sdk.compat.http_client has no {name!r}: use httpx instead")
