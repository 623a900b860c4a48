"""
Every fault, the retries after it, and the caller's result or error.

The page `docs/what-happens-when.md` has a line for each `Row`, and a test compares them;
the tests of the matrix try each fault of each row with each operation, in each mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from runpod_sdk import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    RunpodTimeoutError,
    ServerError,
    StreamInterruptedError,
    SubmissionResponseError,
    SubmissionServerError,
    SubmissionTimeoutError,
    SubmissionUncertainError,
)
from tests.faults.modes import JOB
from tests.faults.server import (
    DRIPPING,
    Behaviour,
    Exchange,
    after,
    answer,
    by_operation,
    chain,
    close,
    drip,
    flood,
    gzip_bomb,
    half_read,
    head,
    in_turn,
    reset,
    send,
    silence,
    unread,
    unread_silence,
)
from tests.faults.virtual_time import TIME

READ, SUBMIT, ACT, PURGE, STREAM = "read", "submit", "act", "purge", "stream"


@dataclass(frozen=True)
class Op:
    """An operation, as the matrix calls it."""

    kind: str
    ask: Callable[[Any, float], Any]
    timeout: float = 0.5
    submitted: bool = False
    """Whether the job is submitted without a fault before the fault is applied."""


OPERATIONS: dict[str, Op] = {
    "status": Op(READ, lambda endpoint, timeout: endpoint.status(JOB, timeout=timeout)),
    "health": Op(READ, lambda endpoint, timeout: endpoint.health(timeout=timeout)),
    "wait": Op(READ, lambda endpoint, timeout: endpoint.wait(JOB, timeout=timeout)),
    "run": Op(SUBMIT, lambda endpoint, timeout: endpoint.run(input=1, timeout=timeout)),
    "run_sync": Op(
        SUBMIT, lambda endpoint, timeout: endpoint.run_sync(input=1, timeout=timeout), 2.1
    ),
    "run_sync, submitted": Op(
        READ, lambda endpoint, timeout: endpoint.run_sync(input=1, timeout=timeout), submitted=True
    ),
    "cancel": Op(ACT, lambda endpoint, timeout: endpoint.cancel(JOB, timeout=timeout)),
    "purge_queue": Op(PURGE, lambda endpoint, timeout: endpoint.purge_queue(timeout=timeout)),
    "stream": Op(STREAM, lambda endpoint, timeout: endpoint.stream(JOB, timeout=timeout)),
}


@dataclass(frozen=True)
class Row:
    """A kind of fault: a line of the page, and its faults."""

    title: str
    faults: Mapping[str, Behaviour | None] = field(repr=False)
    """The faults by name; None is a closed port."""
    again: frozenset[str]
    """The kinds of operations that retry."""
    sees: type[Exception] | None
    """The caller's final error; None is the result."""
    submission: type[Exception] | None = None
    """The error of `run` and `run_sync`, if it differs."""
    streaming: type[Exception] | None = None
    """The error of `stream`, if it differs."""
    advice: str = ""
    long: bool = False
    """Whether each attempt takes all the remaining time."""
    told: bool = False
    """Whether the fault is a complete response, so that only its content matters."""
    alone: bool = False
    """Whether the fault affects the connection's next request, so that each case gets a client."""

    def seen_by(self, kind: str) -> type[Exception] | None:
        """Return the error that the caller of an operation of *kind* gets."""
        if kind == SUBMIT:
            return self.submission or self.sees
        if kind == STREAM:
            return self.streaming or self.sees
        return self.sees


NONE = frozenset[str]()
READS = frozenset({READ})
ALL_BUT_PURGE = frozenset({READ, SUBMIT, ACT, STREAM})

GOOD_JOB = {"id": JOB, "status": "COMPLETED", "output": [1]}
GOOD = by_operation(
    health=answer({"jobs": {"inQueue": 0}, "workers": {}}),
    purge_queue=answer({"removed": 0, "status": "completed"}),
    stream=answer({"status": "COMPLETED", "stream": []}),
    other=answer(GOOD_JOB),
)
GOOD_TEXT = b'{"id": "%s", "status": "COMPLETED", "removed": 0, "output": [1]}' % JOB.encode()


