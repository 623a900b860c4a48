"""The Python blocks of a page of docs/, run in order, as one program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint

from .test_readme import blocks

DOCS = Path(__file__).parents[2] / "docs"


def handler(job: dict[str, Any]) -> Iterator[str]:
    yield from job["input"]["prompt"]


PAGES = {
    "batches.md": [
        "0 ['o', 'n', 'e']",
        "1 ['t', 'w', 'o']",
        "2 ['t', 'h', 'r', 'e', 'e']",
        "['o', 'n', 'e']",
        "[0, 1, 2]",
        "[0, 1, 2]",
        "{<JournalStatus.SUCCEEDED: 'succeeded'>: 3}",
        "3 True",
        "3 True",
        "5 True",
        "['COMPLETED', 'COMPLETED', 'COMPLETED']",
    ],
    "typed-outputs.md": [
        "Box(x=1, y=2)",
        "cat",
        "expected float, not str @ output[0].score; see .state.output",
        "[{'label': 'cat', 'score': 'high'}]",
    ],
    "webhooks.md": ["42", "order-17 COMPLETED 42"],
    "low-level-client.md": ["COMPLETED ['H', 'e', 'l', 'l', 'o']", "2", "401 invalid api key"],
}
"""Each page with the lines that it prints."""


@pytest.mark.parametrize("page", PAGES)
def test_every_python_block_runs(
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    with LocalEndpoint(handler, return_aggregate_stream=True) as local:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", local.base_url)
        monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
        monkeypatch.setenv("ENDPOINT_ID", local.endpoint_id)
        for found in blocks(text):
            line = text.count("\n", 0, found.start(1))
            exec(compile("\n" * line + found[1], page, "exec", dont_inherit=True), names)
    assert capsys.readouterr().out.splitlines() == PAGES[page]
