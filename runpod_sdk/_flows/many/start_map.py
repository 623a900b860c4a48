"""Options and inputs in, the results of a `map` out."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sized
from typing import Any

from runpod_sdk._flows.io import Session
from runpod_sdk._flows.many.map import Mapping
from runpod_sdk._flows.many.map_options import Options
from runpod_sdk._flows.many.result_taker import Taker, Terms, checked_inputs
from runpod_sdk._flows.many.runner import Workplace
from runpod_sdk._flows.many.window import Batch
from runpod_sdk._progress import progress_reporter
from runpod_sdk.results import MapResult
from runpod_sdk.settings import AHEAD, AHEAD_ORDERED


def start_map(
    session: Session,
    workplace: Workplace,
    inputs: Iterable[Any] | AsyncIterable[Any],
    options: Options,
) -> Taker[MapResult[Any]]:
    """Return what runs a job for each of the inputs, when its results are asked for."""
    session, crew = workplace.bind(session), workplace.crew
    if options.journal is None:
        work = Mapping(session, options)
    else:
        from runpod_sdk._flows.many.journaled_map import JournaledMapping

        work = JournaledMapping(session, options, crew, options.journal)
    stream = inputs if workplace.async_inputs and isinstance(inputs, AsyncIterable) else None
    reads = checked_inputs(inputs) if stream is None else None
    ahead = AHEAD_ORDERED if options.ordered else AHEAD
    batch = Batch(
        crew,
        work,
        concurrency=options.concurrency,
        queued=options.concurrency,
        most=ahead * options.concurrency,
        ordered=options.ordered,
        stream=stream,
    )
    total = len(inputs) if isinstance(inputs, Sized) else None
    terms = Terms(
        action=f"map on endpoint {session.endpoint_id}",
        timeout=options.timeout,
        on_error=options.on_error,
        on_leave=options.on_leave,
        watching=progress_reporter(options.progress, total),
        total=total,
    )
    return Taker(workplace.desk, batch, reads, terms)
