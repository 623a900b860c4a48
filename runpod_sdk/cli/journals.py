"""Commands for the journals of `map`: print the inputs, and decide about them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import runpod_sdk as sdk
from runpod_sdk.cli import arguments as a
from runpod_sdk.cli import examples
from runpod_sdk.cli.exit_status import ExitStatus
from runpod_sdk.cli.help import WIDEST, Command, Group
from runpod_sdk.cli.outcome import errors_reported
from runpod_sdk.cli.terminal import is_terminal, json_line, print_error, print_json, print_text

if TYPE_CHECKING:
    from runpod_sdk import Journal, JournalEntry

DSN_VARIABLE: Final = "RUNPOD_SDK_JOURNAL_DSN"
_STATUSES: Final = ("uncertain", "running", "expired", "succeeded", "failed", "open", "skipped")
_RESUBMITTED: Final = ("failed", "expired")


class _JournalGroup(Group):
    subjects = {  # noqa: RUF012 - read only
        "Read": ("list", "show", "export"),
        "Decide": ("resolve", "resubmit"),
    }


journal: typer.Typer = typer.Typer(
    name="journal",
    cls=_JournalGroup,
    help="Read the journals of map, and decide about uncertain and failed inputs. A journal is the"
    f" path of its file; with --postgres, its name in the database of {DSN_VARIABLE}, or of libpq's"
    " variables. No command sends a request.",
    short_help="Read the journals of map, and decide about failed inputs.",
    epilog=examples.JOURNAL,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
)

Journals = Annotated[
    list[str], typer.Argument(metavar="JOURNAL", help="Paths of journals, or names.")
]
OneJournal = Annotated[
    str, typer.Argument(metavar="JOURNAL", help="The path of a journal, or its name.")
]
Postgres = Annotated[
    bool, typer.Option("--postgres", help="The journals are in PostgreSQL, and have names.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="STATUS", help=f"Only inputs with this status: {', '.join(_STATUSES)}."
    ),
]


@journal.command("list", cls=Command, epilog=examples.JOURNAL_LIST)
def list_(
    journals: Annotated[
        list[str] | None,
        typer.Argument(metavar="JOURNAL", help="Paths of journals, or names."),
    ] = None,
    postgres: Postgres = False,
    output: a.FormOrNone = None,
) -> None:
    """
    Print the number of inputs by status.

    Journals are listed one by one, and in a table also in total. With --postgres, journals that are
    in use can be read too, and all are listed by default.
    """
    with errors_reported(""):
        if not journals and not postgres:
            raise typer.BadParameter("give at least one journal", param_hint="JOURNAL")
        counts, unread = _counts(journals or [], postgres=postgres)
    if output == "text" or (output is None and is_terminal(sys.stdout)):
        for line in _table(counts):
            print_text(line)
    else:
        print_json([{"journal": name, "counts": found} for name, found in counts.items()])
    if unread:
        raise typer.Exit(ExitStatus.API)


@journal.command(cls=Command, epilog=examples.JOURNAL_SHOW)
def show(
    name: OneJournal,
    only: Only = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, metavar="N", help="How many, at most.")
    ] = 100,
    postgres: Postgres = False,
) -> None:
    """
    Print a journal's inputs, without results.

    Each input is a line of JSON.
    """
    with _opened(name, postgres=postgres) as opened:
        for entry in islice(_chosen(opened, only), limit):
            print_text(json_line(_as_json(entry)))


@journal.command(cls=Command, epilog=examples.JOURNAL_EXPORT)
def export(names: Journals, only: Only = None, postgres: Postgres = False) -> None:
    """
    Print the inputs of journals, with results.

    Each input is a line of JSON, with the final state of its job.
    """
    for name in names:
        with _opened(name, postgres=postgres) as opened:
            for entry in _chosen(opened, only):
                line = {"journal": name, **_as_json(entry), "state": entry.result}
                print_text(json_line(line))


@journal.command(cls=Command, epilog=examples.JOURNAL_RESOLVE)
def resolve(
    name: OneJournal,
    input_: Annotated[
        str,
        typer.Argument(
            metavar="INPUT", help="The input's key if the map had keys, otherwise its index."
        ),
    ],
    decision: Annotated[
        str,
        typer.Argument(
            metavar="DECISION", help="resubmit, skip, or the id of the job to wait for."
        ),
    ],
    postgres: Postgres = False,
) -> None:
    """
    Decide what the next map does with one input.

    The input is uncertain, failed or expired. A key that is an integer is written as it is, and a
    string of digits in double quotes.
    """
    with _opened(name, postgres=postgres) as opened:
        entry = _entry(opened, input_)
        opened.resolve(entry, decision)
        print_text(json_line(_as_json(opened.entry(entry.index))))


@journal.command(cls=Command, epilog=examples.JOURNAL_RESUBMIT)
def resubmit(
    names: Journals,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="STATUS",
            help="Inputs with this status: failed, expired, uncertain or skipped. Can be repeated."
            " Default: failed and expired. An uncertain input may have a job: both run then.",
        ),
    ] = None,
    max_attempts: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Leave out inputs that were submitted N times or more."
        ),
    ] = None,
    dead_letter: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Append the inputs that --max-attempts leaves out to this file, each as a line of"
            " JSON with its last state, and let the next map skip them.",
        ),
    ] = None,
    postgres: Postgres = False,
) -> None:
    """
    Let the next map submit failed inputs again.

    Prints the numbers of inputs for each journal. Run the map again to submit the inputs.
    """
    if dead_letter is not None and max_attempts is None:
        raise typer.BadParameter("it needs --max-attempts", param_hint="--dead-letter")
    statuses = _statuses(only, "uncertain", "failed", "expired", "skipped") or _RESUBMITTED
    for name in names:
        with _opened(name, postgres=postgres) as opened:
            again: list[JournalEntry] = []
            dead: list[JournalEntry] = []
            for entry in _chosen(opened, statuses):
                spent = max_attempts is not None and entry.attempts >= max_attempts
                (dead if spent else again).append(entry)
            opened.resolve_all(again, "resubmit")
            if dead_letter is not None and dead:
                _append(Path(dead_letter), name, dead)
                opened.resolve_all(dead, "skip")
            document = {"journal": name, "resubmitted": len(again), "left_out": len(dead)}
            print_json(document, indent=None)


def _append(file: Path, name: str, entries: list[JournalEntry]) -> None:
    """Append entries to the dead-letter file, on the disk before their inputs are skipped."""
    try:
        with file.open("a", encoding="utf-8") as target:
            for entry in entries:
                line = {"journal": name, **_as_json(entry), "state": entry.result}
                target.write(json.dumps(line) + "\n")
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        print_error(f"can't write {file}: {error.strerror}; its inputs were left as they are")
        raise typer.Exit(ExitStatus.NOT_WRITTEN) from None


def _counts(names: list[str], *, postgres: bool) -> tuple[dict[str, dict[str, int]], bool]:
    """Return the counts of each journal, and whether some could not be read."""
    if postgres:
        from runpod_sdk.journal_postgres import postgres_journals

        found = postgres_journals(_dsn())
        for name in names:
            if name not in found:
                raise typer.BadParameter(f"there is no journal {name}", param_hint="JOURNAL")
        return ({name: found[name] for name in names} if names else found), False
    counts: dict[str, dict[str, int]] = {}
    unread = False
    for name in names:
        try:
            with sdk.Journal(_existing(name)) as opened:
                counts[name] = {status.value: count for status, count in opened.counts.items()}
        except sdk.JournalError as error:
            print_error(str(error))
            unread = True
    return counts, unread


def _table(counts: dict[str, dict[str, int]]) -> Iterator[str]:
    """Return lines of a table, the last one with the totals of several journals."""
    used = [status for status in _STATUSES if any(status in found for found in counts.values())]
    rows = [
        [name, *(str(found.get(status, 0)) for status in used)] for name, found in counts.items()
    ]
    if len(rows) > 1:
        totals = (sum(found.get(status, 0) for found in counts.values()) for status in used)
        rows.append(["total", *map(str, totals)])
    rows.insert(0, ["JOURNAL", *(status.upper() for status in used)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()


@contextmanager
def _opened(name: str, *, postgres: bool) -> Iterator[Journal]:
    """Open a journal that exists; print errors of the block, and end with their status."""
    with errors_reported(""):
        if postgres:
            from runpod_sdk.journal_postgres import PostgresStore

            _counts([name], postgres=True)
            given: Any = PostgresStore(name, _dsn(), wait=0)
        else:
            given = _existing(name)
        with sdk.Journal(given) as opened:
            yield opened


def _existing(name: str) -> str:
    if not Path(name).expanduser().exists():
        raise typer.BadParameter(f"there is no file {name}", param_hint="JOURNAL")
    return name


def _dsn() -> str:
    return os.environ.get(DSN_VARIABLE, "")


def _chosen(opened: Journal, only: Iterable[str] | None) -> Iterator[JournalEntry]:
    statuses = _statuses(only, *_STATUSES)
    return (entry for entry in opened.entries() if not statuses or entry.status in statuses)


def _statuses(only: Iterable[str] | None, *allowed: str) -> tuple[str, ...]:
    chosen = tuple(status.lower() for status in only or ())
    for status in chosen:
        if status not in allowed:
            text = f"{status!r} is not one of {', '.join(allowed)}"
            raise typer.BadParameter(text, param_hint="--only")
    return chosen


def _entry(opened: Journal, text: str) -> JournalEntry:
    """
    Return the entry that *text* names.

    Raises:
        ValueError: There is none.
    """
    first = next(opened.entries(), None)
    if first is None or first.key is None:
        return opened.entry(int(text) if text.isdecimal() else -1)
    try:
        return opened.entry(key=json.loads(text))
    except (ValueError, TypeError):
        return opened.entry(key=text)


def _as_json(entry: JournalEntry) -> dict[str, Any]:
    error = (entry.result or {}).get("error")
    shown: dict[str, Any] = {"index": entry.index, "key": entry.key}
    return {
        **{name: value for name, value in shown.items() if value is not None},
        "status": entry.status.value,
        "job_id": entry.job_id,
        "since": entry.since.isoformat(timespec="seconds"),
        "attempts": entry.attempts,
        **({"error": error} if error is not None else {}),
    }
