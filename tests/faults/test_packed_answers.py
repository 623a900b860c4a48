"""Compressed responses: every transport decompresses gzip, and only gzip."""

from __future__ import annotations

import gc
import gzip
import json
import zlib
from typing import Any

import pytest

from runpod_sdk import APIConnectionError, APIResponseValidationError, NotFoundError, ServerError
from tests.faults.modes import ALL_WAYS, JOB, Case, run_all
from tests.transport.server import Server, Visit

# Under trio, httpx's generators complain when a body is not read to its end.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")

BODY = json.dumps({"id": JOB, "status": "COMPLETED", "output": 1}).encode()
PROBLEM = b'{"error": "in words"}'
LIMIT = 1_000_000
BOMB = b" " * 20 * LIMIT


def corrupt(packed: bytes) -> bytes:
    """Return *packed* with a wrong checksum."""
    return packed[:-8] + bytes(4) + packed[-4:]


# The response's status, encoding and body; then the error, or None for the result.
ANSWERS: dict[str, tuple[str, str, bytes, type[Exception] | None]] = {
    "gzip": ("200 OK", "GZIP", gzip.compress(BODY), None),
    "gzip by its old name": ("200 OK", "x-gzip", gzip.compress(BODY), None),
    "members": ("200 OK", "gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), None),
    "padding": ("200 OK", "gzip", gzip.compress(BODY) + bytes(9), None),
    "cut short": ("200 OK", "gzip", gzip.compress(BODY)[:-1], APIConnectionError),
    "corrupt": ("200 OK", "gzip", corrupt(gzip.compress(BODY)), APIConnectionError),
    "not packed": ("200 OK", "gzip", BODY, APIConnectionError),
    "deflate": ("200 OK", "deflate", zlib.compress(BODY), APIConnectionError),
    "twice": ("200 OK", "gzip, gzip", gzip.compress(gzip.compress(BODY)), APIConnectionError),
    "bomb": ("200 OK", "gzip", gzip.compress(BOMB), APIResponseValidationError),
    "problem": ("404 Not Found", "gzip", gzip.compress(PROBLEM), NotFoundError),
    "corrupt problem": ("404 Not Found", "gzip", corrupt(gzip.compress(PROBLEM)), NotFoundError),
    "problem cut short": ("500 Error", "gzip", gzip.compress(PROBLEM)[:-9], ServerError),
    "problem in deflate": ("404 Not Found", "deflate", zlib.compress(PROBLEM), NotFoundError),
}


def say(visit: Visit) -> bool:
    status, coding, body, _ = list(ANSWERS.values())[int(visit.text.split(b"/")[2])]
    return visit.say(body, f"content-encoding: {coding}", status=status)


@pytest.mark.parametrize("mode", ALL_WAYS)
def test_what_is_made_of_it(mode: str) -> None:
    """An error status counts with any body; a result is complete, or an error."""
    cases = [
        Case(str(number), lambda endpoint: endpoint.status(JOB, timeout=20))
        for number in range(len(ANSWERS))
    ]
    options: dict[str, Any] = {"max_response_size": LIMIT, "max_retries": 0}
    with Server(say) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url, **options)
    gc.collect()
    seen = dict(zip(ANSWERS, outcomes, strict=True))
    expected = {name: expects for name, (*_, expects) in ANSWERS.items()}
    found = {name: type(one.error) if one.error else None for name, one in seen.items()}
    assert found == expected
    assert "max_response_size" in str(seen["bomb"].error)
    assert "in words" in str(seen["problem"].error)
