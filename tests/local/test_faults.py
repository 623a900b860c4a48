"""Faults on demand, as clients meet them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runpod_sdk import (
    NotFoundError,
    RateLimitError,
    Runpod,
    RunpodTimeoutError,
    ServerError,
    SubmissionTimeoutError,
    SubmissionUncertainError,
)
from runpod_sdk.local import (
    ExpiredResult,
    Fault,
    GatewayTimeout,
    LocalEndpoint,
    LostReply,
    LostRequest,
    NoOutput,
    RateLimited,
    ServerFailure,
    SlowReply,
    SlowStart,
    VirtualClock,
)
from tests.facade.clocks import JumpingRunpod

from . import support
from .conftest import Serve
from .support import Api, Gate, echo

OPERATIONS = {
    "run": ("POST", "/run"),
    "runsync": ("POST", "/runsync"),
    "status": ("GET", "/status/{job}"),
    "status-sync": ("GET", "/status-sync/{job}"),
    "stream": ("GET", "/stream/{job}"),
    "cancel": ("POST", "/cancel/{job}"),
    "retry": ("POST", "/retry/{job}"),
    "purge-queue": ("POST", "/purge-queue"),
    "health": ("GET", "/health"),
}


class Served:
    """An endpoint whose faults are cleared after each test, and clients of it."""

    def __init__(self, local: LocalEndpoint, api: Api, client: Runpod, clock: VirtualClock) -> None:
        self.local = local
        self.faults = local.faults
        self.api = api
        self.endpoint = client.endpoint(local.endpoint_id)
        self.clock = clock
        self.finished = api.run_sync("done")["id"]

    def ask(self, operation: str, **headers: str) -> httpx.Response:
        verb, path = OPERATIONS[operation]
        body = {"input": 1} if operation in ("run", "runsync") else None
        path = path.format(job=self.finished)
        return self.api.http.request(verb, path, json=body, headers=headers)

    def jobs(self) -> int:
        """Count the jobs that there ever were."""
        counts = self.api.health()["jobs"]
        return sum(counts[key] for key in ("completed", "failed", "inQueue", "inProgress"))


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    clock = VirtualClock()
    with (
        LocalEndpoint(echo, clock=clock) as local,
        JumpingRunpod(local.api_key, base_url=local.base_url) as client,
    ):
        served = Served(local, Api(local), client, clock)
        yield served
        served.api.http.close()


@pytest.fixture
def served(shared: Served) -> Iterator[Served]:
    yield shared
    shared.faults.clear()


# -- of requests


def test_a_lost_reply_happens_after_the_job_was_taken(served: Served) -> None:
    """Nothing comes back, the job is there, and the client says that it may be."""
    before = served.jobs()
    with (
        served.faults.active(LostReply("run"), times=1) as fault,
        pytest.raises(SubmissionUncertainError),
    ):
        served.endpoint.run(input=1)
    assert fault.fired == 1
    assert served.jobs() == before + 1


def test_a_lost_request_happens_before(served: Served) -> None:
    """No answer, and no job: the client cannot distinguish this from the other fault."""
    before = served.jobs()
    with (
        served.faults.active(LostRequest("run")) as fault,
        pytest.raises(SubmissionUncertainError),
    ):
        served.endpoint.run(input=1)
    assert fault.fired == 1
    assert served.jobs() == before


@pytest.mark.parametrize("fault", ["lost-reply", "lost-request"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_not_one_byte_is_sent(served: Served, operation: str, fault: str) -> None:
    """For any operation, the connection ends; the next connection works."""
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        served.ask(operation, **{"X-Local-Fault": fault})
    assert served.ask("health").status_code == 200


def test_a_long_body_is_no_obstacle(served: Served) -> None:
    """A request of some megabytes is read to its end before it is cut off."""
    body = b'{"input": "' + b"x" * 3_000_000 + b'"}'
    for fault in ("lost-request", "lost-reply"):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            served.api.http.post("/run", content=body, headers={"x-local-fault": fault})


@pytest.mark.parametrize("parser", ["h11", "httptools"])
def test_whoever_parses_the_bytes(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is cut with each of the parsers that uvicorn may choose."""
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip(parser)
    monkeypatch.setattr(uvicorn, "Config", partial(uvicorn.Config, http=parser))
    with LocalEndpoint(echo) as local:
        api = Api(local)
        with local.faults.active(LostReply("run"), times=1), pytest.raises(httpx.TransportError):
            api.run()
        assert api.run_sync(1)["output"] == 1
        assert api.health()["jobs"]["completed"] == 2
        api.http.close()


