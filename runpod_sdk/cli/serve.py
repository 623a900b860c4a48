"""`runpod-sdk serve`: a handler of the user's behind a local endpoint."""

from __future__ import annotations

import importlib
import importlib.util
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from runpod_sdk.cli.outcome import ENDPOINT_VARIABLE, Exit, say, show
from runpod_sdk.local import Handler, LocalEndpoint


def serve_until_interrupted(
    spec: str, *, port: int, workers: int, return_aggregate_stream: bool
) -> None:
    """Serve the handler that *spec* names, and print how to reach it."""
    local = LocalEndpoint(
        load_handler(spec),
        port=port,
        workers=workers,
        return_aggregate_stream=return_aggregate_stream,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with start(local):
            say(f"serving {spec} until Ctrl-C; watch it at {local.page_url}")
            say("in another terminal:\n")
            say(f"export RUNPOD_ENDPOINT_BASE_URL={local.base_url}")
            say(f"export {ENDPOINT_VARIABLE}={local.endpoint_id}")
            say(f"export RUNPOD_API_KEY={local.api_key}\n")
            reached = {
                "base_url": local.base_url,
                "endpoint_id": local.endpoint_id,
                "api_key": local.api_key,
            }
            if not sys.stdout.isatty():  # a person has the lines above
                show(reached, indent=None)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        say("\nstopped")


def start(local: LocalEndpoint) -> LocalEndpoint:
    """Start *local*; where it can't be, say why and end."""
    try:
        return local.start()
    except (ImportError, OSError) as error:
        say(f"{error}")
        raise typer.Exit(Exit.USAGE) from None


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
