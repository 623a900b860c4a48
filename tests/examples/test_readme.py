"""Every Python block of the README, run in order, as one program."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint

README = Path(__file__).parents[2] / "README.md"


FILE = re.compile(r"# (\S+\.py)\n")
"""How a block begins that is a whole file."""


def blocks(text: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def handler(job: dict[str, Any]) -> Iterator[str]:
    prompt = job["input"]["prompt"]
    if prompt == "fail":
        raise ValueError("as asked")
    if prompt == "slow":
        time.sleep(3)
    yield from prompt


def test_every_python_block_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = README.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with LocalEndpoint(handler, return_aggregate_stream=True) as local:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", local.base_url)
        monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
        monkeypatch.setenv("ENDPOINT_ID", local.endpoint_id)
        for found in blocks(text):
            if FILE.match(found[1]):
                continue
            line = text.count("\n", 0, found.start(1))
            code = compile("\n" * line + found[1], str(README), "exec")
            exec(code, names)
        names["client"].close()
    printed = capsys.readouterr().out
    for expected in (
        "['H', 'e', 'l', 'l', 'o', ',', ' ', 'W', 'o', 'r', 'l', 'd', '!']",
        "Hello\nfrom\nthis\nmachine\n",
        "['s', 'l', 'o', 'w']",
        "[['o', 'n', 'e'], ['t', 'w', 'o'], ['t', 'h', 'r', 'e', 'e']]",
        "1 ['z', 'w', 'e', 'i']",
        "as asked",
    ):
        assert expected in printed


def test_every_file_is_one_of_the_examples() -> None:
    """A block that begins with the path of a file is that file, whose tests are run elsewhere."""
    files = [(FILE.match(found[1]), found[1]) for found in blocks(README.read_text("utf-8"))]
    shown = {name[1]: text for name, text in files if name}
    assert set(shown) == {"examples/testing/captions.py", "examples/testing/test_captions.py"}
    for name, text in shown.items():
        assert text == f"# {name}\n" + (README.parent / name).read_text("utf-8")


def test_every_link_leads_somewhere() -> None:
    root = README.parent
    for page in (
        README,
        root / "CONTRIBUTING.md",
        root / "examples" / "README.md",
        root / "docs" / "testing.md",
    ):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
