"""OpenAI's own client, unmodified, against the local endpoint."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint

DRIVER = Path(__file__).parent / "drivers/openai_client.py"
PATIENCE = 60.0
OFFICIAL = os.environ.get("RUNPOD_OFFICIAL_PYTHON")

pytestmark = pytest.mark.skipif(OFFICIAL is None, reason="scripts/official runs these")


def _event(content: str) -> str:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    chunk = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
    return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n"


def test_the_openai_client() -> None:
    """Models, a completion, a stream, errors before and within one, and one that is left early."""
    left = threading.Semaphore(0)

    async def worker(job: dict[str, Any]) -> AsyncIterator[Any]:
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
            text = "".join(map(_event, ("Hel", "lo", ".")))
            try:
                for at in range(0, len(text), 50):  # as they come from a socket
                    yield text[at : at + 50]
                if body["model"] == "endless":
                    await asyncio.sleep(PATIENCE)
            finally:
                if body["model"] == "endless":
                    left.release()
            if body["model"] == "broken":
                yield {"error": {"message": "out of memory", "type": "worker_error"}}
            yield "data: [DONE]\n\n"

    with LocalEndpoint(worker, workers=2) as local:
        base_url = f"{local.base_url}/{local.endpoint_id}/openai/v1"
        ran = subprocess.run(
            [str(OFFICIAL), str(DRIVER), base_url],
            env={**os.environ, "OPENAI_KEY": local.api_key, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ran.returncode == 0, ran.stderr
        for _ in range(2):
            assert left.acquire(timeout=PATIENCE)
    for seen in json.loads(ran.stdout):
        assert seen == {
            "models": ["tiny"],
            "completion": ["Hello.", 5],
            "stream": ["Hel", "lo", "."],
            "failed": ["NotFoundError", 404, seen["failed"][2]],
            "broken": ["Hel", "lo", ".", ["APIError", None, "out of memory"]],
            "left": "Hel",
        }
        assert "no such model" in seen["failed"][2]
