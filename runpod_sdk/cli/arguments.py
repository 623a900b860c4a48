"""How the arguments of the commands are spelled, and what they mean to the SDK."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from runpod_sdk import ExecutionPolicy
from runpod_sdk.cli.outcome import ENDPOINT_VARIABLE

EndpointId = Annotated[
    str,
    typer.Option(
        "--endpoint", "-e", metavar="ID", envvar=ENDPOINT_VARIABLE, help="The endpoint's id."
    ),
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
Input = Annotated[
    str,
    typer.Option(
        "--input", "-i", metavar="JSON", help="The job's input: JSON, @FILE, or - for stdin."
    ),
]
Webhook = Annotated[
    str | None, typer.Option(metavar="URL", help="Where RunPod posts the job when it has ended.")
]
ExecutionTimeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Longest run of the job on the server.")
]
Ttl = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Life of the job, the queue included.")
]
LowPriority = Annotated[
    bool, typer.Option("--low-priority", help="Let the job start no further worker.")
]
Timeout = Annotated[
    str | None,
    typer.Option(metavar="SECONDS", help="Longest time that this command may take, or 'none'."),
]
OnTimeout = Annotated[
    Literal["detach", "cancel"],
    typer.Option(help="What becomes of the job when that time is up, or on Ctrl-C."),
]


def request(
    source: str,
    webhook: str | None,
    execution_timeout: float | None,
    ttl: float | None,
    low_priority: bool,
) -> dict[str, Any]:
    """Gather the keyword arguments that describe a job."""
    given: dict[str, Any] = {"input": read_json(source)}
    if webhook is not None:
        given["webhook"] = webhook
    if execution_timeout is not None or ttl is not None or low_priority:
        try:
            given["policy"] = ExecutionPolicy(
                execution_timeout=execution_timeout, ttl=ttl, low_priority=low_priority or None
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return given


def limit(timeout: str | None) -> dict[str, Any]:
    """Give the `timeout` argument, or nothing where the default of the call is to hold."""
    if timeout is None:
        return {}
    if timeout.lower() == "none":
        return {"timeout": None}
    try:
        return {"timeout": float(timeout)}
    except ValueError:
        raise typer.BadParameter(
            f"{timeout!r} is neither a number of seconds nor 'none'", param_hint="--timeout"
        ) from None


def read_json(source: str) -> Any:
    """Decode the JSON that *source* is, or names."""
    try:
        if source == "-":
            text = sys.stdin.buffer.read()
        elif source.startswith("@"):
            text = Path(source[1:]).read_bytes()
        else:
            text = source.encode()
        return json.loads(text, parse_constant=_refuse)
    except OSError as error:
        reason = f"can't read {source[1:]}: {error.strerror}"
    except (ValueError, RecursionError) as error:
        reason = f"not JSON: {error}"
    raise typer.BadParameter(reason, param_hint="--input")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON value")
