"""OpenAI's own client, pointed at an endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from runpod_sdk.errors import ConfigurationError
from runpod_sdk.settings import Config


def base_url(config: Config, endpoint_id: str) -> str:
    """Return where an endpoint takes OpenAI's requests."""
    return f"{config.base_url}/{quote(endpoint_id, safe='')}/openai/v1"


def make(name: str, config: Config, endpoint_id: str, options: dict[str, Any]) -> Any:
    """
    Make a client of OpenAI's package.

    Raises:
        ConfigurationError: The package is not installed.
    """
    try:
        import openai
    except ImportError as missing:
        raise ConfigurationError(
            'openai() needs the openai package: pip install "runpod_sdk[openai]"'
        ) from missing
    options.setdefault("max_retries", 0)
    where = base_url(config, endpoint_id)
    return getattr(openai, name)(api_key=config.api_key, base_url=where, **options)
