"""
Code for each operation of the API document: curl, Python, JavaScript, and the command line.

The document has samples of its own for most operations. Commands are added here, and so are curl
and JavaScript for operations without samples, made from the path and the body's first example.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]

COMMANDS = {
    "run_job": "run --endpoint \"$ENDPOINT_ID\" prompt='Hello, World!'",
    "run_job_sync": "run-sync --endpoint \"$ENDPOINT_ID\" --timeout 60 prompt='Hello, World!'",
    "get_job_status": 'status --endpoint "$ENDPOINT_ID" "$JOB_ID"',
    "get_job_status_sync": 'wait --endpoint "$ENDPOINT_ID" --timeout 60 "$JOB_ID"',
    "stream_job": 'stream --endpoint "$ENDPOINT_ID" "$JOB_ID"',
    "cancel_job": 'cancel --endpoint "$ENDPOINT_ID" "$JOB_ID"',
    "retry_job": 'retry --endpoint "$ENDPOINT_ID" "$JOB_ID"',
    "purge_queue": 'purge-queue --endpoint "$ENDPOINT_ID" --yes',
    "get_health": 'health --endpoint "$ENDPOINT_ID"',
}
"""The arguments of `runpod-sdk` that do the same as an operation."""

_NAME = re.compile(r"{(\w+)}")


def samples(operation: Node, server: str, body: Any | None) -> list[dict[str, str]]:
    """
    Return the samples of an operation, each with `label`, `lang` and `source`.

    Args:
        operation: The operation, with its `path` and its `method`.
        server: The base URL.
        body: An example of the body; None if it has none.
    """
    found: list[dict[str, str]] = [*operation.get("x-codeSamples", ())]
    if not found:
        found = [
            {"label": "curl", "lang": "Shell", "source": _curl(operation, server, body)},
            {
                "label": "JavaScript",
                "lang": "JavaScript",
                "source": _javascript(operation, server, body),
            },
        ]
    command = COMMANDS.get(operation["operationId"])
    if command is not None:
        source = f"runpod-sdk {command}"
        found.append({"label": "Command line", "lang": "Shell", "source": source})
    return found


def _curl(operation: Node, server: str, body: Any | None) -> str:
    url = server + _NAME.sub(lambda name: f"${name[1].upper()}", operation["path"])
    method = operation["method"].upper()
    words = [f'curl --fail-with-body "{url}"']
    if method != ("GET" if body is None else "POST"):  # what curl sends otherwise
        words.append(f"--request {method}")
    words.append('--header "Authorization: Bearer $RUNPOD_API_KEY"')
    if body is not None:
        words.append('--header "Content-Type: application/json"')
        words.append(f"--data {_quoted(json.dumps(body))}")
    return " \\\n  ".join(words)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _javascript(operation: Node, server: str, body: Any | None) -> str:
    names = [name.upper() for name in _NAME.findall(operation["path"])]
    url = server + _NAME.sub(lambda name: f"${{{name[1].upper()}}}", operation["path"])
    typed = "" if body is None else ", 'content-type': 'application/json'"
    given = "" if body is None else f"  body: JSON.stringify({json.dumps(body)}),\n"
    return (
        f"const {{ {', '.join(['RUNPOD_API_KEY', *names])} }} = process.env\n"
        f"const response = await fetch(`{url}`, {{\n"
        f"  method: '{operation['method'].upper()}',\n"
        f"  headers: {{ authorization: `Bearer ${{RUNPOD_API_KEY}}`{typed} }},\n"
        f"{given}"
        "})\n"
        "if (!response.ok) throw new Error(`HTTP ${response.status}`)\n"
        "console.log(await response.json())"
    )
