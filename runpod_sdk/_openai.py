"""Configure OpenAI's client for an endpoint."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from runpod_sdk._environment import key_from_function
from runpod_sdk._secret import Secret
from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config

_ACCOUNT = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}
"""
Arguments of OpenAI's clients, and their headers. Without them, the clients would send
`OPENAI_ORG_ID` and `OPENAI_PROJECT_ID` to RunPod.
"""


def base_url(config: Config, endpoint_id: str) -> str:
    """Return the base URL of an endpoint's OpenAI-compatible API."""
    return f"{config.base_url}/{quote(endpoint_id, safe='')}/openai/v1"


def make(
    name: str,
    config: Config,
    endpoint_id: str,
    options: dict[str, Any],
    authorize: Callable[[str], dict[str, str]],
) -> Any:
    """
    Create a client of OpenAI's package.

    Args:
        authorize: Returns the header of an API key.

    Raises:
        ConfigurationError: The package is not installed.
    """
    try:
        import openai
        from openai._types import Omit  # public in newer versions only
    except ImportError as missing:
        raise ConfigurationError(
            'openai() needs the openai package: pip install "runpod_sdk[openai]"'
        ) from missing
    options.setdefault("max_retries", 0)
    headers: dict[str, Any] = {header: Omit() for header in _named_by_environment()}
    for option, header in _ACCOUNT.items():
        headers[header] = options.get(option) or Omit()
    key = Secret(_key(config, name))
    for header, value in authorize(key.reveal()).items():
        headers |= {given: value for given in headers if given.lower() == header.lower()}
    options["default_headers"] = {**headers, **(options.get("default_headers") or {})}
    where = base_url(config, endpoint_id)
    return getattr(openai, name)(api_key=key.reveal(), base_url=where, **options)


def _named_by_environment() -> list[str]:
    """Return the names of the headers that OpenAI's clients read from the environment."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    return [line.partition(":")[0].strip() for line in lines if ":" in line]


def _key(config: Config, name: str) -> str:
    """
    Return the API key; call the `api_key` function once, if there is one.

    Raises:
        ConfigurationError: The function is async, so it cannot be called here.
    """
    if config.key_function is None:
        return config.key().value
    returned = Secret(config.key_function())
    if isinstance(returned.reveal(), str):
        return key_from_function(returned.reveal()).value
    getattr(returned.reveal(), "close", lambda: None)()
    raise ConfigurationError(
        f"openai() needs a key, and api_key=… is an async function: make openai.{name} yourself,"
        " with base_url=endpoint.openai_base_url"
    )
