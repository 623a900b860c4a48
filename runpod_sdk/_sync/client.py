# Made from _async/client.py by scripts/generate: change that file.
"""The client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from runpod_sdk import settings
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.recent_jobs import RecentJobs
from runpod_sdk._importing import whole_imports
from runpod_sdk._io import sync
from runpod_sdk._io.rate_limits import rate_limiters
from runpod_sdk._io.sync import SyncIO, Transport
from runpod_sdk._secret import Secret
from runpod_sdk.settings import UNSET, Config, KeyFunction, Timeout, Unset

if TYPE_CHECKING:
    from runpod_sdk._flows.many.result_taker import ResultTaker
    from runpod_sdk._sync.endpoint import Endpoint
    from runpod_sdk._sync.job import Job
    from runpod_sdk._sync.results import Results
    from runpod_sdk._types import HttpClient
    from runpod_sdk.models import InputValue, JobState
    from runpod_sdk.rate_budget import RateBudget
    from runpod_sdk.results import JobResult

In = TypeVar("In")
Out = TypeVar("Out")


class Runpod:
    """
    A client of RunPod's serverless endpoints.

    One client is enough for a process; many threads can call it at once. Close the
    client, or use it as a context manager, to close its connections.

    Args:
        api_key: The API key, or a function that returns it and is called for each request, for
            keys that change; the client takes an function too. By default
            `RUNPOD_API_KEY`, else `~/.runpod/config.toml`: `api_key` under `[default]`, or a
            top-level `apikey`.
        base_url: The API's address. By default `RUNPOD_ENDPOINT_BASE_URL`, else
            `https://api.runpod.ai/v2`.
        timeout: Timeout in seconds of a call without `timeout=` that does not wait for a job, and
            of each attempt of a call that waits. It restarts with every 16 KiB of a body that
            are sent or received. None is no limit.
        max_retries: Number of retries after the first attempt, of requests that are safe to
            repeat. A call that waits for a job survives outages regardless of this number.
        max_response_size: Largest accepted response in bytes, decompressed.
        rate_limits: Whether to delay requests so that they keep to RunPod's documented rates
            for each endpoint, for example 1000 submissions in 10 seconds. All users of this
            client share the limits. A number between 0 and 1, such as 0.25, is the share of the
            limits that this client may use; a `RateBudget` shares them with other processes.
        size_limits: Whether to refuse requests that are larger than RunPod documents, before
            anything is sent: 10 MiB for `run`, 20 MiB for `run_sync`.
        telemetry: Whether to report jobs and requests to OpenTelemetry, if the program has
            imported it. See docs/telemetry.md.
        http_client: Your own client of httpx or httpx2 (proxy, CA, transport). The SDK never
            closes it. If its transport is not httpx's own, timeouts are only as strict as that
            transport.
        default_headers: Additional headers of each request. The SDK's own headers, such as
            `Authorization`, cannot be replaced.
        transport: How requests are sent. "direct", the default, uses connections of the SDK's
            own. "httpx" sends by an httpx client over these, which tracers of httpx see.

    Raises:
        ConfigurationError: The key is missing or malformed, the base URL is invalid, or a
            proxy of the environment cannot be used.
    """

    def __init__(
        self,
        api_key: str | KeyFunction | None = None,
        *,
        base_url: str | None = None,
        timeout: Timeout = 10.0,
        max_retries: int = 2,
        max_response_size: int = 268_435_456,
        rate_limits: bool | float | RateBudget = True,
        size_limits: bool = True,
        telemetry: bool = True,
        http_client: HttpClient | None = None,
        transport: Transport | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        key, headers = Secret(api_key), Secret(default_headers)
        del api_key, default_headers  # which a traceback would show
        own = http_client is None
        config = Config.make(
            key,
            base_url,
            timeout,
            max_retries,
            max_response_size,
            rate_limits,
            size_limits,
            telemetry,
            own,
            headers,
        )
        self._begin(config, http_client, transport)

    _port = SyncIO
    """What requests, pauses and times come from. The tests have one whose clock jumps."""

    def _begin(
        self, config: Config, http_client: HttpClient | None, transport: Transport | None
    ) -> None:
        self._config = config
        self._rate_limiters = rate_limiters(config.rate_limits)
        self._recent_jobs = RecentJobs()
        self._transport = transport
        self._io = self._port(config, http_client, transport)
        self._family = object()
        """The same in all clients that share connections."""

    def with_options(
        self,
        *,
        timeout: Timeout | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        api_key: str | KeyFunction | Unset = UNSET,
        default_headers: Mapping[str, str] | Unset = UNSET,
        rate_limits: bool | float | RateBudget | Unset = UNSET,
    ) -> Runpod:
        """
        Return a client with other options that shares this one's connections and rate limits.

        Closing it closes nothing of this client; closing this client closes it too.

        Args:
            timeout: Another timeout; see the client's argument.
            max_retries: Another number of retries.
            api_key: Another key, or a function that returns a key.
            default_headers: More headers for each request. A header of the same name is
                replaced.
            rate_limits: False ignores the rate limits that the clients share. Another share or
                budget than this client's replaces them.

        Examples:
            ```python
            patient = client.with_options(timeout=60, max_retries=5)
            print((patient.endpoint("your-endpoint-id").health()).jobs)
            ```

        Raises:
            ConfigurationError: The key is malformed.
        """
        key, headers = Secret(api_key), Secret(default_headers)
        del api_key, default_headers  # which a traceback would show
        config = self._config.with_options(timeout, max_retries, key, headers, rate_limits)
        made = type(self).__new__(type(self))
        made._config = config
        made._rate_limiters = self._rate_limiters
        if config.rate_limits != self._config.rate_limits:
            made._rate_limiters = rate_limiters(config.rate_limits)
        made._recent_jobs = self._recent_jobs
        made._transport = self._transport
        made._io = self._port(config, None, parent=self._io)
        made._family = self._family
        return made

    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: None = None, output_type: None = None
    ) -> Endpoint[InputValue, Any]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: type[In], output_type: type[Out]
    ) -> Endpoint[In, Out]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: type[In], output_type: Any = None
    ) -> Endpoint[In, Any]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: None = None, output_type: type[Out]
    ) -> Endpoint[InputValue, Out]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None
    ) -> Endpoint[Any, Any]: ...
    def endpoint(
        self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None
    ) -> Endpoint[Any, Any]:
        """
        Return the endpoint with this id. No request is sent.

        Examples:
            ```python
            endpoint = client.endpoint("your-endpoint-id")
            state = endpoint.run_sync(input={"prompt": "Hello"})
            print(state.output)
            ```

        Args:
            input_type: Type that inputs must have, checked before they are sent: an attrs
                class, a dataclass, a TypedDict, a pydantic model, or a type built from these,
                such as `list[Model]`. None accepts any JSON value.
            output_type: Type of the outputs. None returns decoded JSON.

        Raises:
            ValueError: The id is empty, "." or "..", or contains a slash or white space.
            TypeError: A type cannot be converted to or from JSON.
            ConfigurationError: A type needs cattrs, of the extra `types`.
        """
        from runpod_sdk._sync.endpoint import Endpoint  # all of the API, not needed before

        settings.checked_id(endpoint_id, "endpoint_id")
        if input_type is not None or output_type is not None:
            from runpod_sdk._typed_inputs import check_types

            check_types(input_type, output_type)
        return Endpoint(self, endpoint_id, input_type, output_type)

    def as_completed(
        self,
        jobs: Iterable[Job[Out]],
        *,
        timeout: Timeout = None,
        concurrency: int = 100,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Results[JobResult[Job[Out], Out]]:
        """
        Iterate over the results of jobs that were submitted before, in order of completion.

        Examples:
            ```python
            jobs = [endpoint.run(input={"prompt": word}) for word in ("one", "two")]
            for result in client.as_completed(jobs):
                print(result.job.id, result.output)
            ```

        Args:
            jobs: Jobs of this client's endpoints.
            timeout: Longest total time in seconds, from the request for the first result to
                the last result. The jobs continue in any case.
            concurrency: Number of jobs that are polled at a time. If there are more jobs,
                they take turns of one second.
            extra_headers: Additional headers of each request.

        Returns:
            An iterator of `JobResult`, which is also a context manager. Nothing
            is sent before the first result is requested.

        Raises:
            RunpodTimeoutError: *timeout* passed first.
            TypeError: One of *jobs* is not a job.
            ValueError: A job belongs to another client.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        with whole_imports():
            from runpod_sdk._sync.results import Results

        return Results(self._pending(jobs, timeout, concurrency, extra_headers, ordered=False))

    def wait_all(
        self,
        jobs: Iterable[Job],
        *,
        timeout: Timeout = None,
        concurrency: int = 100,
        extra_headers: Mapping[str, str] | None = None,
    ) -> list[JobState]:
        """
        Wait until all jobs have ended, and return their terminal states in the order of *jobs*.

        Examples:
            ```python
            jobs = [endpoint.run(input={"prompt": word}) for word in ("one", "two")]
            states = client.wait_all(jobs)
            print([state.status for state in states])
            ```

        Args:
            jobs: Jobs of this client's endpoints.
            timeout: Longest total time in seconds. The jobs continue in any case.
            concurrency: Number of jobs that are polled at a time. If there are more jobs,
                they take turns of one second.
            extra_headers: Additional headers of each request.

        Raises:
            RunpodTimeoutError: *timeout* passed first.
            RunpodError: A job cannot be waited for, for example because its result has expired
                (`NotFoundError`); `.job` is that job.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        with whole_imports():
            from runpod_sdk._flows.many.as_completed import states

        taker = self._pending(jobs, timeout, concurrency, extra_headers, ordered=True)
        return sync.drive(states(taker))

    def _pending(
        self,
        jobs: Iterable[Job],
        timeout: Timeout,
        concurrency: int,
        extra_headers: Mapping[str, str] | None,
        *,
        ordered: bool,
    ) -> ResultTaker[JobResult[Any]]:
        with whole_imports():
            from runpod_sdk._flows.many.as_completed import start_as_completed
            from runpod_sdk._io.loop_thread import many_context

        return start_as_completed(
            jobs,
            self,
            many_context(self._io),
            concurrency=concurrency,
            timeout=timeout,
            ordered=ordered,
            extra_headers=extra_headers,
        )

    def _context_of(self, endpoint_id: str, job_of: Callable[[str], Job]) -> EndpointContext:
        config = self._config
        return EndpointContext(
            self._io,
            endpoint_id,
            config.timeout,
            config.max_retries,
            job_of,
            self._recent_jobs,
            self._rate_limiters,
            config.size_limits,
        )

    def close(self) -> None:
        """Close the connections. Calls in flight fail; the client cannot be used again."""
        self._io.close()
        self._io.telemetry.close()

    def __enter__(self) -> Runpod:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        config = getattr(self, "_config", None)  # none, if making the client has failed
        shown = "" if config is None else f"base_url={config.base_url!r}"
        return f"{type(self).__name__}({shown})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Runpod:
        return self

    def __copy__(self) -> Runpod:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self._config, self._transport)


def _revive(cls: type[Runpod], config: Config, transport: Transport | None) -> Runpod:
    client = cls.__new__(cls)
    client._begin(config, None, transport)
    return client
