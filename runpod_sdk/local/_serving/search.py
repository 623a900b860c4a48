"""Find the jobs that contain a text: in id, worker, error, input or output."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Collection

from runpod_sdk.local import _wire
from runpod_sdk.local._broker import Broker
from runpod_sdk.local._rules.index import JobIndex
from runpod_sdk.local._rules.jobs import JobRecord
from runpod_serverless_api.types import UNSET

from .excerpts import Excerpt

_SEARCHED = 64 * 1024
"""The characters of an input and of an output that are searched."""
_SLICE = 0.004
"""The seconds after which a search lets the server do other things."""
_MAX_SEARCHES = 4


class JobSearch:
    """
    Finds the jobs of a queue that contain *text*; ignores upper and lower case.

    Every job is looked at once, and again after it has changed.
    """

    def __init__(self, broker: Broker, text: str) -> None:
        self._queue = broker.queue
        # As it stands in JSON too: with escaped quotes and line ends.
        self._texts = {text.lower(), json.dumps(text.lower(), ensure_ascii=False)[1:-1]}
        self._pending = dict.fromkeys(broker.queue.jobs)
        self.found = JobIndex()

    def changed(self, job_ids: Collection[str]) -> None:
        """Let the next update look at these jobs again, and forget jobs that are gone."""
        for job_id in job_ids:
            if job_id in self._queue.jobs:
                self._pending[job_id] = None
            else:  # nobody may ever ask for this search again
                self._pending.pop(job_id, None)
                self.found.discard(job_id)

    async def update(self) -> None:
        """Look at the jobs that are new or have changed, the newest first."""
        until = time.monotonic() + _SLICE
        while self._pending:
            job_id, _ = self._pending.popitem()
            job = self._queue.jobs.get(job_id)
            if job is not None and self._matches(job):
                self.found.update(job)
            else:
                self.found.discard(job_id)
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + _SLICE

    def _matches(self, job: JobRecord) -> bool:
        found = _searched(job)
        return any(text in found for text in self._texts)


class Searches:
    """The last searches of one queue."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._searches: OrderedDict[str, JobSearch] = OrderedDict()
        broker.on_change.append(self._changed)

    def get(self, text: str) -> JobSearch:
        """Return the search for a text."""
        search = self._searches.get(text) or JobSearch(self._broker, text)
        self._searches[text] = search
        self._searches.move_to_end(text)
        if len(self._searches) > _MAX_SEARCHES:
            self._searches.popitem(last=False)
        return search

    def _changed(self, job_ids: Collection[str]) -> None:
        for search in self._searches.values():
            search.changed(job_ids)


def _searched(job: JobRecord) -> str:
    parts = [job.id, job.worker or "", "" if job.error is UNSET else str(job.error)[:_SEARCHED]]
    values = _wire.input_of(job.spec.request), job.output
    parts += [Excerpt.of(value, _SEARCHED).text for value in values if value is not UNSET]
    return "\n".join(parts).lower()
