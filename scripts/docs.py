"""
Collect the sources of the documentation site.

They are the pages of docs/, pages elsewhere in the repository that they link to, a reference of the
Python API from its public names, and a reference of the service's API from the API document. Links
to other files, such as source files, become text.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import posixpath
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import yaml

from runpod_sdk import __version__
from scripts import contract_pages

ROOT = Path(__file__).parents[1]

MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "docs/recipes/README.md": "recipes/index.md",
    "openapi/README.md": "contract/facts.md",
    "openapi/languages/README.md": "contract/languages.md",
}
"""The paths in the site of pages outside docs/. The README is replaced by docs/index.md."""

CONTENTS = "docs/SUMMARY.md"

REFERENCE = {
    "Clients": ("_sync.client", "_async.client"),
    "Endpoints": ("_sync.endpoint", "_async.endpoint"),
    "Jobs": ("_sync.job", "_async.job"),
    "Streams": ("_sync.stream", "_async.stream"),
    "Many jobs": ("_sync.results", "_async.results", "results"),
    "Journals": (
        *("_sync.journaled", "_async.journaled"),
        *("journal", "journal_store", "journal_postgres"),
    ),
    "Batches": ("_sync.batches", "_async.batches", "batches"),
    "Values": ("models", "explanation"),
    "Files": ("files",),
    "Errors": ("errors",),
    "Types": ("_types",),
}
"""The pages of the Python reference, with the modules whose public names they contain."""

ALIASES = (
    "Timeout",
    "KeyFunction",
    "OnUpdate",
    "OnTimeout",
    "OnLeave",
    "OnError",
    "Unset",
    "UNSET",
)
"""Names of runpod_sdk.settings that signatures show; they are on the page "Types"."""

INTERNAL = {"runpod_sdk.cli", "runpod_sdk.settings", "runpod_sdk.local.pytest_plugin"}
"""Modules with public names that users do not import: the command line, defaults, the fixtures."""

LINK = re.compile(r"(?<!!)\[(?P<text>[^][]*)\]\((?P<url>[^)\s]+)\)")


# -- the Python reference


def python_pages() -> dict[str, str]:
    """Return the text of each page by its file name; every public name is on one of them."""
    import runpod_sdk

    homes: dict[str, list[str]] = defaultdict(list)
    for name in runpod_sdk.__all__:
        if name != "__version__":
            homes[runpod_sdk._HOME_OF[name]].append(name)
    for home, names in homes.items():  # in the order of the source
        names.sort(key=[*vars(importlib.import_module(f"runpod_sdk.{home}"))].index)
    titles = {home: title for title, group in REFERENCE.items() for home in group}
    found: dict[str, list[str]] = {title: [] for title in REFERENCE}
    for home in sorted(homes, key=[*titles, *homes].index):
        title = titles.get(home) or home.rpartition(".")[2].replace("_", " ").capitalize()
        found.setdefault(title, []).extend(f"runpod_sdk.{name}" for name in homes[home])
    found["Types"] += [f"runpod_sdk.settings.{name}" for name in ALIASES]
    for module, names in public_modules():
        found[title_of(module)] = [f"{module}.{name}" for name in names]
    pages = {
        f"{slug(title)}.md": "\n\n".join([f"# {title}", *told(title), *(f"::: {n}" for n in names)])
        for title, names in found.items()
    }
    index = ["# Python reference", "The public names of `runpod_sdk`, and of its modules."]
    for title, names in found.items():
        index += [f"## [{title}]({slug(title)}.md)", "\n".join(map(entry, names))]
    summary = ["- [Overview](index.md)", *(f"- [{title}]({slug(title)}.md)" for title in found)]
    return {
        **pages,
        "index.md": "\n\n".join(index) + "\n",
        "SUMMARY.md": "\n".join(summary) + "\n",
    }


def title_of(module: str) -> str:
    """Return the title of a module's page; the package's name would match each search for `run`."""
    return f"Module {module.removeprefix('runpod_sdk.')}"


def told(title: str) -> list[str]:
    """Return the docstring of a page's module, in paragraphs; drawings become code."""
    if title != "Errors" and not title.startswith("Module "):
        return []
    module = f"runpod_sdk.{title.removeprefix('Module ').lower()}"
    parts = inspect.getdoc(importlib.import_module(module)) or ""
    return [f"```text\n{part}\n```" if "─" in part else part for part in parts.split("\n\n")]


