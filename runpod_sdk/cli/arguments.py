"""How the arguments of the commands are spelled, and what they mean to the SDK."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import typer

import runpod_sdk as sdk
from runpod_sdk.cli import history
from runpod_sdk.cli.inputs import job_input
from runpod_sdk.cli.outcome import ENDPOINT_VARIABLE, warnings_printed

THE_JOB: Final = "The job"
THE_WAIT: Final = "Waiting"
THE_PRINT: Final = "What is printed and kept"

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
JobId = Annotated[
    str,
    typer.Argument(metavar="JOB", help="The job's id.", autocompletion=history.complete_job),
]
Pairs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Members of the input: key=text, key:=JSON, key=@FILE (its text), key:=@FILE"
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
        help="The input, or what the pairs are added to: JSON, @FILE, or - for standard input.",
        rich_help_panel=THE_JOB,
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where RunPod posts the job when it has ended.",
        rich_help_panel=THE_JOB,
    ),
]
ExecutionTimeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Longest run of the job on the server.", rich_help_panel=THE_JOB
    ),
]
Ttl = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="Life of the job, the queue included.", rich_help_panel=THE_JOB
    ),
]
LowPriority = Annotated[
    bool,
    typer.Option(
        "--low-priority", help="Let the job start no further worker.", rich_help_panel=THE_JOB
    ),
]
History = Annotated[
    bool,
    typer.Option(
        "--history/--no-history",
        envvar="RUNPOD_SDK_HISTORY",
        help="Whether to note the job's id for `runpod-sdk jobs`.",
        show_default=False,
        rich_help_panel=THE_JOB,
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="Longest time that this command may take, or 'none'.",
        rich_help_panel=THE_WAIT,
    ),
]
OnTimeout = Annotated[
    Literal["detach", "cancel"],
    typer.Option(
        help="What becomes of the job when that time is up, or on Ctrl-C.",
        rich_help_panel=THE_WAIT,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="Show no line that says where the job is.",
        rich_help_panel=THE_WAIT,
    ),
]
Streamed = Annotated[
    bool,
    typer.Option(
        "--stream",
        "-s",
        help="Print what the job yields as it comes, instead of the job.",
        rich_help_panel=THE_PRINT,
    ),
]
Output = Annotated[
    Literal["json", "text", "raw"],
    typer.Option(
        "--output",
        "-o",
        help="json: all that the API says. text: the output, for reading; a string as it is,"
        " what is streamed without anything between (tokens), a list as JSON. raw: the same,"
        " with nothing added.",
        rich_help_panel=THE_PRINT,
    ),
]
Form = Annotated[
    Literal["json", "text"],
    typer.Option(
        "--output",
        "-o",
        help="json: all that the API says. text: a line for reading.",
        rich_help_panel=THE_PRINT,
    ),
]
FormOrNone = Annotated[
    Literal["json", "text"] | None,
    typer.Option(
        "--output",
        "-o",
        help="Without it: text in a terminal, JSON elsewhere.",
        rich_help_panel=THE_PRINT,
    ),
]
Save = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Write the files of the output there: base64 decoded, links fetched. What is"
        " printed has their names instead.",
        rich_help_panel=THE_PRINT,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Let --save replace files that are there.", rich_help_panel=THE_PRINT
    ),
]


def request(
    source: str | None,
    pairs: list[str] | None,
    webhook: str | None,
    execution_timeout: float | None,
    ttl: float | None,
    low_priority: bool,
) -> dict[str, Any]:
    """Gather the keyword arguments that describe a job."""
    given: dict[str, Any] = {"input": job_input(source, pairs or [])}
    if webhook is not None:
        given["webhook"] = webhook
    if execution_timeout is not None or ttl is not None or low_priority:
        try:
            with warnings_printed():
                given["policy"] = sdk.ExecutionPolicy(
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
