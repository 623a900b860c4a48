"""The example notebook in a real kernel; bars and boxes in others. See scripts/notebook."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("nbclient", reason="scripts/notebook installs it")

import nbformat

from tests.notebook.jupyter import NOTEBOOK, Client, executed, page

BEGIN = """
import threading
from runpod_sdk.local import LocalEndpoint, progress_update
from runpod_sdk.notebook import LiveBox

shown = threading.Event()

def handler(job):
    if job["input"] == "steps":
        progress_update(job, {"step": 3})
        shown.wait(30)
        return "done"
    return 1 / job["input"]

def told(box, state):
    box(state)
    if state.progress:
        shown.set()

local = LocalEndpoint(handler, workers=4).start()
client, async_client = local.client(), local.async_client()
endpoint = client.endpoint(local.endpoint_id)
there = async_client.endpoint(local.endpoint_id)
"""
CELLS = {
    "begin": BEGIN,
    "all": "len(list(endpoint.map([1, 2, 0, 4], progress=True)))",
    "await": "[result.index async for result in there.map([1, 2], progress=True)]",
    "generator": "len(list(endpoint.map(iter([1, 2, 3]), progress=True)))",
    "many": "len(list(endpoint.map([1] * 300, concurrency=16, ordered=False, progress=True)))",
    "left": """
with endpoint.map([1] * 30, concurrency=1, progress=True) as results:
    next(results)
""",
    "raised": "list(endpoint.map([1, 0, 2], concurrency=1, on_error='raise', progress=True))",
    "broken": """
def broken(*args, **kwargs):
    raise OSError("nobody looks")

get_ipython().display_pub.publish = broken
try:
    found = len(list(endpoint.map([1, 2, 3], progress=True)))
finally:
    del get_ipython().display_pub.publish
found
""",
    "function": "list(endpoint.map([1], progress=print)); None",
    "live": """
box = LiveBox()
endpoint.run_sync(input="steps", on_update=lambda state: told(box, state)).output
""",
    "live-in-async": """
shown.clear()
box = LiveBox()
(await there.run_sync(input="steps", on_update=lambda state: told(box, state))).output
""",
    "live-by-hand": """
box = LiveBox()
for number in (0, 4):
    for state in endpoint.run(input=number).updates():
        box(state)
