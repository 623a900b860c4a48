"""
A worker made with RunPod's own package, for tests: what it does with a job, the input says.

It runs in an environment with that package and without this one. Its arguments: the kind of
handler, and what else `runpod.serverless.start` gets, as JSON.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import runpod

ERRORS = {"text": "it is wrong", "object": {"code": 7}}


def act(job):
    """Do what the input asks for, and return the handler's result."""
    asked = job["input"]
    if "crash" in asked:
        os._exit(asked["crash"])
    if "crash_once" in asked:
        path = Path(asked["crash_once"])
        if not path.exists():
            path.touch()
            os._exit(1)
    if "raise" in asked:
        raise ValueError(asked["raise"])
    if "progress" in asked:
        runpod.serverless.progress_update(job, asked["progress"])
    if "block" in asked:
        time.sleep(asked["block"])
    if "error" in asked:
        return {"error": ERRORS[asked["error"]], "left": 1}
    if "refresh" in asked:
        return {"refresh_worker": True, "pid": os.getpid()}
    if "job" in asked:
        return {key: value for key, value in job.items() if key != "id"}
    if "environment" in asked:
        return {name: os.environ.get(name) for name in asked["environment"]}
    return asked.get("return", os.getpid())


def plain(job):
    return act(job)


def note(path):
    Path(path).touch()


async def wait(job):
    """Wait as it is asked to, and leave a note if it is cancelled."""
    seconds = job["input"].get("wait", 0)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note(job["input"]["cancelled"])
        raise


async def asynchronous(job):
    await wait(job)
    return act(job)


def generator(job):
    for chunk in job["input"]["chunks"]:
        if chunk == "raise":
            raise ValueError("in the midst of it")
        yield chunk


async def async_generator(job):
    for chunk in job["input"]["chunks"]:
        await asyncio.sleep(0)
        yield chunk


if __name__ == "__main__":
    handler = globals()[sys.argv.pop(1)]
    settings = json.loads(sys.argv.pop(1)) if len(sys.argv) > 1 else {}
    if concurrency := settings.pop("concurrency", 0):
        settings["concurrency_modifier"] = lambda current: concurrency
    runpod.serverless.start({"handler": handler, **settings})
