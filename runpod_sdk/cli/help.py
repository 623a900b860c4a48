"""Help pages (description, examples, options by subject) and errors of usage."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from runpod_sdk.cli.terminal import styled, wrapped

WIDEST: Final = 100
"""Columns of a help page; longer lines are hard to read, however wide the terminal is."""

_OTHERS: Final = "Options"
_COLUMN: Final = 30
"""Maximum width of the column of option names."""
_UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[1]
_ERROR: Final = "Error: "
_OF_PYDANTIC: Final = "Value error, "
"""What pydantic, by which typer checks choices, puts before a message."""


class Command(TyperCommand):
    """A command whose epilog is a list of examples."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces = super().collect_usage_pieces(ctx)
        return [piece.replace("{", "").replace("}", "") for piece in pieces]

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

    def make_context(self, *args: Any, **extra: Any) -> Any:
        with _readable_errors():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _readable_errors():
            return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for subject, names in self.subjects.items():
            commands = [self.get_command(ctx, name) for name in names]
            with _section(formatter, subject):
                width = formatter.width - 16
                rows = [(c.name, c.get_short_help_str(width)) for c in commands if c is not None]
                formatter.write_dl([(f"{name:11}", text) for name, text in rows])
        _write_examples(formatter, self.epilog)
        _write_options(self, ctx, formatter)
        if self.exit_statuses:
            with _section(formatter, "Exit status"):
                rows = [(f"{code:>3}", text) for code, text in self.exit_statuses.items()]
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write nothing: examples come first."""


@contextmanager
def _readable_errors() -> Iterator[None]:
    """Add a hint to an unknown option of an input's key, and break long lines between words."""
    try:
        yield
    except _UsageError as usage_error:
        error: Any = usage_error
        text: str = error.format_message().replace(_OF_PYDANTIC, "")
        parameters = error.ctx.command.params if error.ctx is not None else ()
        takes_pairs = any(parameter.name == "pairs" for parameter in parameters)
        option = getattr(error, "option_name", None)
        if isinstance(option, str) and takes_pairs and text.startswith("No such option"):
            key = option.lstrip("-")
            text += f"\nTo set a key of the input, write {key}=text or {key}:=JSON."
        text = wrapped(_ERROR + text, sys.stderr).removeprefix(_ERROR)
        # As an attribute: what prints the error knows only its class's method.
        vars(error)["format_message"] = lambda: text
        raise


def _write_examples(formatter: Any, examples: str | None) -> None:
    if examples:
        with _section(formatter, "Examples"):
            for example in examples.splitlines():
                formatter.write(f"  {example}".rstrip() + "\n")


def _write_options(command: Any, ctx: Any, formatter: Any) -> None:
    """List arguments, then the options of each subject, then the other options."""
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
