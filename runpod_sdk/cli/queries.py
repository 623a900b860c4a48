"""The commands that ask, and wait for nothing."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import runpod_sdk as sdk
from runpod_sdk.cli import arguments as a
from runpod_sdk.cli import history
from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.jobs import jobs_in_history, query_statuses
from runpod_sdk.cli.outcome import exit_status_of, open_endpoint
from runpod_sdk.cli.output import health_text, print_jobs, print_state
from runpod_sdk.cli.terminal import is_terminal, print_json, print_note, print_text


def status(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Print what the server says of a job now."""
    with open_endpoint(endpoint_id) as endpoint:
        state = endpoint.status(job_id, **a.limit(timeout))
        print_state(state, output)
    raise typer.Exit(exit_status_of(state))


def explain(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Say why a job is where it is: in the queue, perhaps."""
    with open_endpoint(endpoint_id) as endpoint:
        explanation = endpoint.explain(job_id, **a.limit(timeout))
        if output == "json":
            print_json({"id": job_id, "reason": explanation.reason, "text": explanation.text})
        else:
            print_text(explanation.text)
    if explanation.reason in (sdk.JobReason.UNKNOWN, sdk.JobReason.NOT_FOUND):
        raise typer.Exit(ExitStatus.API)


def cancel(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """End a job that waits or runs."""
    with open_endpoint(endpoint_id) as endpoint:
        print_state(endpoint.cancel(job_id, **a.limit(timeout)), output)


def retry(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Send a job that failed or timed out to the queue again."""
    with open_endpoint(endpoint_id) as endpoint:
        print_state(endpoint.retry(job_id, **a.limit(timeout)), output)


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
        print_note(f"forgot {history.clear()} jobs")
        return
    entries = jobs_in_history(limit, endpoint_id)
    statuses = query_statuses(entries) if asked else {}
    table = output == "text" or (output is None and is_terminal(sys.stdout))
    print_jobs(entries, statuses, table=table)


def health(endpoint_id: a.EndpointId, timeout: a.Timeout = None, output: a.Form = "json") -> None:
    """Print the counts of an endpoint's jobs and workers."""
    with open_endpoint(endpoint_id) as endpoint:
        found = endpoint.health(**a.limit(timeout))
        if output == "json":
            print_json(found.to_dict())
        else:
            print_text(health_text(found))


def purge_queue(
    endpoint_id: a.EndpointId, timeout: a.Timeout = None, output: a.Form = "json"
) -> None:
    """Remove every job that waits; those that run go on."""
    with open_endpoint(endpoint_id) as endpoint:
        purged = endpoint.purge_queue(**a.limit(timeout))
        if output == "json":
            print_json(purged.to_dict())
        else:
            print_text(f"removed {purged.removed} jobs from the queue")
