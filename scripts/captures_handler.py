"""The handler of the jobs in docs/command-line.md."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from runpod_sdk.local import progress_update

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(2_000)).decode()


async def gate(name: object) -> None:
    """Wait until the capture has seen the previous step."""
    while not (Path(os.environ["CAPTURES"]) / f"gate-{name}").exists():  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.02)


async def handler(job: dict[str, Any]) -> AsyncIterator[Any]:
    asked = job["input"]
    match asked.get("prompt"):
        case "a mountain range":
            await gate("slow")
            yield {"seed": 1}
        case "a broken horse":
            raise ValueError("CUDA out of memory")
        case "Tell me a story":
            for word in ("Once ", "upon ", "a ", "time ", "…"):
                yield word
        case _:
            for step in range(1, asked.get("steps", 0) + 1):
                progress_update(job, f"step {step} of {asked['steps']}")
                await gate(step)
            yield {"image": PICTURE, "seed": 7} if "seed" not in asked else {"seed": asked["seed"]}
