"""Extract the text from chunks of a stream, in the formats of language model workers."""

from __future__ import annotations

from typing import Any, Final

from runpod_sdk.json_text import read

_EVENT: Final = "data:"
_EVENTS_END: Final = "[DONE]"


def text_of(output: Any) -> str | None:
    """
    Return the text of the first choice in a chunk; None if the chunk is of another shape.

    A string is its own text, unless it consists of server-sent events, which worker-vllm passes on
    from its OpenAI server. Objects are worker-vllm's token batches, and OpenAI's deltas and
    completions. A list is read chunk by chunk.
    """
    if isinstance(output, str):
        events = _events(output) if output.startswith(_EVENT) else None
        return output if events is None else _joined(events)
    if isinstance(output, list):
        return _joined(output) if output and all(isinstance(one, dict) for one in output) else None
    if not isinstance(output, dict):
        return None
    choices = output.get("choices")
    if isinstance(choices, list):
        return _text_of_choices(choices)
    texts = output.get("text")  # one for each choice, from older versions of worker-vllm
    return texts[0] if isinstance(texts, list) and texts and isinstance(texts[0], str) else None


def _joined(chunks: list[Any]) -> str | None:
    texts = [text_of(chunk) for chunk in chunks]
    return None if None in texts else "".join(text or "" for text in texts)


def _text_of_choices(choices: list[Any]) -> str | None:
    if not choices:  # the last chunk often contains only the usage
        return ""
    choice = choices[0]
    if not isinstance(choice, dict):
        return None
    if choice.get("index", 0) != 0:  # OpenAI's chunks contain one choice each
        return ""
    tokens = choice.get("tokens")
    if isinstance(tokens, list) and all(isinstance(token, str) for token in tokens):
        return "".join(tokens)
    for holder in (choice, choice.get("delta"), choice.get("message")):
        if isinstance(holder, dict):
            content = holder.get("text") if holder is choice else holder.get("content")
            if isinstance(content, str):
                return content
    return "" if isinstance(choice.get("delta"), dict) else None


def _events(text: str) -> list[Any] | None:
    """Return the data of server-sent events; None if *text* has another format."""
    found: list[Any] = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        if not line.startswith(_EVENT):
            return None
        data = line.removeprefix(_EVENT).strip()
        if data != _EVENTS_END:
            try:
                found.append(read(data))
            except (ValueError, RecursionError):
                return None
    return found if all(isinstance(one, dict) for one in found) else None
