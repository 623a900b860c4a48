"""
Take the chunks of a job: each once and in order, or an error.

The server gives each chunk to whoever asks first, and keeps none. So an answer that
was lost took its chunks with it, and asking again would go on behind a gap. What
is lost is made good from the job's result, where the worker returns all that it
yielded: once the job is done, the chunks after those already taken are the rest of
that list, provided that the list begins with those taken. To tell, a digest of them
is kept, not the chunks.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Sequence

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.pace import Limit
from runpod_sdk._flows.port import Deadline, Session
from runpod_sdk._flows.retry import surely_not_taken
from runpod_sdk._flows.sending import OutOfTime, perform, send
from runpod_sdk._flows.waiting import hold, rest, run_out, timed_out, wait
from runpod_sdk.models import JobState, JobStatus, JSONValue, StreamChunk
from runpod_sdk.settings import HOLD, STREAM_PAUSE_LONGEST


class ChunkReader:
    """The stream of one job, a chunk at a time. Nothing is held open between chunks."""

    def __init__(self, session: Session, job_id: str, timeout: float | None) -> None:
        self._session = session
        self._job_id = job_id
        self._story = session.io.telemetry.following(session.endpoint_id, job_id)
        self._timeout = timeout
        self._started: Deadline | None = None
        self._ready: deque[StreamChunk] = deque()
        self._taken = _Taken()
        self._status: JobStatus | str = JobStatus.IN_QUEUE
        self._idle = 0
        self._asking = False
        """Whether chunks may be on their way; after an interruption, that they were."""
        self._end: JobState | None = None

    async def next(self) -> StreamChunk | None:
        """
        Return the next chunk, or None after the last one of a job that succeeded.

        Raises:
            JobError: The job ended badly, after all its chunks.
            StreamInterruptedError: Chunks were lost.
            RunpodTimeoutError: The deadline passed.
        """
        try:
            while not self._ready and self._end is None:
                await self._fetch()
        except OutOfTime as out:
            await run_out(self._session, self._deadline)
            self.close()
            cause = out.failure or out.__cause__
            raise timed_out(self._session, self._job_id, self._deadline, None) from cause
        except Exception:  # but who was interrupted may go on
            self.close()
            raise
        if self._ready:
            return self._ready.popleft()
        end = self._end
        self.close()
        if end is not None:
            end.raise_for_status()
        return None

    def close(self) -> None:
        """Give up what is left; the next chunk is None."""
        self._ready.clear()
        self._end = api.bare_state(self._job_id, JobStatus.COMPLETED)

    @property
    def _deadline(self) -> Deadline:
        """The deadline; its time runs from when the first chunk is asked for."""
        if self._started is None:
            self._started = self._session.deadline(self._timeout)
        return self._started

    async def _fetch(self) -> None:
        """Ask once; leave chunks in `_ready`, or the job's end in `_end`, or nothing."""
        session, deadline = self._session, self._deadline
        if self._asking:
            await self._make_good(None)
            return
        asked = session.io.now()
        held = hold(deadline.left(asked), session.hold(Limit.STREAM, HOLD))
        op = api.stream(session.endpoint_id, self._job_id, held)
        self._asking = True
        try:
            batch = await send(session, op, deadline)
        except errors.RunpodError as failure:
            if not _may_have_carried_chunks(failure):
                raise
            await self._make_good(failure)
            return
        self._ready.extend(batch.chunks)
        self._taken.add(batch.chunks)
        self._asking = False
        news = batch.chunks or batch.status != self._status
        self._idle = 0 if news else self._idle + 1
        self._status = batch.status
        if batch.last:
            self._end = await self._final_state(batch.status)
            session.io.telemetry.saw(session.endpoint_id, self._end)
        elif not batch.chunks:
            await rest(session, self._idle, asked, deadline, STREAM_PAUSE_LONGEST)

    async def _final_state(self, status: JobStatus | str) -> JobState:
        """Find out why a job ended badly; what can't be found out doesn't hide that it did."""
        known = api.bare_state(self._job_id, status)
        if known.succeeded:
            return known
        op = api.status(self._session.endpoint_id, self._job_id)
        try:
            state = await perform(self._session, op, self._deadline)
        except errors.RunpodError:
            return known
        return state if state.completed and not state.succeeded else known

    async def _make_good(self, failure: errors.RunpodError | None) -> None:
        """
        Wait for the job's result, and take from it the chunks that are missing.

        Args:
            failure: What came in place of the answer; None if it was not waited for.
        """
        job_id = self._job_id
        state = None
        try:
            state = await wait(self._session, job_id, self._deadline)
            missing = self._taken.rest_of(state)
        except errors.RunpodTimeoutError:
            raise
        except errors.RunpodError:
            missing = None
        if missing is None:
            message = messages.interrupted(f"stream of job {job_id}", state)
            handle = self._session.handle(job_id)
            raise errors.StreamInterruptedError(message, job=handle, state=state) from failure
        self._ready.extend(api.chunk_of(output) for output in missing)
        self._end = state


def _may_have_carried_chunks(failure: errors.RunpodError) -> bool:
    if isinstance(failure, errors.APIStatusError):
        return failure.status_code >= 500 and not surely_not_taken(failure)
    return isinstance(failure, errors.StreamInterruptedError | errors.APIResponseValidationError)


class _Taken:
    """How many chunks were taken, and a digest of their outputs."""

    def __init__(self) -> None:
        self._count = 0
        self._digest: bytes | None = b""

    def add(self, chunks: Sequence[StreamChunk]) -> None:
        self._count += len(chunks)
        self._digest = _digest(self._digest, [chunk.output for chunk in chunks])

    def rest_of(self, state: JobState) -> Sequence[JSONValue] | None:
        """Return what the job returned behind the chunks taken, if it did return these."""
        output = state.output
        if not isinstance(output, list) or not output or len(output) < self._count:
            return None
        if self._digest is None or _digest(b"", output[: self._count]) != self._digest:
            return None
        return output[self._count :]


def _digest(before: bytes | None, outputs: Sequence[JSONValue]) -> bytes | None:
    """Go on from the digest of what came before; None where an output is nested too deep."""
    for output in outputs:
        if before is None:
            return None
        try:
            text = json.dumps(output, sort_keys=True)
        except RecursionError:
            return None
        before = hashlib.sha256(before + text.encode()).digest()
    return before