def entry(path: str) -> str:
    """Return a line for a public name: a link to it, and the first sentence of its docstring."""
    module, _, name = path.rpartition(".")
    value = getattr(importlib.import_module(module), name)
    doc = inspect.getdoc(value) if inspect.isclass(value) or inspect.isfunction(value) else None
    said = (doc or "").partition("\n\n")[0].replace("\n", " ")
    return f"- [`{name}`][{path}]" + (f": {said}" if said else "")


def public_modules() -> Iterator[tuple[str, list[str]]]:
    """Yield the public modules, with the public names of each."""
    import runpod_sdk

    own = {f"runpod_sdk.{home}" for home in runpod_sdk._HOME_OF.values()} | INTERNAL
    for found in pkgutil.iter_modules(runpod_sdk.__path__, "runpod_sdk."):
        if "._" not in found.name and found.name not in own:
            names = getattr(importlib.import_module(found.name), "__all__", None)
            if names:
                yield found.name, names


def slug(title: str) -> str:
    return title.removeprefix("Module ").lower().replace(" ", "-").replace(".", "-")


def calls() -> dict[str, list[str]]:
    """Return the sync methods of each operation, from their docstrings."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in ("Runpod", "Endpoint", "Job"):
        import runpod_sdk

        for member in dir(getattr(runpod_sdk, name)):
            doc = getattr(getattr(runpod_sdk, name), member).__doc__ or ""
            if not member.startswith("_") and (source := re.search(r"Source: ([\w, ]+) in ", doc)):
                for operation in source[1].split(", "):
                    found[operation].append(f"runpod_sdk.{name}.{member}")
    return found


# -- links


def relinked(text: str, source: str, target: str, there: set[str]) -> str:
    """
    Convert the links of a page at *source* in the repository for its place at *target*.

    *there* maps paths in the site to its pages.
    """

    def link(found: re.Match[str]) -> str:
        path, hash, anchor = found["url"].partition("#")
        if not path or ":" in path:
            return found[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        place = MOVED.get(place, place.removeprefix("docs/") if place.startswith("docs/") else "")
        if path.endswith("/") and f"{place}/index.md" in there:
            if source == CONTENTS:
                return found[0]  # the section has its own contents
            place = f"{place}/index.md"
        if place not in there:
            return found["text"]
        if place == "index.md":
            hash = anchor = ""
        relative = posixpath.relpath(place, posixpath.dirname(target) or ".")
        return f"[{found['text']}]({relative}{hash}{anchor})"

    pieces = re.split(r"(^ *```.*?^ *```$)", text, flags=re.DOTALL | re.MULTILINE)
    pieces[::2] = [LINK.sub(link, piece) for piece in pieces[::2]]
    return "".join(pieces)


# -- the site


def written() -> dict[str, Path]:
    """Return the handwritten pages, by their paths in the site."""
    docs = ROOT / "docs"
    pages = [*docs.glob("*.md"), *docs.glob("recipes/*.md")]
    found = {path.relative_to(docs).as_posix(): path for path in pages}
    del found["recipes/README.md"]
    moved = {target: ROOT / source for source, target in MOVED.items() if target != "index.md"}
    return found | moved


def assemble(where: Path) -> None:
    """Write the generator's input into the folder *where*, which is recreated."""
    shutil.rmtree(where, ignore_errors=True)
    docs = where / "docs"
    shutil.copytree(
        ROOT / "docs" / "site", docs / "site", ignore=shutil.ignore_patterns("*.toml", "404.html")
    )
    document = yaml.safe_load((ROOT / "openapi/runpod-serverless.yaml").read_text("utf-8"))
    made = {f"reference/{name}": text for name, text in python_pages().items()}
    made |= {
        f"contract/{name}": text for name, text in contract_pages.pages(document, calls()).items()
    }
    there = {*made, *written()}
    for name, path in written().items():
        source = path.relative_to(ROOT).as_posix()
        made[name] = relinked(path.read_text("utf-8"), source, name, there)
    for name, text in made.items():
        target = docs / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    config = (ROOT / "docs/site/zensical.toml").read_text("utf-8")
    config = config.replace("@ROOT@", str(ROOT)).replace("@VERSION@", __version__)
    (where / "zensical.toml").write_text(config, encoding="utf-8")


