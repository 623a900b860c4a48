"""
Run a job for each input: submit it, wait for it, and never submit it twice.

What befalls one input is that input's result. Only what would befall all of them, such
as an input that has no JSON form, ends the whole: a caller's mistake isn't hidden in a
million results.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterable, Callable, Iterable, Sequence, Sized
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.deadline import NEVER
from runpod_sdk._flows.guard import try_to_cancel
from runpod_sdk._flows.io import Session, Submission
from runpod_sdk._flows.many.item import Item, read_output
from runpod_sdk._flows.many.result_taker import Taker, Terms, checked_inputs
from runpod_sdk._flows.many.runner import Workplace
from runpod_sdk._flows.many.window import Batch
from runpod_sdk._flows.submit import run
from runpod_sdk._flows.wait import wait
from runpod_sdk._progress import ProgressCallback, progress_reporter
from runpod_sdk._secret import clear_frames
from runpod_sdk._typed_outputs import Reader, reader_for
from runpod_sdk.models import ExecutionPolicy, JobState, JobStatus, S3Config
from runpod_sdk.results import MapResult, checked
from runpod_sdk.settings import (
    AHEAD,
    AHEAD_ORDERED,
    UNSET,
    OnError,
    OnLeave,
    checked_choice,
    length_of_time,
    whole_number,
)

if TYPE_CHECKING:
    from runpod_sdk.journal import Journal


def _checker(input_type: Any) -> Callable[[Any], Any] | None:
    if input_type is None:
        return None
    from runpod_sdk import _typed_inputs

    return _typed_inputs.checker(input_type)


def _journal(given: Journal | str | os.PathLike[str] | None) -> Journal | str | None:
    if given is None:
        return None
    from runpod_sdk._journal_file import checked_path  # it needs SQLite: most maps do without
    from runpod_sdk.journal import Journal

    return given if isinstance(given, Journal) else checked_path(given)


@frozen(kw_only=True)
class Options:
    """
    What a caller asked of a `map`, checked.

    Raises:
        ValueError: A number that is too small, or a word that is none of the choices.
        TypeError: Something of another type.
    """

    concurrency: int
    ordered: bool
    timeout: float | None = field(converter=length_of_time)
    on_error: OnError
    on_leave: OnLeave
    progress: bool | ProgressCallback | None
    webhook: str | None = field(repr=False)
    policy: ExecutionPolicy | None
    s3_config: S3Config | None = field(repr=False)
    journal: Journal | str | None = field(converter=_journal)
    _check: Callable[[Any], Any] | None = field(converter=_checker, alias="input_type")
    read: Reader | None = field(converter=reader_for, alias="output_type")
    """What reads the outputs, if they are to be of a type."""

    def __attrs_post_init__(self) -> None:
        whole_number(self.concurrency, "concurrency", 1)
        checked_choice(self.on_error, "on_error", "yield", "raise")
        checked_choice(self.on_leave, "on_leave", "detach", "cancel")
        self.request(None)

    def checked(self, input: Any) -> Any:
        """
        Return what is to be sent of one input.

        Raises:
            TypeError: It is not of the type that inputs are to be of.
        """
        return input if self._check is None else self._check(input)

    def request(self, input: Any) -> api.JobRequest:
        """Make the request of one input, as it is to be sent."""
        return api.request(
            None,
            input=input,
            webhook=self.webhook,
            policy=self.policy,
            s3_config=self.s3_config,
            warns=False,
        )


def checked_options(**given: Any) -> Options:
    """Return the options of a `map`, checked; if they can't be, no frame keeps a secret."""
    before = sys.exception()
    try:
        return Options(**given)
    except BaseException as reason:
        clear_frames(reason, before)
        raise
    finally:
        given.clear()


