"""RunPod's batches: create a draft, wait until the batch has finished, read its results."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator

from runpod_sdk import _messages as messages
from runpod_sdk import errors
from runpod_sdk._flows.api import JobRequest
from runpod_sdk._flows.api import batch_operations as api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import Deadline
from runpod_sdk._flows.json_codec import encode
from runpod_sdk._flows.send import OutOfTime, call, send_until_answered
from runpod_sdk._flows.wait import pause_between_polls, sleep_until_deadline
from runpod_sdk.batches import BatchResult, BatchState
from runpod_sdk.settings import LARGEST_RUN, OUTAGE

_MAX_BYTES = LARGEST_RUN - 4096
"""The maximum size of the requests in one call, in bytes, without the enclosing JSON."""
_MAX_REQUESTS = 1_000
"""The maximum number of requests in one call."""
_PAGE = 100
_PAUSE_LONGEST = 30.0
"""The longest pause between two status requests, in seconds."""


def in_parts(requests: Iterable[JobRequest]) -> Iterator[list[JobRequest]]:
    """Divide requests into one list for each call; yield at least one list, even if empty."""
    part: list[JobRequest] = []
    size = 0
    is_first = True
    for request in requests:
        length = len(encode(request.to_dict())) + 1
        if part and (size + length > _MAX_BYTES or len(part) >= _MAX_REQUESTS):
            yield part
            part, size, is_first = [], 0, False
        part.append(request)
        size += length
    if part or is_first:
        yield part


async def create(
    context: EndpointContext, requests: Iterable[JobRequest], deadline: Deadline
) -> BatchState:
    """
    Create a draft with these requests.

    Raises:
        RunpodError: The draft could not be created, or not be filled: then a note names it.
    """
    parts = in_parts(requests)
    state = await call(context, api.create(context.endpoint_id, next(parts)), deadline)
    try:
        for part in parts:
            await call(context, api.add(context.endpoint_id, state.id, part), deadline)
    except BaseException as reason:
        reason.add_note(messages.draft_left(state.id))
        raise
    return state


async def add(
    context: EndpointContext, batch_id: str, requests: Iterable[JobRequest], deadline: Deadline
) -> None:
    """Add requests to a draft."""
    for part in in_parts(requests):
        if part:
            await call(context, api.add(context.endpoint_id, batch_id, part), deadline)


async def wait(context: EndpointContext, batch_id: str, deadline: Deadline) -> BatchState:
    """
    Wait until a batch has finished.

    Raises:
        RunpodTimeoutError: The deadline passed first.
        ValueError: The batch is a draft, which never finishes.
    """
    known: BatchState | None = None
    idle = 0
    answered = context.io.now()
    while True:
        asked_at = context.io.now()
        give_up_at = math.inf if deadline.at is not None else answered + OUTAGE
        op = api.get(context.endpoint_id, batch_id)
        try:
            state = await send_until_answered(context, op, deadline, give_up_at=give_up_at)
            answered = context.io.now()
            if state.finished:
                return state
            if state.status == "DRAFT":
                raise ValueError(messages.draft(batch_id))
            idle = 0 if known is not None and state != known else idle + 1
            known = state
            await pause_between_polls(context, idle, asked_at, deadline, _PAUSE_LONGEST)
        except OutOfTime as out:
            await sleep_until_deadline(context, deadline)
            message = messages.timed_out(f"batch {batch_id}", deadline.timeout)
            raise errors.RunpodTimeoutError(message) from (out.failure or out.__cause__)


class ResultReader:
    """Reads the results of a batch, page by page."""

    def __init__(self, context: EndpointContext, batch_id: str, timeout: float | None) -> None:
        self._context = context
        self._batch_id = batch_id
        self._timeout = timeout
        self._deadline: Deadline | None = None
        self._offset = 0
        self._page: deque[BatchResult] = deque()
        self._has_more = True

    async def fill(self) -> deque[BatchResult] | None:
        """Return a deque with at least one result, or None at the end."""
        if self._deadline is None:
            self._deadline = self._context.deadline(self._timeout)
        while not self._page and self._has_more:
            op = api.page(self._context.endpoint_id, self._batch_id, self._offset, _PAGE)
            page = await call(self._context, op, self._deadline)
            self._offset += len(page.results)
            self._has_more = page.has_more and bool(page.results)
            self._page.extend(page.results)
        return self._page or None
