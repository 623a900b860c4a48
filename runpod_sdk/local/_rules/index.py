"""Jobs in the order of their submission, in all and by status."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from operator import attrgetter

from runpod_serverless_api.models import JobStatus

from .jobs import JobRecord

_NUMBER = attrgetter("number")


class JobIndex:
    """
    An index of jobs that counts them by status, and lists the newest.

    No operation looks at every job. Call `update` with each job that is new or has changed.
    """

    def __init__(self) -> None:
        self._all: list[JobRecord] = []
        self._by_status: defaultdict[JobStatus, list[JobRecord]] = defaultdict(list)
        self._known: dict[str, tuple[JobRecord, JobStatus]] = {}

    def update(self, job: JobRecord) -> None:
        """File a job under its present status."""
        _, before = self._known.get(job.id, (job, None))
        if before is job.status:
            return
        if before is None:
            insort(self._all, job, key=_NUMBER)
        else:
            _remove(self._by_status[before], job)
        insort(self._by_status[job.status], job, key=_NUMBER)
        self._known[job.id] = job, job.status

    def discard(self, job_id: str) -> None:
        """Remove a job, if the index has it."""
        known = self._known.pop(job_id, None)
        if known is not None:
            job, status = known
            _remove(self._all, job)
            _remove(self._by_status[status], job)

    def totals(self) -> Mapping[JobStatus, int]:
        """Return the number of jobs by status; a status without jobs is left out."""
        return {status: len(jobs) for status, jobs in self._by_status.items() if jobs}

    def count(self, status: str | None = None) -> int:
        """Return the number of jobs with a status, or of all jobs."""
        return len(self._list(status))

    def newest(self, most: int, status: str | None = None) -> list[JobRecord]:
        """Return up to *most* jobs, the newest first."""
        return [*islice(reversed(self._list(status)), most)]

    def _list(self, status: str | None) -> list[JobRecord]:
        if status is None:
            return self._all
        return next((jobs for known, jobs in self._by_status.items() if known == status), [])


def _remove(jobs: list[JobRecord], job: JobRecord) -> None:
    del jobs[bisect_left(jobs, job.number, key=_NUMBER)]
