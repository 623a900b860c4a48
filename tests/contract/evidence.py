"""
What stands behind each operation and each member of the API document, as a table.

    python -m tests.contract.evidence           # print it
    python -m tests.contract.evidence --write   # put it into openapi/README.md

The table has a line for each operation and each member: its mark, in how many payloads that
were recorded or published it stands, in how many examples of the document, and whether the
local endpoint was seen to take or to give it, in answers that fit the document.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
from attrs import field, frozen

from runpod_sdk.local import LocalEndpoint

from .test_document_payloads import (
    BODIES,
    DOCUMENT,
    EXAMPLES,
    EXCEPTIONS,
    OPERATION_OF,
    PAYLOADS,
    ROOT,
    errors,
    resolve,
    schema_for,
)

README = ROOT / "openapi" / "README.md"
BEGIN, END = "<!-- evidence -->\n", "<!-- /evidence -->\n"
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
PATHS: dict[str, tuple[str, str]] = {
    operation["operationId"]: (method.upper(), path)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def members(schema: dict[str, Any], value: Any, name: str = "") -> Iterator[str]:
    """Give `Schema.member` of each member of *value* that the document names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from members(resolve(schema), value, name)
        return
    for part in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        if not errors(part, value):
            yield from members(part, value, name)
    if isinstance(value, dict):
        for key in value.keys() & schema.get("properties", {}).keys():
            yield f"{name}.{key}"
            yield from members(schema["properties"][key], value[key])
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield from members(schema["items"], item)


def recorded() -> Counter[str]:
    """
    Count the recorded payloads of each operation and of each member.

    Without the recordings the counts are those of the table, which others have counted: what the
    document did not have then is in none of them.
    """
    if not PAYLOADS:
        rows = re.findall(r"^\| `([^`]+)` \| [^|]* \| (\d*) \|", in_readme(), re.MULTILINE)
        return Counter({name: int(count or 0) for name, count in rows})
    found = Counter[str]()
    for name, payload in PAYLOADS.items():
        code, body = str(payload["http_status"]), payload["body"]
        if name in EXCEPTIONS:
            code, body = EXCEPTIONS[name].code(code), EXCEPTIONS[name].body(body)
        found.update(set(members(schema_for(payload, code), body)))
        found.update([OPERATION_OF.get(payload["operation"], payload["operation"])])
    return found


def shown() -> Counter[str]:
    """Count the examples of each operation and of each member."""
    found = Counter[str]()
    for name, (schema, value) in EXAMPLES.items():
        found.update(set(members(schema, value)))
        found.update([name.partition(" ")[0]])
    return found


def handler(job: dict[str, Any]) -> Any:
    given = job["input"]
    if "yield" in given:
        return (value for value in given["yield"])
    if "raise" in given:
        raise ValueError(given["raise"])
    return given


@frozen
class Local:
    """Drives a local endpoint through every operation, and holds each answer to the document."""

    local: LocalEndpoint
    http: httpx.Client
    seen: set[str] = field(factory=set)
    problems: list[str] = field(factory=list)

    def call(self, operation: str, body: Any = None, query: str = "", **ids: str) -> Any:
        method, path = PATHS[operation]
        url = path.format(endpoint_id=self.local.endpoint_id, **ids) + query
        answer = self.http.request(method, f"{self.local.base_url}{url}", json=body)
        found = answer.json()
        if answer.is_success:  # the others are meant to be wrong
            self.note(operation, "request", body)
        self.note(operation, str(answer.status_code), found)
        return found

    def note(self, operation: str, part: str, body: Any) -> None:
        media = BODIES.get(f"{operation} {part}") or BODIES.get(f"{operation} default")
        if body is not None and media is not None:
            wrong = errors(media["schema"], body)
            self.problems.extend(f"{operation} {part}: {text}" for text in wrong)
            self.seen.update(members(media["schema"], body))
        self.seen.add(operation)

    def wait(self, job: dict[str, Any]) -> Any:
        return self.call("get_job_status_sync", query="?wait=20000", job_id=job["id"])


def exercise() -> Local:
    """Let a local endpoint answer each operation, and the more telling of its states."""
    key = "rpa_evidence"
    headers = {"authorization": f"Bearer {key}"}
    with (
        httpx.Client(headers=headers, trust_env=False, timeout=30) as http,
        _receiver() as (url, delivered),
        LocalEndpoint(handler, api_key=key) as local,
    ):
        api = Local(local, http)
        _jobs(api, url)
        _batches(api)
        body = delivered()
        api.note("job_finished", "request", body)
    with (
        httpx.Client(headers=headers, trust_env=False, timeout=30) as http,
        LocalEndpoint(None, api_key=key) as local,
    ):
        _lost_worker(Local(local, http, api.seen, api.problems))
    return api


