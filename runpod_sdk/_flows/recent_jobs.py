"""
Jobs that the client submitted in the last seconds.

At first, RunPod may respond with 404 to a status request, because not all servers know the job yet.
A 404 response is therefore final only if the job is not one of these.
"""

from __future__ import annotations

from typing import Final

from runpod_sdk.settings import PROPAGATION

_MIN_CAPACITY: Final = 100


class RecentJobs:
    """
    The jobs that a client submitted in the last moments, without a response about them since.

    Threads can share it without a lock, because no step reverts another thread's change.
    """

    def __init__(self) -> None:
        self._submitted: dict[tuple[str, str], float] = {}
        """The time of submission, by endpoint id and job id."""
        self._capacity = _MIN_CAPACITY

    def add(self, endpoint_id: str, job_id: str, now: float) -> None:
        self._submitted[endpoint_id, job_id] = now
        if len(self._submitted) > self._capacity:
            for key, at in list(self._submitted.items()):
                if not _is_recent(at, now):
                    self._submitted.pop(key, None)
            self._capacity = _MIN_CAPACITY + 2 * len(self._submitted)

    def discard(self, endpoint_id: str, job_id: str) -> None:
        """Record that the service knows the job."""
        self._submitted.pop((endpoint_id, job_id), None)

    def has(self, endpoint_id: str, job_id: str, now: float) -> bool:
        at = self._submitted.get((endpoint_id, job_id))
        return at is not None and _is_recent(at, now)


def _is_recent(at: float, now: float) -> bool:
    # A client that was used under trio before had a different clock.
    return 0.0 <= now - at <= PROPAGATION
