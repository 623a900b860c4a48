"""
The server of the programs: a local endpoint, and some jobs that it does not have.

Prints one line of JSON with where it is, and serves until its standard input ends.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from runpod_sdk.local import LocalEndpoint

MADE_UP = {
    "of-unknown-status": {
        "status": "PAUSED",
        "delayTime": 17,
        "workerId": "t8tnuv6d4x7xm8",
        "output": {"step": 3},
    },
    "with-unknown-member": {
        "status": "COMPLETED",
        "delayTime": 17,
        "executionTime": 60,
        "output": {"step": 3},
        "gpu": "L4",
    },
    "with-nulls": {
        "status": "COMPLETED",
        "delayTime": None,
        "executionTime": None,
        "workerId": None,
        "retries": None,
        "output": None,
        "error": None,
    },
}
"""Jobs that the local endpoint does not have, by their ids."""


def handler(job: dict[str, Any]) -> Any:
    given = job["input"]
    if "words" in given:
        return words(given["words"])
    if "reason" in given:
        return {"error": given["reason"]}
    return given["exact"]


def words(values: list[str]) -> Iterator[dict[str, Any]]:
    for index, word in enumerate(values):
        yield {"index": index, "word": word}


def main() -> None:
    with LocalEndpoint(handler) as local:
        behind = urlsplit(local.base_url)

        class Proxy(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(size)
                job_id = urlsplit(self.path).path.rpartition("/")[2]
                if job_id in MADE_UP:
                    self.reply(200, json.dumps({"id": job_id, **MADE_UP[job_id]}).encode())
                    return
                connection = http.client.HTTPConnection(behind.netloc)
                headers = {
                    name: self.headers[name]
                    for name in ("authorization", "content-type")
                    if name in self.headers
                }
                connection.request(self.command, self.path, body, headers)
                found = connection.getresponse()
                self.reply(found.status, found.read())
                connection.close()

            do_GET = do_POST = answer

            def reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_port}{behind.path}"
        reached = {
            "RUNPOD_ENDPOINT_BASE_URL": where,
            "RUNPOD_ENDPOINT_ID": local.endpoint_id,
            "RUNPOD_API_KEY": local.api_key,
        }
        print(json.dumps(reached), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
