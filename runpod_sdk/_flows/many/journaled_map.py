"""
`map` with a journal: submitted inputs are not submitted again, and results are stored.

The journal identifies an input by its index and a digest of its canonical JSON. The input's status
determines how it is handled:

    none, open              submitted: the intent is written before, the job's id after it
    running, expired        the job is waited for, oldest first, before any submission
    succeeded, failed       the stored result is yielded without a request
    uncertain, skipped      the result is an error that says so
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from runpod_sdk import errors
from runpod_sdk._flows import api
from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.json_codec import encode
from runpod_sdk._flows.many.item import Item
from runpod_sdk._flows.many.map import MapHandler
from runpod_sdk._flows.many.map_options import MapOptions
from runpod_sdk._flows.many.runner import Event, TaskRunner
from runpod_sdk.journal import Change, Journal, JournalEntry, JournalStatus
from runpod_sdk.models import JobState, JobStatus
from runpod_sdk.results import checked, failure_of
from runpod_sdk.settings import PROPAGATION


class JournaledMapHandler(MapHandler):
    """The handler of a `map` with a journal."""

    def __init__(
        self,
        context: EndpointContext,
        options: MapOptions,
        runner: TaskRunner,
        journal: Journal | str,
    ) -> None:
        super().__init__(context, options)
        self._writer = JournalWriter(journal, runner)
        self._known = 0
        """The number of inputs in the journal, counted from the first."""

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        await super().begin(sent)
        self._known, running = await self._writer.open(self._context.endpoint_id)
        self.submitted += len(running)
        for entry in running:
            self._note_if_recent(entry)
        return [Item(entry.index, read=False, job_id=entry.job_id) for entry in running]

    def recall(self, item: Item) -> None:
        try:
            item.digest = digest(self._options.checked(item.input))
        except (ValueError, TypeError) as error:
            error.add_note(f"input {item.index} of the map")
            raise
        entry = self._writer.entry(item.index) if item.index < self._known else None
        if entry is None:
            return
        if entry.digest != item.digest:
            raise errors.JournalError(
                f"input {item.index} differs from the input that {self._writer.path} recorded:"
                " pass the same inputs in the same order, or use another journal"
            )
        if item.job_id is None:  # else `begin` has already started to wait for it
            self._recall(item, entry)

    def _recall(self, item: Item, entry: JournalEntry) -> None:
        """Restore an input's outcome from the journal, if it has one."""
        path = self._writer.path
        if entry.status is JournalStatus.UNCERTAIN:
            text = (
                f"input {item.index} may have been enqueued: {path} contains no job id for it;"
                " decide with Journal.resolve()"
            )
            self._set_error(item, errors.SubmissionUncertainError(text))
        elif entry.status is JournalStatus.SKIPPED:
            text = f"input {item.index} is skipped: {path} says so"
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
            raise self._writer.damaged(item.index, f"{entry.status} jobs are missing from the list")
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
        if status is not None:
            change = Change(item.index, status)
            if status is not JournalStatus.OPEN:
                result = None if item.state is None else item.state.to_dict()
                change = Change(item.index, status, item.job_id, result)
            await self._writer.write(change)

    async def cancel(self, item: Item) -> bool:
        item.leaving = True
        cancelled = await super().cancel(item)
        if cancelled:
            await self._writer.write(Change(item.index, JournalStatus.OPEN))
        return cancelled

    async def end(self) -> None:
        await self._writer.close()

    async def _submit(self, item: Item, request: api.JobRequest) -> JobState:
        try:
            return await super()._submit(item, request)
        finally:  # interrupted or not
            if item.job_id is not None:
                self._writer.note(Change(item.index, JournalStatus.RUNNING, item.job_id))

    async def _before_submit(self, item: Item) -> None:
        intent = Change(item.index, JournalStatus.UNCERTAIN, digest=item.digest)
        await self._writer.write(intent)


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


def digest(input: Any) -> bytes:
    """
    Return the digest of an input; inputs that are sent as equal JSON have the same digest.

    Raises:
        ValueError, TypeError: The input cannot be represented in JSON.
    """
    wire = encode(input, "input")
    canonical = json.dumps(json.loads(wire), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


class _Commit:
    """Changes that are written in one commit."""

    def __init__(self, event: Event) -> None:
        self.changes: list[Change] = []
        self.committed = event
        self.error: Exception | None = None


class JournalWriter:
    """Writes to a journal in a task; changes that arrive during a commit form the next one."""

    def __init__(self, given: Journal | str, runner: TaskRunner) -> None:
        self._given = given
        self._runner = runner
        self._journal: Journal | None = None
        self._next: _Commit
        self._writing = False

    @property
    def path(self) -> str:
        return self._given.path if isinstance(self._given, Journal) else self._given

    def damaged(self, index: int, what: str) -> errors.JournalError:
        """Make the error of an input whose entry is invalid."""
        return self._opened._damaged(index, what)

    async def open(self, endpoint_id: str) -> tuple[int, list[JournalEntry]]:
        """
        Open the journal; return the number of its inputs, and the running jobs.

        Raises:
            JournalError: The journal is in use, belongs to another endpoint, or is invalid.
        """
        self._next = _Commit(self._runner.event())
        journal = self._given
        if isinstance(journal, str):
            journal = await self._runner.in_thread(Journal, journal)
        try:
            known = await self._runner.in_thread(journal._take, endpoint_id)
        except BaseException:
            if journal is not self._given:
                journal.close()
            raise
        self._journal = journal
        return known, await self._runner.in_thread(journal._running)

    def entry(self, index: int) -> JournalEntry | None:
        """Return an input's entry."""
        return self._opened._entry(index)

    async def write(self, change: Change) -> None:
        """
        Write *change*, and wait until it is committed.

        Raises:
            JournalError: Writing failed.
        """
        commit = self.note(change)
        await commit.committed.wait()
        if commit.error is not None:
            raise commit.error

    def note(self, change: Change) -> _Commit:
        """Schedule *change* for the next commit."""
        commit = self._next
        commit.changes.append(change)
        if not self._writing:
            self._writing = True
            self._runner.start(self._write_all)
        return commit

    async def close(self) -> None:
        """Write the remaining changes after all tasks have ended, and release the journal."""
        journal, self._journal = self._journal, None
        if journal is None:
            return
        try:
            await self._runner.in_thread(journal._write, self._next.changes)
        finally:
            journal._give_back()
            if journal is not self._given:
                await self._runner.in_thread(journal.close)

    async def _write_all(self) -> None:
        while self._next.changes:
            commit, self._next = self._next, _Commit(self._runner.event())
            try:
                await self._runner.in_thread(self._opened._write, commit.changes)
            except Exception as error:
                commit.error = error
            except BaseException:  # cancelled: `close` writes the changes
                self._next.changes[:0] = commit.changes
                raise
            commit.committed.set()
        self._writing = False

    @property
    def _opened(self) -> Journal:
        assert self._journal is not None
        return self._journal
