"""Who waits: the jobs in IN_QUEUE, in the order in which they will be taken."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator


class Line:
    """Ids in order, each with whether it is urgent: whether it is a reason for more workers."""

    def __init__(self) -> None:
        self._urgent: OrderedDict[str, bool] = OrderedDict()
        self.urgent = 0
        """How many of them are."""

    def __len__(self) -> int:
        return len(self._urgent)

    def __iter__(self) -> Iterator[str]:
        return iter(self._urgent)

    def append(self, job_id: str, *, urgent: bool) -> None:
        """Let it wait at the end."""
        self._urgent[job_id] = urgent
        self.urgent += urgent

    def prepend(self, job_id: str, *, urgent: bool) -> None:
        """Let it wait at the front."""
        self.append(job_id, urgent=urgent)
        self._urgent.move_to_end(job_id, last=False)

    def discard(self, job_id: str) -> None:
        """Let it wait no longer, if it did."""
        self.urgent -= self._urgent.pop(job_id, False)

    def pop(self, *, unless: Container[str]) -> str | None:
        """Take the first that is not one of *unless*."""
        found = next((job_id for job_id in self._urgent if job_id not in unless), None)
        if found is not None:
            self.discard(found)
        return found
