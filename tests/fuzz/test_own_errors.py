"""
Fuzz what the package reads: whatever comes, only its own errors come out.

`scripts/fuzz` tries each of these 10,000 times, with other examples in each run. As a part of the
tests each is tried a few times, with the same examples in each run.
"""

# ruff: noqa: PT017, SIM905

from __future__ import annotations

import asyncio
import copy
import io
import json
import os
import pickle
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runpod_sdk import ConfigurationError, Endpoint, JobState, Runpod, RunpodError, webhooks
from runpod_sdk.cli.exit_status import ExitStatus
from tests.cli.in_process import run
from tests.map import damage

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SECRET = "a secret of some length"
KEY = "rpa_KEPTSECRET"
BASE_URL = "http://127.0.0.1:9/v2"
MOMENT = 0.002
"""Seconds that a call may take: most of these answers end it, the rest are waited for in vain."""

fuzzed = settings(
    max_examples=EXAMPLES or 25,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

NAMES = """
    id status output error stream delayTime executionTime retries workerId jobs workers removed
    completed failed inProgress inQueue idle running message detail input webhook
""".split()
STATUSES = """
    IN_QUEUE IN_PROGRESS COMPLETED FAILED CANCELLED TIMED_OUT completed NEW
""".split()
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([400, 5_000, 9_999]).map(lambda digits: -(10**digits))  # repr refuses some
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["job-1", "job/1", "..", "\ud800", "\0", "<b>", "\u202e", *STATUSES])
)
names = st.sampled_from(NAMES) | st.text(max_size=4)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=4,
)
states = st.fixed_dictionaries(
    {"id": st.just("job-1") | values, "status": st.sampled_from(STATUSES) | values},
    optional=dict.fromkeys(NAMES[2:], values),
)


def written(value: Any) -> bytes:
    """Write JSON as a careless server does: NaN, lone surrogates, integers of any length."""
    from runpod_sdk.json_text import write

    return write(value).encode("utf-8", "surrogatepass")


