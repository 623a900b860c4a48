"""
Call a handler, and turn its outcome into a result.

    outcome                                result
    ────────────────────────────────────   ────────────────────────────────────────────────────
    returns a dict                         output = it without `error` and `refresh_worker`, or
                                           none if nothing is left; error = its `error`, if truthy;
                                           the worker is replaced if `refresh_worker` is truthy
    returns anything else                  output = it
    yields                                 each value is a chunk; output = [], or all values with
                                           return_aggregate_stream
    yields a dict with a truthy `error`    error = `str` of that; the generator is closed
    raises                                 error = a JSON object as text
    raises after it has begun to yield     error = "handler: <message> \\ntraceback: <traceback>"
    anything that JSON cannot represent    error, in words
    was stopped                            no result

These are the rules of RunPod's worker package. The returned value decides how a handler is run,
so functions, methods, partials and callable objects are treated alike: an awaitable is awaited,
a generator of either kind is iterated, and anything else is the value.
"""

from __future__ import annotations

import inspect
import json
import os
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import aclosing, closing
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeAlias, cast

from runpod_sdk.local import _json
from runpod_sdk.local._rules.jobs import RunResult
from runpod_serverless_api.types import UNSET

Handler: TypeAlias = Callable[[dict[str, Any]], Any]
"""A plain or async function that takes the job and returns or yields JSON."""

_ERROR, _REFRESH_WORKER = "error", "refresh_worker"


class HandlerCall:
    """
    One call of a handler.

    The handler gets its own copy of *job*. *emit* is awaited with each chunk, and returns whether
    the run still counts. Setting `stopped`, from any thread, ends a generator at its next yield
    and discards the result.
    """

    def __init__(
        self,
        handler: Handler,
        job: Mapping[str, Any],
        *,
        worker: str,
        aggregate: bool,
        emit: Callable[[Any], Awaitable[bool | None]],
    ) -> None:
        self._handler = handler
        self._job = job
        self._worker = worker
        self._aggregate = aggregate
        self._emit = emit
        self.stopped = False

    async def result(self) -> RunResult | None:
        """Run the handler and return its result; None if it was stopped before its end."""
        if self.stopped:
            return None
        try:
            result = await self._outcome()
        except BaseException as error:
            # SystemExit, or a CancelledError of the handler's own, ends the job, not the worker.
            result = RunResult(error=_describe(error, self._worker))
        return None if self.stopped else result

    async def _outcome(self) -> RunResult:
        outcome = self._handler(_json.json_copy(self._job))
        if inspect.isawaitable(outcome):
            outcome = await outcome
        if inspect.isgenerator(outcome):
            outcome = _aiter(cast("Generator[Any, None, None]", outcome))
        if inspect.isasyncgen(outcome):
            async with aclosing(cast("AsyncGenerator[Any, None]", outcome)) as values:
                return await self._relay(values)
        return _returned(outcome)

    async def _relay(self, values: AsyncIterator[Any]) -> RunResult:
        relayed: list[Any] = []
        try:
            async for value in values:
                try:
                    chunk = _json.json_copy(value)
                except ValueError as error:
                    return RunResult(error=f"The handler yielded an invalid value: {error}")
                if isinstance(chunk, dict) and (fault := cast(dict[str, Any], chunk).get(_ERROR)):
                    return RunResult(error=str(fault))
                if self.stopped or not await self._emit(chunk):
                    break
                if self._aggregate:
                    relayed.append(chunk)
        except Exception as error:
            return RunResult(error=f"handler: {_text(error)} \ntraceback: {traceback.format_exc()}")
        return RunResult(output=relayed)


async def _aiter(generator: Generator[Any, None, None]) -> AsyncGenerator[Any, None]:
    with closing(generator) as values:
        for value in values:
            yield value


def _returned(value: Any) -> RunResult:
    try:
        value = _json.json_copy(value)
    except ValueError as error:
        return RunResult(error=f"The handler returned an invalid value: {error}")
    if not isinstance(value, dict):
        return RunResult(output=value)
    output = cast(dict[str, Any], value)
    fault = output.pop(_ERROR, None)
    refresh = output.pop(_REFRESH_WORKER, None)
    return RunResult(output=output or UNSET, error=fault or UNSET, recycle=bool(refresh))


def _describe(error: BaseException, worker: str) -> str:
    return json.dumps(
        {
            "error_type": str(type(error)),
            "error_message": _text(error),
            "error_traceback": "".join(traceback.format_exception(error)),
            "hostname": os.environ.get("RUNPOD_POD_HOSTNAME", "localhost"),
            "worker_id": worker,
            "runpod_version": _version(),
        }
    )


def _text(error: BaseException) -> str:
    """Return the text of *error*, whose class may be unable to write it."""
    try:
        return str(error)
    except Exception as fault:
        return f"(its text could not be written: {type(fault).__name__})"


def _version() -> str:
    try:
        return version("runpod_sdk")
    except PackageNotFoundError:
        return "unknown"