def _jobs(api: Local, webhook: str) -> None:
    policy = {"executionTimeout": 60_000, "ttl": 90_000, "lowPriority": False}
    s3 = dict.fromkeys(("accessId", "accessSecret", "bucketName", "objectPath"), "x")
    s3["endpointUrl"] = "https://storage.example.com"
    request = {"input": {"n": 1}, "policy": policy, "s3Config": s3}
    request |= {"webhook": webhook, "webhookV2": "https://example.com/never-called"}
    api.wait(api.call("run_job", request))
    api.call("run_job_sync", {"input": {"n": 2}}, query="?wait=20000")
    failed = api.wait(api.call("run_job", {"input": {"raise": "no"}}))
    api.call("get_job_status", job_id=failed["id"])
    api.call("retry_job", job_id=failed["id"])
    api.wait(failed)
    yielding = api.call("run_job", {"input": {"yield": [1, 2]}})
    api.wait(yielding)
    api.call("stream_job", job_id=yielding["id"])
    api.call("cancel_job", job_id=failed["id"])
    api.call("get_job_status", job_id="unknown")
    api.call("run_job", {"no": "input"})
    api.call("get_health")
    api.call("purge_queue")


def _batches(api: Local) -> None:
    batch = api.call("create_batch", [{"input": {"n": 3}}])["id"]
    api.call("update_batch", {"displayName": "three"}, batch_id=batch)
    added = {"requests": [{"input": {"n": 4}}, {"input": {"raise": "no"}}, {"input": {"n": 5}}]}
    api.call("add_batch_requests", added, batch_id=batch)
    listed = api.call("list_batch_requests", query="?offset=0&limit=10", batch_id=batch)
    api.call("delete_batch_request", batch_id=batch, request_id=listed["requests"][-1]["id"])
    api.call("finalize_batch", batch_id=batch)
    while api.call("get_batch", batch_id=batch)["requestInProgress"]:
        pass
    api.call("list_batch_requests", batch_id=batch)
    api.call("list_batches")
    api.call("cancel_batch", batch_id=api.call("create_batch", [])["id"])


def _lost_worker(api: Local) -> None:
    """A worker takes a job and asks for another one as if it had none: the first was lost."""
    job = api.call("run_job", {"input": {"n": 6}})
    where = f"{api.local.base_url}/{api.local.endpoint_id}/job-take/w1?gpu=none&job_in_progress=0"
    for _ in range(2):
        api.http.get(where)
    api.call("get_job_status", job_id=job["id"])


class _receiver:
    """A receiver of one webhook: gives its URL, and a function that waits for its body."""

    def __enter__(self) -> tuple[str, Any]:
        bodies: list[Any] = []
        came = threading.Event()

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                came.set()

            def log_message(self, *args: object) -> None:
                pass

        def delivered() -> Any:
            assert came.wait(30), "no webhook came"
            return bodies[0]

        self._server = HTTPServer(("127.0.0.1", 0), Receiver)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/", delivered

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def rows(local: set[str]) -> Iterator[tuple[str, str, int, int, str]]:
    """Give the lines of the table."""
    payloads, examples = recorded(), shown()

    def line(name: str, described: dict[str, Any]) -> tuple[str, str, int, int, str]:
        marks = ", ".join(dict.fromkeys(entry["mark"] for entry in described["x-evidence"]))
        return name, marks, payloads[name], examples[name], "yes" if name in local else ""

    for item in (*DOCUMENT["paths"].values(), *DOCUMENT["webhooks"].values()):
        for operation in item.values():
            yield line(operation["operationId"], operation)
    for name, schema in SCHEMAS.items():
        parts = [schema, *schema.get("allOf", ())]
        for part in parts:
            for key, member in part.get("properties", {}).items():
                yield line(f"{name}.{key}", member)


def table(local: set[str]) -> str:
    lines = [
        "| operation or member | mark | payloads | examples | local endpoint |",
        "|---|---|---|---|---|",
    ]
    for name, mark, payloads, examples, yes in rows(local):
        lines.append(f"| `{name}` | {mark} | {payloads or ''} | {examples or ''} | {yes} |")
    return "\n".join(lines) + "\n"


def in_readme() -> str:
    """Give the table that openapi/README.md has."""
    return README.read_text().partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    api = exercise()
    if api.problems:
        raise SystemExit("\n".join(api.problems))
    text = table(api.seen)
    if "--write" in sys.argv[1:]:
        whole = README.read_text()
        README.write_text(whole.replace(f"{BEGIN}{in_readme()}{END}", f"{BEGIN}{text}{END}"))
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
