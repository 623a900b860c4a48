"""The simplest handler: what it returns is the output of the job."""

from typing import Any


def handler(job: dict[str, Any]) -> dict[str, Any]:
    return {"echo": job["input"]}
