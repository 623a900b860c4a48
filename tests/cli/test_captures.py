"""The terminal sessions of docs/command-line.md are what comes now."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.cli.test_help import COMMANDS
from tests.cli.test_process import ROOT

PAGE = ROOT / "docs" / "command-line.md"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_the_sessions_are_up_to_date() -> None:
    """Each command of the page prints what the page shows; else run scripts/captures."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.captures", "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_command_is_shown_at_work() -> None:
    shown = set(re.findall(r"^\$ runpod-sdk ([\w-]+)", PAGE.read_text("utf-8"), re.MULTILINE))
    assert set(COMMANDS) <= shown
