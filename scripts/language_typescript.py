"""The TypeScript clients of scripts/languages, in one directory and compiled together."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from scripts.language_clients import (
    DOCUMENT,
    PROGRAMS,
    Failed,
    call,
    openapi_generator_config,
    openapi_generator_name,
)

_PREPARING = threading.Lock()


@frozen
class TypeScript:
    """A generator from npm; its program is `<program>.ts`, and its output `made/<program>`."""

    program: str
    node: Path
    modules: Path
    package: str
    note: str = ""
    form: str = "3.1"
    language: str = "TypeScript"
    _compiled: dict[Path, str] = field(factory=dict, kw_only=True)

    @property
    def generator(self) -> str:
        given = json.loads((PROGRAMS / "typescript" / "package.json").read_text("utf-8"))
        if self.package == "openapi-generator":
            return openapi_generator_name(f"typescript-{self.program.rpartition('-')[2]}")
        name = self.package.removesuffix("/openapi-ts").removesuffix("/cli").removeprefix("@")
        return f"{name} {given['dependencies'][self.package]}"

    def missing(self) -> None:
        return None

    def config(self, where: Path) -> dict[str, Any] | None:
        if self.package != "openapi-generator":
            return None
        target = f"typescript-{self.program.rpartition('-')[2]}"
        properties = {"importFileExtension": ".js", "supportsES6": "true"}
        return openapi_generator_config(target, where / "made" / self.program, properties)

    def generate(self, where: Path) -> None:
        with _PREPARING:
            if not (where / "node_modules").exists():
                shutil.copytree(PROGRAMS / "typescript", where, dirs_exist_ok=True)
                (where / "node_modules").symlink_to(self.modules)
        if self.package == "openapi-generator":
            return
        made = Path("made", self.program)
        arguments: Mapping[str, list[str | Path]] = {
            "openapi-fetch": ["openapi-typescript", DOCUMENT, "-o", f"{made}.d.ts"],
            "hey-api": ["openapi-ts", "-f", "openapi-ts.config.mjs"],
            "orval": ["orval", "--config", "orval.config.mjs"],
            "kubb": ["kubb", "generate", "--config", "kubb.config.mjs"],
            "oazapfts": ["oazapfts", DOCUMENT, f"{made}.ts"],
            "swagger-typescript-api": [
                *("swagger-typescript-api", "generate", "--path", DOCUMENT),
                *("--output", "made", "--name", f"{self.program}.ts"),
            ],
        }
        tool, *given = arguments[self.program]
        settings = {"DOCUMENT": str(DOCUMENT), "CI": "true"}
        call(self.node, self.modules / ".bin" / tool, *given, cwd=where, env=settings)

    def compile(self, where: Path) -> None:
        if where not in self._compiled:
            self._compiled[where] = self._compile_all(where)
        own = re.compile(rf"^(steps|(made/)?{re.escape(self.program)})\b.*", re.MULTILINE)
        if errors := [found[0] for found in own.finditer(self._compiled[where])]:
            raise Failed("\n".join(errors))

    def _compile_all(self, where: Path) -> str:
        made = {path.name.partition(".")[0] for path in (where / "made").iterdir()}
        settings = json.loads((where / "tsconfig.json").read_text("utf-8"))
        settings["files"] = [f"{name}.ts" for name in sorted(made)]
        (where / "tsconfig.json").write_text(json.dumps(settings))
        try:
            return call(self.node, self.modules / ".bin" / "tsc", cwd=where)
        except Failed as failure:
            return str(failure).partition(": ")[2]

    def command(self, where: Path) -> list[str | Path]:
        return [self.node, where / "compiled" / f"{self.program}.js"]


def typescript(node: Path, modules: Path) -> list[TypeScript]:
    rows = [
        ("openapi-fetch", "openapi-typescript", "with openapi-fetch"),
        ("hey-api", "@hey-api/openapi-ts", "`output.module.extension: '.js'` for Node.js"),
        ("orval", "orval", "`client: 'fetch'`"),
        ("kubb", "@kubb/cli", "`plugin-client` with `client: 'fetch'`; `extension` for Node.js"),
        ("oazapfts", "oazapfts", ""),
        ("swagger-typescript-api", "swagger-typescript-api", ""),
    ]
    compiled: dict[Path, str] = {}
    found = [
        TypeScript(name, node, modules, package, note, compiled=compiled)
        for name, package, note in rows
    ]
    for library in ("fetch", "axios"):
        name, note = f"openapi-generator-{library}", "`importFileExtension=.js` for Node.js"
        given = TypeScript(
            name, node, modules, "openapi-generator", note, form="3.0", compiled=compiled
        )
        found.append(given)
    return found
