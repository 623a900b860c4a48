"""Fixtures of the tests of faults, and the table of what they tried."""

from __future__ import annotations

import os

import pytest

from tests.faults.modes import MODES, TALLY


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Run the test in each of the three modes."""
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def no_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hide the configuration of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    monkeypatch.delenv("RUNPOD_ENDPOINT_BASE_URL", raising=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases were tried, where `scripts/faults` asks for it."""
    if os.environ.get("FAULTS_TABLE"):
        terminalreporter.write_line("")
        terminalreporter.write_line(tally())


def tally() -> str:
    """Write the table: a line for each fault, a column for each operation, `sync/asyncio/trio`."""
    faults = list(dict.fromkeys(fault for fault, _, _ in TALLY))
    operations = list(dict.fromkeys(operation for _, operation, _ in TALLY))
    lines = [["fault", *operations]]
    for fault in faults:
        cells = [
            "/".join(str(TALLY[fault, operation, mode]) for mode in MODES)
            for operation in operations
        ]
        lines.append([fault, *("" if set(cell) <= set("0/") else cell for cell in cells)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return f"{text}\n\n{TALLY.total()} cases, each cell {'/'.join(MODES)}"
