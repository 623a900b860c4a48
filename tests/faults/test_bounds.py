"""Limits on untrusted data: sizes, redirects, proxies, paths and hosts; and long deadlines."""

from __future__ import annotations

import gc
import gzip
import inspect
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from runpod_sdk import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AsyncRunpod,
    ConfigurationError,
    Runpod,
    RunpodError,
    RunpodTimeoutError,
    SubmissionResponseError,
    SubmissionUncertainError,
)
from tests.faults.catalogue import GOOD, GOOD_TEXT, OPERATIONS, REDIRECT, SLOW, problem
from tests.faults.modes import (
    JOB,
    KEY,
    MODES,
    TALLY,
    Case,
    Outcome,
    in_virtual_time,
    run_all,
    run_one,
)
from tests.faults.server import (
    Behaviour,
    Exchange,
    Server,
    answer,
    by_endpoint,
    by_operation,
    chain,
    close,
    drip,
    flood,
    gzip_bomb,
    head,
    in_turn,
    reset,
    send,
    silence,
    unread,
)

pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")

MIB = 2**20
STATUS = Case("ep", lambda endpoint: endpoint.status(JOB, timeout=20), 20)


def ask_all(mode: str, base_url: str, timeout: float | None = None, **options: Any) -> list[Any]:
    """Call every operation once; return the outcomes by the operation's name."""
    cases = [
        Case("ep", lambda endpoint, op=op: op.ask(endpoint, timeout or op.timeout))
        for op in OPERATIONS.values()
    ]
    return run_all(mode, cases, base_url=base_url, **options)


BODIES: dict[str, Callable[[], Behaviour]] = {
    "packed": lambda: gzip_bomb(256 * MIB),
    "packed twice": lambda: gzip_bomb(256 * MIB, 2),
    "plain": lambda: chain(send(head(200, 10**9)), flood(b" ", 10**9)),
    "a head": lambda: chain(send(b"HTTP/1.1 200 OK\r\n"), flood(b"x-a: b\r\n", 10**8)),
}


@pytest.mark.parametrize("body", BODIES)
def test_memory_is_bounded(mode: str, body: str) -> None:
    """A body or a head that far exceeds its limit does not take that much memory."""
    sent_all: list[bool] = []

    def note(exchange: Exchange) -> bool:
        if not exchange.server.closing.is_set():  # that ends a flood, too
            sent_all.append(True)
        return False

    behaviour = chain(BODIES[body](), note)
    with Server(behaviour) as server:
        options = {"base_url": server.base_url, "max_response_size": MIB, "max_retries": 0}
        run_one(mode, STATUS, **options)
        tracemalloc.start()
        try:
            outcome = run_one(mode, STATUS, **options)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert isinstance(outcome.error, APIResponseValidationError | APIConnectionError)
    assert peak < 16 * MIB
    assert not sent_all or body.startswith("packed")  # which one write sends


def test_a_large_body_that_is_believed(mode: str) -> None:
    """100 MB are accepted within the limit, which is 256 MiB by default."""
    text = b'{"id": "%s", "status": "COMPLETED", "output": "' % JOB.encode()
    body = chain(send(head(200, 10**8 + len(text) + 2) + text), flood(b"x", 10**8))
    behaviour = chain(body, send(b'"}'))
    with Server(behaviour) as server:
        outcome = run_one(mode, STATUS, base_url=server.base_url, timeout=None)
    assert outcome.error is None
    assert len(outcome.value.output) == 10**8


@pytest.mark.parametrize("cls", [Runpod, AsyncRunpod])
def test_the_default_of_the_size(cls: Any) -> None:
    """The default limit is 256 MiB."""
    assert inspect.signature(cls).parameters["max_response_size"].default == 256 * MIB


