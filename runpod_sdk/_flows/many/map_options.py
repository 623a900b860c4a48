"""The options of a `map`, checked before anything is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from runpod_sdk._flows import api
from runpod_sdk._keys import KeyReader
from runpod_sdk._progress import ProgressCallback
from runpod_sdk._secret import clear_frames
from runpod_sdk._typed_outputs import Reader, reader_for
from runpod_sdk.models import ExecutionPolicy, JobState, S3Config
from runpod_sdk.settings import (
    OnError,
    OnLeave,
    checked_bool,
    checked_choice,
    checked_function,
    length_of_time,
    whole_number,
)

if TYPE_CHECKING:
    from runpod_sdk.journal import Journal
    from runpod_sdk.journal_store import JournalStore


def _checker(input_type: Any) -> Callable[[Any], Any] | None:
    if input_type is None:
        return None
    from runpod_sdk import _typed_inputs

    return _typed_inputs.checker(input_type)


def _journal(
    given: Journal | JournalStore | str | os.PathLike[str] | None,
) -> Journal | JournalStore | None:
    if given is None:
        return None
    from runpod_sdk.journal import Journal, store_of  # most maps use neither it nor SQLite

    return given if isinstance(given, Journal) else store_of(given)


@frozen(kw_only=True)
class MapOptions:
    """
    The checked options of a `map`.

    Raises:
        ValueError: A number is too small, or a value is not one of the choices.
        TypeError: A value has another type.
    """

    concurrency: int
    ordered: bool
    timeout: float | None = field(converter=length_of_time)
    on_error: OnError
    on_leave: OnLeave
    progress: bool | ProgressCallback | None
    webhook: str | None = field(repr=False)
    policy: ExecutionPolicy | None
    s3_config: S3Config | None = field(repr=False)
    journal: Journal | JournalStore | None = field(converter=_journal)
    key: Callable[[Any], Any] | None
    on_update: Callable[[int, JobState], object] | None
    _extra_body: Mapping[str, Any] | None = field(repr=False, alias="extra_body")
    _check: Callable[[Any], Any] | None = field(converter=_checker, alias="input_type")
    read: Reader | None = field(converter=reader_for, alias="output_type")
    """The converter of outputs, if there is an output type."""

    def __attrs_post_init__(self) -> None:
        whole_number(self.concurrency, "concurrency", 1)
        checked_bool(self.ordered, "ordered")
        checked_choice(self.on_error, "on_error", "yield", "raise")
        checked_choice(self.on_leave, "on_leave", "detach", "cancel")
        if self.on_update is not None:
            checked_function(self.on_update, "on_update")
        if self.key is not None:
            checked_function(self.key, "key")
        self.request(None)

    def key_reader(self) -> KeyReader | None:
        """Return a new reader of the inputs' keys, if they have keys."""
        return None if self.key is None else KeyReader(self.key)

    def check_keys(self, inputs: object) -> None:
        """
        Check the keys of inputs that can be read a second time, before anything is sent.

        Raises:
            ValueError, TypeError: An input has no key, or the key of another input.
        """
        keys = self.key_reader()
        if keys is not None and isinstance(inputs, Sequence):
            for index, input in enumerate(inputs):
                keys.read(index, input)

    def checked(self, input: Any) -> Any:
        """
        Return the value to send for one input.

        Raises:
            TypeError: The input does not match the input type.
        """
        return input if self._check is None else self._check(input)

    def request(self, input: Any) -> api.JobRequest:
        """Return the request of one input."""
        return api.request(
            None,
            input=input,
            webhook=self.webhook,
            policy=self.policy,
            s3_config=self.s3_config,
            extra_body=self._extra_body,
            warns=False,
        )


def checked_options(**given: Any) -> MapOptions:
    """Return the checked options of a `map`; on errors, remove secrets from the frames."""
    before = sys.exception()
    try:
        return MapOptions(**given)
    except BaseException as reason:
        clear_frames(reason, before)
        raise
    finally:
        given.clear()
