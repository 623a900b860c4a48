"""How a help page is set: what it is about, how it is used, examples, the options by subject."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from runpod_sdk.cli.terminal import styled

WIDEST: Final = 100
"""Columns of a help page; longer lines are hard to read, however wide the terminal is."""

_OTHERS: Final = "Options"
_COLUMN: Final = 30
"""Columns of an option's name, beside which its help begins."""


class Command(TyperCommand):
    """A command whose epilog is a list of examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_examples(formatter, self.epilog)
        _write_options(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write nothing: examples come first."""


class Group(TyperGroup):
    """The command of commands, which are listed before the options."""

    subjects: Mapping[str, tuple[str, ...]] = {}
    """The commands by subject."""
    exit_statuses: Mapping[str, str] = {}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for subject, names in self.subjects.items():
            commands = [self.get_command(ctx, name) for name in names]
            with _section(formatter, subject):
                width = formatter.width - 16
                rows = [(c.name, c.get_short_help_str(width)) for c in commands if c is not None]
                formatter.write_dl([(f"{name:11}", text) for name, text in rows])
        _write_examples(formatter, self.epilog)
        _write_options(self, ctx, formatter)
        with _section(formatter, "Exit status"):
            formatter.write_dl([(f"{code:>3}", text) for code, text in self.exit_statuses.items()])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write nothing: examples come first."""


def _write_examples(formatter: Any, examples: str | None) -> None:
    if examples:
        with _section(formatter, "Examples"):
            for example in examples.splitlines():
                formatter.write(f"  {example}".rstrip() + "\n")


def _write_options(command: Any, ctx: Any, formatter: Any) -> None:
    """List arguments, then the options of each subject, then those of none."""
    subjects: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            other = _OTHERS
            if parameter.param_type_name == "argument":
                other, record = "Arguments", (parameter.metavar, record[1])
            subject = getattr(parameter, "rich_help_panel", None) or other
            subjects.setdefault(subject, []).append(record)
    last = subjects.pop(_OTHERS, [])
    names = [name for records in (*subjects.values(), last) for name, _ in records]
    width = max(len(name) for name in names if len(name) <= _COLUMN)
    for subject, records in [*subjects.items(), (_OTHERS, last)]:
        if records:
            with _section(formatter, subject):
                formatter.write_dl([(f"{name:{width}}", text) for name, text in records])


def _section(formatter: Any, name: str) -> AbstractContextManager[None]:
    section: AbstractContextManager[None] = formatter.section(styled(name, "1", sys.stdout))
    return section
