"""Start a `map` from its options and inputs."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sized
from typing import Any

from runpod_sdk._flows.context import EndpointContext
from runpod_sdk._flows.many.item import ItemHandler
from runpod_sdk._flows.many.map import MapHandler
from runpod_sdk._flows.many.map_options import MapOptions
from runpod_sdk._flows.many.result_taker import ResultTaker, TakeOptions, checked_inputs
from runpod_sdk._flows.many.runner import ManyContext
from runpod_sdk._flows.many.window import Window
from runpod_sdk._progress import progress_reporter
from runpod_sdk.results import MapResult
from runpod_sdk.settings import AHEAD, AHEAD_ORDERED


def start_map(
    context: EndpointContext,
    many: ManyContext,
    inputs: Iterable[Any] | AsyncIterable[Any],
    options: MapOptions,
) -> ResultTaker[MapResult[Any]]:
    """Return a `ResultTaker` that starts to run jobs for *inputs* with its first `next`."""
    context = many.bind(context)
    handler: MapHandler
    if options.journal is None:
        handler = MapHandler(context, options)
    else:
        from runpod_sdk._flows.many.journaled_map import JournaledMapHandler

        handler = JournaledMapHandler(context, options, many.runner, options.journal)
    return start(many, handler, inputs, options, f"map on endpoint {context.endpoint_id}")


def start(
    many: ManyContext,
    handler: ItemHandler[MapResult[Any]],
    inputs: Iterable[Any] | AsyncIterable[Any],
    options: MapOptions,
    action: str,
    *,
    streamed: bool = False,
) -> ResultTaker[MapResult[Any]]:
    """
    Return a `ResultTaker` of *handler*.

    Args:
        action: Description of the call, for messages.
        streamed: Whether inputs may be an async iterable, also of the sync client.
    """
    awaited = streamed or many.async_inputs
    stream = inputs if awaited and isinstance(inputs, AsyncIterable) else None
    reads = checked_inputs(inputs) if stream is None else None
    options.check_keys(inputs)
    ahead = AHEAD_ORDERED if options.ordered else AHEAD
    window = Window(
        many.runner,
        handler,
        concurrency=options.concurrency,
        max_queued=options.concurrency,
        max_held=ahead * options.concurrency,
        ordered=options.ordered,
        stream=stream,
    )
    total = len(inputs) if isinstance(inputs, Sized) else None
    take = TakeOptions(
        action=action,
        timeout=options.timeout,
        on_error=options.on_error,
        on_leave=options.on_leave,
        progress=progress_reporter(options.progress, total),
        total=total,
    )
    return ResultTaker(many.consumer, window, reads, take)
