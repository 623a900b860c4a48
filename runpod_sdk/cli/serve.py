"""`runpod-sdk serve`: handlers or workers behind a local endpoint."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import typer

from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.handlers import LoadedHandlers, check_watch, watch
from runpod_sdk.cli.outcome import ENDPOINT_VARIABLE
from runpod_sdk.cli.terminal import print_json, print_note, styled, without_controls
from runpod_sdk.local import LocalEndpoint, WorkerCommand
from runpod_sdk.local._workers.capture import prefixed_output

_MOST_LINES = 10_000
_STYLES = {"FAILED": "31", "TIMED_OUT": "31", "CANCELLED": "35"}


def serve_until_interrupted(
    what: list[str], *, worker: bool, external: bool, quiet: bool, reload: bool, **settings: Any
) -> None:
    """Serve the handlers or the program that *what* names, and print how to reach them."""
    _check(what, worker=worker, external=external, reload=reload)
    # In this order: the log goes to the terminal itself, and handlers are loaded with the streams
    # that prefix their lines.
    with logging_to_standard_error(quiet=quiet), prefixed_output():
        _serve(what, worker=worker, external=external, reload=reload, **settings)
    print_note("stopped")


def _serve(what: list[str], *, worker: bool, external: bool, reload: bool, **settings: Any) -> None:
    loaded = None if worker or external else LoadedHandlers(what)
    served = WorkerCommand(what) if worker else None if loaded is None else loaded.served()
    try:
        local = LocalEndpoint(served, **settings)
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with start(local):
            print_addresses(local, shlex.join(what) or "external workers", external=external)
            with suppress(KeyboardInterrupt):
                if reload:
                    watch(*_reloading(local, loaded))
                else:
                    sleep()
            print_note("")  # so that messages while it stops begin a line after ^C
    except KeyboardInterrupt:  # while it starts, or a second time
        print_note("")


def print_addresses(local: LocalEndpoint, name: str, *, external: bool) -> None:
    """Print what clients and external workers need to reach *local*."""
    print_note(f"serving {name} until Ctrl-C; watch it at {local.page_url}")
    print_note("in another terminal:\n")
    print_note(f"export RUNPOD_ENDPOINT_BASE_URL={local.base_url}")
    ids = [shlex.quote(id) for id in local.endpoint_ids]
    others = f"  # or {', '.join(ids[1:])}" if ids[1:] else ""
    print_note(f"export {ENDPOINT_VARIABLE}={ids[0]}{others}")
    print_note(f"export RUNPOD_API_KEY={shlex.quote(local.api_key)}\n")
    addresses: dict[str, Any] = {
        "base_url": local.base_url,
        "endpoint_id": local.endpoint_id,
        "api_key": local.api_key,
    }
    if ids[1:]:
        addresses["endpoint_ids"] = local.endpoint_ids
    if external:
        environment = local.worker_environment()
        print_worker_environment(environment)
        addresses["worker_environment"] = environment
    if not sys.stdout.isatty():  # a person reads the lines above
        print_json(addresses, indent=None)


def _check(what: list[str], *, worker: bool, external: bool, reload: bool) -> None:
    """Raise a BadParameter for arguments that exclude or need one another."""
    if worker and external:
        raise typer.BadParameter("--worker starts workers, --external does not: give one of them")
    if external and what:
        raise typer.BadParameter("with --external, you start the workers: give no handler")
    if external and reload:
        raise typer.BadParameter("--reload restarts workers, and with --external you start them")
    if worker and not what:
        raise typer.BadParameter(
            "no command; write it after two dashes: serve --worker -- python handler.py",
            param_hint="COMMAND",
        )
    if reload:
        check_watch()


def _reloading(
    local: LocalEndpoint, loaded: LoadedHandlers | None
) -> tuple[list[Path], Callable[[list[str]], object]]:
    """Return the folders to watch, and the function to call when a file has changed."""
    if loaded is None:

        def restart(names: list[str]) -> None:
            print_note(f"{', '.join(names)} changed: workers restart when their jobs have ended")
            local.restart_workers()

        return [Path.cwd()], restart

    def reload(names: list[str]) -> None:
        try:
            loaded.reload()
        except (Exception, SystemExit) as error:
            traceback.print_exception(error)
            print_note(f"{', '.join(names)} changed, but cannot be loaded: the old handler stays")
        else:
            print_note(f"{', '.join(names)} changed: new jobs are run by the new handler")

    return loaded.folders(), reload


def sleep() -> None:
    """Do nothing until Ctrl-C is pressed."""
    while True:
        time.sleep(3600)


@contextmanager
def logging_to_standard_error(*, quiet: bool) -> Iterator[None]:
    """Show the log of the endpoint and its workers, and unless *quiet* each job that ends."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("runpod_sdk.local")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # a handler may configure the log of its process
    jobs = logger.getChild("jobs")
    jobs.propagate = False
    if quiet:
        jobs.setLevel(logging.WARNING)
    # In a thread of its own: a stopped terminal or a full pipe must not block the server.
    lines: SimpleQueue[logging.LogRecord] = SimpleQueue()
    jobs.addHandler(_Queue(lines))
    listener = QueueListener(lines, handler)
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        logger.propagate = True


class _Queue(QueueHandler):
    """Puts log records into a queue of limited length, and drops those beyond it."""

    def __init__(self, lines: SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(lines)
        self._lines = lines

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._lines.qsize() < _MOST_LINES:
            self._lines.put_nowait(record)


class _Lines(logging.Formatter):
    """Formats lines for a terminal, with a colour for a job that failed or was cancelled."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        status = getattr(record, "status", None)
        if status is None:  # a worker's line, which may have its own colours
            return text
        style = _STYLES.get(status)
        return (
            styled(without_controls(text), style, sys.stderr) if style else without_controls(text)
        )


def print_worker_environment(environment: dict[str, str]) -> None:
    """Print the environment of an external worker, for a shell and for a container."""
    print_note("where you start the worker (each worker needs its own RUNPOD_POD_ID):\n")
    for name, value in environment.items():
        print_note(f"export {name}={shlex.quote(value)}")
    print_note("python handler.py\n")
    print_note("or in a container, with the same variables set:\n")
    names = " ".join(f"-e {name}" for name in environment)
    print_note(f"docker run --rm --init --network host {names} IMAGE\n")


def start(local: LocalEndpoint) -> LocalEndpoint:
    """Start *local*; if that fails, print the reason and exit."""
    try:
        return local.start()
    except ImportError as error:
        print_note(f"{error}")
    except OSError as error:
        print_note(f"{error.strerror or error}; give another --port, or none")
    raise typer.Exit(ExitStatus.USAGE)
