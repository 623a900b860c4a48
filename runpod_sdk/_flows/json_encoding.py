"""Write the body of a request as JSON."""

from __future__ import annotations

from typing import Any

from runpod_sdk._json import write


def encode(body: object, name: str = "") -> bytes:
    """
    Write *body* as JSON.

    Args:
        name: The value's name in errors, if it is not a whole request.

    Raises:
        ValueError: NaN, infinity, a lone surrogate, or a value that contains itself.
        TypeError: A value has no JSON form.
        ConfigurationError: A value needs cattrs, which is not installed.
    """
    return write(body, name, _plain)


def _plain(value: object) -> Any:
    """Return the JSON form of what is none by itself."""
    from runpod_sdk import _typed_inputs  # not needed for plain JSON

    return _typed_inputs.plain(value)
