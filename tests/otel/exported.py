"""
The data that a program's OpenTelemetry exports, by the real SDK.

It is imported when the first of these tests runs, and hidden after the last, because other
tests run as programs that have not imported it.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

from attrs import frozen

SEEN = "opentelemetry.trace"
"""The module that shows that a program has imported OpenTelemetry."""


@frozen
class Told:
    """A span, with its child spans in the order of their start."""

    name: str
    kind: str
    status: str
    attributes: dict[str, Any]
    within: list[Told]
    start: int
    end: int

    @property
    def outline(self) -> Any:
        """The names and error marks, as nested lists."""
        name = self.name if self.status == "UNSET" else f"{self.name} {self.status}"
        return [name, *(inner.outline for inner in self.within)] if self.within else name

    def all(self) -> list[Told]:
        return [self, *(one for inner in self.within for one in inner.all())]


class Exported:
    """The providers of this process, and the data since `clear`."""

    def __init__(self) -> None:
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._spans))
        trace.set_tracer_provider(provider)
        metrics.set_meter_provider(MeterProvider([self._reader]))
        self._module = sys.modules[SEEN]
        self.tracer = trace.get_tracer("the program")

    def show(self) -> None:
        sys.modules[SEEN] = self._module

    def hide(self) -> None:
        del sys.modules[SEEN]

    def clear(self) -> None:
        self._spans.clear()

    def spans(self) -> list[Told]:
        """Return the root spans, with their descendants."""
        finished = self._spans.get_finished_spans()
        ids = {span.context.span_id for span in finished}

        def within(parent: int | None) -> list[Told]:
            return [
                Told(
                    span.name,
                    span.kind.name,
                    span.status.status_code.name,
                    dict(span.attributes or {}),
                    within(span.context.span_id),
                    span.start_time or 0,
                    span.end_time or 0,
                )
                for span in sorted(finished, key=lambda one: (one.start_time, one.name))
                if (span.parent.span_id if span.parent and span.parent.span_id in ids else None)
                == parent
            ]

        return within(None)

    def outlines(self) -> list[Any]:
        return [span.outline for span in self.spans()]

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Return all data points of a metric: attributes and values."""
        data = json.loads(self.measured())
        return [
            (point["attributes"], point)
            for resource in data["resource_metrics"]
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
            if metric["name"] == name
            for point in metric["data"]["data_points"]
        ]

    def measured(self) -> str:
        data = self._reader.get_metrics_data()
        return '{"resource_metrics": []}' if data is None else data.to_json()

    def everything(self) -> str:
        """Return all exported data as text."""
        spans = self._spans.get_finished_spans()
        return "\n".join([*(span.to_json() for span in spans), self.measured()])


@cache
def exported() -> Exported:
    """Create the providers, once for the process."""
    return Exported()
