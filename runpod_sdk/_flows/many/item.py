"""The handling of one input of a window, implemented by `map` and `as_completed`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from attrs import define

from runpod_sdk._keys import Key
from runpod_sdk._typed_outputs import Reader
from runpod_sdk.errors import OutputValidationError, RunpodError, SubmissionUncertainError
from runpod_sdk.models import JobState
from runpod_sdk.settings import UNSET

R_co = TypeVar("R_co", covariant=True)


@define(eq=False)
class Item:
    """One input of a window."""

    index: int
    """The input's index; -1 while it is unknown."""
    input: Any = None
    key: Key | None = None
    position: int = -1
    """The position in the order of reading, from 0; -1 if the input has not been read."""
    read: bool = False
    """Whether the input has been read, and its outcome restored."""
    earlier: bool = False
    """Whether this is a job of an earlier run, which is handled before its input is read."""
    job_id: str | None = None
    digest: bytes = b""
    """The input's digest in a journal."""
    changed: bool = False
    """Whether the input differs from the input with which an earlier run submitted the job."""
    number: int | None = None
    """The input's number in a journal, if the journal contains the input."""
    attempts: int = 0
    """Number of submissions that the journal knows."""
    sending: bool = False
    """Whether the submission is in progress, so that it is unknown whether a job exists."""
    leaving: bool = False
    """Whether the job is being cancelled because the map was left."""
    done: bool = False
    state: JobState | None = None
    unnotified: JobState | None = None
    """The last state that `on_update` did not get, because the input's index was unknown."""
    error: RunpodError | None = None

    @property
    def identity(self) -> Key:
        """The key, or the index if inputs have no keys."""
        return self.index if self.key is None else self.key

    @property
    def uncertain(self) -> bool:
        """Whether a job with an unknown id may exist."""
        return self.sending or isinstance(self.error, SubmissionUncertainError)


class ItemHandler(Protocol[R_co]):
    """The operations on each input."""

    submitted: int
    """Number of inputs with a submitted job."""

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        """
        Return the items of an earlier run, which are handled before new inputs.

        Args:
            sent: Call it whenever the submission of an input has ended.
        """
        ...

    def identify(self, item: Item) -> None:
        """Check a newly read input, and find its key."""
        ...

    async def recall(self, items: Sequence[Item]) -> None:
        """Restore what is known of newly read inputs; their results may be known already."""
        ...

    async def handle(self, item: Item) -> None:
        """Handle an input until it is done, or until other inputs must be handled first."""
        ...

    async def cancel(self, item: Item) -> bool:
        """Cancel the job, best effort; return whether the server confirmed it."""
        ...

    def stop(self) -> None:
        """Stop submitting."""
        ...

    async def end(self) -> None:
        """Release resources after all tasks have ended."""
        ...

    def result(self, item: Item) -> R_co:
        """Return the result of a finished input."""
        ...


def read_output(
    item: Item, read: Reader | None, on_error: Callable[[Item, RunpodError], None]
) -> Any:
    """Return the output as a value of the output type; UNSET without a type or an output."""
    if read is None or item.state is None or item.error is not None:
        return UNSET
    try:
        return read.output(item.state)
    except OutputValidationError as error:
        on_error(item, error)
        return UNSET
