"""The jobs in IN_QUEUE, in the order in which workers will take them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator


class WaitingJobs:
    """Job ids in order. An urgent job is one for which an additional worker may be started."""

    def __init__(self) -> None:
        self._urgent: OrderedDict[str, bool] = OrderedDict()
        self.urgent = 0
        """The number of urgent jobs."""

    def __len__(self) -> int:
        return len(self._urgent)

    def __iter__(self) -> Iterator[str]:
        return iter(self._urgent)

    def append(self, job_id: str, *, urgent: bool) -> None:
        """Add a job at the end."""
        self._urgent[job_id] = urgent
        self.urgent += urgent

    def prepend(self, job_id: str, *, urgent: bool) -> None:
        """Add a job at the front."""
        self.append(job_id, urgent=urgent)
        self._urgent.move_to_end(job_id, last=False)

    def discard(self, job_id: str) -> None:
        """Remove a job, if it waits."""
        self.urgent -= self._urgent.pop(job_id, False)

    def pop(self, *, unless: Container[str]) -> str | None:
        """Remove and return the first job that is not in *unless*."""
        found = next((job_id for job_id in self._urgent if job_id not in unless), None)
        if found is not None:
            self.discard(found)
        return found
