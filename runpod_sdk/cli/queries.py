"""Commands that send one request and wait for no job."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from attrs import evolve

import runpod_sdk as sdk
from runpod_sdk.cli import arguments as a
from runpod_sdk.cli import history
from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.outcome import errors_reported, exit_status_of, open_endpoint, open_endpoint_of
from runpod_sdk.cli.output import form_of, health_text, print_state, print_traceback
from runpod_sdk.cli.terminal import is_terminal, print_json, print_note, print_text, wrapped


def status(
    job_id: a.JobId,
    endpoint_id: a.JobEndpointId = None,
    timeout: a.Timeout = None,
    output: a.FailureForm = None,
) -> None:
    """Print a job's present status, without waiting."""
    with open_endpoint_of(job_id, endpoint_id) as endpoint:
        state = endpoint.status(job_id, **a.timeout_option(timeout))
        form = form_of(state, output)
        print_state(state, form)
    code = exit_status_of(state)
    if form == "text":
        print_traceback(state)
    raise typer.Exit(code)


def explain(
    job_id: a.JobId,
    endpoint_id: a.JobEndpointId = None,
    timeout: a.Timeout = None,
    output: a.ExplanationForm = "json",
) -> None:
    """Explain a job's status, such as a long wait in the queue."""
    with open_endpoint_of(job_id, endpoint_id) as endpoint:
        found = endpoint.explain(job_id, **a.timeout_option(timeout))
        if output == "json":
            document: dict[str, Any] = {"id": job_id, "reason": found.reason, "text": found.text}
            document["state"] = None if found.state is None else found.state.to_dict()
            document["health"] = None if found.health is None else found.health.to_dict()
            print_json(document)
        else:
            print_text(wrapped(found.text, sys.stdout))
    if found.reason in (sdk.JobReason.UNKNOWN, sdk.JobReason.NOT_FOUND):
        raise typer.Exit(ExitStatus.API)


def cancel(
    job_id: a.JobId,
    endpoint_id: a.JobEndpointId = None,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Cancel a queued or running job."""
    with open_endpoint_of(job_id, endpoint_id) as endpoint:
        print_state(endpoint.cancel(job_id, **a.timeout_option(timeout)), output)


def retry(
    job_id: a.JobId,
    endpoint_id: a.JobEndpointId = None,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Queue a job again that failed or timed out."""
    with open_endpoint_of(job_id, endpoint_id) as endpoint:
        print_state(endpoint.retry(job_id, **a.timeout_option(timeout)), output)


def jobs(
    endpoint_id: Annotated[
        str | None,
        typer.Option(
            "--endpoint",
            "-e",
            metavar="ID",
            help="Only jobs of this endpoint.",
            autocompletion=history.complete_endpoint,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many, at most.")
    ] = 20,
    with_status: Annotated[
        bool, typer.Option("--status", help="Ask the API for the status of each job.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="STATUS",
            help="Only jobs with this status, such as IN_QUEUE or failed. Can be repeated.",
            autocompletion=a.complete_status,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            help="In a terminal: show the statuses every two seconds until all jobs have ended.",
        ),
    ] = False,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also jobs of other base URLs and of local endpoints that have stopped.",
        ),
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Clear the history.")] = False,
    output: a.FormOrNone = None,
) -> None:
    """
    List the jobs that were submitted from here, latest first.

    The history contains the last 500 jobs: id, endpoint, base URL, time and the beginning of the
    input, in this user's state directory. RUNPOD_SDK_HISTORY=0 in the environment, or
    --no-history, turns it off.
    """
    if clear:
        print_note(f"removed {history.clear()} jobs from the history")
        return
    from runpod_sdk.cli import job_list

    terminal = is_terminal(sys.stdout)
    if watch and (output == "json" or not terminal):
        raise typer.BadParameter("it needs a terminal, and no -o json", param_hint="--watch")
    selection = job_list.Selection(
        endpoint=endpoint_id,
        statuses=frozenset(a.checked_status(status) for status in only or ()),
        limit=limit,
        everywhere=everywhere,
    )
    with errors_reported(endpoint_id or ""):
        if watch:
            entries, statuses = job_list.watch(selection), job_list.Statuses()
        else:
            query = job_list.query_statuses if with_status or only else None
            entries, statuses = selection.find(query)
    as_table = output == "text" or (output is None and terminal)
    if not entries and is_terminal(sys.stderr):
        hidden = not everywhere and any(evolve(selection, everywhere=True).entries())
        more = "; --all lists jobs of other base URLs and of local endpoints that have stopped"
        print_note("the history contains no such jobs" + (more if hidden else ""))
    if not watch and (entries or not as_table):
        job_list.print_jobs(entries, statuses, table=as_table)


def health(endpoint_id: a.EndpointId, timeout: a.Timeout = None, output: a.Form = "json") -> None:
    """Print the counts of an endpoint's jobs and workers."""
    with open_endpoint(endpoint_id) as endpoint:
        found = endpoint.health(**a.timeout_option(timeout))
        if output == "json":
            print_json(found.to_dict())
        else:
            print_text(health_text(found))


def purge_queue(
    endpoint_id: a.EndpointId,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask for confirmation in a terminal.")
    ] = False,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Remove all queued jobs of an endpoint. Running jobs continue."""
    with open_endpoint(endpoint_id) as endpoint:
        if not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr):
            _confirm_purge(endpoint, endpoint.health(**a.timeout_option(timeout)).jobs.in_queue)
        purged = endpoint.purge_queue(**a.timeout_option(timeout))
        if output == "json":
            print_json(purged.to_dict())
        else:
            print_text(f"removed {purged.removed} jobs from the queue")


def _confirm_purge(endpoint: sdk.Endpoint, queued: int | None) -> None:
    """
    Ask whether to remove the queued jobs.

    Raises:
        typer.Exit: The answer is no.
        KeyboardInterrupt: The answer is Ctrl-C.
    """
    jobs = "all queued jobs" if queued is None else f"{queued} queued jobs"
    try:
        confirmed = typer.confirm(f"remove {jobs} of endpoint {endpoint.id}?", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not confirmed:
        print_note("nothing was removed")
        raise typer.Exit(ExitStatus.INTERRUPTED)
