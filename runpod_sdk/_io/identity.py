"""The API key and the headers of each request of a client."""

from __future__ import annotations

import sys

from runpod_sdk._environment import ApiKey
from runpod_sdk._version import __version__
from runpod_sdk.settings import Config

_USER_AGENT = f"runpod_sdk/{__version__} python/{'.'.join(map(str, sys.version_info[:3]))}"


class Identity:
    """The identity of a client: its API key, and the headers of each request."""

    __slots__ = ("config", "headers", "key")

    def __init__(self, config: Config, key: ApiKey) -> None:
        from runpod_sdk._flows.api import authorization

        self.config = config
        self.key = key
        self.headers: dict[str, str] = {
            "user-agent": _USER_AGENT,
            "accept": "application/json",
            "accept-encoding": "gzip",
            **config.default_headers,
            **authorization(key.value),
        }
        """The only headers that contain the API key."""
