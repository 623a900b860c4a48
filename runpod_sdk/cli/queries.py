"""The commands that ask, and wait for nothing."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import runpod_sdk as sdk
from runpod_sdk.cli import arguments as a
from runpod_sdk.cli import history
from runpod_sdk.cli.exit_status import Exit
from runpod_sdk.cli.outcome import connected, verdict
from runpod_sdk.cli.output import health_lines, show_jobs, show_state
from runpod_sdk.cli.terminal import is_terminal, say, show, show_text
from runpod_sdk.cli.jobs import listed, statuses_of


def status(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Print what the server says of a job now."""
    with connected(endpoint_id) as endpoint:
        state = endpoint.status(job_id, **a.limit(timeout))
        show_state(state, output)
    raise typer.Exit(verdict(state))


def explain(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Say why a job is where it is: in the queue, perhaps."""
    with connected(endpoint_id) as endpoint:
        explanation = endpoint.explain(job_id, **a.limit(timeout))
        if output == "json":
            show({"id": job_id, "reason": explanation.reason, "text": explanation.text})
        else:
            show_text(explanation.text)
    if explanation.reason in (sdk.JobReason.UNKNOWN, sdk.JobReason.NOT_FOUND):
        raise typer.Exit(Exit.API)


def cancel(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """End a job that waits or runs."""
    with connected(endpoint_id) as endpoint:
        show_state(endpoint.cancel(job_id, **a.limit(timeout)), output)


def retry(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Send a job that failed or timed out to the queue again."""
    with connected(endpoint_id) as endpoint:
        show_state(endpoint.retry(job_id, **a.limit(timeout)), output)


def jobs(
    endpoint_id: Annotated[
        str | None,
        typer.Option("--endpoint", "-e", metavar="ID", help="Only those of this endpoint."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many, at most.")
    ] = 20,
    asked: Annotated[
        bool, typer.Option("--status", help="Ask the server what has become of each.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget them all.")] = False,
    output: a.FormOrNone = None,
) -> None:
    """
    List the jobs that were submitted from here, the latest first.

    What is kept is their ids, endpoints and times, of the last 500, in this user's state
    directory. RUNPOD_SDK_HISTORY=0 in the environment, or --no-history, keeps none.
    """
    if clear:
        say(f"forgot {history.clear()} jobs")
        return
    entries = listed(limit, endpoint_id)
    statuses = statuses_of(entries) if asked else {}
    table = output == "text" or (output is None and is_terminal(sys.stdout))
    show_jobs(entries, statuses, table=table)


def health(endpoint_id: a.EndpointId, timeout: a.Timeout = None, output: a.Form = "json") -> None:
    """Print the counts of an endpoint's jobs and workers."""
    with connected(endpoint_id) as endpoint:
        found = endpoint.health(**a.limit(timeout))
        if output == "json":
            show(found.to_dict())
        else:
            show_text(health_lines(found))


def purge_queue(
    endpoint_id: a.EndpointId, timeout: a.Timeout = None, output: a.Form = "json"
) -> None:
    """Remove every job that waits; those that run go on."""
    with connected(endpoint_id) as endpoint:
        purged = endpoint.purge_queue(**a.limit(timeout))
        if output == "json":
            show(purged.to_dict())
        else:
            show_text(f"removed {purged.removed} jobs from the queue")
