"""The options of a `map`, checked before anything is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from runpod_sdk._flows import api
from runpod_sdk._progress import ProgressCallback
from runpod_sdk._secret import clear_frames
from runpod_sdk._typed_outputs import Reader, reader_for
from runpod_sdk.models import ExecutionPolicy, JobState, S3Config
from runpod_sdk.settings import (
    OnError,
    OnLeave,
    checked_choice,
    checked_function,
    length_of_time,
    whole_number,
)

if TYPE_CHECKING:
    from runpod_sdk.journal import Journal


def _checker(input_type: Any) -> Callable[[Any], Any] | None:
    if input_type is None:
        return None
    from runpod_sdk import _typed_inputs

    return _typed_inputs.checker(input_type)


def _journal(given: Journal | str | os.PathLike[str] | None) -> Journal | str | None:
    if given is None:
        return None
    from runpod_sdk._journal_file import checked_path  # needs SQLite, which most maps do not use
    from runpod_sdk.journal import Journal

    return given if isinstance(given, Journal) else checked_path(given)


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
    journal: Journal | str | None = field(converter=_journal)
    on_update: Callable[[int, JobState], object] | None
    _extra_body: Mapping[str, Any] | None = field(repr=False, alias="extra_body")
    _check: Callable[[Any], Any] | None = field(converter=_checker, alias="input_type")
    read: Reader | None = field(converter=reader_for, alias="output_type")
    """The converter of outputs, if there is an output type."""

    def __attrs_post_init__(self) -> None:
        whole_number(self.concurrency, "concurrency", 1)
        checked_choice(self.on_error, "on_error", "yield", "raise")
        checked_choice(self.on_leave, "on_leave", "detach", "cancel")
        if self.on_update is not None:
            checked_function(self.on_update, "on_update")
        self.request(None)

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
