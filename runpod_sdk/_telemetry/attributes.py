"""
The attributes of spans and metrics.

They contain no key, header, input, output, or error text. A request's attributes follow
OpenTelemetry's conventions for HTTP; a job's attributes begin with `runpod.`.
"""

from __future__ import annotations

from urllib.parse import unquote, urlencode, urlsplit

from attrs import frozen

from runpod_sdk._flows.io import Request, RequestFailed
from runpod_sdk.models import JobState

Attributes = dict[str, str | int | float]


@frozen
class Route:
    """The operation of a request, from its path."""

    template: str
    endpoint_id: str
    job_id: str | None

    @classmethod
    def of(cls, request: Request) -> Route:
        _, endpoint_id, operation, *job = request.path.split("/")
        template = "/".join(["", "{endpoint_id}", operation, *(["{job_id}"] if job else [])])
        return cls(template, unquote(endpoint_id), unquote(job[0]) if job else None)


def names(endpoint_id: str, job_id: str | None) -> Attributes:
    said: Attributes = {"runpod.endpoint.id": endpoint_id}
    return said if job_id is None else {**said, "runpod.job.id": job_id}


def seen(state: JobState) -> Attributes:
    """Return what the span of a job says of its state."""
    delay, execution = state.delay_time, state.execution_time
    said: dict[str, str | int | float | None] = {
        "runpod.job.status": str(state.status),
        "runpod.job.queue_time": None if delay is None else delay.total_seconds(),
        "runpod.job.execution_time": None if execution is None else execution.total_seconds(),
        "runpod.job.retries": state.retries,
        "runpod.worker.id": state.worker_id,
    }
    return {name: value for name, value in said.items() if value is not None}


def kind(fault: BaseException) -> str:
    """Return what the conventions call an error's type."""
    if isinstance(fault, RequestFailed):
        if fault.timed_out:
            return "timeout"
        fault = fault.__cause__ or fault
    if not isinstance(fault, Exception):
        return "cancelled"  # a task was, or Ctrl-C
    return f"{type(fault).__module__}.{type(fault).__qualname__}"


@frozen
class ServerAttributes:
    """Where a client's requests go."""

    base_url: str
    base_path: str
    labels: Attributes

    @classmethod
    def of(cls, base_url: str) -> ServerAttributes:
        url = urlsplit(base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
        labels: Attributes = {"server.address": url.hostname or "", "server.port": port}
        return cls(base_url, url.path, labels)

    def shared(self, request: Request, route: Route) -> Attributes:
        """Return what is said of a request in spans and metrics: there are few values of each."""
        template = self.base_path + route.template
        return {"http.request.method": request.method, "url.template": template, **self.labels}

    def particular(self, request: Request, route: Route) -> Attributes:
        """Return what only the span of a request says."""
        query = f"?{urlencode(request.params)}" if request.params else ""
        said = names(route.endpoint_id, route.job_id)
        said["url.full"] = self.base_url + request.path + query
        if request.resends:
            said["http.request.resend_count"] = request.resends
        return said
