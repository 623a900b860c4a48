"""The time that a download may take, and downloads in a thread of an async program."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final, TypeVar

from runpod_sdk.errors import RunpodTimeoutError

T = TypeVar("T")

_FOREVER: Final = 1e6


class TimeLeft:
    """The total time of downloads, which another thread can end early."""

    def __init__(self, seconds: float | None, each: float | None = None) -> None:
        """
        Begin now.

        Args:
            seconds: For all of them; None is no limit.
            each: For each of them, from its `begin`; None is no limit.
        """
        self._each = math.inf if each is None else each
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._end_of_this = math.inf

    def begin(self) -> None:
        """Begin the time of one download."""
        self._end_of_this = time.monotonic() + self._each

    def end(self) -> None:
        """End the time now."""
        self._end = -math.inf

    def of(self, timeout: float | None) -> float:
        """
        Return the seconds that one step may take, at most *timeout*.

        Raises:
            RunpodTimeoutError: No time is left.
        """
        left = min(self._end, self._end_of_this) - time.monotonic()
        if left <= 0:
            raise self.error()
        return min(left, _FOREVER if timeout is None else timeout)

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= min(self._end, self._end_of_this)

    def error(self) -> RunpodTimeoutError:
        """Make the error of a download that no time is left for."""
        return RunpodTimeoutError("the download took too long")


async def in_thread(work: Callable[[], T], time_left: TimeLeft) -> T:
    """
    Do *work* in a thread, for an async caller.

    A caller that is cancelled does not wait for it: *time_left*, which *work* observes, is ended.
    """
    from anyio import to_thread

    try:
        return await to_thread.run_sync(work, abandon_on_cancel=True)
    except BaseException:
        time_left.end()
        raise