def finish(where: Path) -> None:
    """Add files to the built site that the generator does not make; sort its search index."""
    docs, site = where / "docs", where / "site"
    index = json.loads((site / "search.json").read_text("utf-8"))
    index["items"].sort(key=lambda item: rank(item["location"]))
    text = json.dumps(index, ensure_ascii=False)
    (site / "search.json").write_text(text, encoding="utf-8")
    (site / "search.js").write_text(f"var __index = {text};", encoding="utf-8")
    shutil.copy(ROOT / "docs" / "site" / "404.html", site)
    contract = {f"contract/{path.name}" for path in docs.glob("contract/*.md")}
    for name in {*written(), *contract} - {"SUMMARY.md", "contract/SUMMARY.md"}:
        shutil.copy(docs / name, site / name)
    for name, text in reference_texts().items():
        (site / "reference" / name).write_text(text, encoding="utf-8")
    (site / "llms.txt").write_text(llms((docs / "SUMMARY.md").read_text("utf-8")), encoding="utf-8")


def rank(location: str) -> int:
    """
    Return the place of a page's group in the search index, which decides between equal hits.

    The classes of the client come first, then the guides, the async classes, the modules that few
    programs import, and the service and the project last.
    """
    if location.startswith(("contract/", "changelog", "contributing")):
        return 4
    if not location.startswith("reference/"):
        return 1
    if re.match(r"reference/(compat|local)\b", location):
        return 3
    return 2 if ".Async" in location else 0


def llms(summary: str) -> str:
    """Return llms.txt: the contents of the site, with links to the Markdown of each page."""
    lines = ["# runpod_sdk", "", "> A typed Python client for RunPod's serverless job API."]
    for line in summary.splitlines():
        entry = re.match(r"( *)- (?:\[(.+)\]\((.+)\)|(.+))$", line)
        if entry and entry[4] and not entry[1]:
            lines += ["", f"## {entry[4]}", ""]
        elif entry and entry[3]:
            target = re.sub(r"/$", "/index.md", entry[3])
            lines += ["", f"## {entry[2]}", ""] if not entry[1] else []
            lines.append(f"- [{entry[2]}]({target})")
    return "\n".join(lines) + "\n"


def reference_texts() -> dict[str, str]:
    """Return the pages of the Python reference as Markdown: signatures, and docstrings."""
    found: dict[str, str] = {}
    for name, text in python_pages().items():
        found[name] = re.sub(
            r"^::: (\S+)$", lambda line: spelled(line[1]), text, flags=re.MULTILINE
        )
    found.pop("SUMMARY.md")
    return {name: re.sub(r"\[(`\w+`)\]\[[\w.]+\]", r"\1", text) for name, text in found.items()}


def spelled(path: str) -> str:
    """Return the signature and the docstring of a public name, and of its public members."""
    module, _, name = path.rpartition(".")
    value = getattr(importlib.import_module(module), name)
    parts = [f"## {name}", *documented(name, value)]
    if inspect.isclass(value):
        for member, inner in inspect.getmembers_static(value):
            if not member.startswith("_") and getattr(inner, "__doc__", None):
                parts += documented(f"{name}.{member}", inner)
    return "\n\n".join(parts)


def documented(name: str, value: object) -> list[str]:
    """Return a signature, if *value* is called, and its docstring, as paragraphs."""
    if not (inspect.isclass(value) or inspect.isfunction(value) or isinstance(value, property)):
        return []
    signature = ""
    if not isinstance(value, property):
        with suppress(ValueError, TypeError):
            signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", f"{inspect.signature(value)}")
    return [f"### `{name}`", f"```text\n{name}{signature}\n\n{inspect.getdoc(value) or ''}\n```"]


def foreign(site: Path) -> list[str]:
    """List the requests of a built site's pages to other hosts; links are not requests."""
    asking = re.compile(
        r"""<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)"""
    )
    styles = re.compile(r"""url\(["']?((?:https?:)?//[^"')]+)""")
    return sorted(
        {
            f"{path.relative_to(site)}: {url}"
            for pattern, ending in ((asking, "*.html"), (styles, "*.css"))
            for path in site.rglob(ending)
            for url in pattern.findall(path.read_text("utf-8"))
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["assemble", "finish", "check"])
    parser.add_argument("where", type=Path)
    chosen = parser.parse_args()
    if chosen.command == "assemble":
        assemble(chosen.where)
    elif chosen.command == "finish":
        finish(chosen.where)
    elif asked := foreign(chosen.where / "site"):
        sys.exit("\n".join(["these pages ask something of another host:", *asked]))


if __name__ == "__main__":
    main()
