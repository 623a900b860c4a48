"""
`map` with a journal: submitted inputs are not submitted again, and results are stored.

The journal identifies an input by its index or its key, and by a digest of its canonical JSON. The
input's status determines how it is handled:

    none, open              submitted: the intent is written before, the job's id after it
    running, expired        the job is waited for, oldest first, before any submission
    succeeded, failed       the stored result is yielded without a request
    uncertain, skipped      the result is an error that says so
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.many.input_digest import digest
from runpod_sdk._flows.many.item import Item
from runpod_sdk._flows.many.map import MapHandler
from runpod_sdk._flows.many.map_options import MapOptions
from runpod_sdk._flows.many.runner import Event, TaskRunner
from runpod_sdk._keys import Key, key_to_text
from runpod_sdk.journal import Journal, JournalEntry, JournalStatus, name_of
from runpod_sdk.journal_store import RETRY_OPEN, JournalRow, JournalStore
from runpod_sdk.json_text import write
from runpod_sdk.models import JobState, JobStatus
from runpod_sdk.results import checked, failure_of
from runpod_sdk.settings import PROPAGATION

_WITHOUT_A_JOB: Final = {JournalStatus.UNCERTAIN, JournalStatus.OPEN}
_WITH_A_RESULT: Final = {JournalStatus.SUCCEEDED, JournalStatus.FAILED}


class JournaledMapHandler(MapHandler):
    """The handler of a `map` with a journal."""

    def __init__(
        self,
        context: EndpointContext,
        options: MapOptions,
        runner: TaskRunner,
        journal: Journal | JournalStore,
    ) -> None:
        super().__init__(context, options)
        self._writer = JournalWriter(journal, runner, context.io.sleep, options.timeout)
        self._by_key: bool | None = self._keys is not None
        """None if inputs are known as the journal knows them."""
        self._size = 0
        """The number of the next input that is added to the journal."""
        self._first_new = 0
        """The same, before this run."""

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        await super().begin(sent)
        self._size, running = await self._writer.open(self._context.endpoint_id, self._by_key)
        self._first_new = self._size
        self.submitted += len(running)
        for entry in running:
            self._note_if_recent(entry)
        return [self._earlier_item(entry) for entry in running]

    def _earlier_item(self, entry: JournalEntry) -> Item:
        return Item(
            -1 if self._by_key else entry.index,
            key=entry.key,
            earlier=True,
            job_id=entry.job_id,
            digest=entry.digest,
            number=entry.index,
            attempts=entry.attempts,
        )

    def identify(self, item: Item) -> None:
        super().identify(item)
        try:
            item.digest = digest(self._options.checked(item.input))
        except (ValueError, TypeError) as error:
            error.add_note(f"input {item.index} of the map")
            raise

    async def recall(self, items: Sequence[Item]) -> None:
        by_key = bool(self._by_key)
        known = [item.identity for item in items if by_key or item.index < self._first_new]
        if not known or not self._first_new:
            return
        entries = await self._writer.entries(known, by_key=by_key)
        for item in items:
            entry = entries.get(item.identity)
            if entry is not None:
                self._check_unchanged(item, entry)
                item.number, item.attempts = entry.index, entry.attempts
                if not item.earlier:  # else `begin` has already started to wait for it
                    self._recall(item, entry)
                elif item.unnotified is not None:
                    await self._notify(item, item.unnotified)

    def _check_unchanged(self, item: Item, entry: JournalEntry) -> None:
        """Check that the input is the one that the journal recorded."""
        if entry.digest == item.digest and not item.changed:
            return
        path = self._writer.path
        if not self._by_key:
            raise errors.JournalError(
                f"input {item.index} differs from the input that {path} recorded: pass the same"
                " inputs in the same order, identify inputs with key=…, or use another journal"
            )
        if entry.status is not JournalStatus.OPEN:
            raise errors.JournalError(
                f"{_name_of(item)} differs from the input that {path} recorded for this key: pass"
                " the same input, give a changed input another key, or use another journal"
            )

    def _recall(self, item: Item, entry: JournalEntry) -> None:
        """Restore an input's outcome from the journal, if it has one."""
        path = self._writer.path
        if entry.status is JournalStatus.UNCERTAIN:
            text = (
                f"{_name_of(item)} may have been enqueued: {path} contains no job id for it;"
                " decide with Journal.resolve()"
            )
            self._set_error(item, errors.SubmissionUncertainError(text))
        elif entry.status is JournalStatus.SKIPPED:
            text = f"{_name_of(item)} is skipped: {path} says so"
            self._set_error(item, errors.JournalError(text))
        elif entry.status in (JournalStatus.SUCCEEDED, JournalStatus.FAILED):
            item.job_id, item.state = entry.job_id, self._kept_state(entry)
            self.submitted += 1
            try:
                checked(item.state)
            except errors.JobError as error:
                self._set_error(item, error)
        elif entry.status is JournalStatus.OPEN:
            return
        else:  # `begin` would have found it
            raise self._writer.damaged(
                entry.index, f"{entry.status} jobs are missing from the list"
            )
        item.done = True

    def _kept_state(self, entry: JournalEntry) -> JobState:
        try:
            state = api.kept_state(entry.result or {}, entry.job_id)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise self._writer.damaged(entry.index, f"its result is invalid: {error}") from error
        if entry.status is JournalStatus.SUCCEEDED:
            fits = state.succeeded
        else:
            fits = state.completed and not (state.succeeded and failure_of(state) is None)
        if not fits or state.id != entry.job_id:
            raise self._writer.damaged(
                entry.index, f"its result does not match the status {entry.status}"
            )
        return state

    def _note_if_recent(self, entry: JournalEntry) -> None:
        """Tolerate 404 responses for a moment, if the job was submitted just now."""
        age = max(time.time() - entry.since.timestamp(), 0.0)  # the clock may have been set back
        if entry.status is JournalStatus.RUNNING and age <= PROPAGATION:
            context = self._context
            submitted = context.io.now() - age
            context.recent_jobs.add(context.endpoint_id, str(entry.job_id), submitted)

    async def _on_end(self, item: Item) -> None:
        status = _status_of(item)
        if status is not None and item.number is not None:
            await self._writer.write(row_of(item, status))

    async def cancel(self, item: Item) -> bool:
        await self._writer.check()  # the jobs of a lost journal belong to its new owner
        item.leaving = True
        cancelled = await super().cancel(item)
        if cancelled:
            await self._writer.write(row_of(item, JournalStatus.OPEN))
        return cancelled

    async def end(self) -> None:
        await self._writer.close()

    async def _submit(self, item: Item) -> JobState:
        try:
            return await super()._submit(item)
        finally:  # interrupted or not
            if item.job_id is not None:
                self._writer.note(row_of(item, JournalStatus.RUNNING))

    async def _before_submit(self, item: Item) -> None:
        if item.number is None and self._by_key:
            item.number = self._size
            self._size += 1
        elif item.number is None:
            item.number = item.index
        item.attempts += 1
        await self._writer.write(row_of(item, JournalStatus.UNCERTAIN))


