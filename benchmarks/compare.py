"""
Measure this package beside its peers, in turns, against one server.

    scripts/bench [--rounds N] [--full] [--only SCENARIO] [--json FILE | --read FILE] [--page]

Each measurement is a process of its own. A round measures everything once, so that a busy
machine is busy for all; a figure is the ratio within each round, of which the median and
the spread over the rounds are printed. `--full` adds what takes minutes: 20,000 jobs at
2,000 in flight, and a map over a million inputs. `--json` keeps all that was measured,
`--read` takes it from there. `--page` writes the table of docs/benchmarks.md anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import runs
from benchmarks.figure import Rounds
from benchmarks.figures import figures

PAGE = runs.ROOT / "docs/benchmarks.md"
BEGIN, END = "<!-- written by scripts/bench --page -->", "<!-- end -->"

ASYNC = ("ours", "ours, aiohttp", "httpx", "aiohttp", "official", runs.JAVASCRIPT)
SYNC = ("ours, sync", "httpx, sync", "official, sync")
COURSE: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]] = {
    "status": ("status", (300,), (*SYNC, *ASYNC, "ours, plain, sync", "ours, plain")),
    "latency": ("latency", (15,), (*SYNC, *ASYNC)),
    "stream": ("stream", (40,), (*SYNC, *ASYNC)),
    "2,000 jobs at 100": ("crowd", (2_000, 100), (*ASYNC, "ours, plain")),
    "4,000 jobs at 50": ("crowd", (4_000, 50), ("ours", "ours, aiohttp", "aiohttp")),
    "large": ("large", (5,), (*runs.OURS, "httpx")),
}
FULL = {
    "20,000 jobs at 2,000": ("crowd", (20_000, 2_000), ("ours", "ours, aiohttp", "aiohttp")),
}


def scenarios(
    server: runs.Reference, full: bool, first: bool
) -> dict[str, Callable[[], dict[str, Any]]]:
    """List what a round measures; what memory a map takes, which is always the same, the first."""
    official = os.environ["RUNPOD_OFFICIAL_PYTHON"]
    many = 1_000_000 if full else 30_000

    def course(name: str) -> dict[str, Any]:
        scenario, numbers, clients = {**COURSE, **FULL}[name]
        return {one: runs.measure(one, scenario, server, *numbers) for one in clients}

    def starts(codes: dict[str, str]) -> dict[str, Any]:
        pythons = {"official": official}
        return {
            name: runs.start(code, pythons.get(name, sys.executable))
            for name, code in codes.items()
        }

    def mapping() -> dict[str, Any]:
        measured: dict[str, Any] = {
            "many": many,
            "without": runs.map_jobs(server, 2_000, 100, journal=False),
            "journal": runs.map_jobs(server, 2_000, 100, journal=True),
        }
        if first:
            measured["memory, few"] = runs.map_memory(10_000)
            measured["memory, many"] = runs.map_memory(many)
        return measured

    def flights() -> dict[str, Any]:
        return {
            mode: {
                "many": runs.flight(mode, server, 10_000, 10_000, 20_000),
                "few": runs.flight(mode, server, 10_000, 100, 20),
            }
            for mode in ("sync", "async", "raw")
        }

    firsts = (*runs.OURS, "httpx, sync", "httpx", "official, sync", runs.JAVASCRIPT)
    names = {**COURSE, **(FULL if full else {})}
    return {
        "import": lambda: starts(runs.IMPORTS),
        "first client": lambda: starts(runs.FIRST_CLIENTS),
        "first result": lambda: {one: runs.first_result(one, server) for one in firsts},
        **{name: lambda name=name: course(name) for name in names},  # type: ignore[misc]
        "map": mapping,
        "local": lambda: runs.local_jobs(40_000),
        **({"flight": flights} if full else {}),
    }


def measure(rounds: int, full: bool, only: str | None) -> Rounds:
    """Measure everything, so often."""
    measured: Rounds = []
    with runs.reference() as server:
        for number in range(rounds):
            one: dict[str, Any] = {}
            for name, run in scenarios(server, full, number == 0).items():
                if only in (None, name):
                    print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
                    one[name] = run()
            measured.append(one)
    return measured


def circumstances(rounds: int) -> dict[str, Any]:
    """Say when, where and of what versions."""
    named = ("httpx", "httpcore", "h11", "anyio", "aiohttp")
    python = os.environ["RUNPOD_OFFICIAL_PYTHON"]
    ask = "from importlib.metadata import version; print(version('runpod'))"
    package = Path(os.environ["RUNPOD_OFFICIAL_JS"], "runpod-sdk/package.json")
    if not package.exists():
        package = Path(os.environ["RUNPOD_OFFICIAL_JS"], "node_modules/runpod-sdk/package.json")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": f"CPython {platform.python_version()}",
        "rounds": rounds,
        "versions": {
            "runpod_sdk": version("runpod_sdk"),
            **{name: version(name) for name in named},
            "runpod": _said(python, "-c", ask),
            "runpod-sdk": json.loads(package.read_text())["version"],
            "Node.js": _said(os.environ["RUNPOD_OFFICIAL_NODE"], "--version").removeprefix("v"),
        },
    }


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def table(measured: Rounds, about: dict[str, Any]) -> str:
    """Write the table."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return "\n".join(
        [
            f"{about['date']}, {about['machine']}, {about['python']}, {about['rounds']} rounds;",
            f"{versions}.",
            "",
            "| measurement | median | spread | bound | within bound |",
            "|---|---|---|---|---|",
            *[figure.row() for figure in figures(measured)],
        ]
    )


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--read", type=Path)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    if asked.read:
        about = json.loads(asked.read.read_text())
        measured = about["measured"]
    else:
        measured = measure(asked.rounds, asked.full, asked.only)
        about = circumstances(asked.rounds)
    text = table(measured, about)
    print(text)
    if asked.json:
        asked.json.write_text(json.dumps({**about, "measured": measured}, indent=1))
    if asked.page:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