def test_only_the_operation_that_it_names(served: Served) -> None:
    """Others are answered as before; without an operation, none is."""
    with served.faults.active(ServerFailure("status")):
        codes = {operation: served.ask(operation).status_code for operation in OPERATIONS}
    assert [name for name, code in codes.items() if code == 503] == ["status"]
    with served.faults.active(ServerFailure()) as fault:
        assert {served.ask(operation).status_code for operation in OPERATIONS} == {503}
    assert fault.fired == len(OPERATIONS)


def test_a_window_of_429_by_number(served: Served) -> None:
    """After so many answers it is over; the client asks again and gets through."""
    with served.faults.active(RateLimited("run", retry_after=0), times=2) as fault:
        job = served.endpoint.run(input="x")
    assert fault.fired == 2
    assert job.output() == "x"


def test_a_window_of_429_by_time(served: Served) -> None:
    """It lasts by the endpoint's clock, and sends `Retry-After` only if configured."""
    served.faults.add(RateLimited(), lasting=timedelta(seconds=2))
    served.clock.advance(1.5)
    response = served.ask("health")
    assert (response.status_code, response.json()["title"]) == (429, "Too Many Requests")
    assert "retry-after" not in response.headers
    served.clock.advance(0.5)
    assert served.ask("health").status_code == 200
    with served.faults.active(RateLimited(retry_after=7)):
        assert served.ask("health").headers["retry-after"] == "7"
        with pytest.raises(RateLimitError) as caught:
            served.endpoint.health(timeout=5)  # less than `retry_after`, so it is not waited for
    assert caught.value.retry_after == 7


def test_the_page_of_an_edge(served: Served) -> None:
    """524 comes as HTML, while the job was taken; 502 does too, and nothing was done."""
    before = served.jobs()
    response = served.ask("run", **{"X-Local-Fault": "gateway-timeout"})
    assert response.status_code == 524
    assert response.headers["content-type"].startswith("text/html")
    assert "A timeout occurred" in response.text
    assert served.jobs() == before + 1
    with served.faults.active(ServerFailure(status=502)):
        response = served.ask("run")
    assert (response.status_code, response.text[:15]) == (502, "<!DOCTYPE html>")
    assert served.jobs() == before + 1
    with served.faults.active(GatewayTimeout("run")), pytest.raises(ServerError) as caught:
        served.endpoint.run(input=1)
    assert caught.value.status_code == 524


def test_the_edge_has_less_patience_than_the_service(serve: Serve) -> None:
    """A held request gets the page at its time, and the job continues."""
    gate = Gate()
    api: Api = serve(lambda _: gate.wait())
    fault = '{"fault": "gateway-timeout", "after": 0.05}'
    response = api.http.post("/runsync", json={"input": 1}, headers={"x-local-fault": fault})
    assert response.status_code == 524
    gate.reached()
    assert api.health()["jobs"]["inProgress"] == 1
    gate.open()


def test_a_slow_reply(served: Served) -> None:
    """The job is taken at once; a client that does not wait so long does not get its id."""
    for timeout in (0.5, 5, 30):  # on a busy machine, the time may be over before it is sent
        before = served.jobs()
        with (
            served.faults.active(SlowReply("run", seconds=60)) as fault,
            pytest.raises(RunpodTimeoutError) as caught,
        ):
            served.endpoint.run(input=1, timeout=timeout)
        if fault.fired:
            break
    assert isinstance(caught.value, SubmissionTimeoutError)
    assert fault.fired == 1
    assert served.jobs() == before + 1
    with served.faults.active(SlowReply(seconds=0.01)):
        assert served.endpoint.run_sync(input="late").output == "late"