def row_of(item: Item, status: JournalStatus) -> JournalRow:
    """Return the row of an input in the journal, with *status* from now on."""
    assert item.number is not None
    job_id = None if status in _WITHOUT_A_JOB else item.job_id
    stored = item.state if status in _WITH_A_RESULT else None
    result = None if stored is None else write(stored.to_dict())
    key = None if item.key is None else key_to_text(item.key)
    since, attempts = time.time(), item.attempts
    row = item.number, key, item.digest, status.value, job_id, since, attempts, result
    return JournalRow(*row)


def _name_of(item: Item) -> str:
    return name_of(item.index, item.key)


def _status_of(item: Item) -> JournalStatus | None:
    """Return the status to write for an item that has ended; None if there is no change."""
    if item.state is not None and item.state.completed:
        if item.state.succeeded and item.error is None:
            return JournalStatus.SUCCEEDED
        ours = item.leaving and item.state.status == JobStatus.CANCELLED
        return JournalStatus.OPEN if ours else JournalStatus.FAILED
    if isinstance(item.error, errors.SubmissionUncertainError):
        return None
    if item.job_id is None:
        return JournalStatus.OPEN
    return JournalStatus.EXPIRED if isinstance(item.error, errors.NotFoundError) else None


class _Commit:
    """Rows that are written in one commit."""

    def __init__(self, event: Event) -> None:
        self.rows: list[JournalRow] = []
        self.committed = event
        self.error: Exception | None = None


