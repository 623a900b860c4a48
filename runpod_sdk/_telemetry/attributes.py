"""
The attributes of spans and metrics.

They contain no key, header, input, output, or error text. A request's attributes follow
OpenTelemetry's conventions for HTTP; a job's attributes begin with `runpod.`.
"""

from __future__ import annotations

from urllib.parse import unquote, urlencode, urlsplit

from attrs import frozen

from runpod_sdk._flows.io import Request, RequestFailed
from runpod_sdk._hosts import DEFAULT_PORTS
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
    attributes: Attributes = {"runpod.endpoint.id": endpoint_id}
    return attributes if job_id is None else {**attributes, "runpod.job.id": job_id}


def of_state(state: JobState) -> Attributes:
    """Return the attributes of a job's state, for its span."""
    delay, execution = state.delay_time, state.execution_time
    attributes: dict[str, str | int | float | None] = {
        "runpod.job.status": str(state.status),
        "runpod.job.queue_time": None if delay is None else delay.total_seconds(),
        "runpod.job.execution_time": None if execution is None else execution.total_seconds(),
        "runpod.job.retries": state.retries,
        "runpod.worker.id": state.worker_id,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def error_type(fault: BaseException) -> str:
    """Return `error.type` for an exception, by the conventions."""
    if isinstance(fault, RequestFailed):
        return "timeout" if fault.timed_out else fault.error_type
    if not isinstance(fault, Exception):
        return "cancelled"  # a cancelled task, or Ctrl-C
    return f"{type(fault).__module__}.{type(fault).__qualname__}"


@frozen
class ServerAttributes:
    """The attributes of a client's server."""

    base_url: str
    base_path: str
    labels: Attributes

    @classmethod
    def of(cls, base_url: str) -> ServerAttributes:
        url = urlsplit(base_url)
        port = url.port or DEFAULT_PORTS[url.scheme]
        labels: Attributes = {"server.address": url.hostname or "", "server.port": port}
        return cls(base_url, url.path, labels)

    def shared(self, request: Request, route: Route) -> Attributes:
        """Return a request's attributes for spans and metrics, which have few values."""
        template = self.base_path + route.template
        return {"http.request.method": request.method, "url.template": template, **self.labels}

    def particular(self, request: Request, route: Route) -> Attributes:
        """Return a request's attributes that only its span has."""
        query = f"?{urlencode(request.params)}" if request.params else ""
        attributes = names(route.endpoint_id, route.job_id)
        attributes["url.full"] = self.base_url + request.path + query
        if request.resends:
            attributes["http.request.resend_count"] = request.resends
        return attributes
