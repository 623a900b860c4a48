"""The documented range of a policy's times, and a warning if a time seems to have another unit."""

from __future__ import annotations

from typing import Final, Literal

from runpod_sdk._warn import warn

MIN_SECONDS: Final = {"execution_timeout": 5.0, "ttl": 10.0}
MAX_SECONDS: Final = 7 * 86_400.0
"""The documented limits, in seconds."""


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
    if MIN_SECONDS[name] <= seconds <= MAX_SECONDS:
        return
    is_too_short = seconds < MIN_SECONDS[name]
    bound = f"below the {MIN_SECONDS[name]:g} seconds" if is_too_short else "above the 7 days"
    if is_too_short and unit == "ms":
        guess = "it may be seconds instead of milliseconds"
    elif unit == "s" and not is_too_short:
        guess = "it may be milliseconds instead of seconds"
    else:
        guess = f"the unit is {'seconds' if unit == 's' else 'milliseconds'}"
    warn(f"{shown or name} is {value:.12g} {unit}, {bound} that RunPod documents; {guess}")
