"""The clients of scripts/languages, except TypeScript: generate, compile and run each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import files
from pathlib import Path
from typing import Any, Protocol

import yaml
from attrs import field, frozen

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "openapi" / "runpod-serverless.yaml"
DOCUMENT_3_0 = ROOT / "openapi" / "dist" / "runpod-serverless-3.0.yaml"
PROGRAMS = ROOT / "openapi" / "languages"
BIN = Path(sys.executable).parent
REQUIREMENTS = ("languages.txt", "generate.in")
TIMEOUT = 300.0


class Failed(Exception):
    """A tool failed; the argument is its output."""


def call(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        text=True,
        capture_output=True,
        timeout=TIMEOUT,
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

    @property
    def form(self) -> str:
        """The version of OpenAPI from which the client is generated."""

    @property
    def note(self) -> str:
        """The settings that its users need."""

    def missing(self) -> str | None:
        """Return the tools that this machine lacks to compile and run the client."""

    def config(self, where: Path) -> dict[str, Any] | None:
        """Return the client's configuration of openapi-generator, if that generates it."""

    def generate(self, where: Path) -> None: ...
    def compile(self, where: Path) -> None: ...
    def command(self, where: Path) -> list[str | Path]: ...


def operations() -> list[str]:
    """Return the operationIds of the document."""
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    return [o["operationId"] for item in document["paths"].values() for o in item.values()]


def lacks_operations(where: Path) -> list[str]:
    """Return the operations that a generated client lacks, in any spelling."""
    suffixes = {".md", ".yaml", ".yml", ".json"}  # documentation, and the document itself
    found = [path for path in where.rglob("*") if path.is_file() and path.suffix not in suffixes]
    text = "\n".join(path.read_text("utf-8", "replace") for path in found)
    squashed = re.sub(r"[^a-z0-9\n]", "", re.sub(r"[(<\s]", "\n", text).lower())
    words = {word for word in squashed.split("\n") if len(word) < 80}
    names = [name.replace("_", "") for name in operations()]
    lacking = []
    for name in operations():
        own = name.replace("_", "")
        longer = [other for other in names if own in other and other != own]  # run_job_sync
        if not any(own in w and not any(other in w for other in longer) for w in words):
            lacking.append(name)
    return lacking


def pinned(package: str) -> str:
    """Return the version of a package in requirements/."""
    asked = [(ROOT / "requirements" / name).read_text("utf-8") for name in REQUIREMENTS]
    (found,) = re.findall(rf"^{re.escape(package)}==(\S+)", "\n".join(asked), re.MULTILINE)
    return str(found)


def openapi_generator_config(
    generator: str, output: Path, properties: Mapping[str, str]
) -> dict[str, Any]:
    """Return what openapi-generator reads to generate one client into *output*."""
    return {
        "generatorName": generator,
        "inputSpec": str(DOCUMENT_3_0),
        "outputDir": str(output),
        "additionalProperties": dict(properties),
    }


def openapi_generator(configs: list[dict[str, Any]], where: Path) -> None:
    """Generate all clients of openapi-generator in one process: Java takes seconds to start."""
    paths = [where / f"{number}.json" for number in range(len(configs))]
    for path, config in zip(paths, configs, strict=True):
        path.write_text(json.dumps(config), "utf-8")
    call(BIN / "openapi-generator-cli", "batch", *paths, cwd=where)


def openapi_generator_name(target: str) -> str:
    return f"openapi-generator {pinned('openapi-generator-cli')} ({target})"


@frozen
class Python:
    program: str
    package: str
    _generate: Callable[[Path], None] | None = None
    """What neither openapi-generator's batch nor `scripts/generate` does, if anything."""
    form: str = "3.1"
    note: str = ""
    language: str = "Python"

    @property
    def generator(self) -> str:
        if self.package == "openapi-generator-cli":
            return openapi_generator_name("python")
        return f"{self.package} {pinned(self.package)}"

    def missing(self) -> None:
        return None

    def config(self, where: Path) -> dict[str, Any] | None:
        if self.package == "openapi-generator-cli":
            return openapi_generator_config("python", where, {"packageName": "other_client"})
        return None

    def generate(self, where: Path) -> None:
        if self._generate is not None:
            self._generate(where)
        shutil.copytree(PROGRAMS / "python", where, dirs_exist_ok=True)

    def compile(self, where: Path) -> None:
        call(sys.executable, "-m", "compileall", "-q", where, cwd=where)

    def command(self, where: Path) -> list[str | Path]:
        return [sys.executable, where / f"{self.program}.py"]