def test_closing_does_not_wait_for_what_is_kept_back() -> None:
    """An answer that is late is given at once when the endpoint closes."""
    answers: list[int] = []
    with LocalEndpoint(echo) as local:
        api = Api(local)
        local.faults.add(SlowReply("run", seconds=600))
        local.faults.add(GatewayTimeout("runsync", after=600))
        asking = [
            threading.Thread(
                target=lambda path: answers.append(
                    api.http.post(path, json={"input": 1}).status_code
                ),
                args=[path],
            )
            for path in ("/run", "/runsync")
        ]
        for thread in asking:
            thread.start()
        while sum(fault.fired for fault in local.faults) < 2:
            api.settled()
        api.settled()
    for thread in asking:
        thread.join(support.PATIENCE)
    assert sorted(answers) == [200, 524]
    api.http.close()


# -- of jobs


def test_a_job_without_output(served: Served) -> None:
    """It is COMPLETED, and has no output; the next one has."""
    with served.faults.active(NoOutput(), times=1) as fault:
        state = served.endpoint.run_sync(input="x")
        assert (state.status, state.has_output) == ("COMPLETED", False)
        assert served.endpoint.run_sync(input="x").output == "x"
    assert fault.fired == 1


def test_no_output_of_one_job(serve: Serve) -> None:
    """Only the job that it names loses its output."""
    gate = Gate()

    def handler(job: dict[str, Any]) -> Any:
        gate.wait()
        return job["input"]

    api: Api = serve(handler)
    first, second = api.run(1), api.run(2)
    fault = api.local.faults.add(NoOutput(second))
    gate.open(2)
    assert api.wait(first)["output"] == 1
    assert "output" not in api.wait(second)
    assert fault.fired == 1


def test_an_expired_result(served: Served) -> None:
    """A finished job is unknown at the next request; other jobs do not change."""
    job, other = served.endpoint.run(input=1), served.endpoint.run(input=2)
    other.wait()
    with served.faults.active(ExpiredResult(job.id)) as fault:
        assert other.status().output == 2
        with pytest.raises(NotFoundError, match="job not found"):
            job.output()
    assert fault.fired == 1
    with pytest.raises(NotFoundError):
        job.status()
    with served.faults.active(ExpiredResult(), times=1), pytest.raises(NotFoundError):
        other.status()


def test_a_slow_start(served: Served) -> None:
    """Workers are initializing and jobs wait, until the time has passed."""
    with served.faults.active(SlowStart(30)) as fault:
        assert served.endpoint.health().workers.initializing == 1
        job = served.endpoint.run(input="x")
        served.clock.advance(29)
        assert job.status().status == "IN_QUEUE"
        served.clock.advance(1)
        state = job.wait()
    assert (state.delay_time, state.output) == (timedelta(seconds=30), "x")
    assert fault.fired == 1


def test_a_slow_start_from_the_beginning() -> None:
    """A fault can be added before the endpoint is started."""
    clock = VirtualClock()
    local = LocalEndpoint(echo, workers=2, clock=clock)
    fault = local.faults.add(SlowStart(timedelta(minutes=1)))
    with local:
        api = Api(local)
        assert api.health()["workers"]["initializing"] == 2
        clock.advance(60)
        assert api.run_sync(1)["delayTime"] == 0
        api.http.close()
    assert fault.fired == 2


# -- what is in force


def test_the_first_that_fits_strikes(served: Served) -> None:
    """A request meets one fault; when that is used up, the next."""
    first = served.faults.add(ServerFailure("health", status=500), times=2)
    second = served.faults.add(ServerFailure(status=502), times=1)
    codes = [served.ask("health").status_code for _ in range(4)]
    assert codes == [500, 500, 502, 200]
    assert (first.fired, second.fired) == (2, 1)
    assert list(served.faults) == []


def test_they_can_be_ended(served: Served) -> None:
    """One alone, even twice, or all; the number of times a fault was applied is kept."""
    first = served.faults.add(ServerFailure("health"))
    second = served.faults.add(ServerFailure("status"))
    assert [one.fault for one in served.faults] == [first.fault, second.fault]
    served.ask("health")
    first.remove()
    first.remove()
    assert [one.id for one in served.faults] == [second.id]
    served.faults.clear()
    assert {served.ask(operation).status_code for operation in ("health", "status")} == {200}
    assert (first.fired, second.fired) == (1, 0)


