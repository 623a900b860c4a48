"""
The jobs that were submitted from here: ids, endpoints, times, base URLs and previews of inputs.

Each job is a small file in the directory where this platform keeps the state of programs, so
that any number of processes can add jobs without a lock. The oldest are removed when there are
too many. No command fails because the history can't be read or written.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from runpod_sdk.media import media_of

MOST: Final = 500
"""How many jobs are kept."""

_PREVIEW: Final = 80
_SECRET = re.compile(r"key|token|secret|passw|credential|auth(?!or)", re.I)
_QUERY = re.compile(r"(https?://[^\s?#]+)[?#]\S*", re.I)
_USER = re.compile(r"(https?://)[^\s/@]*@", re.I)
_CONNECT_TIMEOUT: Final = 0.3


class Entry(NamedTuple):
    """A job that was submitted."""

    id: str
    endpoint: str
    submitted: datetime
    base_url: str | None = None
    """None if an earlier version of this package submitted the job."""
    preview: str = ""
    """The beginning of the input."""

    @property
    def age(self) -> timedelta:
        return max(timedelta(), datetime.now(UTC) - self.submitted)


def directory() -> Path:
    """Return the directory of this user's history, which may not exist yet."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "runpod-sdk" / "jobs"


def add(job_id: str, endpoint_id: str, input: Any = "") -> None:
    """Keep a job that was submitted just now."""
    with suppress(OSError, RuntimeError, ValueError):  # no home, no room, an impossible name
        where = directory()
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = time.time_ns()
        final = where / f"{now:020}-{os.getpid()}.json"
        partial = final.with_suffix(".new")
        document = {
            "id": job_id,
            "endpoint": endpoint_id,
            "base_url": current_base_url(),
            "input": preview(input),
        }
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(document, file)
        partial.replace(final)  # a process that lists them sees the whole file or none
        for name in _names(where)[:-MOST]:
            (where / name).unlink(missing_ok=True)


def entries() -> Iterator[Entry]:
    """Iterate over the jobs, the latest first."""
    with suppress(OSError, RuntimeError):
        where = directory()
        for name in reversed(_names(where)):
            with suppress(OSError, ValueError, LookupError, TypeError, ArithmeticError):
                found = dict(json.loads((where / name).read_text("utf-8")))
                submitted = datetime.fromtimestamp(int(name.partition("-")[0]) / 1e9, UTC)
                base_url = found.get("base_url")
                yield Entry(
                    id=str(found["id"]),
                    endpoint=str(found["endpoint"]),
                    submitted=submitted,
                    base_url=base_url if isinstance(base_url, str) else None,
                    preview=str(found.get("input", "")),
                )


def reachable_entries() -> Iterator[Entry]:
    """Iterate over the jobs of the API that commands talk to; none if that is local and gone."""
    base_url = current_base_url()
    is_gone = _is_gone(base_url)
    for entry in entries():
        if entry.base_url is None or (entry.base_url == base_url and not is_gone):
            yield entry


def find(job_id: str) -> Entry | None:
    """Return the job with this id, if it is in the history."""
    return next((entry for entry in entries() if entry.id == job_id), None)


def current_base_url() -> str:
    """Return the base URL that commands send requests to, without user and password."""
    from runpod_sdk import settings  # loads what completion does not need

    base_url = os.environ.get(settings.BASE_URL_VARIABLE) or settings.BASE_URL
    return _USER.sub(r"\1", base_url.rstrip("/"))


def preview(input: Any) -> str:
    """
    Return the beginning of an input in one line.

    Files, the query strings of URLs, and the values of keys such as `api_key` are left out.
    """
    small = _small(input)
    if isinstance(small, dict):
        text = " ".join(f"{key}={_shown(value)}" for key, value in small.items())
    else:
        text = _shown(small)
    text = " ".join(text.split())
    return text if len(text) <= _PREVIEW else f"{text[: _PREVIEW - 1]}…"


def _small(value: Any, depth: int = 0) -> Any:
    """Return the beginning of *value*, without what a preview leaves out."""
    if isinstance(value, str):
        media = media_of(value)
        cut = value[:_PREVIEW] if len(value) > 2 * _PREVIEW else value
        return f"({media.type})" if media else _QUERY.sub(r"\1", _USER.sub(r"\1", cut))
    if isinstance(value, dict):
        some = islice(value.items(), _PREVIEW if depth < 3 else 0)
        return {k: "…" if _SECRET.search(k) else _small(inner, depth + 1) for k, inner in some}
    if isinstance(value, list):
        return [_small(inner, depth + 1) for inner in value[: 8 if depth < 3 else 0]]
    return value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_gone(base_url: str) -> bool:
    """Return whether *base_url* is on this machine and no server listens there."""
    import socket
    from urllib.parse import urlsplit

    with suppress(ValueError, OSError):
        url = urlsplit(base_url)
        if url.hostname in ("127.0.0.1", "::1", "localhost"):
            address = url.hostname, url.port or 80
            try:
                socket.create_connection(address, _CONNECT_TIMEOUT).close()
            except ConnectionRefusedError:
                return True
    return False


def clear() -> int:
    """Remove all jobs; return how many there were."""
    count = 0
    with suppress(OSError, RuntimeError):
        where = directory()
        for name in _names(where):
            (where / name).unlink(missing_ok=True)
            count += 1
        for left_over in where.glob("*.new"):  # by a process that crashed between two calls
            left_over.unlink(missing_ok=True)
    return count


def complete_job(incomplete: str) -> Iterator[tuple[str, str]]:
    """Offer job ids to the shell's completion, with the age, endpoint and input of each."""
    for entry in entries():
        if entry.id.startswith(incomplete):
            yield entry.id, f"{age(entry)} ago, {entry.endpoint}  {entry.preview}".rstrip()


def complete_endpoint(incomplete: str) -> Iterator[str]:
    """Offer the ids of endpoints that jobs were submitted to."""
    yield from dict.fromkeys(e.endpoint for e in entries() if e.endpoint.startswith(incomplete))


def age(entry: Entry) -> str:
    """Format the age of a job in one unit."""
    total = int(entry.age.total_seconds())
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if total >= length:
            return f"{total // length} {unit}"
    return f"{total} s"


def _names(where: Path) -> list[str]:
    """List the files, the oldest first: their names begin with the time."""
    return sorted(name for name in os.listdir(where) if name.endswith(".json"))
