"""How the values of the SDK are printed: as JSON, or as text for reading."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from runpod_sdk.cli.terminal import (
    is_terminal,
    json_line,
    json_line_with_note,
    print_json,
    print_note,
    print_raw,
    print_text,
)
from runpod_sdk.error_text import line_of

if TYPE_CHECKING:
    from runpod_sdk import EndpointHealth, JobState, StreamChunk
    from runpod_sdk.cli.history import Entry
    from runpod_sdk.cli.saving import Saver

Output = Literal["json", "text", "raw"]


def print_result(state: JobState, output: Output, saver: Saver | None = None) -> None:
    """Print a job that has ended: all of it, or its output alone."""
    from runpod_sdk.results import failure_of

    value = state.output if saver is None else saver.save(state.output, state.id)
    if output == "json":
        wire = state.to_dict()
        print_json({**wire, "output": value} if "output" in wire and state.completed else wire)
    elif state.succeeded and failure_of(state) is None:
        text = value if isinstance(value, str) else json_line_with_note(value)
        if output == "raw":
            print_raw(text)
        else:
            print_text(text, "" if text.endswith("\n") else "\n")
    if is_terminal(sys.stderr) and state.succeeded:
        print_note(summary(state), "2")


def print_state(state: JobState, output: Output) -> None:
    """Print where a job is: as JSON, or in a line."""
    if output == "json":
        print_json(state.to_dict())
    else:
        print_text(f"{state.id} {summary(state)}")


class ChunkPrinter:
    """
    Prints what a job yields, as it comes.

    As JSON it is a line for each chunk. Else strings stand one after the other as they
    are, and other values in lines of JSON; as text, the chunks of language models too are
    the strings that they contain.
    """

    def __init__(self, output: Output, saver: Saver | None, job_id: str) -> None:
        self._output = output
        self._saver = saver
        self._job_id = job_id
        self._count = 0
        self._open = False

    def show(self, chunk: StreamChunk) -> None:
        """Print one chunk."""
        self._count += 1
        value = chunk.output
        if self._saver is not None:
            value = self._saver.save(value, self._job_id, f"chunk-{self._count}")
        if self._output == "json":
            wire = chunk.to_dict()
            print_json({**wire, "output": value} if "output" in wire else wire, indent=None)
            return
        write = print_raw if self._output == "raw" else _print_part
        as_it_came = value is chunk.output
        if self._output == "text" and as_it_came and chunk.text is not None:
            value = chunk.text
        if isinstance(value, str) and as_it_came:
            write(value)
            self._open = (not value.endswith("\n")) if value else self._open
        else:  # JSON, or the name of a file
            text = value if isinstance(value, str) else json_line_with_note(value)
            write(("\n" if self._open else "") + text + "\n")
            self._open = False

    def end(self) -> None:
        """End the line that a string has left open, where somebody reads it."""
        if self._open and self._output == "text":
            print_text("")


def _print_part(text: str) -> None:
    print_text(text, "")


def summary(state: JobState) -> str:
    """Say how a job is, without its output, in a line."""
    took = "" if state.execution_time is None else f" in {seconds(state.execution_time)}"
    parts = [f"{state.status}{took}"]
    if state.delay_time is not None:
        parts.append(f"waited {seconds(state.delay_time)}")
    if state.progress is not None:
        parts.append(json_line(state.progress)[:200])
    if state.error:
        parts.append(line_of(state.error)[:200])
    return ", ".join(parts)


def seconds(length: timedelta) -> str:
    """Spell a length of time: to the millisecond below a second, else to a tenth."""
    total = length.total_seconds()
    return f"{total:.1f} s" if total >= 1 else f"{total * 1000:.0f} ms"


def health_text(health: EndpointHealth) -> str:
    """Say how many jobs and workers there are of each kind, in two lines."""
    jobs, workers = health.jobs, health.workers
    in_order = {
        "jobs": {
            "in the queue": jobs.in_queue,
            "running": jobs.in_progress,
            "completed": jobs.completed,
            "failed": jobs.failed,
            "retried": jobs.retried,
        },
        "workers": {
            "idle": workers.idle,
            "running": workers.running,
            "initializing": workers.initializing,
            "throttled": workers.throttled,
            "unhealthy": workers.unhealthy,
        },
    }
    return "\n".join(
        f"{what + ':':9}"
        + (", ".join(f"{n} {name}" for name, n in counts.items() if n is not None) or "not told")
        for what, counts in in_order.items()
    )


def print_jobs(entries: list[Entry], statuses: dict[str, Any], *, table: bool) -> None:
    """Print jobs of the history, with their *statuses*, if those were asked for."""
    if not table:
        print_json([_as_wire(entry, statuses) for entry in entries])
        return
    rows = [
        (entry.id, entry.endpoint, ago(entry.submitted), *_status(entry, statuses))
        for entry in entries
    ]
    rows.insert(0, ("JOB", "ENDPOINT", "SUBMITTED", *(["STATUS"] if statuses else [])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_text("  ".join(padded).rstrip())


def ago(moment: datetime) -> str:
    """Say how long ago *moment* was, in one unit."""
    total = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if total >= length:
            return f"{total // length} {unit} ago"
    return f"{total} s ago"


def _as_wire(entry: Entry, statuses: dict[str, Any]) -> dict[str, Any]:
    wire = {"id": entry.id, "endpoint": entry.endpoint}
    wire["submitted"] = entry.submitted.isoformat(timespec="seconds")
    return {**wire, "status": statuses[entry.id]} if statuses else wire


def _status(entry: Entry, statuses: dict[str, Any]) -> list[str]:
    return [statuses[entry.id] or "not known"] if statuses else []
