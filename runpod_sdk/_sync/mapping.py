"""`Endpoint.map`: what it needs is imported when it is first called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from runpod_sdk._importing import whole_imports
from runpod_sdk.settings import CONCURRENCY, OnError, OnLeave, Timeout

if TYPE_CHECKING:
    from runpod_sdk._sync.endpoint import Endpoint
    from runpod_sdk._sync.results import Results
    from runpod_sdk.journal import Journal
    from runpod_sdk.models import ExecutionPolicy, InputValue, S3Config
    from runpod_sdk.outcomes import MapProgress, MapResult

T = TypeVar("T", bound="InputValue")
In = TypeVar("In")
Out = TypeVar("Out")
Inputs: TypeAlias = Iterable[In]


@overload
def map(
    self: Endpoint[InputValue, Out],
    inputs: Inputs[T],
    *,
    concurrency: int = CONCURRENCY,
    ordered: bool = True,
    timeout: Timeout = None,
    on_error: OnError = "yield",
    on_leave: OnLeave = "detach",
    progress: bool | Callable[[MapProgress], object] | None = None,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    journal: Journal | str | PathLike[str] | None = None,
) -> Results[MapResult[T, Out]]: ...
@overload
def map(
    self: Endpoint[In, Out],
    inputs: Inputs[In],
    *,
    concurrency: int = CONCURRENCY,
    ordered: bool = True,
    timeout: Timeout = None,
    on_error: OnError = "yield",
    on_leave: OnLeave = "detach",
    progress: bool | Callable[[MapProgress], object] | None = None,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    journal: Journal | str | PathLike[str] | None = None,
) -> Results[MapResult[In, Out]]: ...
def map(
    self: Endpoint[Any, Any],
    inputs: Inputs[Any],
    *,
    concurrency: int = CONCURRENCY,
    ordered: bool = True,
    timeout: Timeout = None,
    on_error: OnError = "yield",
    on_leave: OnLeave = "detach",
    progress: bool | Callable[[MapProgress], object] | None = None,
    webhook: str | None = None,
    policy: ExecutionPolicy | None = None,
    s3_config: S3Config | None = None,
    journal: Journal | str | PathLike[str] | None = None,
) -> Results[MapResult[Any]]:
    """
    Run a job for each input, many at a time, and iterate over what comes of them.

    Inputs are read as there is room for them, in the thread that takes the results: at
    most four times *concurrency* are in hand at a time, from being read until their
    result is handed out (twice, if not *ordered*). However many there are, no more is
    kept. If reading one raises, what is in flight is still waited for; then it is raised.

    A job is never sent twice, unless the first was surely not taken: a submission
    without an answer is a result with a `SubmissionUncertainError`.

    Args:
        inputs: Any iterable of what `run` takes; the handler gets each as `job["input"]`.
        concurrency: How many jobs are in flight at a time.
        ordered: Results in the order of the inputs; else as they come.
        timeout: Longest total time, in seconds, from when the first result is asked for
            until the last; what one job may take on the server is its *policy*.
        on_error: "yield" makes what befalls an input, a failed job too, its result;
            "raise" raises the first that comes, with `.index` and `.job`.
        on_leave: What becomes of jobs in flight if the iteration ends early, whatever the
            reason: they go on, or are cancelled, best effort and within 5 seconds.
            What is just being submitted is given up to 5 seconds to be answered.
        progress: True shows a bar: on standard error if it is a terminal (by rich, of the
            extra `cli`), in a notebook below the cell; elsewhere one line says how it ended.
            A function is called with a `MapProgress` before each result is handed out.
        webhook: URL that RunPod calls when a job has ended.
        policy: What each job may take on the server.
        s3_config: Storage for large results, handed to the handler.
        journal: The path of a file, or a `Journal`, that keeps what was sent and what came
            of it. Called again with the same inputs, whatever ended it before, `map` goes
            on: what has ended is handed out without a request, what runs is waited for,
            and what may have been sent is a `SubmissionUncertainError`, not sent again.

    Returns:
        An iterator of `MapResult`; also a context manager. Nothing is sent before the
        first result is asked for. The `.output` of a result is of the endpoint's
        `output_type`; one that can't be is that result's `OutputValidationError`. The JSON
        that came is `.state.output`, and what the journal keeps.

    Raises:
        RunpodTimeoutError: *timeout* passed; the jobs in flight are in its notes, and in
            `.in_flight` of what this returned.
        ConfigurationError: There is no key; or what is needed is not installed: cattrs, of
            the extra `types`, by an input, or rich, by a bar in a terminal.
        JournalError: The journal is in use, or of another endpoint or other inputs.
        ValueError, TypeError: An input has no JSON form, such as NaN, or is not of the
            endpoint's `input_type`; its index is in the notes.

    Source: run_job, get_job_status_sync in openapi/runpod-serverless.yaml.
    """
    with whole_imports():
        from attrs import evolve

        from runpod_sdk._flows import mapping
        from runpod_sdk._io.crew import AsyncCrew
        from runpod_sdk._io.threads import ThreadDesk, aside
        from runpod_sdk._sync.results import Results

    try:
        options = mapping.checked_options(
            concurrency=concurrency,
            ordered=ordered,
            timeout=timeout,
            on_error=on_error,
            on_leave=on_leave,
            progress=progress,
            webhook=webhook,
            policy=policy,
            s3_config=s3_config,
            journal=journal,
            input_type=self.input_type,
            output_type=self.output_type,
        )
    finally:
        del webhook, s3_config  # which a traceback would show
    io = aside(self.client._config, self.client._io)
    session, desk = evolve(self._session, io=io), ThreadDesk(io.aclose)
    taker = mapping.prepare(session, AsyncCrew(), desk, inputs, options, awaits=False)
    return Results(taker)
