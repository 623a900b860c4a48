"""
The script that every client goes through, and what its user has to see.

A `Step` is one call of a client. `Until`, `Retry` and `Trouble` are done by the runner, so that
the next step meets the server in a known state. What is seen is told for each client, since
each has its own way to tell it. Where a client has a known fault, a `Fault` stands for what is
seen: it names the line of the list of faults, and what was on the wire, which shows that the
server did its part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from unittest.mock import ANY

from attrs import Factory, field, frozen

SYNC, ASYNCIO, JS, OURS, OURS_ASYNC = (
    "official-python",
    "official-python-asyncio",
    "official-javascript",
    "runpod_sdk",
    "runpod_sdk-async",
)
OFFICIAL = (SYNC, ASYNCIO, JS)
CLIENTS = (*OFFICIAL, OURS, OURS_ASYNC)


@frozen
class Like:
    """Equal to every text in which *pattern* is found."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.search(self.pattern, other) is not None


@frozen
class Kind:
    """Equal to everything of exactly that type."""

    type: type

    def __eq__(self, other: object) -> bool:
        return type(other) is self.type


INT: Final = Kind(int)
JOB_ID: Final = Like(r"^(sync-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[a-z]\d$")
UUID_OF_SYNC: Final = Like(r"^sync-")
TIMES: Final = {"delayTime": INT, "executionTime": INT, "workerId": Kind(str)}


# The job as the server shows it: exactly the recorded keys of each state.
def completed(output: Any, **more: Any) -> dict[str, Any]:
    return {"id": JOB_ID, "status": "COMPLETED", "output": output, **TIMES, **more}


def failed(error: Any, **more: Any) -> dict[str, Any]:
    return {"id": JOB_ID, "status": "FAILED", "error": error, **TIMES, **more}


def in_progress(**more: Any) -> dict[str, Any]:
    times = {"delayTime": INT, "workerId": Kind(str)}
    return {"id": JOB_ID, "status": "IN_PROGRESS", **times, **more}


IN_QUEUE: Final = {"id": JOB_ID, "status": "IN_QUEUE"}
CANCELLED_QUEUED: Final = {"id": JOB_ID, "status": "CANCELLED"}
CANCELLED_RUNNING: Final = {**CANCELLED_QUEUED, **TIMES}


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    return {"status": status, "title": title, "detail": detail}


JOB_NOT_FOUND: Final = (404, problem(404, "Not Found", "job not found"))
INVALID_KEY: Final = (401, problem(401, "Unauthorized", "invalid api key"))

TOO_MANY: Final = (429, problem(429, "Too Many Requests", ANY))
EDGE: Final = (524, Like("(?i)<html"))
"""What the edge says when it is out of patience: a page for people."""


def health(*, in_queue: int, in_progress: int) -> dict[str, Any]:
    """Give the health of an endpoint with one worker."""
    idle = 1 - in_progress
    return {
        "jobs": {
            "completed": INT,
            "failed": INT,
            "inProgress": in_progress,
            "inQueue": in_queue,
            "retried": INT,
        },
        "workers": {
            "idle": idle,
            "initializing": 0,
            "ready": idle,
            "running": in_progress,
            "throttled": 0,
            "unhealthy": 0,
        },
    }


# What a driver says.
def value(given: Any) -> dict[str, Any]:
    return {"value": given}


def raised(name: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"raised": name, "text": Like(text), **more}


