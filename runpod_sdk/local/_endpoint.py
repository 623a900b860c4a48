"""`LocalEndpoint`."""

from __future__ import annotations

import functools
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from runpod_sdk.settings import checked_bool, whole_number

from . import _wire
from ._active_faults import Faults
from ._clock import VirtualClock
from ._faults import Fault, SlowStart
from ._job_log import job_log
from ._limits import Limits, seconds
from ._runtime import EndpointRuntime, EndpointSettings, Served, random_id
from ._serving.app import App
from ._serving.control import routes as control_routes
from ._serving.faults import FaultMiddleware
from ._serving.faults import routes as fault_routes
from ._serving.page import pages
from ._serving.server import ServerThread
from ._webhooks import Webhooks
from ._workers.command import WorkerAddresses

if TYPE_CHECKING:
    from runpod_sdk import AsyncRunpod, Runpod


class LocalEndpoint:
    """
    Serve a handler on this machine as RunPod does, for tests and development.

    A local endpoint is an HTTP server on 127.0.0.1 with a queue and workers, in threads of this
    process. Use it as a context manager, from sync or async code; any number can run at once.

        with LocalEndpoint(handler) as local, local.client() as client:
            print(client.endpoint(local.endpoint_id).run_sync(input={"n": 1}).output)

    Args:
        handler: A function of the job (a dict with `id`, `input`, and `webhook` and `s3Config`
            if they were sent), as RunPod's own package takes it: a plain or async function, a
            generator or an async generator. It can call `progress_update`. Or a
            `WorkerCommand`, for processes that use RunPod's package; or None, for workers that
            you start yourself with `worker_environment`, which may join in any case. Or a
            mapping of endpoint ids to these: the server then serves all of these endpoints, each
            with its own queue and workers.
        workers: The largest number of workers. Each runs one job at a time, on a thread with its
            own event loop.
        min_workers: The smallest number of workers; *workers* by default. One more is started
            for each queued job that is not of low priority.
        cold_start: How long a worker takes to start, in seconds of *clock*.
        idle_timeout: After how long an idle worker ends if more than *min_workers* run, in
            seconds of *clock*.
        return_aggregate_stream: Whether the output of a handler that yields is the list of the
            values that it yielded, instead of an empty list.
        endpoint_id: The id in the URLs; a random one by default. With a mapping, its keys are
            the ids.
        any_id: Whether requests for any other id are answered as well, by this endpoint; for
            programs with an id that you cannot change. Not with a mapping.
        api_key: The key that the server accepts; a random one by default.
        port: The port to listen at; a free one by default.
        limits: Timeouts, retention and sizes.
        rate_limits: Whether requests over the rate limits of the service are refused with 429.
            Off by default, as tests are often faster than any user.
        clock: Returns the time that the queue uses, in seconds. Pass a `VirtualClock` to test
            what expires.

    Cancelling a job, its execution timeout and closing the endpoint stop the handler: an async
    handler is cancelled, a generator is closed at its next yield. A plain function cannot be
    interrupted: its result is discarded, and another worker takes its place, while its thread
    runs on until the function returns.
    """

    def __init__(
        self,
        handler: Served | Mapping[str, Served],
        *,
        workers: int = 1,
        min_workers: int | None = None,
        cold_start: float | timedelta = 0.0,
        idle_timeout: float | timedelta = 5.0,
        return_aggregate_stream: bool = False,
        endpoint_id: str | None = None,
        any_id: bool = False,
        api_key: str | None = None,
        port: int = 0,
        limits: Limits | None = None,
        rate_limits: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, flag in (
            ("return_aggregate_stream", return_aggregate_stream),
            ("any_id", any_id),
            ("rate_limits", rate_limits),
        ):
            checked_bool(flag, name)
        fewest = workers if min_workers is None else min_workers
        whole_number(workers, "workers", 1)
        whole_number(port, "port", 0)
        if whole_number(fewest, "min_workers", 0) > workers:
            raise ValueError(f"min_workers must be from 0 to {workers}, not {min_workers}")
        for name, length in (("cold_start", cold_start), ("idle_timeout", idle_timeout)):
            if not seconds(length) >= 0:  # NaN too
                raise ValueError(f"{name} must not be negative, not {length!r}")
        if not (limits is None or isinstance(limits, Limits)):
            raise TypeError(f"limits must be a Limits, not {limits!r:.60}")
        if not callable(clock):
            raise TypeError(f"clock must be a function, not {clock!r:.60}")
        if not (api_key is None or isinstance(api_key, str)):
            raise TypeError(f"api_key must be a string, not {type(api_key).__name__}")
        handlers = _by_id(handler, endpoint_id, any_id=any_id)
        self.endpoint_ids: tuple[str, ...] = tuple(handlers)
        self.endpoint_id: str = self.endpoint_ids[0]
        self.api_key: str = f"rpa_{secrets.token_hex(20)}" if api_key is None else api_key
        if not self.api_key.strip():
            raise ValueError("api_key must not be blank")
        if port > 65_535:
            raise ValueError(f"port must be from 0 (any that is free) to 65535, not {port}")
        self._port = port
        self._any_id = any_id
        self._clock = clock
        self._worker_key = secrets.token_hex(16)
        settings = EndpointSettings(
            workers=workers,
            min_workers=fewest,
            cold_start=seconds(cold_start),
            idle_timeout=seconds(idle_timeout),
            return_aggregate_stream=return_aggregate_stream,
            limits=Limits() if limits is None else limits,
            rate_limits=rate_limits,
            clock=clock,
        )
        self._faults = Faults(clock, self._fault_added, self._check_process)
        self._fault_middleware = FaultMiddleware(self._faults)
        self._webhooks = Webhooks(settings.limits)
        self._runtimes = [
            EndpointRuntime(
                id,
                served,
                settings,
                faults=self._faults,
                addresses=functools.partial(self._addresses, id),
            )
            for id, served in handlers.items()
        ]
        for runtime in self._runtimes:
            runtime.broker.on_end += [
                functools.partial(self._webhooks.ended, note=runtime.broker.note_webhook),
                job_log(self.api_key, self._worker_key),
            ]
        self._server: ServerThread | None = None
        self._process: int | None = None
        self._closed = False
        self._lock = threading.RLock()  # a signal handler may call `close` in the other methods
        self._started = False

    def _addresses(self, endpoint_id: str) -> WorkerAddresses:
        return WorkerAddresses(
            f"{self.base_url}/{endpoint_id}", endpoint_id, self.api_key, self._worker_key
        )

    def worker_environment(self, endpoint_id: str | None = None) -> dict[str, str]:
        """
        Return the environment variables for a worker that you start yourself, in a container say.

        A worker made with RunPod's package needs only these variables to serve this endpoint.
        Call this method for each worker: the variables contain the worker's id, a new one for
        each call. The worker must be able to reach 127.0.0.1 of this machine.

        Args:
            endpoint_id: The endpoint to serve, if there are several; the first one by default.

        Raises:
            RuntimeError: The endpoint has not been started.
            ValueError: There is no such endpoint.
        """
        served = self.endpoint_id if endpoint_id is None else endpoint_id
        if served not in self.endpoint_ids:
            raise ValueError(f"no endpoint {served!r}; it serves {', '.join(self.endpoint_ids)}")
        return self._addresses(served).environment(random_id())

    def restart_workers(self) -> None:
        """
        Replace all workers that this endpoint has started, each when its jobs have ended.

        Raises:
            RuntimeError: The endpoint runs in the process from which this one was forked.
        """
        for runtime in self._runtimes:
            runtime.restart_workers()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not started" if self._server is None else "at "
        where = self.base_url if self._server is not None and not self._closed else ""
        return f"<LocalEndpoint {', '.join(self.endpoint_ids)} {state}{where}>"

    @property
    def base_url(self) -> str:
        """
        The base URL of its API, the counterpart of `https://api.runpod.ai/v2`.

        Raises:
            RuntimeError: The endpoint has not been started.
        """
        if self._server is None:
            raise RuntimeError("the local endpoint has no URL before start()")
        return f"{self._server.address}/{_wire.ROOT}"

    @property
    def page_url(self) -> str:
        """
        The URL of its page for a browser: the queue, the workers, the jobs, and the API to try.

        Raises:
            RuntimeError: The endpoint has not been started.
        """
        return self.base_url.removesuffix(_wire.ROOT)

    @property
    def faults(self) -> Faults:
        """The endpoint's faults: add and remove them, and see how often each was applied."""
        return self._faults

    def start(self) -> Self:
        """
        Start the server and the workers; does nothing if the endpoint runs already.

        Raises:
            ImportError: The extra `local` is not installed.
            OSError: The port is in use.
            RuntimeError: The endpoint has been closed.
        """
        with self._lock:
            self._check_open()
            if self._server is None:
                self._start()
                self._started = True
                try:
                    self._check_open()  # a signal handler may have closed it in the meantime
                except RuntimeError:
                    self._stop()
                    raise
        return self

    def close(self) -> None:
        """
        Stop the handlers and the server; does nothing if the endpoint is closed already.

        Held requests are answered with the job as it is. Webhooks that were not delivered yet are
        dropped, also between two attempts. A handler that does not end within
        `Limits.shutdown_grace` is left on its thread, which does not keep the process alive. In
        a forked process this method does nothing.
        """
        if self._process not in (None, os.getpid()):
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._stop()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the local endpoint is closed; make a new one")

    def _start(self) -> None:
        page_key = f"page_{secrets.token_hex(20)}"
        app = App(
            {
                runtime.endpoint_id: runtime.routes(self._fault_middleware)
                for runtime in self._runtimes
            },
            any_id=self._any_id,
            local_routes=[
                *fault_routes(self._faults),
                *control_routes({one.endpoint_id: one.broker for one in self._runtimes}),
            ],
            pages=pages(endpoint_ids=self.endpoint_ids, key=page_key),
            api_key=self.api_key,
            worker_key=self._worker_key,
            page_key=page_key,
        )
        server = ServerThread(
            app,
            port=self._port,
            on_open=self._open,
            on_close=self._close,
        )
        # Before it starts workers, which need its URL.
        self._server, self._process = server, os.getpid()
        try:
            server.start()
        except BaseException:
            self._server = self._process = None
            raise
        if isinstance(self._clock, VirtualClock):
            self._clock.follow(self._look_at_clock)

    def _stop(self) -> None:
        if not self._started:
            return
        self._started = False
        if isinstance(self._clock, VirtualClock):
            self._clock.unfollow(self._look_at_clock)
        if self._server is not None:
            self._server.stop()
        for runtime in self._runtimes:
            runtime.join()

    def _look_at_clock(self) -> None:
        for runtime in self._runtimes:
            runtime.advance()

    def _fault_added(self, fault: Fault) -> None:
        if isinstance(fault, SlowStart):
            self.restart_workers()

    def _check_process(self) -> None:
        self._runtimes[0].broker.check_process()

    def _open(self) -> None:
        for runtime in self._runtimes:
            runtime.open()

    def _close(self) -> None:
        for runtime in self._runtimes:
            runtime.broker.close()
        self._fault_middleware.close()
        self._webhooks.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def client(self) -> Runpod:
        """Create a client of this endpoint's server; the caller closes it."""
        from runpod_sdk import Runpod

        return Runpod(self.api_key, base_url=self.base_url)

    def async_client(self) -> AsyncRunpod:
        """Create an async client of this endpoint's server; the caller closes it."""
        from runpod_sdk import AsyncRunpod

        return AsyncRunpod(self.api_key, base_url=self.base_url)


def _by_id(
    handler: Served | Mapping[str, Served], endpoint_id: str | None, *, any_id: bool
) -> Mapping[str, Served]:
    """Return the handlers by endpoint id."""
    if not isinstance(handler, Mapping):
        handlers = {random_id() if endpoint_id is None else endpoint_id: handler}
    elif endpoint_id is not None or any_id:
        raise ValueError("endpoint_id and any_id are for one handler; a mapping's keys are the ids")
    elif not handler:
        raise ValueError("the mapping of endpoint ids to handlers is empty")
    else:
        handlers = dict(handler)
    for id in handlers:
        if not isinstance(id, str) or not id or "/" in id:
            raise ValueError(f"endpoint_id must be one segment of a path, not {id!r}")
    return handlers
