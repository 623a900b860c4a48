"""
Put together what the documentation site is made of.

That is: the pages of docs/; those elsewhere in the repository that they lead to; a reference
of the Python API, from its public names, and one of the service's, from the API document.
What a page links to and the site has not (a source file, say) stays text there.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import posixpath
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import yaml

from scripts import contract_pages

ROOT = Path(__file__).parents[1]

MOVED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "openapi/README.md": "contract/facts.md",
    "openapi/languages/README.md": "contract/languages.md",
}
"""Where pages that lie outside docs/ stand in the site. The README leads to docs/index.md."""

CONTENTS = "docs/SUMMARY.md"

REFERENCE = {
    "Clients": ("_sync.client", "_async.client"),
    "Endpoints": ("_sync.endpoint", "_async.endpoint"),
    "Jobs": ("_sync.job", "_async.job"),
    "Streams": ("_sync.stream", "_async.stream"),
    "Many jobs": ("_sync.results", "_async.results", "results", "journal"),
    "Values": ("models", "explanation"),
    "Errors": ("errors",),
}
"""The pages of the Python reference, by the modules whose public names they have."""

INTERNAL = {"runpod_sdk.cli", "runpod_sdk.settings", "runpod_sdk.local.pytest_plugin"}
"""Modules with public names that nobody imports: the command line, defaults, the fixtures."""


LINK = re.compile(r"(?<!!)\[(?P<text>[^][]*)\]\((?P<url>[^)\s]+)\)")


# -- the Python reference


def python_pages() -> dict[str, str]:
    """Return the text of each page by its file name; every public name is on one of them."""
    import runpod_sdk

    homes: dict[str, list[str]] = defaultdict(list)
    for name in runpod_sdk.__all__:
        if name != "__version__":
            homes[runpod_sdk._HOME_OF[name]].append(name)
    for home, names in homes.items():  # as they stand in the source
        names.sort(key=[*vars(importlib.import_module(f"runpod_sdk.{home}"))].index)
    titles = {home: title for title, group in REFERENCE.items() for home in group}
    found: dict[str, list[str]] = {title: [] for title in REFERENCE}
    for home in sorted(homes, key=[*titles, *homes].index):
        title = titles.get(home) or home.rpartition(".")[2].replace("_", " ").capitalize()
        found.setdefault(title, []).extend(f"runpod_sdk.{name}" for name in homes[home])
    for module, names in public_modules():
        found[module] = [f"{module}.{name}" for name in names]
    pages = {
        f"{slug(title)}.md": "\n\n".join([f"# {title}", *told(title), *(f"::: {n}" for n in names)])
        for title, names in found.items()
    }
    index = ["# Python reference", "What `runpod_sdk` exports, and what its modules do."]
    for title, names in found.items():
        index += [f"## [{title}]({slug(title)}.md)", "\n".join(map(entry, names))]
    summary = ["- [Overview](index.md)", *(f"- [{title}]({slug(title)}.md)" for title in found)]
    return {
        **pages,
        "index.md": "\n\n".join(index) + "\n",
        "SUMMARY.md": "\n".join(summary) + "\n",
    }


def told(title: str) -> list[str]:
    """Return what the docstring of a module says, at the top of its page; what is drawn as code."""
    module = "runpod_sdk.errors" if title == "Errors" else title
    if not module.startswith("runpod_sdk."):
        return []
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
    """Give the modules that are imported by their own names, with the public names of each."""
    import runpod_sdk

    own = {f"runpod_sdk.{home}" for home in runpod_sdk._HOME_OF.values()} | INTERNAL
    for found in pkgutil.iter_modules(runpod_sdk.__path__, "runpod_sdk."):
        if "._" not in found.name and found.name not in own:
            names = getattr(importlib.import_module(found.name), "__all__", None)
            if names:
                yield found.name, names


def slug(title: str) -> str:
    return title.removeprefix("runpod_sdk.").lower().replace(" ", "-").replace(".", "-")


def calls() -> dict[str, list[str]]:
    """Return the sync methods that stand on each operation, by what their docstrings say."""
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
    Turn the links of a page at *source* in the repository into those of one at *target*.

    *there* is what the site has, by the path in the site.
    """

    def link(found: re.Match[str]) -> str:
        path, hash, anchor = found["url"].partition("#")
        if not path or ":" in path:
            return found[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        place = MOVED.get(place, place.removeprefix("docs/") if place.startswith("docs/") else "")
        if path.endswith("/") and f"{place}/index.md" in there:
            if source == CONTENTS:
                return found[0]  # the contents of that part belong there
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
    """Return the pages that somebody wrote, by their paths in the site."""
    docs = ROOT / "docs"
    found = {path.name: path for path in docs.glob("*.md")}
    moved = {target: ROOT / source for source, target in MOVED.items() if target != "index.md"}
    return found | moved


def assemble(where: Path) -> None:
    """Write all that the generator needs into the folder *where*, which is made anew."""
    shutil.rmtree(where, ignore_errors=True)
    docs = where / "docs"
    shutil.copytree(ROOT / "docs" / "site", docs / "site", ignore=shutil.ignore_patterns("*.toml"))
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
    (where / "zensical.toml").write_text(config.replace("@ROOT@", str(ROOT)), encoding="utf-8")


def foreign(site: Path) -> list[str]:
    """List what pages of a built site ask of other hosts; links that a reader follows are none."""
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
    parser.add_argument("command", choices=["assemble", "check"])
    parser.add_argument("where", type=Path)
    chosen = parser.parse_args()
    if chosen.command == "assemble":
        assemble(chosen.where)
    elif asked := foreign(chosen.where / "site"):
        sys.exit("\n".join(["these pages ask something of another host:", *asked]))


if __name__ == "__main__":
    main()