def good() -> Behaviour:
    """Send a valid response: a stream has one chunk once, which is also in the job's result."""
    chunk = answer({"status": "COMPLETED", "stream": [{"output": 1}]})
    end = answer({"status": "COMPLETED", "stream": []})
    streaming = in_turn(chunk, end)
    return unread(
        lambda exchange: (
            by_operation(stream=streaming, other=GOOD)(exchange)
            if exchange.request.operation == "stream"
            else GOOD(exchange)
        )
    )


def page(text: str = "gone") -> str:
    """Return an HTML page like a proxy's."""
    return f"<!doctype html><title>{text}</title><p>{text}"


def problem(status: int) -> dict[str, Any]:
    """Return a refusal in the API's format."""
    return {"status": status, "title": "Refused", "detail": "not now"}


def bodies(status: int) -> dict[str, Behaviour]:
    """Refuse with each kind of body."""
    return {
        f"{status} JSON": answer(problem(status), status),
        f"{status} HTML": answer(page(), status, "text/html"),
        f"{status} text": answer("error code: 1033", status, "text/plain"),
        f"{status} nothing": answer("", status),
    }


def odd_refusals(status: int) -> dict[str, Behaviour]:
    """Refuse with bodies in unexpected formats."""
    return {
        f"{status} list": answer([1, {"a": None}], status),
        f"{status} wrong types": answer({"error": {"a": [1]}, "title": 5, "detail": []}, status),
        f"{status} invalid UTF-8": answer(b'{"detail": "\xff\xfe"}', status),
        f"{status} deep": answer(b"[" * 100_000 + b"]" * 100_000, status),
        f"{status} nested": answer(b'{"error":' + b"[" * 900 + b"]" * 900 + b"}", status),
        f"{status} endless": chain(send(head(status, 10**8)), flood(b"x", 10**8)),
    }


def retry_after(status: int, *forms: str) -> dict[str, Behaviour]:
    """Refuse, with a time for the retry in each of *forms*, or in all."""
    said = {
        "0": "0",
        "date gone by": formatdate(0, usegmt=True),
        "nonsense": "soon",
        "negative": "-5",
        "nan": "nan",
        "1e9": "1e9",
        "far date": formatdate(4_000_000_000, usegmt=True),
    }
    return {
        f"{status} Retry-After {name}": answer(problem(status), status, retry_after=value)
        for name, value in said.items()
        if name in forms or not forms
    }


LONG_PAUSES = ("Retry-After 1e9", "Retry-After far date")
"""Faults after which there is no time for a second attempt."""


def interim(exchange: Exchange) -> bool:
    """Send 102 responses without end, several at a time."""
    end = TIME.now() + DRIPPING
    while TIME.now() < end and not exchange.sleep(0.02):
        exchange.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 10)
    return False


DEEP = b'{"id": "j", "status": "COMPLETED", "output": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

