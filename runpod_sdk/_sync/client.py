"""The sync client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from runpod_sdk import settings
from runpod_sdk._flows.newcomers import Newcomers
from runpod_sdk._flows.pace import Traffic
from runpod_sdk._importing import whole_imports
from runpod_sdk._io.sync import SyncIO
from runpod_sdk._secret import Secret
from runpod_sdk.settings import CONCURRENCY, Config, Timeout

if TYPE_CHECKING:
    import httpx

    from runpod_sdk._sync.endpoint import Endpoint
    from runpod_sdk._sync.job import Job
    from runpod_sdk._sync.results import Results
    from runpod_sdk.models import InputValue, JobState
    from runpod_sdk.outcomes import JobResult

In = TypeVar("In")
Out = TypeVar("Out")


class Runpod:
    """
    A client of RunPod's serverless endpoints.

    One is enough for a process: its methods can be called from many threads at once.
    Close it, or use it as a context manager, to close its connections.

    Args:
        api_key: Else `RUNPOD_API_KEY`, else `~/.runpod/config.toml`: `api_key` under
            `[default]`, or a top-level `apikey`.
        base_url: Else `RUNPOD_ENDPOINT_BASE_URL`, else `https://api.runpod.ai/v2`.
        timeout: Longest time without progress, in seconds, of a call that gives no timeout
            and does not wait for a job, and of each attempt of one that waits. It starts
            again with every 16 KiB of a body that move; None is no limit.
        max_retries: Retries after the first attempt, of requests that are safe to repeat.
            A call that waits for a job survives outages however many retries they take.
        max_response_size: Bytes of an answer, unpacked, beyond which it is refused.
        rate_limits: Whether to keep to the rates that RunPod documents for each endpoint, by
            letting requests wait for their turn: 1000 jobs submitted in 10 seconds, 200 at
            a time, and so on. They are shared by all threads of this client.
        size_limits: Whether to refuse requests that are larger than RunPod documents, before
            anything is sent: 10 MiB of `run`, 20 MiB of `run_sync`.
        telemetry: Whether to tell OpenTelemetry of jobs and requests, where the program has
            imported it; else nothing is. See docs/telemetry.md.
        http_client: Your own client (proxy, CA, transport). It is never closed here.
            With a transport that is not httpx's own, a total time is bounded only as
            well as that transport keeps httpx's timeouts.

    Raises:
        ConfigurationError: No key, a malformed one, an invalid base URL, or a proxy of the
            environment that can't be used.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: Timeout = settings.TIMEOUT,
        max_retries: int = settings.MAX_RETRIES,
        max_response_size: int = settings.MAX_RESPONSE_SIZE,
        rate_limits: bool = True,
        size_limits: bool = True,
        telemetry: bool = True,
        http_client: httpx.Client | None = None,
    ) -> None:
        key = Secret(api_key)
        del api_key  # which a traceback would show
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
        )
        self._begin(config, http_client)

    _port = SyncIO
    """What requests, pauses and times come from. The tests have one whose clock jumps."""

    def _begin(self, config: Config, http_client: httpx.Client | None) -> None:
        self._config = config
        self._traffic = Traffic() if config.rate_limits else None
        self._newcomers = Newcomers()
        self._io = self._port(config, http_client)

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
        Return the endpoint of that id; no request is sent.

        Args:
            input_type: What its inputs have to be, and are checked to be before they are sent:
                an attrs class, a dataclass, a TypedDict, a pydantic model, or what is spelled
                with them, such as `list[Model]`; None takes any JSON.
            output_type: What its outputs are to be, likewise; None leaves them as decoded JSON.

        Raises:
            ValueError: The id is empty, "." or "..", or has a slash or white space.
            TypeError: No values of a type can be made of JSON.
            ConfigurationError: A type needs cattrs, of the extra `types`.
        """
        from runpod_sdk._sync.endpoint import Endpoint  # all of the API, not needed before

        settings.checked_id(endpoint_id, "endpoint_id")
        if input_type is not None or output_type is not None:
            from runpod_sdk._inputs import check_types

            check_types(input_type, output_type)
        return Endpoint(self, endpoint_id, input_type, output_type)

    def as_completed(
        self, jobs: Iterable[Job[Out]], *, timeout: Timeout = None, concurrency: int = CONCURRENCY
    ) -> Results[JobResult[Job[Out], Out]]:
        """
        Iterate over what comes of jobs that were submitted before, whichever ends first.

        Args:
            jobs: Jobs of endpoints of this client.
            timeout: Longest total time, in seconds, from when the first result is asked
                for until the last. The jobs go on in any case.
            concurrency: How many jobs are asked after at a time. Of more jobs than that
                each has its turn, which lasts a second while it has not ended.

        Returns:
            An iterator of `JobResult`; also a context manager. Nothing is sent before the
            first result is asked for.

        Raises:
            RunpodTimeoutError: *timeout* passed first.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        with whole_imports():
            from runpod_sdk._sync import gathering

        return gathering.as_completed(self, jobs, timeout, concurrency)

    def wait_all(
        self, jobs: Iterable[Job], *, timeout: Timeout = None, concurrency: int = CONCURRENCY
    ) -> list[JobState]:
        """
        Wait until all of the jobs have ended, well or badly.

        Takes jobs, *timeout* and *concurrency* as `as_completed` does.

        Returns:
            Their terminal states, in the order of the jobs.

        Raises:
            RunpodTimeoutError: *timeout* passed first.
            RunpodError: What befell the first of them that can't be waited for, such as
                the `NotFoundError` of a result that has expired; `.job` says which.

        Source: get_job_status_sync in openapi/runpod-serverless.yaml.
        """
        with whole_imports():
            from runpod_sdk._sync import gathering

        return gathering.wait_all(self, jobs, timeout, concurrency)

    def close(self) -> None:
        """Close the connections. A client that is closed can't be used again."""
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
        return _revive, (type(self), self._config)


def _revive(cls: type[Runpod], config: Config) -> Runpod:
    client = cls.__new__(cls)
    client._begin(config, None)
    return client