whole = (states | values).map(written)
bodies = st.one_of(
    whole,
    whole,
    st.tuples(whole, st.integers(0, 60), st.binary(max_size=4)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    ),
    st.tuples(whole, st.integers(0, 60)).map(lambda cut: cut[0][: cut[1]]),
    whole.map(lambda body: body.decode("utf-8", "replace").encode("utf-16")),
    st.binary(max_size=40),
    st.sampled_from(
        [b"", b"<html>", b"[" * 5_000, b'{"a":' * 5_000, b"\xef\xbb\xbf{}", b"1" * 9_999]
    )
    | st.integers(1, 5_000).map(lambda depth: damage.nested(depth).encode()),
)
headers = st.dictionaries(
    st.sampled_from(
        ["retry-after", "content-type", "content-encoding", "location", "date", "x-request-id"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
    | st.sampled_from(["gzip", "identity", "-1", "1e999", "nan", "9" * 400, "/", "http://["]),
    max_size=3,
)
answers = st.tuples(
    st.sampled_from(
        [200, 200, 200, 200, 202, 204, 301, 304, 400, 401, 404, 409, 429, 500, 503, 599]
    ),
    headers,
    bodies,
)

OPERATIONS: dict[str, Callable[[Endpoint[Any, Any]], Any]] = {
    "run": lambda endpoint: endpoint.run(input={}, timeout=MOMENT),
    "run_sync": lambda endpoint: endpoint.run_sync(input={}, timeout=MOMENT),
    "status": lambda endpoint: endpoint.status("job-1", timeout=MOMENT),
    "wait": lambda endpoint: endpoint.wait("job-1", timeout=MOMENT),
    "output": lambda endpoint: endpoint.job("job-1").output(timeout=MOMENT),
    "stream": lambda endpoint: list(endpoint.stream("job-1", timeout=MOMENT)),
    "cancel": lambda endpoint: endpoint.cancel("job-1", timeout=MOMENT),
    "retry": lambda endpoint: endpoint.retry("job-1", timeout=MOMENT),
    "purge_queue": lambda endpoint: endpoint.purge_queue(timeout=MOMENT),
    "health": lambda endpoint: endpoint.health(timeout=MOMENT),
    "explain": lambda endpoint: endpoint.explain("job-1", timeout=MOMENT),
}


@fuzzed
@given(st.sampled_from(sorted(OPERATIONS)), st.lists(answers, min_size=1, max_size=2))
def test_answers(operation: str, given: list[tuple[int, dict[str, str], bytes]]) -> None:
    """A call returns or raises a RunpodError; both can be shown, copied and pickled."""
    turns = iter([*given, *given[-1:] * 1_000])

    def answer(_: httpx.Request) -> httpx.Response:
        status, headers, body = next(turns)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = Runpod(
        KEY, base_url=BASE_URL, http_client=http, max_retries=0, rate_limits=False, timeout=MOMENT
    )
    with warnings.catch_warnings(), client:
        warnings.simplefilter("ignore")
        try:
            result = OPERATIONS[operation](client.endpoint("ep"))
        except RunpodError as error:
            assert str(error)
            assert str(pickle.loads(pickle.dumps(error))) == str(error)
            result = getattr(error, "state", None)
        repr(result)
        if isinstance(result, JobState):
            assert result.id
            assert repr(copy.deepcopy(result)) == repr(pickle.loads(pickle.dumps(result)))


calls = st.text(max_size=30) | st.sampled_from(
    ["?runpod_sig=", "?sig=x&expires=1", "a?b=%ff&c", "?" + "a=b&" * 2_000, "\ud800", "#?"]
)


@fuzzed
@given(
    st.booleans(),
    calls,
    bodies,
    st.fixed_dictionaries(
        {"REQUEST_METHOD": st.sampled_from(["POST", "POST", "GET", "\0"])},
        optional={
            "CONTENT_LENGTH": st.sampled_from(["", "-1", "x", "9" * 5_000, "²", "10"]),
            "wsgi.input_terminated": st.booleans(),
        },
    ),
)
def test_webhooks(signed: bool, url: str, body: bytes, told: dict[str, Any]) -> None:
    """A receiver refuses with a WebhookError; its applications always answer."""
    receiver = webhooks.Receiver("http://127.0.0.1:9/hook", SECRET, max_body=2_000)
    called = receiver.url_for("ref") + url if signed and url.startswith("#") else url
    if signed and called is url:
        called = receiver.url_for(url.encode(errors="ignore").decode())
    try:
        repr(receiver.receive(called, body))
    except webhooks.WebhookError as error:
        assert 400 <= error.status_code < 500

    query = called.partition("?")[2]
    statuses: list[int] = []
    environ = {"QUERY_STRING": query, "wsgi.input": io.BytesIO(body), **told}
    receiver.wsgi(lambda _: None)(
        environ, lambda status, *_: statuses.append(int(status.partition(" ")[0]))
    )

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        if "status" in message:
            statuses.append(message["status"])

    scope = {"type": "http", "method": "POST", "query_string": query.encode(errors="replace")}
    asyncio.run(receiver.asgi(lambda _: None)(scope, receive, send))
    assert len(statuses) == 2
    assert all(status < 500 for status in statuses)


def test_journals(tmp_path: Path) -> None:
    """A damaged journal is used as far as it goes, or refused with what to do."""
    ends = damage.fuzz(tmp_path, EXAMPLES or 10)
    assert {"used", "refused"} <= ends.keys()


lines = st.one_of(
    st.sampled_from(
        [
            b"[default]",
            b"[default.api_key]",
            b"[[default]]",
            f"api_key = '{KEY}'".encode(),
            f"apikey = '{KEY}'".encode(),
            f'apikey = "\\"{KEY}\\n"'.encode(),
            f"api_key = '{KEY}".encode(),
            b"apikey = 1979-05-27T07:32:00Z",
            b"x = 2020-13-45",
            b"x = " + b"1" * 5_000,
            b"x = 0x" + b"f" * 5_000,
            b"x = 1e999",
            b"x = nan",
            b"x = " + b"[" * 2_000,
            b"a." * 2_000 + b"b = 1",
            b"default = {api_key = ''}",
            b"'\0' = 1",
            b"\xef\xbb\xbf",
            b"\r",
        ]
    ),
    st.binary(max_size=12),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(names, st.text(max_size=6)).map(
        lambda pair: f"{pair[0]} = {json.dumps(pair[1])}".encode(errors="replace")
    ),
)


@fuzzed
@given(st.lists(lines, max_size=5).map(b"\n".join))
@example(b"x = " + b"1" * 5_000)
def test_toml_files(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A file has a key, or a ConfigurationError says what is wrong, and shows no key."""
    home = tmp_path_factory.getbasetemp() / "fuzzed-home"
    path = home / ".runpod/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("USERPROFILE", str(home))
        patch.delenv("RUNPOD_API_KEY", raising=False)
        try:
            Runpod(base_url=BASE_URL).close()
        except ConfigurationError as error:
            shown = "".join(
                traceback.TracebackException.from_exception(error, capture_locals=True).format(
                    chain=True
                )
            )
            assert "config.toml" in str(error)
            assert KEY not in shown.replace(repr(content)[2:-1], "")


COMMANDS = """
    run run-sync wait stream status explain cancel retry jobs health purge-queue
""".split()
OPTIONS = """
    --endpoint -e --input -i --webhook --execution-timeout --ttl --low-priority --no-history
    --timeout --on-timeout --quiet --output -o --save --force --limit --status --yes --help
    --version -- - --stream --clear --only --watch --all
""".split()
words = st.one_of(
    st.sampled_from(COMMANDS),
    st.sampled_from(OPTIONS),
    st.sampled_from(
        [
            *("ep", "job-1", "{}", "[]", "1", "0", "-1", "nan", "inf", "1e309", "none", "json"),
            *(
                "text",
                "raw",
                "cancel",
                "failed",
                "30s",
                "a=b",
                "a:=1",
                "a:=[",
                "a@/nonexistent",
                "a=@/",
                "=",
                ":=",
            ),
            *("@/dev/null", "@", "..", "a/b", "https://api.runpod.ai/v2/ep/run", "\udcff", "", " "),
            *("[" * 5_000, "1" * 5_000, '{"input":{}}', '{"a":NaN}', "é", "\u202e", "-é"),
        ]
    ),
    st.text(st.characters(exclude_characters="\0"), max_size=8),
)
command_lines = st.tuples(
    st.sampled_from(COMMANDS), st.booleans(), st.lists(words, max_size=6)
).map(lambda told: [told[0], *(["--endpoint", "ep"] if told[1] else []), *told[2]]) | st.lists(
    words, max_size=4
)


class Refusing(BaseHTTPRequestHandler):
    """A server that refuses every request, so that no command waits."""

    def do_GET(self) -> None:
        self.send_error(401)

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def refusing_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        yield f"http://127.0.0.1:{server.server_port}/v2"
        server.shutdown()


@fuzzed
@given(words=command_lines, typed=st.binary(max_size=10) | whole)
def test_command_lines(
    tmp_path_factory: pytest.TempPathFactory, refusing_url: str, words: list[str], typed: bytes
) -> None:
    """A command ends with a documented exit status, whatever is typed."""
    folder = tmp_path_factory.getbasetemp() / "fuzzed-commands"
    folder.mkdir(exist_ok=True)
    environ = {
        "RUNPOD_API_KEY": KEY,
        "RUNPOD_ENDPOINT_BASE_URL": refusing_url,
        "XDG_STATE_HOME": str(folder),
        "HOME": str(folder),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ended = run(*words, stdin=typed, **environ)
    assert ended.status in set(ExitStatus)
    assert KEY not in ended.out + ended.err
