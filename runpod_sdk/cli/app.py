"""The commands, one function each."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from runpod_sdk import __version__
from runpod_sdk.cli import arguments as a
from runpod_sdk.cli.outcome import EXIT_STATUSES, connected, say_how_to_go_on, show, verdict

app: typer.Typer = typer.Typer(
    name="runpod-sdk",
    help="Run jobs on RunPod's serverless endpoints. JSON goes to standard output,"
    " everything else to standard error. The API key is that of RUNPOD_API_KEY,"
    " or of ~/.runpod/config.toml.",
    epilog=EXIT_STATUSES,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text, which also a log can hold
    # Their tracebacks would show local variables, the key among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
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


@app.command()
def run(
    source: a.Input,
    endpoint_id: a.EndpointId,
    webhook: a.Webhook = None,
    execution_timeout: a.ExecutionTimeout = None,
    ttl: a.Ttl = None,
    low_priority: a.LowPriority = False,
    timeout: a.Timeout = None,
) -> None:
    """Send a job to the queue, and print its id."""
    asked = a.request(source, webhook, execution_timeout, ttl, low_priority)
    with connected(endpoint_id) as endpoint:
        job = endpoint.run(**asked, **a.limit(timeout))
        show({"id": job.id})
        if sys.stderr.isatty():
            say_how_to_go_on(job.id, endpoint_id)


@app.command()
def run_sync(
    source: a.Input,
    endpoint_id: a.EndpointId,
    webhook: a.Webhook = None,
    execution_timeout: a.ExecutionTimeout = None,
    ttl: a.Ttl = None,
    low_priority: a.LowPriority = False,
    timeout: a.Timeout = "90",
    on_timeout: a.OnTimeout = "detach",
) -> None:
    """Send a job, wait until it has ended, and print it."""
    asked = a.request(source, webhook, execution_timeout, ttl, low_priority)
    with connected(endpoint_id) as endpoint:
        state = endpoint.run_sync(**asked, **a.limit(timeout), on_timeout=on_timeout, check=False)
        show(state.to_dict())
    raise typer.Exit(verdict(state))


@app.command()
def status(job_id: a.JobId, endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """Print what the server says of a job now."""
    with connected(endpoint_id) as endpoint:
        state = endpoint.status(job_id, **a.limit(timeout))
        show(state.to_dict())
    raise typer.Exit(verdict(state))


@app.command()
def wait(
    job_id: a.JobId,
    endpoint_id: a.EndpointId,
    timeout: a.Timeout = None,
    on_timeout: a.OnTimeout = "detach",
) -> None:
    """Wait until a job has ended, and print it."""
    with connected(endpoint_id) as endpoint:
        state = endpoint.wait(job_id, **a.limit(timeout), on_timeout=on_timeout)
        show(state.to_dict())
    raise typer.Exit(verdict(state))


@app.command()
def stream(job_id: a.JobId, endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """Print what a job yields, a line for each chunk, as it comes."""
    with (
        connected(endpoint_id, streamed=job_id) as endpoint,
        endpoint.stream(job_id, **a.limit(timeout)) as chunks,
    ):
        for chunk in chunks:
            show(chunk.to_dict(), indent=None)


@app.command()
def explain(job_id: a.JobId, endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """Say why a job is where it is: why it is still in the queue, perhaps."""
    with connected(endpoint_id) as endpoint:
        explanation = endpoint.explain(job_id, **a.limit(timeout))
        show({"id": job_id, "reason": explanation.reason, "text": explanation.text})


@app.command()
def cancel(job_id: a.JobId, endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """End a job that waits or runs."""
    with connected(endpoint_id) as endpoint:
        show(endpoint.cancel(job_id, **a.limit(timeout)).to_dict())


@app.command()
def retry(job_id: a.JobId, endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """Send a job that failed or timed out to the queue again."""
    with connected(endpoint_id) as endpoint:
        show(endpoint.retry(job_id, **a.limit(timeout)).to_dict())


@app.command()
def health(endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """Print the counts of an endpoint's jobs and workers."""
    with connected(endpoint_id) as endpoint:
        show(endpoint.health(**a.limit(timeout)).to_dict())


@app.command()
def purge_queue(endpoint_id: a.EndpointId, timeout: a.Timeout = None) -> None:
    """Remove every job that waits; those that run go on."""
    with connected(endpoint_id) as endpoint:
        show(endpoint.purge_queue(**a.limit(timeout)).to_dict())


@app.command()
def serve(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="HANDLER|COMMAND",
            help="module:function or path/to/file.py:function; with --worker, a program"
            " that calls runpod.serverless.start().",
        ),
    ] = None,
    worker: Annotated[
        bool, typer.Option("--worker", help="Start the program as a worker, as RunPod would.")
    ] = False,
    external: Annotated[
        bool,
        typer.Option("--external", help="Start no worker, and print what one has to be told."),
    ] = False,
    port: Annotated[int, typer.Option(help="Where to listen; 0 is any free port.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="How many workers there are, at most.")] = 1,
    min_workers: Annotated[
        int | None,
        typer.Option(min=0, help="How many there are when there is nothing to do; else all."),
    ] = None,
    return_aggregate_stream: Annotated[
        bool,
        typer.Option(
            "--return-aggregate-stream",
            help="Keep what a generator yields as the output of its job.",
        ),
    ] = False,
) -> None:
    """
    Serve a local endpoint: what RunPod would do, on this machine.

    Its jobs are run by a function in this process (HANDLER), by worker processes that it
    starts and replaces (--worker -- python handler.py), or by workers that you start (--external).
    """
    from runpod_sdk.cli.serve import serve_until_interrupted

    serve_until_interrupted(
        what or [],
        worker=worker,
        external=external,
        port=port,
        workers=workers,
        min_workers=min_workers,
        return_aggregate_stream=return_aggregate_stream,
    )
