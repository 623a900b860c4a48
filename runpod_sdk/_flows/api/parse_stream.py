"""The response of a stream: the generated models as this package's values."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from runpod_sdk._flows.api.parse import others_of, status_of, value_of, wire_names
from runpod_sdk._types import JSONValue
from runpod_sdk.models import TERMINAL, JobStatus, StreamChunk
from runpod_serverless_api import models as wire


@frozen
class StreamPage:
    """One response of a stream."""

    status: JobStatus | str
    chunks: tuple[StreamChunk, ...]

    @property
    def last(self) -> bool:
        """Whether the stream has ended with this response."""
        return self.status in TERMINAL and not self.chunks


def stream_page(stream: wire.JobStream, body: Mapping[str, JSONValue]) -> StreamPage:
    chunks = stream.stream or ()
    return StreamPage(status_of(stream.status), tuple(_chunk(chunk) for chunk in chunks))


def _chunk(chunk: wire.StreamChunk) -> StreamChunk:
    if not isinstance(chunk, wire.StreamChunk):
        raise TypeError("a chunk is not an object")
    body = chunk.to_dict()
    return StreamChunk(
        output=value_of(chunk.output),
        metrics=value_of(chunk.metrics),
        extra=others_of(body, wire_names(wire.StreamChunk, "output", "metrics")),
        wire=body,
    )


def chunk_of(output: JSONValue) -> StreamChunk:
    """Make a chunk that contains *output*."""
    return _chunk(wire.StreamChunk(output=output))
