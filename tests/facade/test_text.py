"""The text in the chunks of language models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runpod_sdk import JobFailedError, StreamChunk
from tests.facade.clients import JOB, Driver, Script, chunks, in_no_time, job


def delta(content: str | None, **fields: Any) -> dict[str, Any]:
    """Make a chunk as OpenAI streams a chat completion."""
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None, **fields}],
    }


def events(*data: Any) -> str:
    """Make server-sent events, as worker-vllm passes them on."""
    return "".join(f"data: {json.dumps(one)}\n\n" for one in data)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("H", "H"),
        ("", ""),
        (
            {"choices": [{"tokens": [" How", " are"]}], "usage": {"input": 1, "output": 2}},
            " How are",
        ),
        ({"choices": [{"tokens": []}, {"tokens": ["other"]}]}, ""),
        ({"text": [" How"], "input_tokens": 0, "output_tokens": 1}, " How"),
        (delta("a"), "a"),
        (delta(None), ""),
        ({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}, ""),
        ({"choices": [{"index": 1, "delta": {"content": "of another choice"}}]}, ""),
        ({"choices": [], "usage": {"total_tokens": 9}}, ""),
        ({"object": "text_completion", "choices": [{"index": 0, "text": "b"}]}, "b"),
        ({"choices": [{"message": {"role": "assistant", "content": "c"}}]}, "c"),
        ([delta("a"), delta("b")], "ab"),
        (events(delta("a\u2028"), delta("b")) + "data: [DONE]\n\n", "a\u2028b"),
        ("data: [DONE]\n\n", ""),
        ("data: see table 3", "data: see table 3"),
        ('data: {"a": 1', 'data: {"a": 1'),
        ({"index": 0, "word": "streaming"}, None),
        ({"choices": ["a"]}, None),
        ({"choices": [{"tokens": [1, 2]}]}, None),
        ({"error": {"message": "no"}}, None),
        ([], None),
        (["a", "b"], None),
        ([{"index": 0}], None),
        (7, None),
        (None, None),
    ],
    ids=lambda value: f"{value!r:.60}",
)
def test_the_text_of_a_chunk(output: Any, text: str | None) -> None:
    assert StreamChunk(output=output, wire={"output": output}).text == text


@in_no_time
def test_the_texts_of_a_stream(driver: Driver) -> None:
    """Without empty texts, and without chunks that have no text."""
    script = Script(
        chunks("IN_PROGRESS", delta(None), delta("Once ")),
        chunks("IN_PROGRESS", {"other": 1}, events(delta("upon"), delta(" a"))),
        chunks("IN_PROGRESS", {"choices": [], "usage": {}}, " time"),
        chunks("COMPLETED"),
    )
    stream = driver.endpoint(script).stream(JOB)
    texts = stream.text()
    assert driver.take(texts, 2) == ["Once ", "upon a"]
    assert driver.take(texts) == [" time"]
    assert driver.take(stream) == []


@in_no_time
def test_the_texts_end_as_the_stream_does(driver: Driver) -> None:
    """The error of a job that failed comes after its last text; leaving keeps what was fetched."""
    script = Script(chunks("FAILED", "a"), chunks("FAILED"), job("FAILED", error="out of paint"))
    texts = driver.endpoint(script).stream(JOB).text()
    assert driver.next(texts) == "a"
    with pytest.raises(JobFailedError, match="out of paint"):
        driver.next(texts)
    stream = driver.endpoint(Script(chunks("IN_PROGRESS", "a", "b"))).stream(JOB)
    assert driver.take(stream.text(), 1) == ["a"]
    assert [chunk.output for chunk in stream.undelivered] == ["b"]