class JournalWriter:
    """Writes to a journal in a task; rows that arrive during a commit form the next one."""

    def __init__(
        self,
        given: Journal | JournalStore,
        runner: TaskRunner,
        sleep: Callable[[float], Awaitable[object]],
        timeout: float | None,
    ) -> None:
        self._given = given
        self._runner = runner
        self._sleep = sleep
        self._timeout = timeout
        self._journal: Journal | None = None
        self._next: _Commit
        self._writing = False

    @property
    def path(self) -> str:
        return self._given.path if isinstance(self._given, Journal) else self._given.name

    def damaged(self, index: int, what: str) -> errors.JournalError:
        """Make the error of an input whose entry is invalid."""
        return self._opened._damaged(index, what)

    async def open(self, endpoint_id: str, by_key: bool | None) -> tuple[int, list[JournalEntry]]:
        """
        Open the journal; return the number of its inputs, and the running jobs.

        Raises:
            JournalError: The journal is in use, belongs to another endpoint, or is invalid.
        """
        self._next = _Commit(self._runner.event())
        journal = self._given
        if not isinstance(journal, Journal):
            journal = Journal._of(await self._open_store(journal))
        try:
            size = await self._runner.in_thread(journal._take, endpoint_id, by_key)
        except BaseException:
            if journal is not self._given:
                journal.close()
            raise
        self._journal = journal
        return size, await self._runner.in_thread(journal._running)

    async def _open_store(self, store: JournalStore) -> JournalStore:
        """Open a store, like `open_store`, and wait no longer than the map's timeout."""
        limits = [limit for limit in (store.wait, self._timeout) if limit is not None]
        until = time.monotonic() + min(limits) if limits else None
        while True:
            try:
                await self._runner.in_thread(store.open)
                return store
            except errors.JournalError as error:
                if not error.in_use or (until is not None and time.monotonic() >= until):
                    raise
            except BaseException:  # cancelled, when the thread has opened it
                store.close()
                raise
            await self._sleep(RETRY_OPEN)

    async def entries(self, identities: Sequence[Key], *, by_key: bool) -> dict[Key, JournalEntry]:
        """Return the entries of inputs."""
        return await self._runner.in_thread(partial(self._opened._find, identities, by_key=by_key))

    async def page(self, start: int) -> list[JournalEntry]:
        """Return some entries whose indexes are *start* or larger."""
        return await self._runner.in_thread(self._opened._page, start)

    async def check(self) -> None:
        """
        Check that this process still has the journal.

        Raises:
            JournalError: It does not.
        """
        await self._runner.in_thread(self._opened._write, ())

    async def write(self, row: JournalRow) -> None:
        """
        Write *row*, and wait until it is committed.

        Raises:
            JournalError: Writing failed.
        """
        commit = self.note(row)
        await commit.committed.wait()
        if commit.error is not None:
            raise commit.error

    def note(self, row: JournalRow) -> _Commit:
        """Schedule *row* for the next commit."""
        commit = self._next
        commit.rows.append(row)
        if not self._writing:
            self._writing = True
            self._runner.start(self._write_all)
        return commit

    async def close(self) -> None:
        """Write the remaining rows after all tasks have ended, and release the journal."""
        journal, self._journal = self._journal, None
        if journal is None:
            return
        try:
            await self._runner.in_thread(journal._write, self._next.rows)
        finally:
            journal._give_back()
            if journal is not self._given:
                await self._runner.in_thread(journal.close)

    async def _write_all(self) -> None:
        while self._next.rows:
            commit, self._next = self._next, _Commit(self._runner.event())
            try:
                await self._runner.in_thread(self._opened._write, commit.rows)
            except Exception as error:
                commit.error = error
            except BaseException:  # cancelled: `close` writes the rows
                self._next.rows[:0] = commit.rows
                raise
            commit.committed.set()
        self._writing = False

    @property
    def _opened(self) -> Journal:
        assert self._journal is not None
        return self._journal
