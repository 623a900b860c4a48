"""The active faults of an endpoint, and how often each was applied."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import TypeVar

from ._faults import ExpiredResult, Fault, JobFault, NoOutput, SlowStart
from ._limits import seconds
from ._rules.jobs import JobFaults

FaultT = TypeVar("FaultT", bound=Fault)


class ActiveFault:
    """An active fault, and how often it was applied."""

    def __init__(self, owner: Faults, id: str, fault: Fault, times: int | None, until: float):
        self.id = id
        self.fault = fault
        self._owner = owner
        self._fired = 0
        self._times = times
        self._until = until

    def __repr__(self) -> str:
        return f"<ActiveFault {self.id} {self.fault!r} fired={self.fired}>"

    @property
    def fired(self) -> int:
        """The number of times it was applied so far. A request counts before it is answered."""
        return self._fired

    def remove(self) -> None:
        """Remove the fault; does nothing if it has ended already."""
        self._owner._remove(self)

    def _over(self, now: float) -> bool:
        return self._fired == self._times or now >= self._until


class Faults:
    """
    The active faults of one endpoint, oldest first. Safe to use from any thread.

    Only one fault applies to a request, a job or a worker's start: the first one added that fits.

        with local.faults.active(RateLimited("run", retry_after=1), times=2) as fault:
            submit()
        assert fault.fired == 2

    Iterating yields each `ActiveFault`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_add: Callable[[Fault], object] = lambda _: None,
        check_process: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._check_process = check_process
        self._on_add = on_add
        self._lock = threading.Lock()
        self._ids = count(1)
        self._active: dict[str, ActiveFault] = {}

    def add(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        lasting: float | timedelta | None = None,
    ) -> ActiveFault:
        """
        Activate *fault*.

        Args:
            fault: The fault to apply.
            times: How often to apply it; without *times* and *lasting*, it stays active until
                you remove it.
            lasting: How long it stays active, in seconds of the endpoint's clock.

        Raises:
            TypeError: *fault* is not a fault, or *times* or *lasting* is not a number.
            ValueError: *times* or *lasting* is not greater than zero.
            RuntimeError: The endpoint runs in the process from which this one was forked.
        """
        self._check_process()
        if not isinstance(fault, Fault):
            raise TypeError(f"fault must be a fault such as LostReply('run'), not {fault!r}")
        until = math.inf
        if times is not None:
            if isinstance(times, bool) or not isinstance(times, int):
                raise TypeError(f"times must be a whole number, not {times!r}")
            if times < 1:
                raise ValueError(f"times must be at least 1, not {times}")
        if lasting is not None:
            length = seconds(lasting)
            if not 0 < length < math.inf:
                raise ValueError(f"lasting must be greater than zero, not {lasting}")
            until = self._clock() + length
        with self._lock:
            active = ActiveFault(self, str(next(self._ids)), fault, times, until)
            self._active[active.id] = active
        self._on_add(fault)
        return active

    @contextmanager
    def active(
        self,
        fault: Fault,
        *,
        times: int | None = None,
        lasting: float | timedelta | None = None,
    ) -> Generator[ActiveFault, None, None]:
        """Activate *fault* until the end of a `with` block, at most; see `add`."""
        added = self.add(fault, times=times, lasting=lasting)
        try:
            yield added
        finally:
            added.remove()

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._active.clear()

    def __iter__(self) -> Iterator[ActiveFault]:
        with self._lock:
            self._discard_ended()
            return iter(list(self._active.values()))

    def fire(self, kind: type[FaultT], fits: Callable[[FaultT], bool]) -> FaultT | None:
        """Return the first fault of a *kind* that *fits*, and count it; None if none fits."""
        if not self._active:
            return None
        with self._lock:
            self._discard_ended()
            for active in self._active.values():
                if isinstance(active.fault, kind) and fits(active.fault):
                    active._fired += 1
                    self._discard_ended()
                    return active.fault
        return None

    def _remove(self, active: ActiveFault) -> None:
        self._check_process()
        with self._lock:
            self._active.pop(active.id, None)

    def _discard_ended(self) -> None:
        now = self._clock()
        self._active = {id: one for id, one in self._active.items() if not one._over(now)}


class ActiveJobFaults(JobFaults):
    """The active faults of jobs and workers, as the queue asks for them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def loses_output(self, job_id: str) -> bool:
        return self._fires(NoOutput, job_id)

    def expires(self, job_id: str) -> bool:
        return self._fires(ExpiredResult, job_id)

    def start_delay(self) -> float:
        """Return how long a worker takes to start, in seconds."""
        fault = self._faults.fire(SlowStart, lambda _: True)
        return 0.0 if fault is None else fault.seconds

    def _fires(self, kind: type[JobFault], job_id: str) -> bool:
        return self._faults.fire(kind, lambda fault: fault.job_id in (None, job_id)) is not None
