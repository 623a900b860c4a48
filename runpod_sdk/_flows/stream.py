"""
Read the chunks of a job: each once and in order, or an error.

The server delivers each chunk once and keeps none. Two faults can lose chunks:

- A lost response takes its chunks with it. They are restored from the job's output, if
  the worker returns what it yields. Once the job has ended, the missing chunks are the
  items of the output after the accepted ones, provided that the output begins with the
  accepted ones. For that, a digest of these is kept, not the chunks. If no chunk
  was accepted yet, a list may also be a returned value: then the chunks that remain on the
  server must be its end.
- If a worker disappears, RunPod runs the job again, and the next run yields everything
  again. The responses of the stream do not name the run. The reader sees that the job is
  in the queue again. If it may have missed that, it reads the job's status: before it
  delivers chunks after a pause or chunks that begin like the stream, and before it ends a
  stream without an error. The chunks of the next run are skipped until they have
  repeated those accepted; if they differ, only the job's output can complete the stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.api.parse_stream import chunk_of
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import Deadline
from runpod_sdk._flows.rate_limit import RateLimitedCall
from runpod_sdk._flows.retry import certainly_not_accepted
from runpod_sdk._flows.send import OutOfTime, call, send_until_answered
from runpod_sdk._flows.stream_memory import StreamMemory
from runpod_sdk._flows.stream_position import Missing, Prefix
from runpod_sdk._flows.wait import (
    pause_between_polls,
    poll_wait,
    sleep_until_deadline,
    timed_out,
    wait,
)
from runpod_sdk._job_output import checked
from runpod_sdk.models import JobState, JobStatus, JSONValue, StreamChunk
from runpod_sdk.settings import POLL_WAIT, STREAM_PAUSE_LONGEST


class ChunkReader:
    """Reads the stream of one job. No connection is held between two chunks."""

    def __init__(
        self,
        context: EndpointContext,
        job_id: str,
        timeout: float | None,
        memory: StreamMemory | None = None,
    ) -> None:
        self._context = context
        self._job_id = job_id
        self._span = context.io.telemetry.follow_job(context.endpoint_id, job_id)
        self._timeout = timeout
        self._started: Deadline | None = None
        self._memory = StreamMemory() if memory is None else memory
        self._idle = 0
        self._closed = self._ended = False

    @property
    def undelivered(self) -> tuple[StreamChunk, ...]:
        """The chunks that were fetched and not consumed, in order."""
        return self._memory.undelivered

    def close(self) -> None:
        """End the iteration. Chunks that were fetched and not consumed stay in the memory."""
        self._closed = True

    def check_open(self) -> None:
        """
        Check that an iteration may begin or continue; a stream at its end has no more chunks.

        Raises:
            RuntimeError: The stream was closed before its end.
        """
        if self._closed and not self._ended:
            rest = "another stream() of the same Job object reads the remaining chunks"
            raise RuntimeError(messages.closed_early(f"stream of job {self._job_id}", rest))

    def fill(self) -> Coroutine[Any, Any, deque[StreamChunk] | None]:
        """
        Wait until there is a chunk; return the deque to take it from, None at the end.

        The caller takes the chunk itself, as the last thing it does: so no interruption
        can come between.

        Raises:
            JobError: The job failed; raised after all its chunks.
            StreamInterruptedError: Chunks are missing, or were repeated differently.
            RunpodTimeoutError: The deadline passed.
            RuntimeError: Another task waits for the next chunk.
        """
        self._memory.check_idle()
        flow = self._fill()
        self._memory.enter(flow)
        return flow

    async def _fill(self) -> deque[StreamChunk] | None:
        memory = self._memory
        if self._closed or self._ended:
            return None
        try:
            while not memory.position.ready and memory.position.end is None:
                await self._advance()
        except OutOfTime as out:
            await sleep_until_deadline(self._context, self._deadline)
            self._ended = True
            cause = out.failure or out.__cause__
            raise timed_out(self._context, self._job_id, self._deadline, None) from cause
        except errors.RunpodError:  # after any other exception the caller may continue
            self._ended = True
            raise
        if memory.position.ready:
            return memory.position.ready
        end = memory.position.end
        self._ended = True
        memory.restart()
        if end is not None:
            checked(end)
        return None

    @property
    def _deadline(self) -> Deadline:
        """The deadline; its time starts with the first request for a chunk."""
        if self._started is None:
            self._started = self._context.deadline(self._timeout)
        return self._started

    async def _advance(self) -> None:
        """Do the next step towards a chunk, or towards the end."""
        position = self._memory.position
        if position.unchecked:
            await self._accept()
        elif position.missing is not None:
            await self._complete()
        else:
            await self._fetch()

    async def _fetch(self) -> None:
        """Request chunks once."""
        context, memory, deadline = self._context, self._memory, self._deadline
        asked_at = context.io.now()
        if memory.position.known_at is None:
            memory.update(known_at=asked_at)
        held = poll_wait(
            deadline.left(asked_at), context.poll_wait(RateLimitedCall.STREAM, POLL_WAIT)
        )
        op = api.stream(context.endpoint_id, self._job_id, held)
        op.before_send = self._note_request
        try:
            page = await send_until_answered(context, op, deadline)
        except OutOfTime as out:
            if not out.sent:
                memory.update(missing=None)
            raise
        except errors.RunpodError as failure:
            if not _may_have_carried_chunks(failure):
                memory.update(missing=None)
                raise
            await self._complete(failure)
            return
        news = page.chunks or page.status != memory.position.status
        memory.position = memory.position.received(page, context.io.now())
        self._idle = 0 if news else self._idle + 1
        if page.last:
            await self._finish(page.status)
        elif not page.chunks:
            await pause_between_polls(context, self._idle, asked_at, deadline, STREAM_PAUSE_LONGEST)

    async def _note_request(self) -> None:
        """Record that a request for chunks is being sent, whose response may get lost."""
        self._memory.update(missing=Missing.RESPONSE)

    async def _accept(self) -> None:
        """Make the fetched chunks ready, unless they repeat what was delivered before."""
        memory = self._memory
        if memory.position.must_check:
            await self._check()
        matched = memory.position.matched()
        if matched is not None:
            memory.position = matched
            return
        memory.update(unchecked=(), missing=Missing.RUN)
        await self._complete()

    async def _check(self) -> None:
        """Check whether the job was given to another worker; if the request fails, assume not."""
        context, memory = self._context, self._memory
        op = api.status(context.endpoint_id, self._job_id)
        try:
            state = await send_until_answered(context, op, self._deadline)
        except errors.RunpodError:
            memory.update(must_check=False)
        else:
            memory.position = memory.position.checked(state, context.io.now())

    async def _finish(self, status: JobStatus | str) -> None:
        """
        Find out why a job failed, or that the chunks of a job that succeeded are all of one run.

        If the job's state can't be read, the status that the stream ended with counts.
        """
        context, memory = self._context, self._memory
        end = api.bare_state(self._job_id, status)
        if end.succeeded and memory.position.repeated is not None:
            memory.update(missing=Missing.RUN)
            await self._complete()
            return
        if not end.succeeded or (
            memory.position.accepted.count and not memory.position.ended_first
        ):
            op = api.status(context.endpoint_id, self._job_id)
            try:
                state = await call(context, op, self._deadline)
            except errors.RunpodError:
                pass
            else:
                if end.succeeded and memory.position.is_other_run(state):
                    memory.update(missing=Missing.RUN)
                    await self._complete(known=state)
                    return
                if state.completed and not end.succeeded and not state.succeeded:
                    end = state
        memory.update(end=end)
        context.io.telemetry.job_seen(context.endpoint_id, end)

    async def _complete(
        self, failure: errors.RunpodError | None = None, known: JobState | None = None
    ) -> None:
        """
        Wait for the job's output, and take the missing chunks from it.

        Args:
            failure: The error in place of the response; None if no response was expected.
            known: The job's state, if it is known.
        """
        context, memory, job_id = self._context, self._memory, self._job_id
        state, why = None, ""
        try:
            state = await wait(context, job_id, self._deadline, known)
            outputs = await self._missing_outputs(state)
        except errors.RunpodTimeoutError:
            raise
        except errors.ClientClosedError:
            if failure is None:
                raise
            raise failure from failure.__cause__
        except errors.RunpodError as error:
            outputs, why = None, str(error)
        if state is None or outputs is None:
            rerun = memory.position.missing is Missing.RUN
            message = messages.interrupted(f"stream of job {job_id}", state, why, rerun=rerun)
            job = context.job_of(job_id)
            raise errors.StreamInterruptedError(message, job=job, state=state) from failure
        ready = deque(chunk_of(output) for output in outputs)
        end = api.bare_state(job_id, state.status) if state.succeeded else state
        memory.update(ready=ready, repeated=None, end=end)

    async def _missing_outputs(self, state: JobState) -> Sequence[JSONValue] | None:
        """Return the items of the job's output after the accepted chunks, if it has these."""
        accepted = self._memory.position.accepted
        outputs = accepted.rest_of(state.output)
        if outputs is None or accepted.count:
            return outputs
        left = await self._drain()
        fits = 0 < left.count <= len(outputs) and Prefix().plus(outputs[-left.count :]).equals(left)
        return outputs if fits else None

    async def _drain(self) -> Prefix:
        """Fetch the chunks that are left of a job that has ended; return their digest."""
        context, deadline, left = self._context, self._deadline, Prefix()
        while True:
            held = poll_wait(
                deadline.left(context.io.now()),
                context.poll_wait(RateLimitedCall.STREAM, POLL_WAIT),
            )
            op = api.stream(context.endpoint_id, self._job_id, held)
            page = await send_until_answered(context, op, deadline)
            if not page.chunks:
                return left
            left = left.plus([chunk.output for chunk in page.chunks])


def _may_have_carried_chunks(failure: errors.RunpodError) -> bool:
    if isinstance(failure, errors.APIStatusError):
        return failure.status_code >= 500 and not certainly_not_accepted(failure)
    return isinstance(failure, errors.StreamInterruptedError | errors.APIResponseValidationError)
