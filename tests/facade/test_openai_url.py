"""The base URL for OpenAI's clients, and the error if there is none."""

from __future__ import annotations

import sys

import pytest

from runpod_sdk import ConfigurationError
from tests.facade.clients import Driver


def test_the_base_url(driver: Driver) -> None:
    """It is below the endpoint, whose id is one segment of it, escaped."""
    client = driver.client(base_url="https://api.test/v2/")
    assert client.endpoint("ep").openai_base_url == "https://api.test/v2/ep/openai/v1"
    assert client.endpoint("a?b").openai_base_url == "https://api.test/v2/a%3Fb/openai/v1"


def test_without_the_package(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigurationError, match=r"runpod_sdk\[openai\]"):
        driver.client().endpoint("ep").openai()
