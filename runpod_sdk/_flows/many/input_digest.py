"""
The digest by which a journal recognizes an input.

It is the SHA-256 of the input's canonical JSON: with sorted keys, and in ASCII. Inputs that are
sent as equal JSON have the same digest. Journals keep digests, so they never change.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from runpod_sdk._flows.json_codec import encode
from runpod_sdk._json import has_other_keys
from runpod_sdk._signals import raised_by_signal_handler

_SURROGATE: Final = "\\ud"
"""How the escape of a surrogate begins. A pair of them is valid, but a lone one cannot be sent."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def digest(input: Any) -> bytes:
    """
    Return the digest of an input.

    Raises:
        ValueError, TypeError: The input cannot be represented in JSON.
    """
    return hashlib.sha256(_canonical_json(input).encode()).digest()


def _canonical_json(input: Any) -> str:
    """Return the canonical JSON, in most cases without writing and reading the input before."""
    try:
        text = _canonical(input)
        if _SURROGATE not in text and not has_other_keys(input):
            return text
    except (ValueError, TypeError, RecursionError) as error:
        if raised_by_signal_handler(error):
            raise
    return _canonical(json.loads(encode(input, "input")))  # or its error says what is invalid
