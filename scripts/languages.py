"""
Generate, compile and run clients in other languages, and print a table of the results.

Run by scripts/languages. Each client is generated in a temporary directory, and runs its program
from openapi/languages/ against the local endpoint. The exit status is 0 if all clients that this
machine can compile work, and the other clients have every operation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from attrs import define, field

if __package__ in (None, ""):  # run as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts import language_clients, language_typescript
from scripts.language_clients import PROGRAMS, ROOT, Client, Failed

README = ROOT / "openapi" / "README.md"
BEGIN, END = "<!-- languages -->\n", "<!-- /languages -->\n"
COLUMNS = (
    "exact output", "stream", "unknown status", "unknown member", "nulls", "failed job", "401",
)  # fmt: skip
STEPS = ("run", *COLUMNS)
FINE = ("ok", "kept", "survived")


@define
class Row:
    client: Client
    compiled: str = "no"
    steps: dict[str, str] = field(factory=dict)
    said: str = ""

    @property
    def good(self) -> bool:
        only_made = self.compiled.startswith("not tried") and not self.said
        return only_made or all(self.steps.get(step) in FINE for step in STEPS)

    def cells(self) -> tuple[str, ...]:
        client = self.client
        ran = "yes" if self.steps else "-"
        found = [self._cell(step) for step in COLUMNS]
        return (
            client.language,
            client.generator,
            client.form,
            self.compiled,
            ran,
            *found,
            client.note,
        )

    def _cell(self, step: str) -> str:
        if not self.steps:
            return "-"
        said = self.steps.get(step, "")
        if said not in FINE:
            return "no"
        return {"ok": "kept" if step == "unknown status" else "yes"}.get(said, said)


def attempt(row: Row, where: Path, reached: Mapping[str, str]) -> None:
    """Compile and run the client in *where*, as far as this machine can."""
    client = row.client
    try:
        if client.missing() is not None:
            lacking = language_clients.lacks_operations(where)
            total = len(language_clients.operations())
            row.compiled = f"not tried: {total - len(lacking)} of {total} operations are there"
            row.said = f"has no {', '.join(lacking)}" if lacking else ""
            return
        client.compile(where)
        row.compiled = "yes"
        done = subprocess.run(
            [str(part) for part in client.command(where)],
            cwd=where,
            env={**os.environ, **reached},
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )
        lines = [line.partition(": ") for line in done.stdout.splitlines()]
        row.steps = {name: said for name, _, said in lines}
        if not row.good or done.returncode != 0:
            row.said = done.stdout + done.stderr
    except (Failed, subprocess.TimeoutExpired) as failure:
        row.said = str(failure)


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Run the programs' server; yield the environment variables with its address."""
    command = [sys.executable, str(PROGRAMS / "server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        reached: dict[str, str] = json.loads(process.stdout.readline())
        try:
            yield reached
        finally:
            process.stdin.close()
            process.wait(timeout=10)


def run(clients: list[Client]) -> list[Row]:
    """Generate all clients, one per core at a time; then compile and run each."""
    rows = [Row(client) for client in clients]
    with serving() as reached, tempfile.TemporaryDirectory() as directory:
        places = [
            Path(directory, "TypeScript" if row.client.language == "TypeScript" else str(index))
            for index, row in enumerate(rows)
        ]
        for place in places:
            place.mkdir(exist_ok=True)

        def generate(row: Row, where: Path) -> None:
            print(f"{row.client.language}: {row.client.generator}", file=sys.stderr, flush=True)
            try:
                row.client.generate(where)
            except (Failed, subprocess.TimeoutExpired) as failure:
                row.said = str(failure)

        configs = {
            index: config
            for index, (row, where) in enumerate(zip(rows, places, strict=True))
            if (config := row.client.config(where)) is not None
        }
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            others = pool.map(generate, rows, places)
            if configs:
                try:
                    language_clients.openapi_generator([*configs.values()], Path(directory))
                except (Failed, subprocess.TimeoutExpired) as failure:
                    for index in configs:
                        rows[index].said = str(failure)
            list(others)
        for row, where in zip(rows, places, strict=True):
            if not row.said:
                attempt(row, where, reached)
    return rows


def table(rows: list[Row]) -> str:
    head = ("language", "generator", "form", "compiled", "ran", *COLUMNS, "set")
    lines = [head, tuple("---" for _ in head), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", help="such as typescript or go; without any, all")
    parser.add_argument("--page", action="store_true", help="write the table to openapi/README.md")
    parser.add_argument("--node", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True)
    given = parser.parse_args()
    clients: list[Client] = [
        *language_typescript.typescript(given.node, given.modules),
        *language_clients.python(),
        *language_clients.targets(),
    ]
    known = {client.language.lower() for client in clients}
    wanted = set(given.languages) or known
    if wanted - known:
        parser.error(f"no such language: {', '.join(sorted(wanted - known))}")
    if find_spec("runpod_sdk") is None:
        parser.error("run scripts/languages, which makes the environment")
    rows = run([client for client in clients if client.language.lower() in wanted])
    for row in rows:
        if row.said:
            print(f"\n{row.client.language}, {row.client.generator}:\n{row.said}", file=sys.stderr)
    text = table(rows)
    print(text, end="")
    if given.page:
        before, _, rest = README.read_text("utf-8").partition(BEGIN)
        README.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", "utf-8")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
