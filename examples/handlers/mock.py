"""
A handler that does as its input says, for trying things out.

`mock_return` is what it returns, or yields one by one if it is a list;
`mock_delay` how many seconds it takes; `mock_error` makes it report an error,
`mock_crash` raise one.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any


async def handler(job: dict[str, Any]) -> AsyncIterator[Any]:
    asked = job["input"]
    if asked.get("mock_crash"):
        raise RuntimeError("crashed, as asked")
    if asked.get("mock_error"):
        yield {"error": "failed, as asked"}
        return
    answer = asked.get("mock_return", "mock result")
    values = answer if isinstance(answer, list) else [answer]
    for value in values:
        await asyncio.sleep(asked.get("mock_delay", 0) / len(values))
        yield value
