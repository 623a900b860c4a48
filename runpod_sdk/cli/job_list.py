"""The list of the jobs that were submitted from here, with their statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

import runpod_sdk as sdk
from runpod_sdk.cli import history
from runpod_sdk.cli.history import Entry
from runpod_sdk.cli.terminal import (
    columns,
    is_terminal,
    print_json,
    print_rich,
    print_text,
    without_controls,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_AT_ONCE: Final = 8
_WATCH_PAUSE: Final = 2.0
_WIDE: Final = 100
"""Columns from which the input has a column of its own."""
_GAP: Final = 2
_COLUMNS: Final = ("JOB", "ENDPOINT", "AGE", "STATUS", "INPUT")
_STYLES: Final = {
    "COMPLETED": "green",
    "FAILED": "red",
    "TIMED_OUT": "red",
    "CANCELLED": "magenta",
    "IN_PROGRESS": "cyan",
    None: "dim",
}
_ENDED: Final = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "CANCELLED", None})

Statuses = dict[str, str | None]
"""The status of each job by its id; None for a job that the server does not know."""


@frozen(kw_only=True)
class Selection:
    """Which jobs of the history are listed."""

    endpoint: str | None
    statuses: frozenset[str]
    """Empty: jobs with any status."""
    limit: int
    everywhere: bool
    """List jobs of other base URLs, and of local endpoints that have stopped."""

    def entries(self) -> Iterable[Entry]:
        """Iterate over the jobs, the latest first, before their statuses are known."""
        found = history.entries() if self.everywhere else history.reachable_entries()
        return (entry for entry in found if self.endpoint in (None, entry.endpoint))

    def find(self, query: Callable[[list[Entry]], Statuses] | None) -> tuple[list[Entry], Statuses]:
        """Return the jobs and the statuses that *query* has returned for them."""
        if query is None:
            return list(islice(self.entries(), self.limit)), {}
        rest, chosen, statuses = iter(self.entries()), list[Entry](), Statuses()
        while len(chosen) < self.limit and (some := list(islice(rest, self.limit))):
            statuses |= query(some)
            chosen += [
                entry
                for entry in some
                if not self.statuses or (statuses[entry.id] or "").upper() in self.statuses
            ]
        return chosen[: self.limit], statuses


def query_statuses(entries: list[Entry]) -> Statuses:
    """Ask for the status of each job, several at once."""
    import asyncio

    return asyncio.run(_query(entries)) if entries else {}


async def _query(entries: list[Entry]) -> Statuses:
    import asyncio

    turns = asyncio.Semaphore(_AT_ONCE)
    async with sdk.AsyncRunpod() as client:

        async def ask(entry: Entry) -> tuple[str, str | None]:
            async with turns:
                try:
                    state = await client.endpoint(entry.endpoint).status(entry.id)
                except sdk.NotFoundError:
                    return entry.id, None
                return entry.id, state.status

        return dict(await asyncio.gather(*map(ask, entries)))


def watch(selection: Selection) -> list[Entry]:
    """Show the jobs until all of them have ended, asking every two seconds; return them."""
    import time

    from rich.live import Live

    ended: Statuses = {}

    def query(entries: list[Entry]) -> Statuses:
        known = {entry.id: ended[entry.id] for entry in entries if entry.id in ended}
        found = query_statuses([entry for entry in entries if entry.id not in ended])
        ended.update({job: status for job, status in found.items() if status in _ENDED})
        return known | found

    entries, statuses = selection.find(query)
    if not entries:
        return entries
    table = _table(entries, statuses)
    with Live(table, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        live.refresh()
        while not all(statuses[entry.id] in _ENDED for entry in entries):
            time.sleep(_WATCH_PAUSE)
            entries, statuses = selection.find(query)
            live.update(_table(entries, statuses), refresh=True)
    return entries


def print_jobs(entries: list[Entry], statuses: Statuses, *, table: bool) -> None:
    """Print jobs of the history as JSON or as a table."""
    if not table:
        print_json([_as_json(entry, statuses) for entry in entries])
    elif is_terminal(sys.stdout):
        print_rich(_table(entries, statuses))
    else:
        rows = [_row(entry, statuses) for entry in entries]
        rows.insert(0, [name for name in _COLUMNS if statuses or name != "STATUS"])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            print_text("  ".join(cells).rstrip())


def _as_json(entry: Entry, statuses: Statuses) -> dict[str, Any]:
    document = {"id": entry.id, "endpoint": entry.endpoint}
    document["submitted"] = entry.submitted.isoformat(timespec="seconds")
    return {**document, "status": statuses[entry.id]} if entry.id in statuses else document


def _row(entry: Entry, statuses: Statuses) -> list[str]:
    status = [statuses[entry.id] or "not known"] if statuses else []
    return [entry.id, entry.endpoint, history.age(entry), *status, entry.preview]


def _table(entries: list[Entry], statuses: Statuses) -> RenderableType:
    """
    Return the table for a terminal.

    A narrow one shows the input below the id, and the rest too if the id would be cut otherwise.
    """
    from rich.table import Table
    from rich.text import Text

    width = columns(sys.stdout)
    rows = [[Text(without_controls(cell)) for cell in _row(entry, statuses)] for entry in entries]
    for entry, row in zip(entries, rows, strict=True):
        row[-1].style = "dim"
        if statuses:
            row[-2].style = _STYLES.get(statuses[entry.id], "")
    names = [name for name in _COLUMNS if statuses or name != "STATUS"]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    widths[names.index("AGE")] = len("59 min")
    if width < sum(widths[:-1]) + _GAP * (len(widths) - 2):
        return Text("\n").join(_stacked(row, width) for row in rows)
    narrow = width < _WIDE
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for name, least in zip(names[:-1], widths, strict=False):
        fixed = least if narrow and name == "JOB" else None
        table.add_column(name, no_wrap=True, min_width=least, width=fixed)
    if not narrow:
        table.add_column(names[-1], no_wrap=True)
    for job, *cells, preview in rows:
        if narrow:
            table.add_row(Text("\n  ").join([job, *([preview] if preview else [])]), *cells)
        else:
            table.add_row(job, *cells, preview)
    return table


def _stacked(row: list[Text], width: int) -> Text:
    """Return two lines: the id, and below it the status, if it is known, and the rest."""
    from rich.text import Text

    job, endpoint, age, *status, preview = row
    rest = Text("  ") + Text("  ").join([*status, age, endpoint, *([preview] if preview else [])])
    rest.truncate(width, overflow="ellipsis")
    return job + Text("\n") + rest
