"""
Jobs that the client submitted in the last seconds.

At first, RunPod may respond with 404 to a status request, because not all servers know the job yet.
A 404 response is therefore final only if the job is not one of these.
"""

from __future__ import annotations

from typing import Final

from runpod_sdk.settings import PROPAGATION

_FEW: Final = 100


class RecentJobs:
    """
    The jobs that a client submitted in the last moments, and has not heard of since.

    Many threads may use it without a lock, as no step undoes what another thread did.
    """

    def __init__(self) -> None:
        self._submitted: dict[tuple[str, str], float] = {}
        """When, by endpoint and job."""
        self._room = _FEW

    def add(self, endpoint_id: str, job_id: str, now: float) -> None:
        self._submitted[endpoint_id, job_id] = now
        if len(self._submitted) > self._room:
            for key, at in list(self._submitted.items()):
                if not _is_recent(at, now):
                    self._submitted.pop(key, None)
            self._room = _FEW + 2 * len(self._submitted)

    def discard(self, endpoint_id: str, job_id: str) -> None:
        """Note that the service knows the job."""
        self._submitted.pop((endpoint_id, job_id), None)

    def has(self, endpoint_id: str, job_id: str, now: float) -> bool:
        at = self._submitted.get((endpoint_id, job_id))
        return at is not None and _is_recent(at, now)


def _is_recent(at: float, now: float) -> bool:
    # Of a client that was under trio before, the clock was another one.
    return 0.0 <= now - at <= PROPAGATION