def prepare(
    session: Session,
    workplace: Workplace,
    inputs: Iterable[Any] | AsyncIterable[Any],
    options: Options,
) -> Taker[MapResult[Any]]:
    """Return what runs a job for each of the inputs, when its results are asked for."""
    session, crew = workplace.bind(session), workplace.crew
    if options.journal is None:
        work = Mapping(session, options)
    else:
        from runpod_sdk._flows.many.journaled_map import JournaledMapping

        work = JournaledMapping(session, options, crew, options.journal)
    stream = inputs if workplace.async_inputs and isinstance(inputs, AsyncIterable) else None
    reads = checked_inputs(inputs) if stream is None else None
    ahead = AHEAD_ORDERED if options.ordered else AHEAD
    batch = Batch(
        crew,
        work,
        concurrency=options.concurrency,
        queued=options.concurrency,
        most=ahead * options.concurrency,
        ordered=options.ordered,
        stream=stream,
    )
    total = len(inputs) if isinstance(inputs, Sized) else None
    terms = Terms(
        action=f"map on endpoint {session.endpoint_id}",
        timeout=options.timeout,
        on_error=options.on_error,
        on_leave=options.on_leave,
        watching=progress_reporter(options.progress, total),
        total=total,
    )
    return Taker(workplace.desk, batch, reads, terms)


class Mapping:
    """What `map` does with each input."""

    def __init__(self, session: Session, options: Options) -> None:
        self._session = evolve(session, hurry=False)
        self._options = options
        self._sent: Callable[[], None] = lambda: None
        self._stopped = False
        self.submitted = 0

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        self._sent = sent
        return ()

    def admit(self, item: Item) -> None:
        pass

    async def carry_out(self, item: Item) -> None:
        try:
            if item.job_id is None:
                if item.index == 0:  # one warning is enough
                    api.warn_if_nested(item.input)
                request = self._options.request(self._options.checked(item.input))
                known = await self._submit(item, request)
                item.state = await wait(self._session, known.id, NEVER, known)
            else:
                item.state = await wait(self._session, item.job_id, NEVER)
            checked(item.state)
        except errors.ConfigurationError as error:
            item.error = error
            await self._ended(item)
            raise
        except errors.RunpodError as error:
            self._went_wrong(item, error)
        except (ValueError, TypeError) as mistake:
            mistake.add_note(f"input {item.index} of the map")
            raise
        await self._ended(item)
        item.done = True

    async def cancel(self, item: Item) -> bool:
        state = await try_to_cancel(self._session, str(item.job_id))
        return state is not None and state.status == JobStatus.CANCELLED

    def stop(self) -> None:
        self._stopped = True

    async def end(self) -> None:
        pass

    def result(self, item: Item) -> MapResult[Any]:
        value = read_output(item, self._options.read, self._went_wrong)
        return MapResult(
            index=item.index,
            input=item.input,
            job_id=item.job_id,
            state=item.state,
            error=item.error,
            value=value,
        )

    async def _ended(self, item: Item) -> None:
        """Keep what became of an input, before anybody is told."""

    def _went_wrong(self, item: Item, error: errors.RunpodError) -> None:
        error.index = item.index
        if item.job_id is not None:
            error.job = self._session.handle(item.job_id)
        item.error = error

    async def _submit(self, item: Item, request: api.JobRequest) -> JobState:
        """Submit an input; from when it is its turn, a job may have come of it."""

        async def turn_has_come() -> None:
            self._check_stopped(item)  # also before it is sent again
            if not item.sending:
                item.sending = True
                await self._intend(item)
                self._check_stopped(item)

        session, record = evolve(self._session, before=turn_has_come), Submission()
        try:
            state = await run(session, request, UNSET, record)
            self.submitted += 1
            return state
        except errors.RunpodError:
            record.sent = False  # the error says what is known
            raise
        finally:
            item.job_id = record.job_id
            item.sending = record.uncertain and item.job_id is None
            self._sent()

    async def _intend(self, item: Item) -> None:
        """Keep that an input is about to be submitted."""

    def _check_stopped(self, item: Item) -> None:
        if self._stopped:
            raise errors.RunpodError(f"input {item.index} was not sent, as the map was left")
