"""A worker that yields what the vLLM worker of RunPod yields; run as a program, it is one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

ENDLESS = 600.0  # s


def event(content: str) -> str:
    """Make one event of a stream."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    chunk = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n"


async def handler(job: dict[str, Any]) -> AsyncIterator[Any]:
    """Answer as the model says that is asked for."""
    asked = job["input"]
    if asked["openai_route"] == "/v1/models":
        yield {"object": "list", "data": [{"id": "tiny", "object": "model"}]}
        return
    body = asked["openai_input"]
    if body["model"] == "missing":
        yield {"error": {"message": "no such model", "type": "not_found", "code": 404}}
    elif not body.get("stream"):
        message = {"role": "assistant", "content": "Hello."}
        yield {
            "id": "c-1",
            "object": "chat.completion",
            "created": 1,
            "model": "tiny",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    else:
        text = "".join(map(event, ("Hel", "lo", ".")))
        for at in range(0, len(text), 50):  # as they come from a socket
            yield text[at : at + 50]
        if body["model"] == "endless":
            await asyncio.sleep(ENDLESS)
        if body["model"] == "broken":
            yield {"error": {"message": "out of memory", "type": "worker_error"}}
        yield "data: [DONE]\n\n"


if __name__ == "__main__":
    import runpod

    runpod.serverless.start({"handler": handler})
