"""
The server of these tests: a process with one local endpoint for each client.

    python -m tests.official.server NAME...

Prints one line of JSON, where each is, and serves until its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from runpod_sdk.local import LocalEndpoint, progress_update


def handler(job: dict[str, Any]) -> Any:
    """Do what the input asks for; it says so in `do`."""
    given = job["input"]
    return DEEDS[given.get("do", "tell")](job, given)


def tell(_: dict[str, Any], given: dict[str, Any]) -> Any:
    return {"got": given}


def give(_: dict[str, Any], given: dict[str, Any]) -> Any:
    return given["value"]


def fail(_: dict[str, Any], given: dict[str, Any]) -> Any:
    raise ValueError(given["text"])


async def take_long(_: dict[str, Any], given: dict[str, Any]) -> Any:
    await asyncio.sleep(given["seconds"])
    return given["value"]


async def hold(job: dict[str, Any], given: dict[str, Any]) -> Any:
    """Report progress and run until cancelled."""
    progress_update(job, given["progress"])
    await asyncio.Event().wait()


async def give_one_by_one(_: dict[str, Any], given: dict[str, Any]) -> AsyncIterator[Any]:
    for value in given["values"]:
        await asyncio.sleep(given.get("pause", 0))
        yield value
    if "text" in given:
        raise ValueError(given["text"])


DEEDS = {
    "tell": tell,
    "return": give,
    "raise": fail,
    "take long": take_long,
    "hold": hold,
    "yield": give_one_by_one,
}


def main(names: list[str]) -> None:
    with ExitStack() as stack:
        locals_ = {
            name: stack.enter_context(LocalEndpoint(handler, return_aggregate_stream=True))
            for name in names
        }
        where = {
            name: {"url": local.base_url, "id": local.endpoint_id, "key": local.api_key}
            for name, local in locals_.items()
        }
        print(json.dumps(where), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
