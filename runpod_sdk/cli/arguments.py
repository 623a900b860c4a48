"""The arguments and options of the commands, and their values for the SDK."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import typer

import runpod_sdk as sdk
from runpod_sdk.cli import history
from runpod_sdk.cli.inputs import job_input
from runpod_sdk.cli.outcome import ENDPOINT_VARIABLE, warnings_printed

THE_JOB: Final = "Job options"
THE_WAIT: Final = "Wait options"
THE_PRINT: Final = "Output options"

_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) *(ms|[smhd])(?:ec|in)?", re.I)

EndpointId = Annotated[
    str,
    typer.Option(
        "--endpoint",
        "-e",
        metavar="ID",
        envvar=ENDPOINT_VARIABLE,
        help="The endpoint's id.",
        autocompletion=history.complete_endpoint,
    ),
]
JobEndpointId = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        "-e",
        metavar="ID",
        help="The endpoint's id. Default: the endpoint that the job was submitted to from here,"
        f" else {ENDPOINT_VARIABLE}.",
        autocompletion=history.complete_endpoint,
    ),
]
JobId = Annotated[
    str,
    typer.Argument(metavar="JOB", help="The job's id.", autocompletion=history.complete_job),
]
Pairs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Keys of the input: key=text, key:=JSON, key=@FILE (its text), key:=@FILE"
        " (its JSON), key@FILE (its bytes, as base64).",
        show_default=False,
    ),
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        metavar="JSON",
        help="The input as JSON, @FILE, or - for standard input. Pairs are added to it."
        " Piped standard input is read by default, if there are no pairs.",
        rich_help_panel=THE_JOB,
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="RunPod sends the result to this URL when the job has ended.",
        rich_help_panel=THE_JOB,
    ),
]
ExecutionTimeout = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS", help="Maximum run time of the job on RunPod.", rich_help_panel=THE_JOB
    ),
]
Ttl = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Maximum lifetime of the job on RunPod, including its time in the queue.",
        rich_help_panel=THE_JOB,
    ),
]
LowPriority = Annotated[
    bool,
    typer.Option(
        "--low-priority", help="Do not start more workers for this job.", rich_help_panel=THE_JOB
    ),
]
History = Annotated[
    bool,
    typer.Option(
        "--history/--no-history",
        envvar="RUNPOD_SDK_HISTORY",
        help="Whether to add the job to the history, for `runpod-sdk jobs`.",
        show_default=False,
        rich_help_panel=THE_JOB,
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Maximum time for this command, or 'none'.",
        rich_help_panel=THE_WAIT,
    ),
]
OnTimeout = Annotated[
    Literal["detach", "cancel"],
    typer.Option(
        help="What to do with the job on a timeout or Ctrl-C.",
        rich_help_panel=THE_WAIT,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Do not show the status line.",
        rich_help_panel=THE_WAIT,
    ),
]
Streamed = Annotated[
    bool,
    typer.Option(
        "--stream",
        "-s",
        help="Print the chunks of the job's stream as they arrive, instead of the job.",
        rich_help_panel=THE_PRINT,
    ),
]
Output = Annotated[
    Literal["json", "text", "raw"] | None,
    typer.Option(
        "--output",
        "-o",
        help="json: the API's response. text: only the output; a string as it is, the strings"
        " of a stream joined, other values as JSON. raw: as text, without an added newline."
        " Default: json, but for a failed job in a terminal the error as text.",
        rich_help_panel=THE_PRINT,
    ),
]
Form = Annotated[
    Literal["json", "text"],
    typer.Option(
        "--output",
        "-o",
        help="json: the API's response. text: a summary.",
        rich_help_panel=THE_PRINT,
    ),
]
ExplanationForm = Annotated[
    Literal["json", "text"],
    typer.Option(
        "--output",
        "-o",
        help="json: the reason as a code and as text, and the job's state and the endpoint's"
        " health that it is based on. text: the reason.",
        rich_help_panel=THE_PRINT,
    ),
]
FailureForm = Annotated[
    Literal["json", "text"] | None,
    typer.Option(
        "--output",
        "-o",
        help="json: the API's response. text: one line. Default: json, but for a failed job in"
        " a terminal the error as text.",
        rich_help_panel=THE_PRINT,
    ),
]
FormOrNone = Annotated[
    Literal["json", "text"] | None,
    typer.Option(
        "--output",
        "-o",
        help="Default: text in a terminal, otherwise JSON.",
        rich_help_panel=THE_PRINT,
    ),
]
Save = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Save the files of the output in this directory: base64 is decoded, links are"
        " downloaded. The printed output contains the file names instead.",
        rich_help_panel=THE_PRINT,
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Let --save replace existing files.", rich_help_panel=THE_PRINT),
]


def request(
    source: str | None,
    pairs: list[str] | None,
    webhook: str | None,
    execution_timeout: str | None,
    ttl: str | None,
    low_priority: bool,
) -> dict[str, Any]:
    """Return the keyword arguments of `Endpoint.run`."""
    given: dict[str, Any] = {"input": job_input(source, pairs or [])}
    if webhook is not None:
        given["webhook"] = webhook
    if execution_timeout is not None or ttl is not None or low_priority:
        try:
            with warnings_printed():
                given["policy"] = sdk.ExecutionPolicy(
                    execution_timeout=_seconds(execution_timeout, "--execution-timeout"),
                    ttl=_seconds(ttl, "--ttl"),
                    low_priority=low_priority or None,
                )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return given


def timeout_option(timeout: str | None) -> dict[str, Any]:
    """Return the keyword argument `timeout`, or nothing for the default of the call."""
    if timeout is None:
        return {}
    if timeout.lower() == "none":
        return {"timeout": None}
    return {"timeout": _seconds(timeout, "--timeout", " or 'none'")}


def checked_status(status: str) -> str:
    """Return *status* in the API's spelling: `in-queue` is IN_QUEUE."""
    known = [status.value for status in sdk.JobStatus]
    if (name := status.upper().replace("-", "_")) not in known:
        raise typer.BadParameter(
            f"{status!r} is not one of {', '.join(known)}", param_hint="--only"
        )
    return name


def complete_status(incomplete: str) -> list[str]:
    """Offer the statuses to the shell's completion, in the case that was typed."""
    names = [status.lower() if incomplete.islower() else status.value for status in sdk.JobStatus]
    return [name for name in names if name.startswith(incomplete)]


def _seconds(text: str | None, option: str, others: str = "") -> float | None:
    if text is None:
        return None
    try:
        if (seconds := float(text)) > 0:
            return seconds
        reason = f"{text} is not greater than zero"
    except ValueError:
        reason = f"{text!r} is not a number of seconds{others}"
    if (found := _DURATION.fullmatch(text.strip())) is not None:
        reason += f"; for {text} write {float(found[1]) * _UNITS[found[2].lower()]:g}"
    raise typer.BadParameter(reason, param_hint=option)
