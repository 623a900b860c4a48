"""
Make, compile and run clients in other languages, and print a table of what came of it.

Run by scripts/languages. What openapi/languages/ has for a language is copied beside the
client that is made for it in a temporary directory. Exit status 0 if all that this machine
can compile works; what it cannot compile is made all the same, and said to be only that.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from attrs import define, frozen

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "openapi" / "runpod-serverless.yaml"
DOCUMENT_3_0 = ROOT / "openapi" / "dist" / "runpod-serverless-3.0.yaml"
PROGRAMS = ROOT / "openapi" / "languages"
STEPS = ("run", "wait", "stream", "unknown status", "failed job", "401")
BIN = Path(sys.executable).parent


class Failed(Exception):
    """A tool ended badly; the argument is what it said."""


def call(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{command[0]}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


class Client(Protocol):
    """One row of the table; each method works in the directory *where*."""

    @property
    def language(self) -> str: ...

    @property
    def generator(self) -> str: ...

    def missing(self) -> str | None:
        """Name the compiler that this machine lacks."""

    def generate(self, where: Path) -> None: ...
    def compile(self, where: Path) -> None: ...
    def command(self, where: Path) -> list[str | Path]: ...


@frozen
class TypeScript:
    generator: str
    program: str
    node: Path
    modules: Path
    language: str = "TypeScript"

    def missing(self) -> None:
        return None

    def generate(self, where: Path) -> None:
        shutil.copytree(PROGRAMS / "typescript", where, dirs_exist_ok=True)
        (where / "node_modules").symlink_to(self.modules)
        if self.program == "hey-api":
            settings = {"DOCUMENT": str(DOCUMENT)}
            call(*self._tool("openapi-ts"), "-f", "openapi-ts.config.mjs", cwd=where, env=settings)
        else:
            call(*self._tool("openapi-typescript"), DOCUMENT, "-o", "made/schema.d.ts", cwd=where)

    def compile(self, where: Path) -> None:
        settings = json.loads((where / "tsconfig.json").read_text())
        settings["files"] = [f"{self.program}.ts"]
        (where / "tsconfig.json").write_text(json.dumps(settings))
        call(*self._tool("tsc"), cwd=where)

    def command(self, where: Path) -> list[str | Path]:
        return [self.node, where / "compiled" / f"{self.program}.js"]

    def _tool(self, name: str) -> tuple[Path, Path]:
        return self.node, self.modules / ".bin" / name


def openapi_generator(generator: str, where: Path, **properties: str) -> None:
    given = ",".join(f"{key}={value}" for key, value in properties.items())
    call(
        BIN / "openapi-generator-cli", "generate", "-i", DOCUMENT_3_0, "-g", generator,
        "-o", where, f"--additional-properties={given}",
        cwd=where,
    )  # fmt: skip


@frozen
class Go:
    language: str = "Go"
    generator: str = "openapi-generator (go)"

    def missing(self) -> str | None:
        return None if (BIN / "go").exists() or shutil.which("go") else "go"

    def generate(self, where: Path) -> None:
        # With prefixes, as both enums have a FAILED.
        openapi_generator("go", where, packageName="runpod", enumClassPrefix="true")
        module = where / "go.mod"
        head, _, rest = module.read_text().partition("\n")
        assert head.startswith("module ")
        module.write_text(f"module example.com/runpod\n{rest}")
        (where / "go.sum").unlink(missing_ok=True)
        shutil.copytree(PROGRAMS / "go", where / "program")

    def compile(self, where: Path) -> None:
        go = BIN / "go" if (BIN / "go").exists() else "go"
        settings = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
        call(go, "build", "-o", where / "compiled", "./program", cwd=where, env=settings)

    def command(self, where: Path) -> list[str | Path]:
        return [where / "compiled"]


@frozen
class Java:
    language: str = "Java"
    generator: str = "openapi-generator (java, native)"

    def missing(self) -> str | None:
        return None if shutil.which("javac") else "javac"

    def generate(self, where: Path) -> None:
        openapi_generator(
            "java",
            where,
            library="native",
            openApiNullable="false",
            useJakartaEe="false",
            invokerPackage="ai.runpod.client",
            apiPackage="ai.runpod.client.api",
            modelPackage="ai.runpod.client.model",
        )

    def compile(self, where: Path) -> None:
        sources = [*(where / "src/main").rglob("*.java"), *(PROGRAMS / "java").rglob("*.java")]
        call(
            "javac",
            "-nowarn",
            "-cp",
            self._jackson(),
            "-d",
            where / "compiled",
            *sources,
            cwd=where,
        )

    def command(self, where: Path) -> list[str | Path]:
        return ["java", "-cp", f"{where / 'compiled'}{os.pathsep}{self._jackson()}", "Program"]

    def _jackson(self) -> Path:
        """The generator's own jar, which has the Jackson that the client is made for."""
        for path in files("openapi-generator-cli") or ():
            if path.suffix == ".jar":
                return Path(str(path.locate()))
        raise Failed("openapi-generator-cli has no jar")