def js(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give a state with what the JavaScript client adds."""
    over = state["status"] not in ("IN_QUEUE", "IN_PROGRESS")
    succeeded = state["status"] == "COMPLETED"
    return value({**state, "started": True, "completed": over, "succeeded": succeeded})


ENDLESS: Final = {"endless": True}
"""The client asks on and on; the runner has ended its process."""

UNTOLD: Final = object()


@frozen(kw_only=True)
class Fault:
    """
    A known fault of a client.

    Args:
        line: Its number in the list of faults.
        seen: What the user of the client is told.
        answer: The last answer of the server, its status and its body.
        sent: The last body that the client sent.
        asked: How many requests it made.
        at_most: The same, not exactly.
    """

    line: str
    seen: Any
    answer: tuple[int, Any] | None = None
    sent: Any = UNTOLD
    asked: int | None = None
    at_most: int | None = None


@frozen
class Step:
    """
    One call.

    Args:
        name: Of this step.
        do: Which function of the driver.
        arguments: Of that function, by name.
        seen: For each client that takes the step, what the driver says.
        view: What the server then says of the job, if the step has one.
    """

    name: str
    do: str
    arguments: Mapping[str, Any]
    seen: Mapping[str, Any]
    view: Any = field(default=ANY, kw_only=True)


@frozen
class Until:
    """Wait until the server shows a job in *status*, and with *progress* if one is given."""

    job: str
    status: str
    progress: Any = Factory(lambda: ANY)


@frozen
class Retry:
    """Let the server retry a job, behind the back of the client."""

    job: str


@frozen
class Trouble:
    """Let the next request meet a fault of the local endpoint, by the name it has there."""

    fault: str


def everywhere(given: Any) -> dict[str, Any]:
    return dict.fromkeys(CLIENTS, value(given))


def told(
    sync: Any, asyncio: Any, javascript: Any, ours: Any, *, official_only: bool = False
) -> dict[str, Any]:
    """Tell what is seen: three official clients, and ours, whose two forms are alike."""
    official = {SYNC: sync, ASYNCIO: asyncio, JS: javascript}
    return official if official_only else {**official, OURS: ours, OURS_ASYNC: ours}


def run(job: str, **input: Any) -> Step:
    return Step(f"run {job}", "run", {"job": job, "input": input}, everywhere(JOB_ID))


LUCK: Final = "no such luck"
FAILURE: Final = Like(rf'"error_message": "{LUCK}"')
AT_WORK: Final = {"do": "hold", "progress": {"step": 4, "of": 10}}
PROGRESS: Final = AT_WORK["progress"]
ENVELOPE: Final = {"input": {"a": 1}, "policy": {"ttl": 60_000}}
PAYLOAD: Final = {"input": {"a": 1}, "style": "terse"}
OTHER_PATH: Final = "elsewhere/../{endpoint}"

SCRIPT: Final[list[Step | Until | Retry | Trouble]] = [
    Step(
        "health of an endpoint at rest",
        "health",
        {},
        everywhere(health(in_queue=0, in_progress=0)),
    ),
    # -- a handler that returns
    run("returning", do="return", value={"n": [1, None, "é"]}),
    Step(
        "output",
        "output",
        {"job": "returning"},
        told(
            value({"n": [1, None, "é"]}),
            value({"n": [1, None, "é"]}),
            js(completed({"n": [1, None, "é"]})),
            value({"n": [1, None, "é"]}),
        ),
        view=completed({"n": [1, None, "é"]}),
    ),
    Step(
        "status of a job that is done",
        "status",
        {"job": "returning"},
        told(
            value("COMPLETED"),
            value("COMPLETED"),
            js(completed({"n": [1, None, "é"]})),
            value("COMPLETED"),
        ),
    ),
    Step(
        "run_sync",
        "run_sync",
        {"input": {"do": "return", "value": "at once"}},
        told(
            value("at once"),
            raised("AttributeError", "run_sync"),  # the asyncio client has none
            js(completed("at once", id=UUID_OF_SYNC)),
            value("at once"),
        ),
    ),
    run("null", do="return", value=None),
    Until("null", "COMPLETED"),
    Step(
        "output that is null",
        "output",
        {"job": "null"},
        told(value(None), value(None), js(completed(None)), value(None)),
        view=completed(None),
    ),
    Step(
        "output that is null, once more",
        "output",
        {"job": "null"},
        told(
            Fault(line="P16", seen=value(None), asked=1, answer=(200, completed(None))),
            Fault(line="P16", seen=value(None), asked=1, answer=(200, completed(None))),
            js(completed(None)),
            value(None),
        ),
    ),
    # -- one that raises
    run("raising", do="raise", text=LUCK),
    Step(
        "output of a job that failed",
        "output",
        {"job": "raising"},
        told(
            Fault(line="P8", seen=value(None), answer=(200, failed(FAILURE))),
            Fault(line="P8", seen=value(None), answer=(200, failed(FAILURE))),
            js(failed(FAILURE)),
            raised("JobFailedError", LUCK),
        ),
        view=failed(FAILURE),
    ),
    Step(
        "run_sync of a job that fails",
        "run_sync",
        {"input": {"do": "raise", "text": LUCK}},
        told(
            Fault(line="P8", seen=value(None), answer=(200, failed(FAILURE))),
            raised("AttributeError", "run_sync"),
            js(failed(FAILURE, id=UUID_OF_SYNC)),
            raised("JobFailedError", LUCK),
        ),
    ),
    # -- one that yields
    run("yielding", do="yield", values=["a", {"b": 2}, None]),
    Step(
        "stream",
        "stream",
        {"job": "yielding"},
        everywhere(["a", {"b": 2}, None]),
        view=completed(["a", {"b": 2}, None]),
    ),
    Step("stream that was drained", "stream", {"job": "yielding"}, everywhere([])),
    run("slowly", do="yield", values=[1, 2], pause=0.4),
    Step(
        "stream that comes slowly",
        "stream",
        {"job": "slowly"},
        {
            JS: Fault(
                line="J2",  # no pause of its own: that the server holds its requests saves it
                seen=value([1, 2]),
                at_most=3,
                answer=(200, {"status": "COMPLETED", "stream": ANY}),
            )
        },
    ),
    Until("slowly", "COMPLETED"),
    run("breaking", do="yield", values=["a"], text=LUCK),
    Step(
        "stream of a job that failed",
        "stream",
        {"job": "breaking"},
        told(
            Fault(line="P15", seen=value(["a"]), answer=(200, {"status": "FAILED", "stream": []})),
            Fault(line="P15", seen=value(["a"]), answer=(200, {"status": "FAILED", "stream": []})),
            Fault(line="J4", seen=value(["a"]), answer=(200, {"status": "FAILED", "stream": ANY})),
            raised("JobFailedError", LUCK, value=["a"]),
        ),
        view=failed(Like(f"^handler: {LUCK} \ntraceback: ")),
    ),
    # -- one that takes long
    Step(
        "run_sync of a job that takes long",
        "run_sync",
        {"input": {"do": "take long", "seconds": 1.2, "value": "at last"}},
        told(
            value("at last"),
            raised("AttributeError", "run_sync"),
            js(completed("at last", id=UUID_OF_SYNC)),
            value("at last"),
        ),
    ),
    Step(
        "run_sync of a job that takes longer than the timeout",
        "run_sync",
        {"input": {"do": "take long", "seconds": 1.5, "value": "late"}, "timeout": 1000},
        {
            JS: Fault(
                line="J5",  # and J6: what it prints is not ours to stop
                seen={**js(completed("late", id=UUID_OF_SYNC)), "printed": Like(": COMPLETED$")},
                asked=2,
                answer=(200, completed("late", id=UUID_OF_SYNC)),
            )
        },
    ),
    # -- one that is at work, with jobs behind it
    run("working", **AT_WORK),
    run("waiting", do="return", value="never"),
    Until("working", "IN_PROGRESS", PROGRESS),
    Step(
        "status of a job that is at work",
        "status",
        {"job": "working"},
        told(
            value("IN_PROGRESS"),
            value("IN_PROGRESS"),
            js(in_progress(output=PROGRESS)),
            value("IN_PROGRESS"),
        ),
        view=in_progress(output=PROGRESS),
    ),
    Step(
        "output without a timeout, of a job that is at work",
        "output_at_once",
        {"job": "working"},
        told(
            Fault(line="P7", seen=value(PROGRESS), answer=(200, in_progress(output=PROGRESS))),
            Fault(line="P2", seen=raised("TimeoutError", "Job timed out"), at_most=1),
            js(in_progress(output=PROGRESS)),
            value(None),  # what it reports is `progress`, and no output
        ),
    ),
    Step(
        "status of a job that waits",
        "status",
        {"job": "waiting"},
        told(value("IN_QUEUE"), value("IN_QUEUE"), js(IN_QUEUE), value("IN_QUEUE")),
        view=IN_QUEUE,
    ),
    Step(
        "health of an endpoint at work",
        "health",
        {},
        everywhere(health(in_queue=1, in_progress=1)),
    ),
    Retry("raising"),
    Step(
        "status of a job that is tried again",
        "status",
        {"job": "raising"},
        told(
            Fault(line="P19", seen=value("FAILED"), asked=0),
            Fault(line="P19", seen=value("FAILED"), asked=0),
            js(IN_QUEUE),
            value("IN_QUEUE"),
        ),
        view=IN_QUEUE,
    ),
    # -- cancelled
    Step(
        "cancel in the queue",
        "cancel",
        {"job": "waiting"},
        everywhere(CANCELLED_QUEUED),
        view=CANCELLED_QUEUED,
    ),
    Step(
        "cancel at work",
        "cancel",
        {"job": "working"},
        everywhere(CANCELLED_RUNNING),
        view=CANCELLED_RUNNING,
    ),
    Step(
        "status of a cancelled job",
        "status",
        {"job": "working"},
        told(value("CANCELLED"), value("CANCELLED"), js(CANCELLED_RUNNING), value("CANCELLED")),
    ),
    Step(
        "output of a cancelled job",
        "output",
        {"job": "working"},
        told(
            Fault(line="P8", seen=value(None), answer=(200, CANCELLED_RUNNING)),
            Fault(line="P8", seen=value(None), answer=(200, CANCELLED_RUNNING)),
            js(CANCELLED_RUNNING),
            raised("JobCancelledError"),
        ),
    ),
    Until("raising", "FAILED"),
    # -- purged
    run("before", **AT_WORK),
    Until("before", "IN_PROGRESS"),
    run("purged", do="return", value="never"),
    run("purged too", do="return", value="never"),
    Step(
        "purge_queue",
        "purge_queue",
        {},
        everywhere({"removed": 2, "status": "completed"}),
    ),
    Step(
        "status of a purged job",
        "status",
        {"job": "purged"},
        told(
            Fault(
                line="P12",  # says neither what is not there nor why
                seen=raised("HTTPError", "^404 Client Error: Not Found for url: [^ ]*$"),
                answer=JOB_NOT_FOUND,
            ),
            Fault(line="P18", seen=value(404), answer=JOB_NOT_FOUND),
            raised("Error", "404"),
            raised("NotFoundError", "job not found"),
        ),
        view=None,
    ),
    Step("cancel", "cancel", {"job": "before"}, everywhere(CANCELLED_RUNNING)),
    Step(
        "purge_queue of an empty queue",
        "purge_queue",
        {},
        everywhere({"removed": 0, "status": "completed"}),
    ),
    # -- a wrong key
    Step(
        "health with a wrong key",
        "health",
        {"key": "rpa_wrong"},
        told(
            raised("RuntimeError", "^401 Unauthorized"),
            Fault(line="P18", seen=value(INVALID_KEY[1]), answer=INVALID_KEY),
            raised("Error", "401"),
            raised("AuthenticationError", "invalid api key"),
        ),
    ),
    Step(
        "run with a wrong key",
        "submit_with",
        {"key": "rpa_wrong"},
        told(
            raised("RuntimeError", "^401 Unauthorized"),
            Fault(line="P18", seen=raised("KeyError", "^'id'$"), answer=INVALID_KEY),
            raised("Error", "401"),
            raised("AuthenticationError", "invalid api key"),
        ),
    ),
    Step(
        "the key of the environment",
        "key_of_the_environment",
        {},
        {
            SYNC: Fault(line="P20", seen=raised("RuntimeError", "api_key"), asked=0),
            **dict.fromkeys((OURS, OURS_ASYNC), value(health(in_queue=0, in_progress=0))),
        },
    ),
    # -- requests that clients change on their way
    Step(
        "run of a whole request",
        "run_request",
        {"job": "whole", "request": ENVELOPE},
        told(
            value(JOB_ID),
            Fault(line="P6", seen=value(JOB_ID), sent={"input": ENVELOPE}, answer=(200, IN_QUEUE)),
            value(JOB_ID),
            value(JOB_ID),
        ),
    ),
    Step(
        "what the handler got of a whole request",
        "output",
        {"job": "whole"},
        told(
            value({"got": {"a": 1}}),
            Fault(
                line="P6",
                seen=value({"got": ENVELOPE}),
                answer=(200, completed({"got": ENVELOPE})),
            ),
            js(completed({"got": {"a": 1}})),
            value({"got": {"a": 1}}),
        ),
    ),
    Step(
        "run of a payload that has an input of its own",
        "run_request",
        {"job": "payload", "request": PAYLOAD},
        {
            SYNC: Fault(line="P5", seen=value(JOB_ID), sent=PAYLOAD, answer=(200, IN_QUEUE)),
            **dict.fromkeys((OURS, OURS_ASYNC), raised("ValueError", "style")),
        },
    ),
    Step(
        "run with an empty input",
        "run",
        {"job": "empty", "input": {}},
        told(
            Fault(
                line="P4", seen=value(JOB_ID), sent={"input": {"input": {}}}, answer=(200, IN_QUEUE)
            ),
            value(JOB_ID),
            value(JOB_ID),
            value(JOB_ID),
        ),
    ),
    Step(
        "what the handler got of an empty input",
        "output",
        {"job": "empty"},
        told(
            Fault(
                line="P4",
                seen=value({"got": {"input": {}}}),
                answer=(200, completed({"got": {"input": {}}})),
            ),
            value({"got": {}}),
            js(completed({"got": {}})),
            value({"got": {}}),
        ),
    ),
    Step(
        "an id that is a path",
        "health",
        {"endpoint": OTHER_PATH},
        told(
            Fault(line="P21", seen=value(ANY), answer=(200, ANY)),
            Fault(line="P21", seen=value(ANY), answer=(200, ANY)),
            Fault(line="J14", seen=value(ANY), answer=(200, ANY)),
            raised("ValueError", "must be the id alone"),
        ),
    ),
    # -- trouble on the way
    Trouble("rate-limited"),
    Step(
        "run when there are too many requests",
        "run",
        {"job": "limited", "input": {"do": "return", "value": "in the end"}},
        told(
            Fault(line="P3", seen=raised("HTTPError", "^429"), asked=1, answer=TOO_MANY),
            Fault(line="P18", seen=raised("KeyError", "^'id'$"), asked=1, answer=TOO_MANY),
            Fault(line="J10", seen=raised("Error", "429"), asked=1, answer=TOO_MANY),
            value(JOB_ID),
        ),
    ),
    run("troubled", do="return", value="in the end"),
    Trouble("gateway-timeout"),
    Step(
        "output when the edge fails once",
        "output",
        {"job": "troubled"},
        told(
            Fault(line="P11", seen=raised("HTTPError", "^524"), asked=1, answer=EDGE),
            Fault(line="P18", seen=raised("ContentTypeError"), asked=1, answer=EDGE),
            raised("Error", "524"),
            value("in the end"),
        ),
        view=completed("in the end"),
    ),
    # -- the last step, as some clients never come back from it
    Step(
        "stream of a cancelled job",
        "stream",
        {"job": "working"},
        told(
            Fault(line="P1", seen=ENDLESS, answer=(200, {"status": "CANCELLED", "stream": []})),
            Fault(line="P1", seen=ENDLESS, answer=(200, {"status": "CANCELLED", "stream": []})),
            value([]),
            raised("JobCancelledError", value=[]),
        ),
    ),
]
