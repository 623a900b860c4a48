"""What a worker process is told: its command, and the environment that RunPod's package reads."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import Attribute, field, frozen

from runpod_sdk.local import _wire

_PING_INTERVAL = 1000  # ms


def _words(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise TypeError(f'a command is a list of words, such as ["python", "{value}"]')
    return tuple(value)


def _not_empty(_: object, __: Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError('a command has at least one word, such as ["python", "handler.py"]')


@frozen
class WorkerCommand:
    """
    A program that is a worker, made with RunPod's own package `runpod`.

    It gets the environment of this process, and in it what a worker on RunPod finds there,
    with the addresses of the local endpoint: it calls `runpod.serverless.start` as it does in
    its image, and knows no difference.

        LocalEndpoint(WorkerCommand(["python", "handler.py"]), workers=2)

    Args:
        command: The program and its arguments, without a shell.
        env: Further variables of its environment; they win.
        cwd: Where it runs; where this process does, without it.
    """

    command: tuple[str, ...] = field(converter=_words, validator=_not_empty)
    env: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    cwd: str | os.PathLike[str] | None = None

    def find(self) -> None:
        """
        See that there are the program and the folder.

        Raises:
            FileNotFoundError: There is none.
        """
        cwd = Path("." if self.cwd is None else self.cwd)
        if not cwd.is_dir():
            raise FileNotFoundError(f"there is no folder {cwd} to run a worker in")
        program = self.command[0]
        path = self.env.get("PATH", os.environ.get("PATH"))
        place = str(cwd.resolve() / program) if os.sep in program else program
        if shutil.which(place, path=path) is None:
            raise FileNotFoundError(f"there is no program {program!r} to run as a worker")


@frozen
class WorkerAddresses:
    """Where the workers of an endpoint find it, and with which keys."""

    endpoint_url: str
    endpoint_id: str
    api_key: str = field(repr=False)
    worker_key: str = field(repr=False)

    def environment(self, worker: str) -> dict[str, str]:
        """Give the variables that RunPod's package reads, for the worker of that id."""
        query = f"?gpu=local&{_wire.WORKER_KEY}={self.worker_key}"
        url = self.endpoint_url
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{url}/job-take/$ID{query}",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{url}/job-done/$RUNPOD_POD_ID/$ID{query}",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{url}/job-stream/$RUNPOD_POD_ID/$ID{query}",
            "RUNPOD_WEBHOOK_PING": f"{url}/ping/$RUNPOD_POD_ID{query}",
            "RUNPOD_PING_INTERVAL": str(_PING_INTERVAL),
            "RUNPOD_AI_API_KEY": self.api_key,
            "RUNPOD_ENDPOINT_ID": self.endpoint_id,
            "RUNPOD_POD_ID": worker,
            "RUNPOD_POD_HOSTNAME": f"{worker}-{secrets.token_hex(4)}",
            # A laptop need not have what a worker in a data centre has to have.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }


def environment(command: WorkerCommand, addresses: WorkerAddresses, worker: str) -> dict[str, str]:
    """Give the whole environment of a worker process."""
    inherited = dict(os.environ)
    quiet = {} if "RUNPOD_DEBUG_LEVEL" in inherited else {"RUNPOD_LOG_LEVEL": "INFO"}
    direct = ",".join(filter(None, (inherited.get("NO_PROXY"), "127.0.0.1")))
    return {
        **quiet,
        "PYTHONUNBUFFERED": "1",
        **inherited,
        "NO_PROXY": direct,
        "no_proxy": direct,
        **addresses.environment(worker),
        **command.env,
    }
