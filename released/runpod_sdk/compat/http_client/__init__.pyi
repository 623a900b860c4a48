"""Public names of `runpod_sdk.compat.http_client`; written by scripts/release."""


def AsyncClientSession(*args: Any, **kwargs: Any) -> aiohttp.ClientSession: ...