def test_many_threads(served: Served) -> None:
    """Among any number of concurrent requests, it is applied as often as configured."""
    fault = served.faults.add(ServerFailure("health"), times=20)
    codes: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: codes.extend(served.ask("health").status_code for _ in range(10))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(support.PATIENCE)
    assert sorted(codes) == [200] * 20 + [503] * 20
    assert fault.fired == 20


WRONG: dict[str, Any] = {"text": "1", "half": 1.5, "number": 7}
"""Values of types that a checker would refuse."""


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (
            lambda: LostReply("runn"),
            ValueError,
            r"no operation 'runn'; the operations are run, runsync, ",
        ),
        (lambda: SlowReply(seconds=0), ValueError, "seconds must be greater than zero"),
        (lambda: SlowReply(seconds=float("nan")), ValueError, "greater than zero"),
        (lambda: SlowReply(seconds=WRONG["text"]), TypeError, "or a timedelta, not '1'"),
        (lambda: SlowReply(seconds=True), TypeError, "or a timedelta, not True"),
        (lambda: SlowStart(-1), ValueError, "greater than zero"),
        (lambda: GatewayTimeout(after=float("inf")), ValueError, "greater than zero"),
        (lambda: RateLimited(retry_after=WRONG["half"]), ValueError, "whole number of seconds"),
        (lambda: RateLimited(retry_after=-1), ValueError, "whole number of seconds"),
        (lambda: ServerFailure(status=404), ValueError, r"^status must be 500, .* not 404$"),
        (lambda: NoOutput(WRONG["number"]), TypeError, r"^job_id must be a string, not \S+$"),
        (lambda: ExpiredResult(""), ValueError, "job_id must be an id, not ''"),
    ],
)
def test_mistakes_in_faults(make: Any, error: type[Exception], match: str) -> None:
    """A value that makes no sense is an error where it is made."""
    with pytest.raises(error, match=match):
        make()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"fault": "lost-reply"}, TypeError),
        ({"fault": LostReply}, TypeError),
        ({"fault": LostReply(), "times": 0}, ValueError),
        ({"fault": LostReply(), "times": 1.0}, TypeError),
        ({"fault": LostReply(), "times": True}, TypeError),
        ({"fault": LostReply(), "lasting": 0}, ValueError),
        ({"fault": LostReply(), "lasting": "1"}, TypeError),
    ],
)
def test_mistakes_in_adding(
    served: Served, arguments: dict[str, Any], error: type[Exception]
) -> None:
    """Nothing is added then."""
    with pytest.raises(error):
        served.faults.add(**arguments)
    assert list(served.faults) == []


# -- from other processes

FAULTS: list[tuple[Fault, dict[str, Any]]] = [
    (LostRequest(), {"fault": "lost-request"}),
    (LostReply("run"), {"fault": "lost-reply", "operation": "run"}),
    (
        SlowReply("stream", seconds=0.5),
        {"fault": "slow-reply", "operation": "stream", "seconds": 0.5},
    ),
    (RateLimited(retry_after=3), {"fault": "rate-limited", "retry_after": 3}),
    (ServerFailure(status=500), {"fault": "server-failure", "status": 500}),
    (GatewayTimeout(after=2), {"fault": "gateway-timeout", "after": 2}),
    (NoOutput("a-job"), {"fault": "no-output", "job_id": "a-job"}),
    (ExpiredResult(), {"fault": "expired-result"}),
    (SlowStart(3), {"fault": "slow-start", "seconds": 3}),
]


def control(served: Served, verb: str, path: str, content: str | None = None) -> httpx.Response:
    root = served.local.base_url.removesuffix("/v2")
    return served.api.http.request(verb, f"{root}/local/faults{path}", content=content)


@pytest.mark.parametrize(("fault", "written"), FAULTS, ids=lambda value: type(value).__name__)
def test_every_fault_can_be_written(served: Served, fault: Fault, written: dict[str, Any]) -> None:
    """A posted fault equals the one in Python, and is listed as it was posted."""
    response = control(served, "POST", "", json.dumps({**written, "times": 9}))
    assert response.status_code == 200, response.text
    (active,) = served.faults
    assert active.fault == fault
    assert response.json() == {"id": active.id, **written, "fired": response.json()["fired"]}
    assert [one["id"] for one in control(served, "GET", "").json()["faults"]] == [active.id]


