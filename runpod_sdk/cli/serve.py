"""`runpod-sdk serve`: a handler or a worker of the user's behind a local endpoint."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import typer

from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.outcome import ENDPOINT_VARIABLE
from runpod_sdk.cli.terminal import print_json, print_note, styled, without_controls
from runpod_sdk.local import Handler, LocalEndpoint, WorkerCommand

_MOST_LINES = 10_000
_STYLES = {"FAILED": "31", "TIMED_OUT": "31", "CANCELLED": "33"}


def serve_until_interrupted(
    what: list[str], *, worker: bool, external: bool, quiet: bool, **settings: Any
) -> None:
    """Serve the handler or the program that *what* is, and print how to reach it."""
    handler = _served(what, worker=worker, external=external)
    try:
        local = LocalEndpoint(handler, **settings)
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with logging_to_standard_error(quiet=quiet), start(local):
            name = shlex.join(what) or "whatever worker asks"
            print_note(f"serving {name} until Ctrl-C; watch it at {local.page_url}")
            print_note("in another terminal:\n")
            print_note(f"export RUNPOD_ENDPOINT_BASE_URL={local.base_url}")
            print_note(f"export {ENDPOINT_VARIABLE}={shlex.quote(local.endpoint_id)}")
            print_note(f"export RUNPOD_API_KEY={shlex.quote(local.api_key)}\n")
            reached: dict[str, Any] = {
                "base_url": local.base_url,
                "endpoint_id": local.endpoint_id,
                "api_key": local.api_key,
            }
            if external:
                environment = local.worker_environment()
                print_worker_environment(environment)
                reached["worker_environment"] = environment
            if not sys.stdout.isatty():  # a person has the lines above
                print_json(reached, indent=None)
            sleep_until_interrupted()
            print_note("")  # what is said while it stops is not to stand behind ^C
    except KeyboardInterrupt:  # while it starts, or once more
        print_note("")
    print_note("stopped")


def _served(what: list[str], *, worker: bool, external: bool) -> Handler | WorkerCommand | None:
    """Read what is to be served, or say what is wrong with it."""
    if worker and external:
        raise typer.BadParameter("--worker starts workers, --external does not: give one of them")
    if external:
        if what:
            raise typer.BadParameter("with --external, workers are started by somebody else")
        return None
    if worker:
        if not what:
            raise typer.BadParameter(
                "no command; write it after two dashes: serve --worker -- python handler.py",
                param_hint="COMMAND",
            )
        return WorkerCommand(what)
    if len(what) != 1:
        raise typer.BadParameter(
            "give one, such as handler.py:handler; or, to start a program,"
            " serve --worker -- python handler.py",
            param_hint="HANDLER",
        )
    return load_handler(what[0])


def sleep_until_interrupted() -> None:
    """Do nothing until Ctrl-C is pressed."""
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


@contextmanager
def logging_to_standard_error(*, quiet: bool) -> Iterator[None]:
    """Show what the endpoint and its workers have to say, and which jobs end, unless *quiet*."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("runpod_sdk.local")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    jobs = logger.getChild("jobs")
    jobs.propagate = False
    if quiet:
        jobs.setLevel(logging.WARNING)
    # Not by the thread of the server: a terminal that was stopped, or a pipe that is full, would
    # hold up its answers.
    lines: SimpleQueue[logging.LogRecord] = SimpleQueue()
    jobs.addHandler(_Queue(lines))
    listener = QueueListener(lines, handler)
    listener.start()
    try:
        yield
    finally:
        listener.stop()


class _Queue(QueueHandler):
    """Puts what is logged into a queue, as long as that is not too long."""

    def __init__(self, lines: SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self._lines = lines

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._lines.qsize() < _MOST_LINES:
            self._lines.put_nowait(record)


class _Lines(logging.Formatter):
    """Makes lines for a person, in colour where a job ended badly."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        status = getattr(record, "status", None)
        if status is None:  # of a worker, which may have colours of its own
            return text
        style = _STYLES.get(status)
        return (
            styled(without_controls(text), style, sys.stderr) if style else without_controls(text)
        )


def print_worker_environment(environment: dict[str, str]) -> None:
    """Print what a worker has to be told, for a shell and for a container."""
    print_note("and where the worker is started (another one needs another RUNPOD_POD_ID):\n")
    for name, value in environment.items():
        print_note(f"export {name}={shlex.quote(value)}")
    print_note("python handler.py\n")
    print_note("or, in a container, with the same variables set:\n")
    names = " ".join(f"-e {name}" for name in environment)
    print_note(f"docker run --rm --init --network host {names} IMAGE\n")


def start(local: LocalEndpoint) -> LocalEndpoint:
    """Start *local*; where it can't be, say why and end."""
    try:
        return local.start()
    except ImportError as error:
        print_note(f"{error}")
    except OSError as error:
        print_note(f"{error.strerror or error}; give another --port, or none")
    raise typer.Exit(ExitStatus.USAGE)


def load_handler(spec: str) -> Handler:
    """Import what `module:function` or `path/to/file.py:function` names."""
    where, _, name = spec.rpartition(":")
    if not where or not name:
        raise typer.BadParameter(
            f"{spec!r} is not module:function or path/to/file.py:function", param_hint="HANDLER"
        )
    found: Any = _load_file(where) if where.endswith(".py") else _load_module(where)
    for attribute in name.split("."):
        found = getattr(found, attribute, None)
    if not callable(found):
        raise typer.BadParameter(f"{where} has no function {name}", param_hint="HANDLER")
    handler: Handler = found
    return handler


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, "")  # as `python -m` does: the current directory
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise typer.BadParameter(f"no module {error.name} here", param_hint="HANDLER") from None


def _load_file(name: str) -> ModuleType:
    path = Path(name).resolve()
    spec = importlib.util.spec_from_file_location("_served", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise typer.BadParameter(f"no file {name}", param_hint="HANDLER")
    sys.path.insert(0, str(path.parent))  # as `python FILE` does
    module = importlib.util.module_from_spec(spec)
    sys.modules["_served"] = module
    spec.loader.exec_module(module)
    return module