""",
    "end": "await async_client.aclose(); client.close(); local.close()",
}


@pytest.fixture(scope="module")
def bars() -> Client:
    """Run each of the cells in one kernel."""
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    next(cell for cell in cells if cell.id == "raised").metadata.tags = ["raises-exception"]
    client = Client(nbformat.v4.new_notebook(cells=cells))
    client.execute()
    return client


def outputs(bars: Client, name: str) -> list[Any]:
    return next(list(cell.outputs) for cell in bars.nb.cells if cell.id == name)


def counts(output: Any) -> str:
    """Take from a bar what does not depend on the time; its text and its HTML say the same."""
    text = str(output.data["text/plain"])
    assert re.sub("<[^>]*>", "", output.data["text/html"]) == text
    return re.sub(r", [\d.]+/\w+|, \d+:\d\d", "", text)


@pytest.mark.parametrize(
    ("name", "bar", "result"),
    [
        ("all", "4/4 done, 1 failed", "4"),
        ("await", "2/2 done", "[0, 1]"),
        ("generator", "3 done", "3"),
        ("many", "300/300 done", "300"),
    ],
)
def test_a_bar_is_replaced_in_place(bars: Client, name: str, bar: str, result: str) -> None:
    """There is one, which stays as it ended; and the result of the cell below it."""
    shown, value = outputs(bars, name)
    assert shown.output_type == "display_data"
    assert counts(shown) == bar
    assert value.data["text/plain"] == result
    assert 1 <= bars.came[name].count("update_display_data") < 100


def test_a_bar_of_a_map_that_ended_early(bars: Client) -> None:
    """It says how far it was, whether it was left or something was raised."""
    (shown,) = outputs(bars, "left")
    assert counts(shown) == "1/30 done, left early"
    shown, error = outputs(bars, "raised")
    assert counts(shown) == "2/3 done, 1 failed, left early"
    assert error.ename == "JobFailedError"


def test_a_bar_that_can_not_be_shown_loses_no_result(bars: Client) -> None:
    (value,) = outputs(bars, "broken")
    assert value.data["text/plain"] == "3"


def test_a_function_is_called_as_elsewhere(bars: Client) -> None:
    (printed,) = outputs(bars, "function")
    assert printed.text == "MapProgress(submitted=1, finished=1, failed=0, total=1)\n"


@pytest.mark.parametrize("name", ["live", "live-in-async"])
def test_a_box_follows_a_job(bars: Client, name: str) -> None:
    """There is one, which is replaced in place; the result of the cell stands below it."""
    box, value = outputs(bars, name)
    assert box.output_type == "display_data"
    assert bars.came[name].count("display_data") == 1
    assert any("IN_PROGRESS" in text and "'step': 3" in text for text in bars.texts[name])
    assert re.fullmatch(r"\S+ COMPLETED in .*", box.data["text/plain"])
    assert "done" not in box.data["text/html"]
    assert "COMPLETED" in box.data["text/html"]
    assert value.data["text/plain"] == "'done'"


def test_another_job_gets_another_box(bars: Client) -> None:
    failed, completed = outputs(bars, "live-by-hand")
    assert "FAILED" in failed.data["text/html"]
    assert "ZeroDivisionError" in failed.data["text/html"]
    assert "COMPLETED" in completed.data["text/html"]


def test_ipython_in_a_terminal_is_no_notebook() -> None:
    """There a terminal shows the bar, and a pipe the last line."""
    code = f"{BEGIN}\nlist(endpoint.map([1, 0], progress=True)); client.close(); local.close()"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "map: 2/2 done, 1 failed, " in done.stderr
    assert "DisplayHandle" not in done.stdout


# -- the example


@pytest.fixture(scope="module")
def notebook() -> Any:
    return executed()


def test_it_is_committed_as_it_was_never_run() -> None:
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_every_cell_does_what_it_says(notebook: Any) -> None:
    """None fails or complains, and what a reader is promised is there."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    found = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in found} == {"execute_result", "display_data", "stream"}
    assert {output.name for output in found if output.output_type == "stream"} == {"stdout"}
    html = [output.data["text/html"] for output in found if "text/html" in output.get("data", {})]
    assert sum(each.count('<img src="data:image/png;base64,') for each in html) == 3
    assert sum(each.count('<audio controls src="data:audio/wav;base64,') for each in html) == 1
    assert sum("FAILED" in each and "ValueError: 13 is unlucky" in each for each in html) == 1
    assert sum("COMPLETED" in each and "<pre" not in each for each in html) == 1  # a live box
    told = [output.data["text/plain"] for output in found if "data" in output]
    assert [text for text in told if text.startswith("200/200 done, 8 failed, ")]
    assert [text for text in told if re.match("61/200 done, 2 failed, .*, left early", text)]
    assert [text for text in told if text.startswith("60 done, 2 failed, ")]
    assert "Label(label='cat', score=0.93)" in told
    printed = "".join(output.text for output in found if output.output_type == "stream")
    for text in (
        " failed: ValueError: 13 is unlucky\n",
        "all workers are busy",
        "in a wood 121 144",
    ):
        assert text in printed


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_of_it_has_no_address_of_anybody(notebook: Any, theme: str) -> None:
    """As HTML, with the theme in it, it loads nothing but what is in it."""
    asked = re.findall(r"""<(?:script|link|img|audio|iframe)\b[^>]*(?:src|href)="([^"]*)""",
                       page(notebook, theme))  # fmt: skip
    assert [url[:30] for url in asked if url and not url.startswith("data:")] == []
