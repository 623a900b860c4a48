"""The command, run in this process against a local endpoint."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.handlers.mock import handler
from runpod_sdk.cli import history
from runpod_sdk.local import LocalEndpoint
from tests.cli.in_process import Ended, run


@pytest.fixture(autouse=True)
def history_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep the history of whoever runs the tests out of it, and what they do out of that."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    if sys.platform == "darwin":
        monkeypatch.setenv("HOME", str(tmp_path))
    return history.directory()


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=2, return_aggregate_stream=True) as endpoint:
        yield endpoint


@pytest.fixture
def environment(local: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the variables that point a client to the local endpoint."""
    variables = {
        "RUNPOD_ENDPOINT_BASE_URL": local.base_url,
        "RUNPOD_ENDPOINT_ID": local.endpoint_id,
        "RUNPOD_API_KEY": local.api_key,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def command(local: LocalEndpoint, environment: dict[str, str]) -> Callable[..., Ended]:
    """Run the command with some arguments; the key must not show in what it prints."""

    def run_without_key(*arguments: str, stdin: str | None = None) -> Ended:
        ended = run(*arguments, stdin=stdin)
        assert local.api_key not in ended.out + ended.err
        return ended

    return run_without_key
