"""Connections whose event loop has ended, or whose client was not closed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.transport.server import Server, good

PROGRAM = """
import gc, os, sys, threading, warnings
import anyio
from runpod_sdk import AsyncRunpod

base_url, backend, transport = sys.argv[1:]
options = {} if transport == "own" else {"transport": transport}
warnings.simplefilter("ignore", ResourceWarning)  # ours, that a client was not closed

async def use():
    client = AsyncRunpod("key-of-a-test", base_url=base_url, **options)
    await client.endpoint("ep").status("j1")
    return client

def descriptors():
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))

async def dropped_in_loop():
    await use()
    await anyio.sleep(0.05)
    before = descriptors()
    for _ in range(100):
        await use()
    gc.collect()
    await anyio.sleep(0.05)
    assert descriptors() <= before, (before, descriptors())

async def kept():
    return [await use() for _ in range(100)]

anyio.run(dropped_in_loop, backend=backend)
gc.collect()
before = descriptors()
clients = anyio.run(kept, backend=backend)
del clients  # whose loop is closed
gc.collect()
assert descriptors() <= before, (before, descriptors())

shared = AsyncRunpod("key-of-a-test", base_url=base_url, **options)

def ask_in_a_loop():
    anyio.run(shared.endpoint("ep").status, "j1", backend=backend)

gc.disable()  # the client closes the connections, not the garbage collector
ask_in_a_loop()
before = descriptors()
for _ in range(10):
    ask_in_a_loop()
if transport == "aiohttp":
    gc.collect()  # its connections of a closed loop
assert descriptors() <= before, (before, descriptors())
threads = [threading.Thread(target=ask_in_a_loop) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
anyio.run(shared.aclose, backend=backend)
del shared
gc.collect()
"""


@pytest.mark.parametrize("way", ["asyncio own", "trio own", "asyncio aiohttp"])
def test_a_hundred_dropped_clients(way: str) -> None:
    """
    They leave no descriptor open, with a running or closed loop, and print nothing.

    Neither does a client that is used in one loop after another, and in threads with their own.
    """
    if way.endswith("aiohttp"):
        pytest.importorskip("aiohttp")
    with Server(good) as server:
        command = [sys.executable, "-c", PROGRAM, server.base_url, *way.split()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
