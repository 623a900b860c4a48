"""The commands, one function each."""

from __future__ import annotations

import sys
from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from runpod_sdk import __version__
from runpod_sdk.cli import arguments as a
from runpod_sdk.cli import examples, journals, queries
from runpod_sdk.cli.exit_status import EXIT_STATUSES
from runpod_sdk.cli.help import WIDEST, Command, Group
from runpod_sdk.cli.jobs import run_and_wait, saver_of, submit, wait_or_stream
from runpod_sdk.cli.outcome import (
    cancel_on_interrupt,
    next_steps_if_not_printed,
    open_endpoint,
    open_endpoint_of,
    print_next_steps,
)
from runpod_sdk.cli.terminal import is_terminal, print_json, print_text


class _CommandGroup(Group):
    subjects = {  # noqa: RUF012 - read only
        "Jobs": (
            "run-sync",
            "run",
            "wait",
            "stream",
            "status",
            "explain",
            "cancel",
            "retry",
            "jobs",
        ),
        "Endpoints": ("health", "purge-queue", "serve"),
        "Batches": ("journal",),
    }
    exit_statuses = EXIT_STATUSES


app: typer.Typer = typer.Typer(
    name="runpod-sdk",
    cls=_CommandGroup,
    help="Run jobs on RunPod's serverless endpoints. Results go to standard output as JSON,"
    " everything else goes to standard error. The API key is read from RUNPOD_API_KEY or"
    " ~/.runpod/config.toml.",
    epilog=examples.COMMANDS,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text loads faster and can be piped
    # They would show local variables, including the API key.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"runpod_sdk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command(cls=Command, epilog=examples.RUN)
def run(
    endpoint_id: a.EndpointId,
    pairs: a.Pairs = None,
    source: a.Input = None,
    webhook: a.Webhook = None,
    execution_timeout: a.ExecutionTimeout = None,
    ttl: a.Ttl = None,
    low_priority: a.LowPriority = False,
    keep: a.History = True,
    timeout: a.Timeout = None,
    output: a.Form = "json",
) -> None:
    """Submit a job and print its id."""
    request = a.request(source, pairs, webhook, execution_timeout, ttl, low_priority)
    with open_endpoint(endpoint_id) as endpoint:
        with cancel_on_interrupt(endpoint, "detach") as job:
            job_id = submit(endpoint, request, job, timeout=a.timeout_option(timeout), keep=keep)
            with next_steps_if_not_printed(job_id, endpoint_id):
                if output == "json":
                    print_json({"id": job_id})
                else:
                    print_text(job_id)
        if is_terminal(sys.stderr):
            print_next_steps(job_id, endpoint_id)


@app.command(cls=Command, epilog=examples.RUN_SYNC)
def run_sync(
    endpoint_id: a.EndpointId,
    pairs: a.Pairs = None,
    source: a.Input = None,
    webhook: a.Webhook = None,
    execution_timeout: a.ExecutionTimeout = None,
    ttl: a.Ttl = None,
    low_priority: a.LowPriority = False,
    keep: a.History = True,
    timeout: a.Timeout = "90",
    on_timeout: a.OnTimeout = "detach",
    quiet: a.Quiet = False,
    stream: a.Streamed = False,
    output: a.Output = None,
    save: a.Save = None,
    force: a.Force = False,
) -> None:
    """
    Submit a job, wait until it has ended, and print it.

    A terminal shows the job's status while the command waits. Ctrl-C detaches from the job and
    prints how to wait for it again. With --on-timeout cancel, Ctrl-C cancels the job.
    """
    request = a.request(source, pairs, webhook, execution_timeout, ttl, low_priority)
    saver = saver_of(save, force=force)
    with open_endpoint(endpoint_id) as endpoint:
        code = run_and_wait(
            endpoint,
            request,
            keep=keep,
            **a.timeout_option(timeout),
            on_timeout=on_timeout,
            output=output,
            saver=saver,
            quiet=quiet,
            stream=stream,
        )
    raise typer.Exit(code)


@app.command(cls=Command, epilog=examples.WAIT)
def wait(
    job_id: a.JobId,
    endpoint_id: a.JobEndpointId = None,
    timeout: a.Timeout = None,
    on_timeout: a.OnTimeout = "detach",
    quiet: a.Quiet = False,
    output: a.Output = None,
    save: a.Save = None,
    force: a.Force = False,
) -> None:
    """Wait until a job has ended, and print it."""
    saver = saver_of(save, force=force)
    with open_endpoint_of(job_id, endpoint_id) as endpoint:
        code = wait_or_stream(
            endpoint,
            job_id,
            timeout=a.timeout_option(timeout).get("timeout"),
            on_timeout=on_timeout,
            output=output,
            saver=saver,
            quiet=quiet,
        )
    raise typer.Exit(code)


@app.command(cls=Command, epilog=examples.STREAM)
def stream(
    job_id: a.JobId,
    endpoint_id: a.JobEndpointId = None,
    timeout: a.Timeout = None,
    on_timeout: a.OnTimeout = "detach",
    quiet: a.Quiet = False,
    output: a.Output = None,
    save: a.Save = None,
    force: a.Force = False,
) -> None:
    """
    Print the chunks of a job's stream as they arrive.

    Each chunk is a line of JSON. With -o text or raw, strings are joined, as most are the tokens
    of one text. The API returns each chunk once, so a stream can't be printed twice.
    """
    saver = saver_of(save, force=force)
    with open_endpoint_of(job_id, endpoint_id) as endpoint:
        code = wait_or_stream(
            endpoint,
            job_id,
            timeout=a.timeout_option(timeout).get("timeout"),
            on_timeout=on_timeout,
            output=output,
            saver=saver,
            quiet=quiet,
            stream=True,
        )
    raise typer.Exit(code)


for function, epilog in (
    (queries.status, examples.STATUS),
    (queries.explain, examples.EXPLAIN),
    (queries.cancel, examples.CANCEL),
    (queries.retry, examples.RETRY),
    (queries.jobs, examples.JOBS),
    (queries.health, examples.HEALTH),
    (queries.purge_queue, examples.PURGE_QUEUE),
):
    app.command(cls=Command, epilog=epilog)(function)


app.add_typer(journals.journal)


@app.command(cls=Command, epilog=examples.SERVE)
def serve(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HANDLER…|COMMAND",
            help="module:function or path/to/file.py:function; several with endpoint ids,"
            " as in a=handler.py:handler b=other.py:handler; with --worker, a program that"
            " calls runpod.serverless.start().",
        ),
    ] = None,
    worker: Annotated[
        bool, typer.Option("--worker", help="Start the program as a worker process.")
    ] = False,
    external: Annotated[
        bool,
        typer.Option("--external", help="Start no worker; print the variables for one."),
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Port to listen on; 0 chooses a free one.")
    ] = 0,
    endpoint_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The endpoint's id. Default: a new one on every start."),
    ] = None,
    any_id: Annotated[
        bool,
        typer.Option(
            "--any-id", help="Answer requests for any endpoint id, for programs with a fixed one."
        ),
    ] = False,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="The API key to accept, which is printed. Default: a new one on every start."
            " RUNPOD_API_KEY is not read: do not use your account's key.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Maximum number of workers.")
    ] = 1,
    min_workers: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Number of workers when no job is queued. Default: all."
        ),
    ] = None,
    return_aggregate_stream: Annotated[
        bool,
        typer.Option(
            "--return-aggregate-stream",
            help="Also return the chunks of a generator as the job's output.",
        ),
    ] = False,
    rate_limits: Annotated[
        bool,
        typer.Option("--rate-limits", help="Return 429 beyond RunPod's documented rate limits."),
    ] = False,
    reload: Annotated[
        bool,
        typer.Option(
            "--reload", help="Reload handlers or restart workers when Python files change."
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Do not print a line for each job that ends.")
    ] = False,
) -> None:
    """
    Run a local endpoint: RunPod's job API on this machine.

    Jobs are run by a function in this process (HANDLER), by worker processes that the command
    starts and replaces (--worker -- python handler.py), or by workers that you start (--external).
    """
    from runpod_sdk.cli.serve import serve_until_interrupted

    serve_until_interrupted(
        what or [],
        worker=worker,
        external=external,
        quiet=quiet,
        reload=reload,
        port=port,
        endpoint_id=endpoint_id,
        any_id=any_id,
        api_key=api_key,
        workers=workers,
        min_workers=min_workers,
        return_aggregate_stream=return_aggregate_stream,
        rate_limits=rate_limits,
    )


@cache
def command() -> Any:
    """Return the command of all commands; to make it of `app` takes most of a command's time."""
    return get_command(app)
