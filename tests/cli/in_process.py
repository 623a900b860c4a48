"""The command in this process, where neither a signal nor a terminal is tested."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from runpod_sdk.cli.app import command


@dataclass
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str, stdin: str | bytes | None = None, **environment: str) -> Ended:
    """Run the command; what is no exit is raised."""
    with CliRunner().isolation(stdin, environment) as (out, err, _):
        try:
            command()(arguments, prog_name="runpod-sdk")
        except SystemExit as end:
            status = end.code
        sys.stdout.flush()
        sys.stderr.flush()
        return Ended(int(status or 0), out.getvalue().decode(), err.getvalue().decode())
