"""A handler that stands in for one that makes photos: "7 photos of a horse" yields seven."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any


async def handler(job: dict[str, Any]) -> AsyncIterator[dict[str, str]]:
    prompt = job["input"]["prompt"]
    first = prompt.split()[0]
    for number in range(1, (int(first) if first.isdecimal() else 1) + 1):
        await asyncio.sleep(0.1)
        yield {"photo": f"https://photos.invalid/{job['id']}/{number}.png"}
