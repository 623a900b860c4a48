"""The command of worker processes, and the environment that RunPod's package reads."""

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
    words = tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(word, str) for word in words):
        raise TypeError('a command is a list of strings, such as ["python", "handler.py"]')
    return words


def _variables(_: object, __: Attribute[Any], value: Mapping[str, str]) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"env must be a mapping of names to strings, not a {type(value).__name__}")
    for name, text in value.items():
        if not (isinstance(name, str) and isinstance(text, str)):
            raise TypeError(
                f"the environment variable {name!r:.60} must be a string,"
                f" not {type(text).__name__}"  # a value may be a secret
            )
        if not name or "=" in name or "\0" in name + text:
            raise ValueError(f"no process can have the environment variable {name!r:.60}")


def _folder(_: object, __: Attribute[Any], value: str | os.PathLike[str] | None) -> None:
    if not (value is None or isinstance(value, str | os.PathLike)):
        raise TypeError(f"cwd must be the path of a folder, not {value!r:.60}")


def _not_empty(_: object, __: Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError('a command has at least one word, such as ["python", "handler.py"]')


@frozen
class WorkerCommand:
    """
    A worker program made with RunPod's own package `runpod`.

    The program gets the environment of this process and the variables that RunPod sets for a
    worker, with the addresses of the local endpoint. It calls `runpod.serverless.start` and needs
    no changes.

        LocalEndpoint(WorkerCommand(["python", "handler.py"]), workers=2)

    Args:
        command: The program and its arguments, without a shell.
        env: Further environment variables, which override all others.
        cwd: The working directory of all worker processes. By default, each one gets its own
            temporary folder, as on RunPod, with links to the entries of the current directory.
    """

    command: tuple[str, ...] = field(converter=_words, validator=_not_empty)
    env: Mapping[str, str] = field(factory=dict[str, str], validator=_variables, repr=False)
    cwd: str | os.PathLike[str] | None = field(default=None, validator=_folder)

    def find(self) -> None:
        """
        Check that the program and the folder exist.

        Raises:
            FileNotFoundError: One of them does not exist.
        """
        cwd = Path("." if self.cwd is None else self.cwd)
        if not cwd.is_dir():
            raise FileNotFoundError(f"no folder {cwd} to run a worker in")
        program = self.command[0]
        path = self.env.get("PATH", os.environ.get("PATH"))
        place = str(cwd.resolve() / program) if os.sep in program else program
        if shutil.which(place, path=path) is None:
            raise FileNotFoundError(f"no program {program!r} to run as a worker")


@frozen
class WorkerAddresses:
    """The endpoint's addresses and keys for its workers."""

    endpoint_url: str
    endpoint_id: str
    api_key: str = field(repr=False)
    worker_key: str = field(repr=False)

    def environment(self, worker: str) -> dict[str, str]:
        """Return the variables that RunPod's package reads, for the worker with that id."""
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
            # A laptop need not pass the checks of a worker in a data centre.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }


def environment(command: WorkerCommand, addresses: WorkerAddresses, worker: str) -> dict[str, str]:
    """Return the whole environment of a worker process."""
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
