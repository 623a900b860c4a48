"""
What the drivers in Python share.

A driver is a user of one client. A line of JSON on its standard input is a step: `do` names
one of its functions, the other members are the arguments. A line of JSON on its standard
output says what came of it: what the user was given, or which exception.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

ENDPOINT = os.environ.get("ENDPOINT_ID", "")
KEY = os.environ.get("RUNPOD_API_KEY", "")


def serve(driver: object) -> None:
    """Take steps until there are no more."""
    for line in sys.stdin:
        step = json.loads(line)
        try:
            tell({"value": getattr(driver, step.pop("do"))(**step)})
        except Exception as error:
            tell_of(error)


async def serve_async(driver: object) -> None:
    """Async twin of `serve`."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        step = json.loads(line)
        act: Callable[..., Awaitable[Any]] = getattr(driver, step.pop("do"))
        try:
            tell({"value": await act(**step)})
        except Exception as error:
            tell_of(error)


def tell_of(error: Exception) -> None:
    if isinstance(error, Broken):
        values, cause = error.args
        tell({"value": values, "raised": type(cause).__name__, "text": str(cause)})
    else:
        tell({"raised": type(error).__name__, "text": str(error)})


def tell(seen: dict[str, Any]) -> None:
    print(json.dumps({"seen": seen}), flush=True)


class Broken(Exception):
    """A stream that gave some values, the first argument, and then raised the second."""