@pytest.mark.parametrize(("size", "fits"), [(len(GOOD_TEXT), True), (len(GOOD_TEXT) - 1, False)])
@pytest.mark.parametrize("packed", [False, True])
def test_the_size_that_is_believed(mode: str, size: int, fits: bool, packed: bool) -> None:
    """`max_response_size` bytes are accepted, one more is not; decompressed bytes count."""
    good = (
        answer(gzip.compress(GOOD_TEXT), content_encoding="gzip") if packed else answer(GOOD_TEXT)
    )
    with Server(good) as server:
        outcomes = ask_all(mode, server.base_url, 20.0, max_response_size=size)
    for operation, outcome in zip(OPERATIONS, outcomes, strict=True):
        if fits:
            assert outcome.error is None
        elif operation in ("run", "run_sync", "run_sync, submitted"):
            assert type(outcome.error) is SubmissionResponseError
            assert "max_response_size" in str(outcome.error)
        elif operation != "stream":
            assert type(outcome.error) is APIResponseValidationError
            assert "max_response_size" in str(outcome.error)


WRONG = [
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    "",
    "x",
    "\ud800",
    ".",
    "..",
    "a/b",
    [],
    [1],
    {},
    {"a": [{}]},
]


# Fields are parsed by the same code in all modes: one mode tests every field.
@in_virtual_time
@pytest.mark.parametrize(
    ("mode", "name"),
    [
        *(("sync", name) for name in ("id", "status", "stream", "output", "error", "delayTime")),
        *(("sync", "jobs"), ("asyncio", "status"), ("trio", "stream")),
    ],
)
def test_wrong_types(mode: str, name: str) -> None:
    """For any JSON in a field, a call returns or raises one of the documented errors."""
    bodies = {
        f"{place}-{operation.replace(', ', '-')}": {
            "id": JOB,
            "status": "COMPLETED",
            "jobs": {"inQueue": wrong},
            "removed": wrong,
            "stream": [],
            name: wrong,
        }
        for place, wrong in enumerate(WRONG)
        for operation in OPERATIONS
    }
    ops = [op for _ in WRONG for op in OPERATIONS.values()]
    cases = [
        Case(id, lambda endpoint, op=op: op.ask(endpoint, 1.0), 1.0)
        for id, op in zip(bodies, ops, strict=True)
    ]
    make = lambda id: answer(bodies[id])  # noqa: E731
    with Server(by_endpoint(make)) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url, max_retries=0)
    for outcome, op in zip(outcomes, ops, strict=True):
        body = bodies[outcome.case.endpoint]
        case = f"{outcome.case.endpoint}, {body}: {outcome.error!r}"
        assert outcome.error is None or isinstance(outcome.error, RunpodError), case
        if op.kind == "submit" and outcome.error is not None:
            known = outcome.error.job is not None
            assert known or isinstance(outcome.error, SubmissionUncertainError), case
        assert not outcome.late, case


DEPTHS = [*range(100, 1_100, 100), 2_000, 50_000]


@in_virtual_time
@pytest.mark.parametrize("status", [200, 400])
def test_every_depth(mode: str, status: int) -> None:
    """
    A response of any nesting depth is read or refused; nothing overflows.

    The async clients differ only in the depth of their own stack.
    """
    depths = DEPTHS if mode == "sync" else [*DEPTHS[::4], DEPTHS[-1]]
    texts = {
        f"{depth}-{number}": text.replace(b"@", b"[" * depth + b"]" * depth)
        for depth in depths
        for number, text in enumerate(
            (
                b'{"id": "j", "status": "COMPLETED", "output": @}',
                b'{"id": "j", "status": "FAILED", "error": @}',
                b'{"id": "j", "status": "COMPLETED", "x": @, "stream": [{"output": @}]}',
                b"@",
            )
        )
    }
    names = ("status", "wait", "run_sync", "stream")
    cases = [
        Case(id, lambda endpoint, op=OPERATIONS[name]: op.ask(endpoint, 0.5))
        for name in names
        for id in texts
    ]
    make = lambda id: answer(texts[id], status)  # noqa: E731
    with Server(by_endpoint(make)) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url, max_retries=0)
    for outcome in outcomes:
        assert outcome.error is None or isinstance(outcome.error, RunpodError), outcome.case
        repr(outcome.error)
        str(outcome.error)


