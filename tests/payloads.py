"""
Payloads to try the API document and the client with: recorded ones, and some of our own making.

The recorded ones are not in this repository. Those in payloads.json have the same shapes, with made
up values, so that everybody can run the tests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT.parent / "shared" / "fixtures"
FOREIGN = ("local-", "worker-", "lb-gateway", "metrics", "openai-")
"""Not of this API: RunPod's local development server, what workers call, another host, …"""
FREE = ("input", "output", "metrics")
"""Members that are any JSON: of them a shape has the type alone."""


def own() -> dict[str, dict[str, Any]]:
    """Return the payloads of our own making by name."""
    payloads = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return {f"{each['operation']}-own-{number}": each for number, each in enumerate(payloads, 1)}


def recorded() -> dict[str, dict[str, Any]]:
    """Return the recorded payloads of this API by name; none, if they are not on this machine."""
    return {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted(FIXTURES.glob("*.json"))
        if not path.name.startswith(FOREIGN)
    }


def shape(payload: dict[str, Any]) -> str:
    """Return what two payloads have in common if they differ in their values alone."""
    status = payload["http_status"] if payload["direction"] == "response" else None
    return json.dumps(
        [payload["operation"], payload["direction"], status, _shape(payload["body"])],
        sort_keys=True,
    )


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        shapes = {key: _shape(inner) for key, inner in value.items()}
        shapes |= {key: type(value[key]).__name__ for key in FREE if key in value}
        return shapes | ({"status": value["status"]} if "status" in value else {})
    if isinstance(value, list):
        return [*{json.dumps(_shape(inner), sort_keys=True): None for inner in value}]
    return type(value).__name__