def _datamodels(where: Path) -> None:
    call(
        BIN / "datamodel-codegen", "--input", DOCUMENT, "--input-file-type", "openapi",
        "--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin",
        "--output", where / "models.py",
        cwd=where,
    )  # fmt: skip


def python() -> list[Python]:
    return [
        Python("openapi_generator", "openapi-generator-cli", form="3.0"),
        Python("openapi_python_client", "openapi-python-client",
               note="the client of this repository is built on it"),
        Python("datamodel_code_generator", "datamodel-code-generator", _datamodels,
               note="models only, with httpx"),
    ]  # fmt: skip


@frozen
class Target:
    """A target of openapi-generator, compiled and run if the tools are installed."""

    language: str
    target: str
    properties: Mapping[str, str] = field(factory=dict)
    needs: tuple[tuple[str, ...], ...] = ()
    """Commands that must succeed before the client is compiled and run."""
    note: str = ""
    form: str = "3.0"

    @property
    def generator(self) -> str:
        return openapi_generator_name(self.target)

    def missing(self) -> str | None:
        if not self.needs:
            return "compiler"
        for command in self.needs:
            found = shutil.which(command[0], path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
            if (
                found is None
                or subprocess.run([found, *command[1:]], capture_output=True).returncode
            ):
                return " ".join(command)
        return None

    def config(self, where: Path) -> dict[str, Any]:
        return openapi_generator_config(self.target, where, self.properties)

    def generate(self, where: Path) -> None:
        programs = PROGRAMS / self.language.lower()
        if programs.exists():
            shutil.copytree(programs, where / "program")

    def compile(self, where: Path) -> None:
        if self.target == "go":
            module = where / "go.mod"
            module.write_text(
                f"module example.com/runpod\n{module.read_text().partition(chr(10))[2]}"
            )
            (where / "go.sum").unlink(missing_ok=True)
            go = BIN / "go" if (BIN / "go").exists() else "go"
            settings = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local"}
            call(go, "build", "-o", where / "compiled", "./program", cwd=where, env=settings)
        elif self.target == "java":
            sources = [*(where / "src/main").rglob("*.java"), *(where / "program").rglob("*.java")]
            call(
                "javac", "-nowarn", "-cp", _jackson(), "-d", where / "compiled", *sources, cwd=where
            )
        else:
            check = {"ruby": ("ruby", "-c"), "php": ("php", "-l")}[self.target]
            for path in [*(where / "lib").rglob(f"*.{'rb' if self.target == 'ruby' else 'php'}")][
                :200
            ]:
                call(*check, path, cwd=where)

    def command(self, where: Path) -> list[str | Path]:
        return {
            "go": [where / "compiled"],
            "java": ["java", "-cp", f"{where / 'compiled'}{os.pathsep}{_jackson()}", "Program"],
            "ruby": ["ruby", f"-I{where / 'lib'}", where / "program" / "program.rb"],
            "php": ["php", where / "program" / "program.php"],
        }[self.target]


def _jackson() -> Path:
    """Return the generator's jar, which contains the Jackson that the client needs."""
    for path in files("openapi-generator-cli") or ():
        if path.suffix == ".jar":
            return Path(str(path.locate()))
    raise Failed("openapi-generator-cli has no jar")


def targets() -> list[Target]:
    java = {"library": "native", "openApiNullable": "false", "useJakartaEe": "false",
            "invokerPackage": "ai.runpod.client", "apiPackage": "ai.runpod.client.api",
            "modelPackage": "ai.runpod.client.model"}  # fmt: skip
    php = ("php", "-r", "exit(stream_resolve_include_path('GuzzleHttp/autoload.php') ? 0 : 1);")
    return [
        Target("Go", "go", {"packageName": "runpod", "enumClassPrefix": "true"},
               (("go", "version"),),
               "`enumClassPrefix=true`, as both enums have a `FAILED`"),
        Target("Java", "java", java, (("javac", "-version"),),
               "the key by `setRequestInterceptor`: the client has no setter for it"),
        Target("Ruby", "ruby", {"gemName": "runpod_client", "library": "typhoeus"},
               (("ruby", "-e", "require 'typhoeus'"),)),
        Target("PHP", "php", {"invokerPackage": "Runpod"}, (php,)),
        Target("Rust", "rust"),
        Target("C#", "csharp"),
        Target("Kotlin", "kotlin"),
        Target("Swift", "swift6"),
        Target("Dart", "dart"),
        Target("Scala", "scala-sttp"),
        Target("Elixir", "elixir"),
    ]  # fmt: skip