@frozen
class Python:
    language: str = "Python"
    generator: str = "openapi-generator (python, pydantic)"

    def missing(self) -> None:
        return None

    def generate(self, where: Path) -> None:
        openapi_generator("python", where, packageName="other_client")
        shutil.copy(PROGRAMS / "python" / "program.py", where)

    def compile(self, where: Path) -> None:
        call(sys.executable, "-m", "compileall", "-q", where / "other_client", cwd=where)
        call(sys.executable, "-c", "import other_client, other_client.api", cwd=where)

    def command(self, where: Path) -> list[str | Path]:
        return [sys.executable, where / "program.py"]


@define
class Row:
    client: Client
    compiled: str = "no"
    ran: str = "no"
    worked: int = 0
    said: str = ""

    @property
    def good(self) -> bool:
        return self.worked == len(STEPS) or self.compiled.startswith("only made")

    def cells(self) -> tuple[str, ...]:
        worked = f"{self.worked} of {len(STEPS)}" if self.ran == "yes" else "-"
        return self.client.language, self.client.generator, self.compiled, self.ran, worked


def attempt(client: Client, where: Path, reached: Mapping[str, str]) -> Row:
    """Make, compile and run one client, as far as it goes."""
    row = Row(client)
    try:
        client.generate(where)
        lacking = client.missing()
        if lacking is not None:
            row.compiled = f"only made: no {lacking} here"
            return row
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
        row.ran = "yes"
        lines = done.stdout.splitlines()
        row.worked = sum(f"{step}: ok" in lines for step in STEPS)
        if done.returncode != 0 or row.worked != len(STEPS):
            row.said = done.stdout + done.stderr
            row.worked = min(row.worked, len(STEPS) - 1)
    except (Failed, subprocess.TimeoutExpired) as failure:
        row.said = str(failure)
    return row


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Run the other side; give the environment that leads to it."""
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


def table(rows: list[tuple[str, ...]]) -> str:
    head = ("language", "generator", "compiled", "ran", "operations that worked")
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", help="typescript, go, java, python; all without")
    parser.add_argument("--node", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True)
    given = parser.parse_args()
    node = {"node": given.node, "modules": given.modules}
    clients: list[Client] = [
        TypeScript("openapi-typescript, openapi-fetch", "openapi-fetch", **node),
        TypeScript("hey-api", "hey-api", **node),
        Go(),
        Java(),
        Python(),
    ]
    known = {client.language.lower() for client in clients}
    wanted = set(given.languages) or known
    if wanted - known:
        parser.error(f"no such language: {', '.join(sorted(wanted - known))}")
    if find_spec("runpod_sdk") is None:
        parser.error("run scripts/languages, which makes the environment")

    rows: list[Row] = []
    with serving() as reached, tempfile.TemporaryDirectory() as directory:
        for index, client in enumerate(clients):
            if client.language.lower() in wanted:
                print(f"{client.language}: {client.generator}", file=sys.stderr, flush=True)
                where = Path(directory, str(index))
                where.mkdir()
                rows.append(attempt(client, where, reached))
    for row in rows:
        if row.said:
            print(f"\n{row.client.language}, {row.client.generator}:\n{row.said}", file=sys.stderr)
    print(table([row.cells() for row in rows]))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
