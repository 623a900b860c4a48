"""
Omit secrets from the `repr` of generated classes.

    scripts/hide_secrets.py PACKAGE

Tools show the `repr` of a program's variables. The generator has no option for this, so
scripts/generate calls this script afterwards.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HIDDEN = {
    "client.py": ("token", "_headers", "_cookies", "_httpx_args"),
    "models/s3_config.py": ("access_secret", "additional_properties"),
    # An input or a URL may contain a secret.
    "models/job_request.py": ("input_", "webhook", "webhook_v2", "additional_properties"),
}


def hidden(text: str, name: str) -> str:
    """Return the module *text* with the field *name* omitted from its class's repr."""
    field = "_attrs_field" if "_attrs_field" in text else "field"

    def replaced(found: re.Match[str]) -> str:
        declared, given = found[1], found[2]
        if given is None:
            return f"{declared} = {field}(repr=False)"
        if call := re.fullmatch(rf"{field}\((.*)\)", given):
            return f"{declared} = {field}({call[1]}, repr=False)"
        return f"{declared} = {field}(default={given}, repr=False)"

    changed, count = re.subn(
        rf"^(    {name}: [^=\n]+?)(?: = (.+))?$", replaced, text, flags=re.MULTILINE
    )
    if not count:
        raise SystemExit(f"there is no field {name}: correct {Path(__file__).name}")
    return changed


def main(package: Path) -> None:
    for file, names in HIDDEN.items():
        text = (package / file).read_text("utf-8")
        for name in names:
            text = hidden(text, name)
        (package / file).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