REFUSED = Row(
    "The server refuses the connection",
    {"refused": None},
    ALL_BUT_PURGE,
    APIConnectionError,
    advice="Nothing was sent, so no job exists. Try again later.",
)
BROKEN = Row(
    "The connection breaks before the response is complete, or the response is not HTTP",
    {
        "reset in the head of the request": chain(half_read(20), reset),
        "reset after the head of the request": chain(half_read(180), reset),
        "reset after the request": reset,
        "closed without a word": close,
        "closed in the status line": chain(send(b"HTTP/1.1 20"), close),
        "closed in a header": chain(send(b"HTTP/1.1 200 OK\r\ncontent-le"), close),
        "reset in a header": chain(send(b"HTTP/1.1 200 OK\r\nx-a: "), after(0.01), reset),
        "no body": chain(send(head(200, 50)), close),
        "half a body": chain(send(head(200, 500) + GOOD_TEXT), close),
        "half a body of a refusal": chain(send(head(400, 500) + b'{"detail": "'), close),
        "half a chunked body": chain(
            send(head(200, transfer_encoding="chunked") + b"50\r\n" + GOOD_TEXT), close
        ),
        "reset in the body": chain(send(head(200, 500) + GOOD_TEXT), after(0.01), reset),
        "no HTTP": chain(send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), close),
        "another protocol": send(
            b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
        ),
        "another protocol without a name": send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        "a TLS alert": chain(send(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n"), close),
        "a broken chunk size": send(head(200, transfer_encoding="chunked") + b"zz\r\n{}\r\n"),
        "a broken length": send(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}"),
        "an endless header": chain(
            send(b"HTTP/1.1 200 OK\r\n"), flood(b"x-a: %s\r\n" % (b"b" * 50), 10**7)
        ),
        "gzip that is none": answer(GOOD_TEXT, content_encoding="gzip"),
        "packed in a way not asked for": answer(GOOD_TEXT, content_encoding="br"),
        "a gzip bomb in a gzip bomb": gzip_bomb(2**24, 2),
    },
    READS,
    APIConnectionError,
    SubmissionUncertainError,
    StreamInterruptedError,
    "`run`, `run_sync`: the job may exist; check before you submit it again. Other calls: try"
    " again later.",
)
SLOW = Row(
    "No response, or a response that arrives one byte at a time",
    {
        "no answer": silence,
        "the request is never read": unread_silence,
        "the status line drips": chain(send(b"HTTP/1.1 200 O"), drip(b"K")),
        "a header drips": chain(send(b"HTTP/1.1 200 OK\r\nx-long: "), drip(b"x")),
        "the body drips": chain(send(head(200, 10**6)), drip(b" ")),
        "a chunked body drips": chain(
            send(head(200, transfer_encoding="chunked")), drip(b"1\r\n \r\n", 0.02)
        ),
        "the body of a refusal drips": chain(send(head(502, 10**6)), drip(b"x")),
        "the head comes and no body": chain(send(head(200, 50)), silence),
        "interim answers without end": interim,
    },
    READS,
    RunpodTimeoutError,
    SubmissionTimeoutError,
    RunpodTimeoutError,
    "`run`, `run_sync`: the job may exist; check before you submit it again. Other calls: try"
    " again.",
    long=True,
)
REQUEST_TIMEOUT = Row(
    "408",
    {"408": answer(problem(408), 408)},
    READS,
    APIStatusError,
    advice="The server did not receive the whole request, so no job exists. Submit it again.",
    told=True,
)
RATE_LIMIT = Row(
    "429, with or without `Retry-After`",
    {**bodies(429), **retry_after(429)},
    ALL_BUT_PURGE,
    RateLimitError,
    advice="No job exists. Wait `.retry_after` seconds, if it is not None.",
    told=True,
)
UNAVAILABLE = Row(
    "503, with or without `Retry-After`",
    {**bodies(503), **retry_after(503, "0", "1e9")},
    ALL_BUT_PURGE,
    ServerError,
    advice="No job exists. Try again later.",
    told=True,
)
SERVER_ERROR = Row(
    "Any other 5xx, including a proxy's: 500, 502, 504, 520 to 527, 599",
    {
        **bodies(500),
        **odd_refusals(500),
        **{
            str(status): answer(page(str(status)), status, "text/html")
            for status in (502, 504, *range(520, 528), 599)
        },
        "502 Retry-After 1e9": answer(page(), 502, retry_after="1e9"),
    },
    READS,
    ServerError,
    SubmissionServerError,
    StreamInterruptedError,
    "`run`, `run_sync`: the job may exist; check before you submit it again. Other calls: try"
    " again later.",
    told=True,
)
REFUSALS = [
    Row(
        "400",
        {**bodies(400), "400 deep": answer(b"[" * 100_000, 400)},
        NONE,
        BadRequestError,
        advice="Correct the request: `.body` says what is wrong.",
        told=True,
    ),
    Row("401", bodies(401), NONE, AuthenticationError, advice="Check the API key.", told=True),
    Row(
        "403",
        {"403": answer(page(), 403)},
        NONE,
        PermissionDeniedError,
        advice="Check the permissions of the API key.",
        told=True,
    ),
    Row(
        "404",
        bodies(404),
        NONE,
        NotFoundError,
        advice="Check the ids. RunPod keeps a result for 30 minutes after `run`, 1 minute after"
        " `run_sync`.",
        told=True,
    ),
    Row(
        "409",
        {"409": answer(problem(409), 409)},
        NONE,
        ConflictError,
        advice="Check the job's status first.",
        told=True,
    ),
    Row(
        "413",
        bodies(413),
        NONE,
        PayloadTooLargeError,
        advice="Send less, for example a URL of the data.",
        told=True,
    ),
    Row(
        "Any other 4xx",
        {str(status): answer(problem(status), status) for status in (402, 405, 418, 422, 451)},
        NONE,
        APIStatusError,
        advice="`.status_code` and `.body` say what is wrong.",
        told=True,
    ),
]
NOT_AS_DOCUMENTED = Row(
    "A 2xx whose body does not conform to the API document, or is larger than `max_response_size`",
    {
        "200 HTML": answer(page("Sign in"), 200, "text/html"),
        "200 text": answer("ok"),
        "200 nothing": answer(""),
        "204": send(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "a list": answer([GOOD_JOB]),
        "a string": answer(JOB and '"COMPLETED"'),
        "a number": answer("5"),
        "null": answer("null"),
        "half a JSON text": answer(GOOD_TEXT[:-5]),
        "two JSON texts": answer(GOOD_TEXT * 2),
        "invalid UTF-8": answer(b'{"id": "\xff", "status": "COMPLETED", "jobs": {}}'),
        "an error": answer({"error": "the endpoint is paused"}),
        "another job's": by_operation(
            run=answer({"status": "IN_QUEUE"}),
            runsync=answer({"status": "IN_QUEUE"}),
            health=answer({"error": "the endpoint is paused"}),
            purge_queue=answer({"status": "completed"}),
            stream=answer({"id": "another", "status": "COMPLETED", "stream": []}),
            other=answer({**GOOD_JOB, "id": "another"}),
        ),
        "100,000 levels": answer(DEEP),
        "40,000 levels of objects": answer(b'{"a":' * 40_000 + b"1" + b"}" * 40_000),
        "100 MB": chain(send(head(200, 10**8)), flood(b" ", 10**8)),
        "without a length, 100 MB": chain(
            send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"), flood(b" ", 10**8)
        ),
        "a gzip bomb": gzip_bomb(2**24),
    },
    NONE,
    APIResponseValidationError,
    SubmissionResponseError,
    StreamInterruptedError,
    "`run`, `run_sync`: the job most likely exists; `.body` may contain its id.",
    told=True,
)
HARMLESS = Row(
    "A response with more bytes than announced; a kept connection that the server closes; a slow"
    " response that is complete in time",
    {
        "over-long body": chain(send(head(200, len(GOOD_TEXT)) + GOOD_TEXT + b"x" * 5_000), close),
        "a number of 10,000 digits": answer(GOOD_TEXT[:-1] + b', "a": ' + b"1" * 10_000 + b"}"),
        "closed behind the answer": chain(send(head(200, len(GOOD_TEXT)) + GOOD_TEXT), close),
        "reset behind the answer": chain(
            send(head(200, len(GOOD_TEXT)) + GOOD_TEXT), after(0.1), reset
        ),
        "closed while idle": chain(send(head(200, len(GOOD_TEXT)) + GOOD_TEXT), after(0.02), close),
        "the end is the length": chain(
            send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + GOOD_TEXT), close
        ),
        "bytes in pieces": chain(
            *(
                chain(send(piece), after(0.002))
                for piece in (b"HTTP/1.1 2", b"00 OK\r\ncontent-length: ", b"%d" % len(GOOD_TEXT))
            ),
            *(chain(send(b"\r\n\r\n" + GOOD_TEXT[:9]), after(0.002)) for _ in "1"),
            send(GOOD_TEXT[9:]),
        ),
    },
    NONE,
    None,
    advice="Nothing.",
    alone=True,
)

ROWS = [
    REFUSED,
    BROKEN,
    SLOW,
    REQUEST_TIMEOUT,
    RATE_LIMIT,
    UNAVAILABLE,
    SERVER_ERROR,
    *REFUSALS,
    NOT_AS_DOCUMENTED,
    HARMLESS,
]
"""The faults of one server. Rows without faults belong to tests that need more."""

EVERYWHERE = {
    *("204", "200 nothing", "100,000 levels", "500 deep", "500 endless", "100 MB"),
    *("without a length, 100 MB", "a gzip bomb", "429 Retry-After 0", "429 Retry-After 1e9", "524"),
}
"""Responses that are read, or followed by pauses, in code that differs between modes."""


def strike(name: str, row: Row, mode: str) -> bool:
    """
    Return whether the fault *name* of *row* is tried in *mode*.

    Responses are handled by code that is written once (see tests/parity): the sync client meets
    each of them, the async clients and a caller's client the first of each row.
    """
    first = next(iter(row.faults))
    if mode == "sync by httpx":
        return name == first or row.long
    if mode == "asyncio by aiohttp" and name == "over-long body":
        return False  # it does not accept this fault
    return mode == "sync" or not row.told or name == first or name in EVERYWHERE


REDIRECT = Row(
    "A redirect",
    {},
    NONE,
    APIStatusError,
    advice="The client does not follow it: the key is sent to no other URL. Check the base URL.",
)


CUT_UPLOAD = Row(
    "The connection breaks before the last byte of the request was sent",
    {},
    ALL_BUT_PURGE,
    APIConnectionError,
    advice="No job exists. Try again later.",
)
SLOW_TRANSFER = Row(
    "A slow network on which at least 16 KiB of a body move within each `timeout` of the client",
    {},
    NONE,
    None,
    advice="Nothing.",
)
EARLY_ANSWER = Row(
    "The server answers a large request before all of it was sent, and reads no more",
    {},
    NONE,
    None,
    advice="The response counts like any other: a 413 is a `PayloadTooLargeError`, at once.",
)
TUNNEL = Row(
    "The proxy fails to open a tunnel to the server: 502, 503, or it closes the connection",
    {},
    ALL_BUT_PURGE,
    APIConnectionError,
    advice="Nothing was sent. Try again later.",
)
TUNNEL_TIMEOUT = Row(
    "The proxy does not answer, or the server's name, address or TLS handshake does not",
    {},
    NONE,
    RunpodTimeoutError,
    advice="Nothing was sent. Try again later.",
)
TUNNEL_FORBIDDEN = Row(
    "The proxy refuses the tunnel (403, 407), or a certificate is not trusted",
    {},
    NONE,
    APIConnectionError,
    advice="Nothing was sent. Follow the message: it names the proxy, or the certificate variable.",
)
OTHER_JOB = Row(
    "A 2xx of `status`, `wait`, `cancel` or `retry` that contains another job's id",
    {},
    NONE,
    APIResponseValidationError,
    advice="Ask again; if it happens again, look for a cache between you and RunPod.",
)
GATEWAY = Row(
    "A gateway cuts the responses that the server holds back: 504, 524, a reset",
    {},
    READS,
    None,
    advice="Nothing: the client asks for shorter holds, then polls `/status`.",
)
IDLE = Row(
    "Kept connections that broke while they were idle: sleep, NAT, VPN",
    {},
    READS,
    None,
    SubmissionTimeoutError,
    RunpodTimeoutError,
    "Nothing after four idle seconds: then a submission uses a new connection. Before that, as"
    " above where no response comes.",
)
ADDRESSES = Row(
    "The host's first address does not answer, another one does",
    {},
    NONE,
    None,
    advice="Nothing: the client tries the next address after a quarter of a second.",
)
NEVER_SENT = [CUT_UPLOAD, TUNNEL, TUNNEL_TIMEOUT, TUNNEL_FORBIDDEN]


def name_of(error: type[Exception] | None) -> str:
    return "the result" if error is None else f"`{error.__name__}`"


def table() -> str:
    """Write the table of the page."""
    kinds = {READ: "reads", SUBMIT: "submissions", ACT: "`cancel`, `retry`", STREAM: "`stream`"}
    lines = [
        "| fault | retried | reads, `cancel`, `retry`, `purge_queue`"
        " | `run`, `run_sync` | `stream` | what to do |",
        "|---|---|---|---|---|---|",
    ]
    before, after = ROWS[1:-1], ROWS[-1]
    no_harm = [after, SLOW_TRANSFER, EARLY_ANSWER, GATEWAY, ADDRESSES, IDLE]
    rows = [REFUSED, *NEVER_SENT, *before[:-1], REDIRECT, before[-1], OTHER_JOB, *no_harm]
    for row in rows:
        again = ", ".join(words for kind, words in kinds.items() if kind in row.again)
        seen = [name_of(row.seen_by(kind)) for kind in (READ, SUBMIT, STREAM)]
        cells = [row.title, again or "nothing", *seen, row.advice]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