REDIRECTS = [
    (status, place)
    for status in (301, 302, 303, 307, 308)
    for place in ("%s/v2/ep/status/j", "//%s/v2", "/elsewhere", "ftp://x", "")
]


@in_virtual_time
@pytest.mark.parametrize("proper", [True, False], ids=["ours", "callers"])
def test_a_redirect_is_not_followed(mode: str, proper: bool) -> None:
    """A redirect to any target is an error, and no key reaches another server or path."""
    with Server(GOOD) as other:
        places = {"%s/v2/ep/status/j": other.origin, "//%s/v2": other.origin[7:]}
        makes = {
            f"{status}-{place}": answer(
                "", status, location=template % places[template] if template in places else template
            )
            for place, (status, template) in enumerate(REDIRECTS)
        }
        cases = [
            Case(id, lambda endpoint, op=op: op.ask(endpoint, 60.0))
            for id in makes
            for name, op in OPERATIONS.items()
            if not op.submitted
        ]
        with Server(by_endpoint(lambda id: makes[id])) as server:
            options: dict[str, Any] = {"base_url": server.base_url}
            if not proper:
                cls = httpx.Client if mode == "sync" else httpx.AsyncClient
                options["http_client"] = cls(follow_redirects=True, trust_env=False)
            outcomes = run_all(mode, cases, **options)
        assert other.requests == []
    for outcome in outcomes:
        assert type(outcome.error) is REDIRECT.sees
        assert isinstance(outcome.error, APIStatusError)
        assert 300 < outcome.error.status_code < 400
    assert len(server.requests) == len(cases)
    for operation, op in OPERATIONS.items():
        TALLY[REDIRECT.title, operation, mode] += 0 if op.submitted else len(makes)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
