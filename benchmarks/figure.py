"""A line of the table: its values, and its bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Measured = dict[str, Any]
Of = Callable[[Measured], float]
"""Takes a value out of a round."""
Rounds = list[Measured]
"""Of each round: by scenario, by client, what was measured."""


@dataclass(frozen=True)
class Figure:
    """A line of the table: a value of each round, and what the median must be."""

    title: str
    values: Sequence[float]
    bound: Callable[[float], bool] | None = None
    said: str = ""
    unit: str = ""

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def kept(self) -> bool | None:
        return None if self.bound is None else self.bound(self.median)

    def row(self) -> str:
        """Write the line of the table."""
        spread = f"{_short(min(self.values))} to {_short(max(self.values))}"
        verdict = {None: "", True: "yes", False: "**no**"}[self.kept]
        value = f"{_short(self.median)}{self.unit}"
        return f"| {self.title} | {value} | {spread} | {self.said} | {verdict} |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def at_most(most: float) -> dict[str, Any]:
    return {"bound": lambda value: value <= most, "said": f"≤ {most:g}"}


def at_least(least: float) -> dict[str, Any]:
    return {"bound": lambda value: value >= least, "said": f"≥ {least:g}"}


def exactly(number: float) -> dict[str, Any]:
    return {"bound": lambda value: value == number, "said": f"{number:g}"}
