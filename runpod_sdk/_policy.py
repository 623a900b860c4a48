"""The documented range of a policy's times, and a warning where one looks like another unit."""

from __future__ import annotations

from typing import Final, Literal

from runpod_sdk._warn import warn

LEAST: Final = {"execution_timeout": 5.0, "ttl": 10.0}
MOST: Final = 7 * 86_400.0
"""Seconds that RunPod documents."""


def check_unit(
    name: Literal["execution_timeout", "ttl"],
    value: float,
    unit: Literal["s", "ms"],
    shown: str | None = None,
) -> None:
    """
    Warn if *value*, in *unit*, is outside RunPod's documented range; it is sent nevertheless.

    Args:
        shown: The value's name in the message, if not *name*.
    """
    seconds = value if unit == "s" else value / 1000
    if LEAST[name] <= seconds <= MOST:
        return
    less = seconds < LEAST[name]
    bound = f"below the {LEAST[name]:g} seconds" if less else "above the 7 days"
    if less and unit == "ms":
        guess = "it may be seconds instead of milliseconds"
    elif unit == "s" and not less:
        guess = "it may be milliseconds instead of seconds"
    else:
        guess = f"the unit is {'seconds' if unit == 's' else 'milliseconds'}"
    warn(f"{shown or name} is {value:.12g} {unit}, {bound} that RunPod documents; {guess}")
