"""Printing the SDK's values: as JSON, or as text for a person."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from runpod_sdk.cli.terminal import (
    is_terminal,
    json_line,
    json_line_with_note,
    print_json,
    print_note,
    print_raw,
    print_text,
)
from runpod_sdk.error_text import folded, line_of, traceback_of

if TYPE_CHECKING:
    from runpod_sdk import EndpointHealth, JobState, StreamChunk
    from runpod_sdk.cli.saving import Saver

Output = Literal["json", "text", "raw"]


def form_of(state: JobState, output: Output | None) -> Output:
    """Return the form to print a job in: by default, text for a failed job on a terminal."""
    from runpod_sdk.results import failure_of

    failed = (state.completed and not state.succeeded) or failure_of(state) is not None
    return output or ("text" if failed and is_terminal(sys.stdout) else "json")


def print_result(state: JobState, form: Output, saver: Saver | None = None) -> None:
    """Print a job that has ended, or its output alone."""
    from runpod_sdk.results import failure_of

    value = state.output if saver is None else saver.save(state.output, state.id)
    if form == "json":
        wire = state.to_dict()
        print_json({**wire, "output": value} if "output" in wire and state.completed else wire)
    elif state.succeeded and failure_of(state) is None:
        text = value if isinstance(value, str) else json_line_with_note(value)
        if form == "raw":
            print_raw(text)
            end_raw_line(text)
        else:
            print_text(text, "" if text.endswith("\n") else "\n")
    if is_terminal(sys.stderr) and state.succeeded:
        print_note(summary(state), "2")


def print_state(state: JobState, form: Output) -> None:
    """Print a job as JSON, or its status in a line."""
    if form == "json":
        print_json(state.to_dict())
    else:
        print_text(f"{state.id} {summary(state)}")


def print_traceback(state: JobState) -> None:
    """Print the handler's traceback to standard error, if that is a terminal."""
    traceback = traceback_of(state.error or "")
    if traceback is None or not is_terminal(sys.stderr):
        return
    for line in folded(traceback).splitlines():
        is_code = line.startswith("    ")
        print_note(line, None if is_code else "2" if line.startswith((" ", "Traceback")) else "31")


def end_raw_line(text: str) -> None:
    """End the last line of a text on a terminal, where the shell's prompt would follow it."""
    if text and not text.endswith("\n") and is_terminal(sys.stdout):
        print_raw("\n")


class ChunkPrinter:
    """
    Prints each chunk of a job's stream as it arrives.

    As JSON, each chunk is a line. Otherwise strings are printed one after the other with
    nothing between them, and other values as lines of JSON. As text, the chunks of language
    models are the strings that they contain.
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
        """End the line that a string has left open."""
        if self._open and self._output == "raw":
            end_raw_line("…")
        elif self._open:
            print_text("")


def _print_part(text: str) -> None:
    print_text(text, "")


def summary(state: JobState, *, error: bool = True) -> str:
    """Describe a job in a line, without its output; on request also without its error."""
    took = "" if state.execution_time is None else f" in {seconds(state.execution_time)}"
    parts = [f"{state.status}{took}"]
    if state.delay_time is not None:
        parts.append(f"waited {seconds(state.delay_time)}")
    if state.progress is not None:
        parts.append(json_line(state.progress)[:200])
    if state.error and error:
        parts.append(line_of(state.error)[:200])
    return ", ".join(parts)


def seconds(length: timedelta) -> str:
    """Format a duration: below a second in milliseconds, else in tenths of a second."""
    total = length.total_seconds()
    return f"{total:.1f} s" if total >= 1 else f"{total * 1000:.0f} ms"


def health_text(health: EndpointHealth) -> str:
    """Format the counts of jobs and workers in two lines."""
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
        + (", ".join(f"{n} {name}" for name, n in counts.items() if n is not None) or "unknown")
        for what, counts in in_order.items()
    )
