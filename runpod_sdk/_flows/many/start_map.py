"""Start a `map` from its options and inputs."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sized
from typing import Any

from runpod_sdk._flows.context import EndpointContext
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
    context, runner = many.bind(context), many.runner
    if options.journal is None:
        handler = MapHandler(context, options)
    else:
        from runpod_sdk._flows.many.journaled_map import JournaledMapHandler

        handler = JournaledMapHandler(context, options, runner, options.journal)
    stream = inputs if many.async_inputs and isinstance(inputs, AsyncIterable) else None
    reads = checked_inputs(inputs) if stream is None else None
    options.check_keys(inputs)
    ahead = AHEAD_ORDERED if options.ordered else AHEAD
    window = Window(
        runner,
        handler,
        concurrency=options.concurrency,
        max_queued=options.concurrency,
        max_held=ahead * options.concurrency,
        ordered=options.ordered,
        stream=stream,
    )
    total = len(inputs) if isinstance(inputs, Sized) else None
    take = TakeOptions(
        action=f"map on endpoint {context.endpoint_id}",
        timeout=options.timeout,
        on_error=options.on_error,
        on_leave=options.on_leave,
        progress=progress_reporter(options.progress, total),
        total=total,
    )
    return ResultTaker(many.consumer, window, reads, take)
