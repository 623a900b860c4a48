"""
Prepare a release: record the reference for later comparisons, and date the changelog.

    python scripts/release.py          # before the commit that is tagged
    python scripts/release.py --base   # only record; before the first release

Writes the API document, the public Python API as stubs, and the version into released/. Refuses to
release a changed document under the version of the last one.
"""

from __future__ import annotations

import argparse
import datetime
import re
import shutil
import sys
from pathlib import Path

import yaml

if __package__ in (None, ""):  # run as a file, not as a module
    sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts import compare, python_surface

ROOT = compare.ROOT
UNRELEASED = "## Unreleased\n"


def record(version: str) -> None:
    """Write the reference for comparisons of later versions."""
    stubs = compare.RELEASED / python_surface.PACKAGE
    shutil.rmtree(stubs, ignore_errors=True)
    python_surface.write(ROOT, compare.RELEASED)
    shutil.copy(ROOT / "openapi" / compare.DOCUMENT, compare.RELEASED)
    (compare.RELEASED / "version.txt").write_text(f"{version}\n", encoding="utf-8")


def document_version(path: Path) -> str:
    return str(yaml.safe_load(path.read_text("utf-8"))["info"]["version"])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", action="store_true", help="only record")
    given = parser.parse_args()
    source = (ROOT / "runpod_sdk" / "_version.py").read_text("utf-8")
    (version,) = re.findall(r'__version__ = "(.+)"', source)
    if given.base:
        record(f"{version} (not released yet)")
        return 0
    old, new = compare.RELEASED / compare.DOCUMENT, ROOT / "openapi" / compare.DOCUMENT
    first = "not released" in (compare.RELEASED / "version.txt").read_text("utf-8")
    changed = old.read_bytes() != new.read_bytes()
    if changed and not first and document_version(old) == document_version(new):
        print("the API document has changed: raise its info.version", file=sys.stderr)
        return 1
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    if UNRELEASED not in text or f"## {version} " in text:
        print(f'CHANGELOG.md needs "## Unreleased", and no {version} yet', file=sys.stderr)
        return 1
    if left := compare.unannounced(compare.since_release(), text):
        print(*left, "are not announced: see scripts/compare.py", sep="\n", file=sys.stderr)
        return 1
    today = datetime.datetime.now(datetime.UTC).date()
    changelog.write_text(text.replace(UNRELEASED, f"{UNRELEASED}\n## {version} ({today})\n", 1))
    record(version)
    print(f"commit CHANGELOG.md and released/, and tag v{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
