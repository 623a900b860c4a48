"""Fixtures of the tests of faults, and the table of tried cases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.facade.conftest import no_configuration
from tests.faults.modes import MODES, TALLY
from tests.faults.virtual_time import TIME

__all__ = ["no_configuration"]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Run the test in each of the three modes."""
    name: str = request.param
    return name


@pytest.fixture
def virtual_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the test's clients and servers share a clock that jumps; uvloop has its own clock."""
    test = getattr(request.node, "callspec", None)
    with nullcontext() if test and test.params.get("mode") == "uvloop" else TIME.running():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of tried cases, if `scripts/faults` requests it."""
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
