"""What a batch does with each input; `mapping` and `gathering` are two ways."""

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
    """One input on its way."""

    index: int
    input: Any = None
    read: bool = True
    """False: a job that is known from before, whose input has not been read again yet."""
    job_id: str | None = None
    digest: bytes | None = None
    """What a journal knows the input by."""
    sending: bool = False
    """Whether it is being submitted, and nobody knows yet whether a job came of it."""
    leaving: bool = False
    """Whether its job is being cancelled, as nobody waits for it any more."""
    done: bool = False
    state: JobState | None = None
    error: RunpodError | None = None

    @property
    def uncertain(self) -> bool:
        """Whether there may be a job of it whose id is not known."""
        return self.sending or isinstance(self.error, SubmissionUncertainError)


class ItemHandler(Protocol[R_co]):
    """What is done with each input."""

    submitted: int
    """How many of them have become jobs."""

    async def begin(self, sent: Callable[[], None]) -> Sequence[Item]:
        """
        Return what is to be carried out before anything that is read.

        Args:
            sent: To be called whenever an input is no longer being submitted.
        """
        ...

    def recall(self, item: Item) -> None:
        """Look at an input that was just read; it may be done already."""
        ...

    async def handle(self, item: Item) -> None:
        """Work on an input, until it is done or it is another's turn."""
        ...

    async def cancel(self, item: Item) -> bool:
        """Cancel its job, best effort; tell whether that was confirmed."""
        ...

    def stop(self) -> None:
        """Submit nothing any more."""
        ...

    async def end(self) -> None:
        """Put things away; whoever carried things out is gone."""
        ...

    def result(self, item: Item) -> R_co:
        """Make what is handed out of an input that is done."""
        ...


def read_output(
    item: Item, read: Reader | None, went_wrong: Callable[[Item, RunpodError], None]
) -> Any:
    """Return the output as a value of the type that it is to be of; UNSET where there is none."""
    if read is None or item.state is None or item.error is not None:
        return UNSET
    try:
        return read.output(item.state)
    except OutputValidationError as error:
        went_wrong(item, error)
        return UNSET
