"""
The position in a stream: what was fetched, what is still to be checked, and what may be missing.

A position is immutable: each step returns the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum

from attrs import evolve, field, frozen

from runpod_sdk._flows.api.parse_stream import StreamPage
from runpod_sdk._types import JSONValue
from runpod_sdk.json_text import write
from runpod_sdk.models import TERMINAL, JobState, JobStatus, StreamChunk

CHECK_INTERVAL = 0.5
"""
Seconds without a chunk after which the job may have been given to another worker unseen.

RunPod takes many times as long to notice that a worker is gone.
"""


class Missing(Enum):
    """Why chunks may be missing, so that asking for more could leave a gap."""

    RESPONSE = "a response was lost that may have contained chunks"
    RUN = "the job was given to another worker"


@frozen
class Prefix:
    """The first chunks of a stream: their number, and a digest of their outputs."""

    count: int = 0
    digest: bytes | None = b""
    """None where an output is nested too deep to be serialized."""

    def plus(self, outputs: Iterable[JSONValue]) -> Prefix:
        """Return the prefix extended by *outputs*."""
        import hashlib  # for streams only, not for each job

        count, digest = self.count, self.digest
        for output in outputs:
            count += 1
            if digest is not None:
                try:
                    text = write(output, sort_keys=True)
                except RecursionError:
                    digest = None
                else:
                    digest = hashlib.sha256(digest + text.encode()).digest()
        return Prefix(count, digest)

    def equals(self, other: Prefix) -> bool:
        """Return whether both are known to be the same chunks."""
        return self.digest is not None and self == other

    def rest_of(self, output: object) -> Sequence[JSONValue] | None:
        """Return the items of *output* after this prefix; None if it does not begin with it."""
        if not isinstance(output, list) or not output or len(output) < self.count:
            return None
        items: list[JSONValue] = output
        return items[self.count :] if self.equals(_NONE.plus(items[: self.count])) else None


_NONE = Prefix()


def _outputs(chunks: Iterable[StreamChunk]) -> list[JSONValue]:
    return [chunk.output for chunk in chunks]


@frozen
class Position:
    """The position in a stream. Times are from the IO port's clock."""

    ready: deque[StreamChunk] = field(factory=deque[StreamChunk])
    """The chunks to deliver next. Only removing from it is allowed."""
    unchecked: tuple[StreamChunk, ...] = ()
    """Chunks that were fetched, and perhaps belong to another run than those before."""
    must_check: bool = False
    """Whether to look which run the unchecked chunks belong to."""
    missing: Missing | None = None
    accepted: Prefix = _NONE
    """The chunks that were made ready, whether they were consumed or not."""
    first: Prefix = _NONE
    """The first accepted chunk."""
    repeated: Prefix | None = None
    """The accepted chunks that another run has repeated so far."""
    status: JobStatus | str = JobStatus.IN_QUEUE
    retries: int = 0
    """The number of times that the job was given to another worker, as far as is known."""
    worker: str | None = None
    ended_first: bool = False
    """Whether the job had ended before its first chunk was fetched: no other run can follow."""
    known_at: float | None = None
    """Time at which the run was last known to be unchanged; None before the first request."""
    repeated_at: float = float("-inf")
    """When chunks last began like the stream itself, and were checked for that."""
    end: JobState | None = None
    """The state to report once all ready chunks are consumed."""

    def received(self, page: StreamPage, now: float) -> Position:
        """Return the position after a response."""
        at = evolve(self, missing=None, status=page.status)
        if page.status == JobStatus.IN_QUEUE and self.status != JobStatus.IN_QUEUE:
            return at._returned_to_queue(page.chunks)
        if not page.chunks:
            return at
        if page.status in TERMINAL and not self.accepted.count:
            return evolve(at, unchecked=page.chunks, ended_first=True)
        pause = now - (now if self.known_at is None else self.known_at)
        repeats = (
            now - self.repeated_at >= CHECK_INTERVAL
            and self.accepted.count > 0
            and self.first.equals(_NONE.plus(_outputs(page.chunks[:1])))
        )
        watched = self.repeated is None and not self.ended_first
        must_check = watched and (pause >= CHECK_INTERVAL or repeats)
        return evolve(
            at,
            unchecked=page.chunks,
            must_check=must_check,
            known_at=now,
            repeated_at=now if repeats else self.repeated_at,
        )

    def _returned_to_queue(self, chunks: Sequence[StreamChunk]) -> Position:
        """Accept what the lost run yielded last, and expect the next run to start over."""
        at = self if self.repeated is not None else self.accepting(chunks)
        repeated = _NONE if at.accepted.count else None
        return evolve(at, repeated=repeated, retries=at.retries + 1, worker=None)

    def is_other_run(self, state: JobState) -> bool:
        """Return whether the accepted chunks are from an earlier run than *state*."""
        if not self.accepted.count:
            return False
        returned = state.status == JobStatus.IN_QUEUE and self.status != JobStatus.IN_QUEUE
        moved = None not in (self.worker, state.worker_id) and self.worker != state.worker_id
        return returned or moved or (state.retries or 0) > self.retries

    def checked(self, state: JobState, now: float) -> Position:
        """Return the position after a look at the job's state."""
        other = self.is_other_run(state)
        return evolve(
            self,
            must_check=False,
            repeated=_NONE if other else self.repeated,
            retries=max(self.retries, state.retries or 0),
            worker=state.worker_id or (None if other else self.worker),
            known_at=now,
        )

    def matched(self) -> Position | None:
        """
        Make the unchecked chunks ready that the run has not delivered before.

        Returns:
            None if another run repeats the accepted chunks with differences.
        """
        if self.repeated is None:
            return self.accepting(self.unchecked)
        missing = self.accepted.count - self.repeated.count
        repeated = self.repeated.plus(_outputs(self.unchecked[:missing]))
        if repeated.count < self.accepted.count:
            return evolve(self, unchecked=(), repeated=repeated)
        if not repeated.equals(self.accepted):
            return None
        return evolve(self, repeated=None).accepting(self.unchecked[missing:])

    def accepting(self, chunks: Sequence[StreamChunk]) -> Position:
        """Make *chunks* ready; there must be no other ready ones."""
        outputs = _outputs(chunks)
        return evolve(
            self,
            ready=deque(chunks),
            unchecked=(),
            accepted=self.accepted.plus(outputs),
            first=self.first if self.first.count else _NONE.plus(outputs[:1]),
        )


START = Position()
