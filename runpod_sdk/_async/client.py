"""The async client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from runpod_sdk import settings
from runpod_sdk._flows.newcomers import Newcomers
from runpod_sdk._flows.pace import Traffic
from runpod_sdk._importing import whole_imports
from runpod_sdk._io.aio import AsyncIO, Transport
from runpod_sdk._secret import Secret
from runpod_sdk.settings import CONCURRENCY, Config, Timeout

if TYPE_CHECKING:
    import httpx

    from runpod_sdk._async.endpoint import AsyncEndpoint
    from runpod_sdk._async.job import AsyncJob
    from runpod_sdk._async.results import AsyncResults
    from runpod_sdk.models import InputValue, JobState
    from runpod_sdk.outcomes import JobResult

In = TypeVar("In")
Out = TypeVar("Out")


class AsyncRunpod:
    """
    Async twin of `Runpod`, under asyncio, on uvloop too, and under trio.

    Each event loop gets its own connections.

    Args:
        transport: What carries the bytes. "anyio" works under both; "aiohttp" needs the extra
            of that name, and works under asyncio only. See docs/benchmarks.md.
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
        http_client: httpx.AsyncClient | None = None,
        transport: Transport = "anyio",
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
        self._begin(config, http_client, transport)

    _port = AsyncIO
    """What requests, pauses and times come from. The tests have one whose clock jumps."""

    def _begin(
        self, config: Config, http_client: httpx.AsyncClient | None, transport: Transport
    ) -> None:
        self._config = config
        self._traffic = Traffic() if config.rate_limits else None
        self._newcomers = Newcomers()
        self._transport = transport
        self._io = self._port(config, http_client, transport)

    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: None = None, output_type: None = None
    ) -> AsyncEndpoint[InputValue, Any]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: type[In], output_type: type[Out]
    ) -> AsyncEndpoint[In, Out]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: type[In], output_type: Any = None
    ) -> AsyncEndpoint[In, Any]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: None = None, output_type: type[Out]
    ) -> AsyncEndpoint[InputValue, Out]: ...
    @overload
    def endpoint(
        self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None
    ) -> AsyncEndpoint[Any, Any]: ...
    def endpoint(
        self, endpoint_id: str, *, input_type: Any = None, output_type: Any = None
    ) -> AsyncEndpoint[Any, Any]:
        """Async twin of `Runpod.endpoint`; not awaited, as no request is sent."""
        from runpod_sdk._async.endpoint import AsyncEndpoint  # all of the API, not needed before

        settings.checked_id(endpoint_id, "endpoint_id")
        if input_type is not None or output_type is not None:
            from runpod_sdk._inputs import check_types

            check_types(input_type, output_type)
        return AsyncEndpoint(self, endpoint_id, input_type, output_type)

    def as_completed(
        self,
        jobs: Iterable[AsyncJob[Out]],
        *,
        timeout: Timeout = None,
        concurrency: int = CONCURRENCY,
    ) -> AsyncResults[JobResult[AsyncJob[Out], Out]]:
        """Async twin of `Runpod.as_completed`; not awaited, but iterated with `async for`."""
        with whole_imports():
            from runpod_sdk._async import gathering

        return gathering.as_completed(self, jobs, timeout, concurrency)

    async def wait_all(
        self, jobs: Iterable[AsyncJob], *, timeout: Timeout = None, concurrency: int = CONCURRENCY
    ) -> list[JobState]:
        """Async twin of `Runpod.wait_all`."""
        with whole_imports():
            from runpod_sdk._async import gathering

        return await gathering.wait_all(self, jobs, timeout, concurrency)

    async def aclose(self) -> None:
        """Async twin of `Runpod.close`."""
        await self._io.aclose()
        self._io.telemetry.close()

    async def __aenter__(self) -> AsyncRunpod:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        config = getattr(self, "_config", None)  # none, if making the client has failed
        shown = "" if config is None else f"base_url={config.base_url!r}"
        return f"{type(self).__name__}({shown})"

    def __deepcopy__(self, memo: dict[int, Any]) -> AsyncRunpod:
        return self

    def __copy__(self) -> AsyncRunpod:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self._config, self._transport)


def _revive(cls: type[AsyncRunpod], config: Config, transport: Transport) -> AsyncRunpod:
    client = cls.__new__(cls)
    client._begin(config, None, transport)
    return client
