"""`LocalEndpoint`."""

from __future__ import annotations

import os
import random
import secrets
import string
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from . import _wire
from ._active_faults import ActiveJobFaults, Faults
from ._broker import Broker
from ._clock import VirtualClock
from ._faults import Fault, SlowStart
from ._job_log import job_log
from ._limits import Limits, seconds
from ._rules.fleet import Fleet, Scaling
from ._rules.queue import Queue
from ._serving.app import App, Middleware, api_routes
from ._serving.control import routes as control_routes
from ._serving.faults import FaultMiddleware
from ._serving.faults import routes as fault_routes
from ._serving.page import pages
from ._serving.rates import rate_limits as make_rate_limits
from ._serving.server import ServerThread
from ._serving.workers import routes as worker_routes
from ._webhooks import Webhooks
from ._workers.command import WorkerAddresses, WorkerCommand
from ._workers.factory import make_worker_pool
from ._workers.handler import Handler

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
            you start yourself with `worker_environment`, which may join in any case.
        workers: The largest number of workers. Each runs one job at a time, on a thread with an
            event loop of its own.
        min_workers: The smallest number of workers; *workers* by default. One more is started
            for each queued job that is not of low priority.
        cold_start: How long a worker takes to start, in seconds of *clock*.
        idle_timeout: After how long an idle worker ends if more than *min_workers* run, in
            seconds of *clock*.
        return_aggregate_stream: Whether the output of a handler that yields is the list of the
            values that it yielded, instead of an empty list.
        endpoint_id: The id in the URLs; a random one by default.
        api_key: The key that the server accepts; a random one by default.
        port: The port to listen at; a free one by default.
        limits: Timeouts, retention and sizes.
        rate_limits: Whether requests over the rate limits of the service are refused with 429.
            Off by default, as tests are often faster than any user.
        clock: Returns the time that the queue uses, in seconds. Pass a `VirtualClock` to test
            what expires.

    Cancelling a job, its execution timeout and closing the endpoint stop the handler: an async
    handler is cancelled, a generator is closed at its next yield. A plain function cannot be
    interrupted: its result is discarded, and its worker stays busy until it returns.
    """

    def __init__(
        self,
        handler: Handler | WorkerCommand | None,
        *,
        workers: int = 1,
        min_workers: int | None = None,
        cold_start: float | timedelta = 0.0,
        idle_timeout: float | timedelta = 5.0,
        return_aggregate_stream: bool = False,
        endpoint_id: str | None = None,
        api_key: str | None = None,
        port: int = 0,
        limits: Limits | None = None,
        rate_limits: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, not {workers}")
        if min_workers is not None and not 0 <= min_workers <= workers:
            raise ValueError(f"min_workers must be from 0 to {workers}, not {min_workers}")
        self.endpoint_id: str = _random_id() if endpoint_id is None else endpoint_id
        self.api_key: str = f"rpa_{secrets.token_hex(20)}" if api_key is None else api_key
        if not self.endpoint_id or "/" in self.endpoint_id:
            raise ValueError(f"endpoint_id must be one segment of a path, not {endpoint_id!r}")
        if not self.api_key.strip():
            raise ValueError("api_key must not be blank")
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be from 0 (any that is free) to 65535, not {port}")
        self._port = port
        self._limits = Limits() if limits is None else limits
        fleet = Fleet(
            Scaling(
                least=workers if min_workers is None else min_workers,
                most=workers,
                idle_timeout=seconds(idle_timeout),
                pull=isinstance(handler, WorkerCommand),
            )
            if handler is not None
            else Scaling(),
            _random_id,
        )
        self._faults = Faults(clock, self._fault_added, lambda: self._broker.check_process())
        job_faults = ActiveJobFaults(self._faults)
        delay = seconds(cold_start)
        fleet.start_delay = lambda: max(delay, job_faults.start_delay())
        queue = Queue(fleet, job_faults, chunk_size=self._limits.chunk_size)
        self._clock = clock
        self._broker = Broker(queue, clock=clock, limits=self._limits)
        self._fault_middleware = FaultMiddleware(self._faults)
        self._middlewares: list[Middleware] = [self._fault_middleware]
        if rate_limits:
            self._middlewares.append(make_rate_limits(self._broker, clock))
        self._webhooks = Webhooks(self._limits)
        self._broker.on_end.append(self._webhooks.ended)
        self._worker_key = secrets.token_hex(16)
        self._broker.on_end.append(job_log(self.api_key, self._worker_key))
        self._worker_pool = make_worker_pool(
            handler,
            aggregate=return_aggregate_stream,
            broker=self._broker,
            limits=self._limits,
            addresses=self._addresses,
        )
        self._server: ServerThread | None = None
        self._process: int | None = None
        self._closed = False
        self._lock = threading.Lock()

    def _addresses(self) -> WorkerAddresses:
        return WorkerAddresses(
            f"{self.base_url}/{self.endpoint_id}", self.endpoint_id, self.api_key, self._worker_key
        )

    def worker_environment(self) -> dict[str, str]:
        """
        Return the environment variables for a worker that you start yourself, in a container say.

        A worker made with RunPod's package needs only these variables to serve this endpoint.
        Call this method for each worker: the variables contain the worker's id, a new one for
        each call. The worker must be able to reach 127.0.0.1 of this machine.

        Raises:
            RuntimeError: The endpoint has not been started.
        """
        return self._addresses().environment(_random_id())

    def __repr__(self) -> str:
        state = "closed" if self._closed else "not started" if self._server is None else "at "
        where = self.base_url if self._server is not None and not self._closed else ""
        return f"<LocalEndpoint {self.endpoint_id} {state}{where}>"

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
            if self._closed:
                raise RuntimeError("the local endpoint is closed; make a new one")
            if self._server is None:
                page_key = f"page_{secrets.token_hex(20)}"
                app = App(
                    api_routes(self._broker, self._limits, self._clock, self.endpoint_id),
                    middlewares=self._middlewares,
                    worker_routes=worker_routes(self._broker, self._limits),
                    worker_key=self._worker_key,
                    local_routes=[*fault_routes(self._faults), *control_routes(self._broker)],
                    pages=pages(endpoint_id=self.endpoint_id, key=page_key),
                    endpoint_id=self.endpoint_id,
                    api_key=self.api_key,
                    page_key=page_key,
                )
                server = ServerThread(
                    app,
                    port=self._port,
                    on_open=lambda: self._broker.open(self._worker_pool),
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
        return self

    def close(self) -> None:
        """
        Stop the handlers and the server; does nothing if the endpoint is closed already.

        Held requests are answered with the job as it is. Webhooks that were not delivered yet are
        dropped, also those that wait for another attempt. A handler that does not end within
        `Limits.shutdown_grace` is left on its thread, which does not keep the process alive. In
        a forked process this method does nothing.
        """
        if self._process not in (None, os.getpid()):
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._server is None:
                return
            if isinstance(self._clock, VirtualClock):
                self._clock.unfollow(self._look_at_clock)
            self._server.stop()
            self._worker_pool.join()

    def _look_at_clock(self) -> None:
        self._broker.apply_from_any_thread(self._broker.queue.advance)

    def _fault_added(self, fault: Fault) -> None:
        if isinstance(fault, SlowStart):
            self._broker.apply_from_any_thread(lambda _: self._broker.queue.fleet.replace_all())

    def _close(self) -> None:
        self._broker.close()
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


def _random_id() -> str:
    """Return a random id of an endpoint or a worker, in the form of the real ones."""
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=14))
