"""
Run a job for each input: submit it, wait for it, and never submit it twice.

An error on one input is that input's result. Only a mistake of the caller, such as an input that
has no JSON form, ends the map, so that it is not hidden in a million results.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from attrs import evolve

from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.deadline import NEVER
from runpod_sdk._flows.guard import try_to_cancel
from runpod_sdk._flows.io import Submission
from runpod_sdk._flows.many.item import Item, read_output
from runpod_sdk._flows.many.map_options import MapOptions
from runpod_sdk._flows.submit import run
from runpod_sdk._flows.updates import wait_and_notify
from runpod_sdk.models import JobState, JobStatus
from runpod_sdk.results import MapResult, checked
from runpod_sdk.settings import UNSET


class MapHandler:
    """The handler of `map`."""

    def __init__(self, context: EndpointContext, options: MapOptions) -> None:
        self._context = evolve(context, queueing_counts=False)
        self._options = options
        self._keys = options.key_reader()
        self._on_sent: Callable[[], None] = lambda: None
        self._stopped = False
        self.submitted = 0
        self._interruption: BaseException | None = None
        """The exception of the caller's `on_update` function."""

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        self._on_sent = sent
        return ()

    def identify(self, item: Item) -> None:
        if self._keys is not None:
            item.key = self._keys.read(item.index, item.input)

    async def recall(self, items: Sequence[Item]) -> None:
        pass

    async def handle(self, item: Item) -> None:
        try:
            if item.job_id is None:
                if item.index == 0:  # one warning is enough
                    api.warn_if_nested(item.input)
                known: JobState | None = await self._submit(item)
            else:
                known = None
            item.state = await self._wait(item, known)
            if item.state is not None:
                checked(item.state)
        except errors.ConfigurationError as error:
            item.error = error
            await self._on_end(item)
            raise
        except errors.RunpodError as error:
            if error is self._interruption:
                raise
            self._set_error(item, error)
        except (ValueError, TypeError) as error:
            error.add_note(f"input {item.index} of the map")
            raise
        await self._on_end(item)
        item.done = True

    async def cancel(self, item: Item) -> bool:
        state = await try_to_cancel(self._context, str(item.job_id))
        return state is not None and state.status == JobStatus.CANCELLED

    def stop(self) -> None:
        self._stopped = True

    async def end(self) -> None:
        pass

    def result(self, item: Item) -> MapResult[Any]:
        value = read_output(item, self._options.read, self._set_error)
        return MapResult(
            index=item.index,
            key=item.key,
            input=item.input,
            job_id=item.job_id,
            state=item.state,
            error=item.error,
            value=value,
        )

    def _wait(self, item: Item, known: JobState | None) -> Awaitable[JobState | None]:
        """Wait until a submitted job has ended; *known* is its state, if it was just submitted."""
        notify = None if self._options.on_update is None else partial(self._notify, item)
        job_id = str(item.job_id) if known is None else known.id
        return wait_and_notify(self._context, job_id, NEVER, notify, known)

    async def _notify(self, item: Item, state: JobState) -> None:
        """Call the caller's `on_update` function, if the input's index is known."""
        if item.index < 0:
            item.unnotified = state
            return
        try:
            assert self._options.on_update is not None
            result: Any = self._options.on_update(item.index, state)
            if inspect.isawaitable(result):
                await result
        except BaseException as reason:
            self._interruption = reason
            raise

    async def _on_end(self, item: Item) -> None:
        """Record an input's outcome, before its result is returned."""

    def _set_error(self, item: Item, error: errors.RunpodError) -> None:
        error.index, error.key = item.index, item.key
        if item.job_id is not None:
            error.job = self._context.job_of(item.job_id)
        item.error = error

    async def _submit(self, item: Item) -> JobState:
        """Submit an input; a job may exist from the moment the rate limiter admits it."""
        request = self._options.request(self._options.checked(item.input))
        record, before_send = Submission(), partial(self._before_send, item)
        try:
            state = await run(self._context, request, UNSET, record, before_send)
            self.submitted += 1
            return state
        except errors.RunpodError:
            record.sent = False  # the error says whether the job may exist
            raise
        finally:
            item.job_id = record.job_id
            item.sending = record.uncertain and item.job_id is None
            self._on_sent()

    async def _before_send(self, item: Item) -> None:
        self._check_stopped(item)  # also before it is sent again
        if not item.sending:
            item.sending = True
            await self._before_submit(item)
            self._check_stopped(item)

    async def _before_submit(self, item: Item) -> None:
        """Record that an input is about to be submitted."""

    def _check_stopped(self, item: Item) -> None:
        if self._stopped:
            raise errors.RunpodError(f"input {item.index} was not sent: the map was closed")