def test_control_from_another_process(served: Served) -> None:
    """Faults are ordered, counted and ended without Python, by id or all at once."""
    added = control(served, "POST", "", '{"fault": "rate-limited", "times": 2}').json()
    control(served, "POST", "", " lost-reply\n")
    assert served.ask("health").status_code == 429
    first, second = control(served, "GET", "").json()["faults"]
    assert first == {**added, "fired": 1}
    assert control(served, "DELETE", f"/{first['id']}").json() == first
    assert control(served, "DELETE", f"/{first['id']}").status_code == 404
    assert [one.id for one in served.faults] == [second["id"]]
    assert control(served, "DELETE", "").json() == {"faults": []}
    assert served.ask("health").status_code == 200


def test_control_needs_the_key(served: Served) -> None:
    """A client without the key cannot add faults."""
    root = served.local.base_url.removesuffix("/v2")
    response = httpx.post(f"{root}/local/faults", content="lost-reply", trust_env=False)
    assert response.status_code == 401
    assert list(served.faults) == []


BAD = [
    ("lost", "where name is one of lost-request, lost-reply, slow-reply"),
    ("", "where name is one of"),
    ("[]", "where name is one of"),
    ('{"fault": 1}', "where name is one of"),
    ('{"fault": "lost"}', "no fault 'lost'; the faults are lost-request"),
    ('{"fault": "lost-reply", "operatio": "run"}', "has no 'operatio'; it has operation, times"),
    (
        '{"fault": "lost-reply", "operation": "walk"}',
        "no operation 'walk'; the operations are run, ",
    ),
    ('{"fault": "lost-reply", "operation": ["run"]}', "no operation"),
    ("slow-reply", "slow-reply missing 1 required keyword-only argument: 'seconds'"),
    ('{"fault": "slow-reply", "seconds": "1"}', "a number of seconds"),
    ('{"fault": "slow-start", "seconds": -1}', "greater than zero"),
    ('{"fault": "lost-reply", "times": 0}', "times must be at least 1"),
    ('{"fault": "lost-reply", "lasting": "1"}', "a number of seconds"),
]


@pytest.mark.parametrize(("text", "match"), BAD)
def test_what_is_written_badly(served: Served, text: str, match: str) -> None:
    """400 lists the valid values, and no fault is active."""
    response = control(served, "POST", "", text)
    assert response.status_code == 400
    assert match in response.json()["detail"]
    assert list(served.faults) == []


def test_a_bad_header(served: Served) -> None:
    """400 lists the valid values, and the operation does not happen."""
    before = served.jobs()
    for text, match in [*BAD[3:10], ("slow-start", "slow-start"), ("no-output", "this request")]:
        response = served.ask("run", **{"X-Local-Fault": text})
        assert (response.status_code, match in response.json()["detail"]) == (400, True)
    assert "this request" in served.ask("run", **{"X-Local-Fault": BAD[-2][0]}).text
    assert served.jobs() == before


def test_a_header_is_for_its_request_only(served: Served) -> None:
    """It comes before what is in force, and is not counted there; nor does it stay."""
    with served.faults.active(RateLimited()) as fault:
        assert served.ask("health", **{"X-Local-Fault": "server-failure"}).status_code == 503
        assert fault.fired == 0
        assert served.ask("health").status_code == 429
    elsewhere = '{"fault": "server-failure", "operation": "run"}'
    assert served.ask("health", **{"X-Local-Fault": elsewhere}).status_code == 200


@settings(max_examples=50)
@given(st.text(max_size=30) | st.dictionaries(st.text(max_size=5), st.integers()).map(json.dumps))
def test_no_header_is_too_odd(shared: Served, text: str) -> None:
    """For any text, the answer is in the table of faults."""
    header = (text if text.isprintable() else text.encode("utf-8").hex()).strip()
    response = shared.api.http.get("/health", headers={b"x-local-fault": header.encode("utf-8")})
    assert response.status_code == (400 if header else 200)
