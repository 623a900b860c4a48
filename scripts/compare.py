"""
Find breaking changes of the API document and of the Python API.

    python scripts/compare.py                     # this tree with the last release, in released/
    python scripts/compare.py OLD.yaml NEW.yaml   # two API documents

Prints a line for each breaking change, `name: what`. The exit status is 1 unless the changelog has
each of these lines, in backticks, under a heading "Breaking" of the unreleased version.
`scripts/contract_changes.py` has the rules.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

import yaml

if __package__ in (None, ""):  # run as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts import contract_changes, python_surface
from scripts.contract_changes import Change

ROOT = Path(__file__).parents[1]
DOCUMENT = "runpod-serverless.yaml"
RELEASED = ROOT / "released"


def documents(old: Path, new: Path) -> list[Change]:
    """List the breaking changes from one document to another."""
    return contract_changes.find(*(yaml.safe_load(path.read_text("utf-8")) for path in (old, new)))


def since_release() -> list[Change]:
    """List the breaking changes of this tree since the last release."""
    with tempfile.TemporaryDirectory() as made:
        python_surface.write(ROOT, Path(made))
        changes = python_surface.changes(RELEASED, Path(made))
    return [*documents(RELEASED / DOCUMENT, ROOT / "openapi" / DOCUMENT), *changes]


def announced(changelog: str) -> set[str]:
    """Return the changes that the changelog announces as breaking in the unreleased version."""
    unreleased = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:2]
    if not unreleased or not unreleased[0].startswith("Unreleased"):
        return set()
    sections = re.split(r"^### ", unreleased[0], flags=re.MULTILINE)[1:]
    breaking = "".join(text for text in sections if text.startswith("Breaking"))
    return {" ".join(found.split()) for found in re.findall(r"`([^`]+)`", breaking)}


def unannounced(changes: list[Change], changelog: str) -> list[Change]:
    """Return the changes that the changelog does not announce."""
    lines = announced(changelog)
    return [change for change in changes if " ".join(str(change).split()) not in lines]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("documents", nargs="*", type=Path, metavar="OLD NEW")
    given = parser.parse_args()
    if given.documents:
        if len(given.documents) != 2:
            parser.error("give two documents, the older one first")
        changes = documents(*given.documents)
    else:
        print(f"compared with {(RELEASED / 'version.txt').read_text('utf-8').strip()}")
        changes = since_release()
    left = unannounced(changes, (ROOT / "CHANGELOG.md").read_text("utf-8"))
    for change in changes:
        print(change if change in left else f"{change} (in the changelog)")
    if left:
        print('put each of these lines, in backticks, under "### Breaking" of CHANGELOG.md')
        return 1
    print("all breaking changes are in the changelog" if changes else "no breaking changes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
