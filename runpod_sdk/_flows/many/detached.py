"""
Submit inputs in one process, and collect the results in another: the halves of a journaled `map`.

`SubmitHandler` ends when a job's id is in the journal. `CollectHandler` reads its inputs from the
journal, which knows their jobs but not the inputs themselves.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final

from runpod_sdk import errors
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.many.item import Item
from runpod_sdk._flows.many.journaled_map import JournaledMapHandler, row_of
from runpod_sdk._flows.many.map_options import MapOptions
from runpod_sdk._flows.many.result_taker import ResultTaker
from runpod_sdk._flows.many.runner import ManyContext, TaskRunner
from runpod_sdk._flows.many.start_map import start
from runpod_sdk.journal import Journal, JournalEntry, JournalStatus, name_of
from runpod_sdk.journal_store import JournalStore
from runpod_sdk.models import JobState
from runpod_sdk.results import MapResult, SubmitResult

_WITH_A_JOB: Final = {
    JournalStatus.RUNNING,
    JournalStatus.EXPIRED,
    JournalStatus.SUCCEEDED,
    JournalStatus.FAILED,
}


class SubmitHandler(JournaledMapHandler):
    """The handler of `submit`: an input is done when its job's id is in the journal."""

    known = 0
    """Number of inputs that had a job before."""

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        await super().begin(sent)
        self.submitted = 0
        return ()

    def _recall(self, item: Item, entry: JournalEntry) -> None:
        if entry.status not in _WITH_A_JOB:
            super()._recall(item, entry)
            return
        item.job_id, item.done = entry.job_id, True
        self.known += 1

    async def _wait(self, item: Item, known: JobState | None) -> None:
        await self._writer.write(row_of(item, JournalStatus.RUNNING))


class CollectHandler(JournaledMapHandler):
    """The handler of `collect`, whose inputs are entries of the journal."""

    def __init__(
        self,
        context: EndpointContext,
        options: MapOptions,
        runner: TaskRunner,
        journal: Journal | JournalStore,
    ) -> None:
        super().__init__(context, options, runner, journal)
        self._by_key = None

    async def entries(self) -> AsyncIterator[JournalEntry]:
        """Iterate over the journal, after it was opened."""
        start = 0
        while page := await self._writer.page(start):
            for entry in page:
                yield entry
            start = page[-1].index + 1

    def identify(self, item: Item) -> None:
        entry: JournalEntry = item.input
        item.index, item.key, item.number = entry.index, entry.key, entry.index
        item.digest, item.attempts = entry.digest, entry.attempts

    async def recall(self, items: Sequence[Item]) -> None:
        for item in items:
            entry, item.input = item.input, None
            if not item.earlier:
                self._recall(item, entry)

    def _recall(self, item: Item, entry: JournalEntry) -> None:
        super()._recall(item, entry)
        if entry.status is JournalStatus.OPEN:
            text = f"{name_of(item.index, item.key)} has no job: submit it again"
            self._set_error(item, errors.JournalError(text))
            item.done = True


def start_collect(
    context: EndpointContext, many: ManyContext, options: MapOptions
) -> ResultTaker[MapResult[Any]]:
    """
    Return a `ResultTaker` that starts to collect results with its first `next`.

    Raises:
        JournalError: The journal is a file that does not exist.
    """
    context = many.bind(context)
    handler = CollectHandler(context, options, many.runner, _existing(options))
    action = f"collect on endpoint {context.endpoint_id}"
    return start(many, handler, handler.entries(), options, action, streamed=True)


async def submit(
    context: EndpointContext,
    many: ManyContext,
    inputs: Iterable[Any] | AsyncIterable[Any],
    options: MapOptions,
) -> SubmitResult:
    """
    Submit a job for each input that has none.

    Raises:
        RunpodTimeoutError: The options' timeout passed.
        JournalError: The journal cannot be used, or knows other inputs.
    """
    context = many.bind(context)
    handler = SubmitHandler(context, options, many.runner, _journal(options))
    taker = start(many, handler, inputs, options, f"submit on endpoint {context.endpoint_id}")
    failed: list[errors.RunpodError] = []
    try:
        while (result := await taker.next()) is not None:
            if result.error is not None:
                failed.append(result.error)
    except GeneratorExit:
        raise
    except BaseException as reason:
        await taker.leave(reason)
        raise
    return SubmitResult(submitted=handler.submitted, known=handler.known, errors=tuple(failed))


def _journal(options: MapOptions) -> Journal | JournalStore:
    if options.journal is None:
        raise TypeError("journal must be a path, a Journal or a JournalStore, not None")
    return options.journal


def _existing(options: MapOptions) -> Journal | JournalStore:
    from runpod_sdk._journal_sqlite import SQLiteStore

    journal = _journal(options)
    if isinstance(journal, SQLiteStore) and not os.path.exists(journal.name):
        raise errors.JournalError(f"there is no journal {journal.name}: submit inputs first")
    return journal
