"""The command, run in this process against a local endpoint."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from examples.handlers.mock import handler
from runpod_sdk.cli import history
from runpod_sdk.cli.app import app
from runpod_sdk.local import LocalEndpoint


@dataclass
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


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

    def run(*arguments: str, stdin: str | None = None) -> Ended:
        result = CliRunner().invoke(app, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert local.api_key not in result.stdout + result.stderr
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run
