"""The port, options and state that the flows of one endpoint share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from runpod_sdk._flows.deadline import Deadline, TimeLimit
from runpod_sdk._flows.io import IO
from runpod_sdk._flows.rate_limit import Limiter, RateLimitedCall, RateLimiters
from runpod_sdk._flows.recent_jobs import RecentJobs
from runpod_sdk.settings import Unset


@define  # frozen classes take twice as long to create
class EndpointContext:
    """Settings and state that the flows of one endpoint share."""

    io: IO
    endpoint_id: str
    attempt_timeout: float | None
    """The longest time of a repeatable attempt, in addition to a long poll's wait, in seconds."""
    max_retries: int
    job_of: Callable[[str], Any] = field(repr=False)
    """Returns the public job of an id, for errors."""
    recent_jobs: RecentJobs = field(repr=False)
    """The jobs that the client submitted in the last seconds."""
    rate_limiters: RateLimiters | None = None
    """The client's rate limiters; None if rate limits are off."""
    size_limits: bool = True
    """Whether to refuse requests that are larger than RunPod accepts."""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    """Additional headers of each request of the call."""
    queueing_counts: bool = True
    """Whether the wait for the rate limit counts towards the timeout."""

    def deadline(self, timeout: float | None) -> Deadline:
        """Return the deadline of a call that waits for a job."""
        return Deadline.after(timeout, self.io.now())

    def call_deadline(self, timeout: float | Unset | None) -> Deadline:
        """
        Return the deadline of a call that does not wait for a job.

        Args:
            timeout: The total time in seconds, or None for no limit. `UNSET` is the client's
                timeout, which restarts while a body makes progress.
        """
        now = self.io.now()
        if isinstance(timeout, Unset):
            return Deadline.after(self.attempt_timeout, now, restarts=True)
        return Deadline.after(timeout, now, bounds_attempts=timeout is not None)

    def limit(self, deadline: Deadline, poll_wait: float, *, repeatable: bool) -> TimeLimit:
        """
        Return the time limit of one attempt.

        Args:
            poll_wait: The long poll's wait, in seconds.
            repeatable: Whether another attempt is possible, so that this one need not get all of
                the time.
        """
        if self.attempt_timeout is None or not (repeatable and deadline.bounds_attempts):
            return TimeLimit(self.io.now, deadline)
        return TimeLimit(
            self.io.now, deadline, self.attempt_timeout, self.attempt_timeout + poll_wait
        )

    def rate_limiter(self, limit: RateLimitedCall | None) -> Limiter | None:
        """Return the rate limiter of a kind of requests, if there is one."""
        if limit is None or self.rate_limiters is None:
            return None
        return self.rate_limiters.limiter(self.endpoint_id, limit)

    def is_new(self, job_id: str | None) -> bool:
        """Return whether the job is so new that some servers may not know it yet."""
        return job_id is not None and self.recent_jobs.has(self.endpoint_id, job_id, self.io.now())

    def poll_wait(self, limit: RateLimitedCall, wanted: float) -> float:
        """Return the wait of a long poll, at most *wanted* seconds."""
        limiter = self.rate_limiter(limit)
        return wanted if limiter is None else limiter.poll_wait(wanted)