def test_no_proxy_for_a_loopback_address(
    mode: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy from the environment does not see the key of a local endpoint."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Server(answer("", 502)) as proxy, Server(GOOD) as server:
        monkeypatch.setenv(variable, proxy.origin)
        for host in ("127.0.0.1", "localhost", "LOCALHOST"):
            base_url = f"http://{host}:{server.port}/v2"
            assert run_one(mode, STATUS, base_url=base_url).error is None
    assert proxy.connections == 0
    assert len(server.requests) == 3


IDS = [
    "..%2fx",
    "%2e%2e",
    "a?b=1",
    "a#b",
    "ä",
    "a;b",
    "@x",
    ":80",
]
NO_IDS = ["a/b", "../x", "a b", "\\..\\x", "a\r\nb", "a\0"]


@pytest.mark.parametrize("id", NO_IDS, ids=ascii)
def test_what_is_no_id_goes_nowhere(id: str) -> None:
    """An id that could change the path is refused before anything is sent."""
    client = Runpod(KEY, base_url="http://127.0.0.1:1/v2")
    endpoint = client.endpoint("e")
    for ask in (client.endpoint, endpoint.status, endpoint.cancel, endpoint.wait, endpoint.stream):
        with pytest.raises(ValueError, match="id must be"):
            ask(id)


@pytest.mark.parametrize("id", IDS, ids=ascii)
def test_an_id_is_one_segment(id: str) -> None:
    """No endpoint id or job id leads to another path or another host."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404)

    with httpx.Client(transport=httpx.MockTransport(handle)) as http_client:
        client = Runpod(KEY, base_url="https://api.test:444/v2", http_client=http_client)
        for endpoint_id, job_id in ((id, "j"), ("e", id)):
            for ask in (client.endpoint(endpoint_id).status, client.endpoint(endpoint_id).cancel):
                with pytest.raises(RunpodError):
                    ask(job_id)
    assert len(seen) == 4
    for request in seen:
        assert (request.url.host, request.url.port) == ("api.test", 444)
        segments = request.url.raw_path.decode().split("/")
        assert segments[:2] == ["", "v2"]
        assert len(segments) == 5
        assert not {"?", "#", ".", "..", "\\", " "} & {
            *segments,
            *request.url.raw_path.decode(),
        } - {"."}


BASES = [
    "http://good.test\\@evil.test/v2",
    "http://good.test@evil.test",
    "http://good.test:80@evil.test",
    "http://good.test/v2/../x",
    "http://good.test/v2?x=1",
    "http://good.test/v2#x",
    "http://good.test:99999",
    "http://good.test:x",
    "http://",
    "http:///v2",
    "//good.test",
    "good.test",
    "ftp://good.test",
    "file:///etc/passwd",
    "javascript:1",
    "http://good.test/\r\nx: y",
    "http://good.test /v2",
    "http://good.test\t/v2",
    "http://[::1",
    "http://good.test/v2\\..\\x",
    "http://good.test/%2e%2e/x",
    "http://good.test//v2",
    "HTTP://GOOD.test/v2/",
    "http://gооd.test/v2",
]


@pytest.mark.parametrize("base_url", BASES, ids=ascii)
def test_a_base_url_is_what_it_says(base_url: str) -> None:
    """A base URL is refused, or requests go to exactly its host, below its path."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404)

    with httpx.Client(transport=httpx.MockTransport(handle)) as http_client:
        try:
            client = Runpod(KEY, base_url=base_url, http_client=http_client)
        except ConfigurationError:
            return
        with pytest.raises(RunpodError):
            client.endpoint("ep").status("j")
    shown = urlsplit(base_url)
    for request in seen:
        assert request.url.host == (shown.hostname or "")
        assert request.url.path.startswith(httpx.URL(base_url).path.rstrip("/") + "/ep/status/j")


@in_virtual_time
def test_forty_threads_and_a_dripping_server() -> None:
    """40 threads on one client keep their deadlines, while bytes drip to all of them."""
    makes = {f"{n}": list(SLOW.faults.values())[n % len(SLOW.faults)] for n in range(40)}
    cases = [Case(id, lambda e: e.status(JOB, timeout=0.6), 0.6) for id in makes]
    with Server(by_endpoint(lambda id: makes[id])) as server:
        outcomes = run_all("sync", cases, base_url=server.base_url)
    assert [type(outcome.error) for outcome in outcomes] == [RunpodTimeoutError] * 40
    assert [outcome.late for outcome in outcomes if outcome.late] == []
    assert min(outcome.took for outcome in outcomes) >= 0.6


ENDLESS = 3.0
"""
A timeout in seconds that is shorter than these transfers.

The transfers keep the machine busy, so a call may be later than in other tests.
"""


def test_interim_answers_at_full_speed(mode: str) -> None:
    """A server that sends "102 Processing" as fast as it can does not exceed a deadline."""
    case = Case("ep", lambda endpoint: endpoint.status(JOB, timeout=0.5), 0.5)
    with Server(flood(b"HTTP/1.1 102 Processing\r\n\r\n", 10**9)) as server:
        outcome = run_one(mode, case, base_url=server.base_url)
    assert type(outcome.error) is RunpodTimeoutError
    assert outcome.took < ENDLESS


@unread
def sip(exchange: Exchange) -> bool:
    """Read the request steadily, but at 600 KB/s: no single write takes long."""
    while not exchange.sleep(0.1):
        exchange.connection.recv(65_536)
    return False


@in_virtual_time
@pytest.mark.parametrize("operation", ["run", "run_sync"])
def test_a_slow_reader(mode: str, operation: str) -> None:
    """A large upload to a slow server ends in time, too, and certainly created no job."""
    text = "x" * 8 * MIB
    case = Case("ep", lambda endpoint: getattr(endpoint, operation)(input=text, timeout=1), 1)
    with Server(sip) as server:
        options: dict[str, Any] = {"base_url": server.base_url, "size_limits": False}
        outcome = run_one(mode, case, **options)
    assert type(outcome.error) is RunpodTimeoutError
    assert not outcome.late


# A handshake that is cancelled leaves its socket to the garbage collector, in httpcore.
@in_virtual_time
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_server_that_shakes_no_hands(mode: str) -> None:
    """A silent or dripping TLS server is bounded, too; nothing was sent."""
    for behaviour in (silence, drip(b"\x16\x03\x01\x40\x00")):
        with Server(GOOD) as server:
            server.hello = behaviour
            case = Case("ep", lambda endpoint: endpoint.run(input=1, timeout=0.5), 0.5)
            base_url = server.base_url.replace("http:", "https:")
            outcome = run_one(mode, case, base_url=base_url)
        assert type(outcome.error) is RunpodTimeoutError
        assert not outcome.late
        del outcome
    gc.collect()


LONG = {
    "answers without news": answer({"id": JOB, "status": "IN_PROGRESS", "stream": []}),
    "an unknown status": answer({"id": JOB, "status": "THINKING", "stream": []}),
    "refusals and good answers in turn": by_operation(
        other=in_turn(
            *[
                answer({"id": JOB, "status": "IN_QUEUE", "stream": []}),
                answer(problem(503), 503, retry_after="0"),
                close,
            ]
            * 40
        )
    ),
    "a long poll that is never answered": silence,
    "resets": reset,
    "429 and Retry-After: 60": answer(problem(429), 429, retry_after="60"),
}


ASKS = {
    "wait": lambda e, t: e.wait(JOB, timeout=t),
    "output": lambda e, t: e.job(JOB).output(timeout=t),
    "stream": lambda e, t: e.stream(JOB, timeout=t),
    "status": lambda e, t: e.status(JOB, timeout=t),
}


@in_virtual_time
def test_deadlines_across_polls_and_pauses(mode: str) -> None:
    """Retries, back-off, long polls and pauses all count: the timeout is kept."""
    cases = [
        Case(f"{number}-{name}-{length}", lambda e, a=ask, t=length: a(e, t), length)
        for number in range(len(LONG))
        for length in (0.15, 0.4, 0.8)
        for name, ask in ASKS.items()
    ]
    behaviours = list(LONG.values())
    with Server(by_endpoint(lambda id: behaviours[int(id.split("-")[0])])) as server:
        outcomes = run_all(mode, cases, base_url=server.base_url, max_retries=50)
    for outcome in outcomes:
        case = f"{outcome.case.endpoint}: {outcome.error!r} after {outcome.took:.2f} s"
        assert not outcome.late, case
        if "status" not in outcome.case.endpoint:
            assert isinstance(outcome.error, TimeoutError | APIConnectionError), case


@in_virtual_time
def test_a_server_that_is_back_in_time() -> None:
    """A wait survives a server that restarts or is overloaded for a while."""
    good = {"id": JOB, "status": "COMPLETED", "output": "done"}
    queue = answer({"id": JOB, "status": "IN_QUEUE"})

    def script(_: str) -> Behaviour:
        return in_turn(
            *[queue, close, reset, queue, answer(problem(429), 429, retry_after="0")],
            *[answer("", 502), queue, answer(good)],
        )

    def outcome(mode: str) -> Outcome:
        case = Case(mode, lambda endpoint: endpoint.wait(JOB, timeout=20), 20)
        return run_one(mode, case, base_url=server.base_url)

    with Server(by_endpoint(script)) as server, ThreadPoolExecutor(len(MODES)) as pool:
        for ended in pool.map(outcome, MODES):
            assert ended.error is None
            assert ended.value.output == "done"
            assert ended.took < 20


@in_virtual_time
def test_no_thread_is_left() -> None:
    """The server of these tests leaves no thread behind, in any state."""
    before = set(threading.enumerate())
    for mode in MODES:
        with Server(SLOW.faults["the body drips"]) as server:
            case = Case("ep", lambda endpoint: endpoint.status(JOB, timeout=0.1), 0.1)
            assert not run_one(mode, case, base_url=server.base_url).late
    assert {thread for thread in threading.enumerate() if thread.name == "faults"} <= before
