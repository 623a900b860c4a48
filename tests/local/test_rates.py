"""Rate limits: their rules as properties, and how a refusal looks to a client."""

from __future__ import annotations

import socket

import httpx
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk.local._rules.rates import WINDOW, Meter, Rate, RateExceeded

from . import support
from .conftest import Serve
from .processes import until
from .support import UNKNOWN, Api, Clock, Gate, echo

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 80).map(lambda quarters: quarters / 4)),
        st.tuples(st.just("leave"), st.just(0.0)),
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 6), st.none() | st.integers(1, 4), st.integers(0, 200))
def test_a_meter(
    steps: list[tuple[str, float]], requests: int, at_once: int | None, running: int
) -> None:
    """
    No window has more than the limit and no instant more than it may; a refused request exceeds a
    limit, and is accepted after the wait that its answer names.
    """
    meter = Meter(Rate(requests, at_once))
    limit = max(requests, running * requests // 40)
    now, inside, window, begun = 0.0, 0, list[float](), 0.0
    for event, seconds in steps:
        if event == "leave":
            if inside:
                meter.leave()
                inside -= 1
            continue
        now += seconds
        if not window or now >= begun + WINDOW:
            begun, window = now, []
        wait = _wait(meter, now, running)
        if wait is None:
            window.append(now)
            inside += 1
            assert len(window) <= limit
            assert at_once is None or inside <= at_once
            continue
        assert 0 < wait <= WINDOW
        if at_once is None or inside < at_once:
            assert len(window) == limit
            assert wait == begun + WINDOW - now
            begun = now = begun + WINDOW
            assert _wait(meter, now, running) is None
            window, inside = [now], inside + 1


def _wait(meter: Meter, now: float, running: int) -> float | None:
    try:
        meter.enter(now, lambda: running)
    except RateExceeded as refusal:
        return refusal.wait
    return None


@given(st.integers(1, 5000), st.integers(0, 1000))
def test_the_effective_rate(base: int, running: int) -> None:
    """It never falls below the base, and grows with the workers."""
    rate = Rate(base)
    assert rate.effective(running) >= base
    assert rate.effective(running + 1) >= rate.effective(running)
    assert rate.effective(80) == 2 * base


def test_a_refusal(serve: Serve) -> None:
    """The third purge in a window is a problem that says when to come back; others may ask."""
    clock = Clock()
    api = serve(echo, rate_limits=True, clock=clock)
    api.ok("POST", "/purge-queue")
    clock.advance(3.5)
    api.ok("POST", "/purge-queue")
    response = api.http.post("/purge-queue")
    assert response.headers["retry-after"] == "7"
    assert response.text == (
        '{"status":429,"title":"Too Many Requests","detail":'
        '"rate limit exceeded: purge-queue allows 2 in 10 seconds"}'
    )
    clock.advance(6.4)
    assert api.refused("POST", "/purge-queue")[0] == 429
    assert api.run_sync(1)["output"] == 1
    clock.advance(0.1)
    api.ok("POST", "/purge-queue")


def test_what_is_refused_for_other_reasons_counts(serve: Serve) -> None:
    """A cancel of no job is a cancel; health is never limited."""
    api = serve(echo, rate_limits=True, clock=Clock())
    codes = [api.http.post(f"/cancel/{UNKNOWN}").status_code for _ in range(102)]
    assert codes == [404] * 100 + [429] * 2
    for _ in range(30):
        api.health()


def test_requests_at_once(serve: Serve) -> None:
    """Held requests count until they are answered, or their client has gone."""
    gate = Gate()
    api = serve(lambda job: gate.wait(), rate_limits=True, clock=Clock())
    job_id = api.run()
    gate.reached()
    held = [_send(api, f"/status-sync/{job_id}") for _ in range(400)]
    api.settled()
    assert api.refused("GET", f"/status-sync/{job_id}") == (
        429,
        "rate limit exceeded: status-sync allows 400 at once",
    )
    assert api.status(job_id)["status"] == "IN_PROGRESS"
    held.pop().close()
    path = f"/status-sync/{job_id}?wait=1000"
    until(lambda: api.http.get(path).status_code == 200)
    gate.open()
    assert api.wait(job_id)["status"] == "COMPLETED"
    for connection in held:
        connection.close()


def test_without_being_asked_for_there_is_no_limit(serve: Serve) -> None:
    """A suite of tests may purge as often as it likes."""
    api = serve(echo)
    for _ in range(5):
        api.ok("POST", "/purge-queue")


def _send(api: Api, path: str) -> socket.socket:
    connection = support.raw_connection(api)
    connection.sendall(
        f"GET {httpx.URL(api.url).path}{path} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {api.headers['authorization']}\r\n\r\n".encode()
    )
    return connection
