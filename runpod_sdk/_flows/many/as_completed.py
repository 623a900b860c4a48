"""
Wait for submitted jobs, in the order in which they end.

If there are more jobs than concurrent polls, the jobs are polled in turn, with the shortest long
polls. Otherwise each job has its own wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from attrs import evolve

from runpod_sdk import errors
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import NEVER
from runpod_sdk._flows.many.item import Item, read_output
from runpod_sdk._flows.many.result_taker import ResultTaker, TakeOptions
from runpod_sdk._flows.many.runner import ManyContext
from runpod_sdk._flows.many.window import Window
from runpod_sdk._flows.wait import JobPoller, wait
from runpod_sdk._headers import checked_headers
from runpod_sdk._typed_outputs import Reader, reader_for
from runpod_sdk._types import JobHandle
from runpod_sdk.models import JobState
from runpod_sdk.results import JobResult, checked
from runpod_sdk.settings import MIN_POLL_WAIT, Timeout, length_of_time, whole_number

J = TypeVar("J", bound=JobHandle)


class PollHandler:
    """The handler of `as_completed`."""

    def __init__(
        self, context_of: Callable[[Any], EndpointContext], is_crowded: Callable[[], bool]
    ) -> None:
        self._context_of = context_of
        self._is_crowded = is_crowded
        """Returns whether other jobs are waiting to be polled."""
        self._pollers: dict[int, JobPoller] = {}
        self._readers: dict[int, Reader | None] = {}
        """The readers by the ids of their output types, to which the jobs have references."""
        self.submitted = 0

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        return ()

    def identify(self, item: Item) -> None:
        item.job_id = item.input.id
        self.submitted += 1

    async def recall(self, items: Sequence[Item]) -> None:
        pass

    async def handle(self, item: Item) -> None:
        try:
            state = await self._poll(item)
            if state is None:
                return
            item.state = state
            checked(state)
        except errors.RunpodError as error:
            self._set_error(item, error)
        item.done = True
        self._pollers.pop(item.index, None)

    async def cancel(self, item: Item) -> bool:
        return False

    def stop(self) -> None:
        pass

    async def end(self) -> None:
        pass

    def result(self, item: Item) -> JobResult[Any]:
        output_type = item.input.endpoint.output_type
        if id(output_type) not in self._readers:
            self._readers[id(output_type)] = reader_for(output_type)
        value = read_output(item, self._readers[id(output_type)], self._set_error)
        return JobResult(job=item.input, state=item.state, error=item.error, value=value)

    def _set_error(self, item: Item, error: errors.RunpodError) -> None:
        error.index, error.job = item.index, item.input
        item.error = error

    async def _poll(self, item: Item) -> JobState | None:
        """
        Return the job's terminal state.

        If other jobs are queued, poll only once, and return None if the job has not ended.
        """
        context = self._context_of(item.input)
        if not self._is_crowded():
            return await wait(context, item.input.id, NEVER)
        poller = self._pollers.setdefault(item.index, JobPoller(context, item.input.id))
        state = await poller(NEVER, MIN_POLL_WAIT)
        if state.completed:
            return state
        await context.io.sleep(max(poller.asked_at + MIN_POLL_WAIT - context.io.now(), 0.0))
        return None


def checked_jobs(jobs: Iterable[J], client: Any) -> list[J]:
    """
    Return the jobs, if they all belong to *client*.

    Raises:
        ValueError: A job belongs to another client, which may have another API key.
        TypeError: An item is not a job.
    """
    listed = list(jobs)
    for job in listed:
        endpoint = getattr(job, "endpoint", None)
        if endpoint is None:
            raise TypeError(f"jobs must contain Job objects, as run() returns, not {job!r:.60}")
        if endpoint.client._family is not client._family:
            raise ValueError(f"job {job.id} belongs to another client: use that client")
    return listed


def start_as_completed(
    jobs: Iterable[JobHandle],
    client: object,
    many: ManyContext,
    *,
    concurrency: int,
    timeout: Timeout,
    ordered: bool,
    extra_headers: Mapping[str, str] | None,
) -> ResultTaker[JobResult[Any]]:
    """Return a `ResultTaker` that starts to wait for the jobs with its first `next`."""
    listed = checked_jobs(jobs, client)
    headers = checked_headers(extra_headers, "extra_headers")
    window: Window[JobResult[Any]] = Window(
        many.runner,
        PollHandler(
            lambda job: evolve(many.bind(job.endpoint._context), headers=headers),
            lambda: window.is_crowded,
        ),
        concurrency=whole_number(concurrency, "concurrency", 1),
        max_queued=len(listed) + 1,  # room for the end of the iterator, too
        max_held=len(listed) + 1,
        ordered=ordered,
    )
    action = f"waiting for {len(listed)} jobs"
    return ResultTaker(
        many.consumer,
        window,
        iter(listed),
        TakeOptions(action=action, timeout=length_of_time(timeout), total=len(listed)),
    )


async def states(taker: ResultTaker[JobResult[Any]]) -> list[JobState]:
    """
    Take all results, and return the terminal states.

    Raises:
        RunpodError: Waiting for a job failed.
    """
    ended: list[JobState] = []
    try:
        while (result := await taker.next()) is not None:
            if result.state is None and result.error is not None:
                raise result.error
            ended.append(cast(JobState, result.state))
    except GeneratorExit:
        raise
    except BaseException as reason:
        await taker.leave(reason)
        raise
    return ended
