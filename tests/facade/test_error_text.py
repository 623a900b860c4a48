"""The text of a failed job's error: what it says, and which of its frames are the handler's."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk.error_text import folded, last_frame, line_of, reason_of, traceback_of
from tests.hypothesis_profiles import at_most

HEADING = "Traceback (most recent call last):"
THEIRS = """\
  File "/venv/lib/python3.12/site-packages/runpod/serverless/modules/rp_job.py", line 164, in run
    handler_return = handler(job)
                     ^^^^^^^^^^^^"""
LOCAL = """\
  File "/home/me/sdk/runpod_sdk/local/_workers/handler.py", line 90, in call
    return function(job)"""
MINE = """\
  File "/src/runpod/handler.py", line 7, in handler
    load(job["input"])"""
LIBRARY = """\
  File "/venv/lib/python3.12/site-packages/torch/cuda.py", line 3, in load
    raise OutOfMemoryError("none left")"""
LAST = "torch.OutOfMemoryError: none left"


@pytest.mark.parametrize(
    ("frames", "left"),
    [
        ([THEIRS, MINE, LIBRARY], ["  … 1 frame outside the handler", MINE, LIBRARY]),
        ([THEIRS, LOCAL, MINE], ["  … 2 frames outside the handler", MINE]),
        ([MINE, LOCAL, LIBRARY], [MINE, "  … 1 frame outside the handler", LIBRARY]),
        ([MINE, THEIRS], [MINE, "  … 1 frame outside the handler"]),
        ([MINE], [MINE]),
        ([THEIRS, LOCAL], [THEIRS, LOCAL]),  # nothing would be left
    ],
)
def test_frames_around_the_handler_are_folded(frames: list[str], left: list[str]) -> None:
    """A folder of the user's that is called runpod is not RunPod's package."""
    traceback = "\n".join([HEADING, *frames, LAST])
    assert folded(f"{traceback}\n") == "\n".join([HEADING, *left, LAST])
    if MINE in frames:
        assert last_frame(traceback) == [frame for frame in left if "File" in frame][-1]


def test_each_exception_of_a_chain_is_kept() -> None:
    between = "\nThe above exception was the direct cause of the following exception:\n"
    one = "\n".join([HEADING, THEIRS, MINE, "ValueError: a\n    b"])
    both = folded("\n".join([one, between, HEADING, LOCAL, MINE, LAST]))
    assert both.count("1 frame outside the handler") == 2
    assert "ValueError: a\n    b\n\nThe above" in both


ENDING = f"{HEADING}\n{MINE}\n{LAST}"


@pytest.mark.parametrize(
    ("error", "reason", "traceback"),
    [
        (
            json.dumps(
                {
                    "error_type": "<class '__main__.Odd'>",
                    "error_message": "no",
                    "error_traceback": HEADING,
                }
            ),
            "Odd: no",
            HEADING,
        ),
        (f"handler: none left \ntraceback: {ENDING}", LAST, ENDING),
        (f"it failed:\n{ENDING}", "it failed:", ENDING),
        (ENDING, LAST, ENDING),
        (f"see {HEADING}", f"see {HEADING}", None),
        ("job timed out", "job timed out", None),
        ('{"error_type": 1}', '{"error_type": 1}', None),
    ],
)
def test_each_form_of_an_error_is_read(error: str, reason: str, traceback: str | None) -> None:
    """The worker's two forms, a text with a traceback that the handler returned, and a text."""
    assert reason_of(error) == reason
    assert traceback_of(error) == traceback


@given(st.text() | st.lists(st.sampled_from([HEADING, THEIRS, MINE, LOCAL, LAST, "", " "])))
@at_most(100)
def test_any_text_can_be_read(lines: str | list[str]) -> None:
    text = lines if isinstance(lines, str) else "\n".join(lines)
    assert "\n" not in line_of(text)
    assert last_frame(text) in folded(text)
    assert (traceback_of(text) or "") in text
