"""The handling of one input of a window, implemented by `map` and `as_completed`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from attrs import define

from runpod_sdk._typed_outputs import Reader
from runpod_sdk.errors import OutputValidationError, RunpodError, SubmissionUncertainError
from runpod_sdk.models import JobState
from runpod_sdk.settings import UNSET

R_co = TypeVar("R_co", covariant=True)


@define(eq=False)
class Item:
    """One input of a window."""

    index: int
    input: Any = None
    read: bool = True
    """False for a job of an earlier run whose input has not been read yet."""
    job_id: str | None = None
    digest: bytes | None = None
    """The input's digest in a journal."""
    sending: bool = False
    """Whether the submission is in progress, so that it is unknown whether a job exists."""
    leaving: bool = False
    """Whether the job is being cancelled because the map was left."""
    done: bool = False
    state: JobState | None = None
    error: RunpodError | None = None

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

    def recall(self, item: Item) -> None:
        """Check a newly read input, whose result may be known already."""
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
