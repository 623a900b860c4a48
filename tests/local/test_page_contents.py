"""What the page is told of jobs: files, failures, timelines, speed, and found jobs."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk.local import Limits, VirtualClock, progress_update
from runpod_sdk.local._rules.history import History
from runpod_sdk.local._rules.jobs import JobRecord, Run
from runpod_sdk.media import to_base64, to_data_url

from .conftest import Serve
from .processes import until
from .support import Api, Gate, echo
from .test_page import JsonObject, Page, page_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3


@pytest.fixture(scope="module")
def page(api: Api) -> Iterator[Page]:
    page = page_of(api)
    yield page
    page.http.close()


# -- Files


def test_files_are_described_and_served_apart(api: Api, page: Page) -> None:
    """A row and a job show what they are; the bytes come when asked for, as nothing to run."""
    output = {"a/b": [to_base64(PNG), "no file"], "clip": to_data_url(b"x" * 40, "text/html")}
    job = api.run_sync(output)["id"]
    state = page.state(job=job)
    assert "(image/png, 776 B)" in state["jobs"][0]["gist"]["output"]
    part = state["job"]["parts"]["output"]
    assert json.loads(part["text"]) == {
        "a/b": ["(image/png, 776 B)", "no file"],
        "clip": "(text/html, 40 B)",
    }
    assert part["files"] == [
        {"pointer": "/a~1b/0", "type": "image/png", "size": 776, "kind": "image"},
        {"pointer": "/clip", "type": "text/html", "size": 40, "kind": None},
    ]
    for pointer, content in (("#/a~1b/0", PNG), ("#/clip", b"x" * 40)):
        response = page.http.get(f"/local/jobs/{job}/output", params={"file": pointer})
        assert (response.status_code, response.content) == (200, content)
        assert response.headers["content-type"] == "application/octet-stream"
    assert page.http.get(f"/local/jobs/{job}/output").json() == output
    for pointer in ("#/a~1b/1", "#/a~1b/9", "#/nowhere", "#", "#/a~1b/0/0"):
        response = page.http.get(f"/local/jobs/{job}/output", params={"file": pointer})
        assert response.status_code == 404


def test_a_whole_output_can_be_a_file(api: Api, page: Page) -> None:
    """Its pointer is empty."""
    job = api.run_sync(to_base64(PNG))["id"]
    (file,) = page.state(job=job)["job"]["parts"]["output"]["files"]
    assert file["pointer"] == ""
    content = page.http.get(f"/local/jobs/{job}/output", params={"file": "#"}).content
    assert content == PNG


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"steps": 28, "prompt": "a fox"}, "a fox · steps 28"),
        ({"a": 1, "b": {"c": [1, 2], "d": None}}, "a 1 · b c 1, 2, d null"),
        ([1, "two", {"three": 3}], "1, two, three 3"),
        ({"text": 5, "n": True, "say": "hello"}, "text 5 · n true · say: hello"),
        ("one\n  line", "one line"),
        (12345678901234567890, "12345678901234567890"),
        (list(range(20)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … 20 in all"),
    ],
)
def test_a_row_has_the_telling_values(api: Api, page: Page, value: Any, line: str) -> None:
    """Without the syntax of JSON, what says most first."""
    job = api.run_sync(value)["id"]
    row = next(row for row in page.state()["jobs"] if row["id"] == job)
    assert row["gist"] == {"input": line, "output": line}


def test_a_value_that_is_nested_deeply_is_shown_in_part(api: Api, page: Page) -> None:
    """Neither the page nor the server gives up."""
    value: Any = "core"
    for _ in range(300):
        value = [value]
    job = api.run_sync(value)["id"]
    text = page.state(job=job)["job"]["parts"]["output"]["text"]
    assert "…" in text
    assert json.loads(text)


# -- Failures


def raising(job: JsonObject) -> Any:
    return yielding(job) if "yield" in job["input"] else fail(job["input"])


def yielding(job: JsonObject) -> Iterator[Any]:
    yield 1
    fail(job["input"])


def fail(given: JsonObject) -> Any:
    if "text" in given:
        return {"error": given["text"]}
    raise LookupError("nowhere")


def test_errors_of_all_forms_come_in_parts(serve: Serve) -> None:
    """Type, message, the handler's last frame, and the traceback with and without ours."""
    page = page_of(api := serve(raising))
    for given in ({"raise": 1}, {"yield": 1}):
        job = api.run_sync(given)["id"]
        state = page.state(job=job)
        failure = state["job"]["failure"]
        assert (failure["type"], failure["message"]) == ("LookupError", "nowhere")
        assert 'raise LookupError("nowhere")' in failure["frame"]
        assert "outside the handler" in failure["folded"]
        assert "_workers" not in failure["folded"]
        assert "_workers" in failure["traceback"]
        assert state["jobs"][0]["gist"]["error"] == "LookupError: nowhere"
    job = api.run_sync({"text": "out of memory"})["id"]
    assert page.state(job=job)["job"]["failure"] == {"message": "out of memory"}
    text = 'it broke\nTraceback (most recent call last):\n  File "x.py", line 1\nE: e\n'
    job = api.run_sync({"text": text})["id"]
    failure = page.state(job=job)["job"]["failure"]
    assert failure["message"] == "it broke"
    assert failure["traceback"].startswith("Traceback (")
    page.http.close()


# -- Timeline and speed


def test_a_timeline_has_every_event(serve: Serve) -> None:
    """Repeated progress and chunks are one event each; webhooks come with their outcome."""
    clock = VirtualClock()

    def handler(job: JsonObject) -> Iterator[int]:
        for step in range(3):
            progress_update(job, step)
            yield step

    api = serve(handler, clock=clock, limits=Limits(webhook_retry_delays=(0, 0)))
    page = page_of(api)
    job = api.run_sync(1, webhook="http://127.0.0.1:9/")["id"]

    def events() -> list[JsonObject]:
        found: list[JsonObject] = page.state(job=job)["job"]["events"]
        return found

    until(lambda: len(events()) == 8)
    told = [(event["kind"], event.get("detail"), event["count"]) for event in events()]
    worker = page.state(job=job)["job"]["workerId"]
    assert told == [
        ("submitted", None, 1),
        ("taken", worker, 1),
        ("progress", None, 3),
        ("chunk", None, 3),
        ("ended", "COMPLETED", 1),
        *[("webhook", "ConnectError", 1)] * 3,
    ]
    page.http.close()


def test_a_retried_job_has_attempts(serve: Serve) -> None:
    """Its delay is that of the last one; the error of the first one is in the timeline."""
    outcomes = iter([{"error": "no"}, 1])
    clock = VirtualClock()
    api = serve(lambda _: next(outcomes), clock=clock)
    page = page_of(api)
    job = api.run_sync()["id"]
    clock.advance(30)
    api.ok("POST", f"/retry/{job}")
    api.wait(job)
    (row,) = page.state()["jobs"]
    assert (row["attempts"], row["started"] - row["queued"]) == (2, 0)
    events = page.state(job=job)["job"]["events"]
    assert [event["kind"] for event in events] == [
        *("submitted", "taken", "ended", "retried", "taken", "ended"),
    ]
    assert events[2]["error"] == "no"
    page.http.close()


def test_the_speed_of_the_last_minutes(serve: Serve) -> None:
    """Jobs by ten seconds, and percentiles; older jobs do not count."""
    clock = VirtualClock()
    api = serve(echo, clock=clock)
    page = page_of(api)
    for _ in range(3):
        api.run_sync()
    assert page.state()["speed"]["buckets"][-1] == [3, 0]
    api.run_sync({"error": "no"})
    speed = page.state()["speed"]
    assert sum(map(sum, speed["buckets"])) == 4
    assert speed["buckets"][-1] == [3, 1]
    assert speed["delay"] == {"p50": 0, "p95": 0}
    (spans,) = page.state(lanes=1)["lanes"].values()
    assert [(span["outcome"], span["count"]) for span in spans] == [("COMPLETED", 3), ("FAILED", 1)]
    clock.advance(400)
    state = page.state(lanes=1)
    assert sum(map(sum, state["speed"]["buckets"])) == 0
    assert state["speed"]["delay"] == {"p50": None, "p95": None}
    assert state["lanes"] == {}
    page.http.close()


def test_percentiles_are_nearest_ranks() -> None:
    """Of 100 jobs, the 50th and the 95th."""
    history = History()
    for number in range(100):
        history.ended(0, delay=number + 1, execution=None, completed=True)
    speed = history.speed(0)
    assert (speed.delay.p50, speed.delay.p95) == (50, 95)
    assert (speed.execution.p50, speed.execution.p95) == (None, None)


def test_lanes_are_bounded() -> None:
    """Short runs become one span; of others, the last ones are kept."""
    history = History()
    for number in range(1_000):
        run = Run(number, f"job {number}", "worker")
        history.began(number * 0.1, run)
        history.left(number * 0.1 + 0.05, run, "COMPLETED")
    (span,) = history.lanes(100)["worker"]
    assert (span.start, span.count) == (0, 1_000)
    for number in range(1_000):
        run = Run(number, f"job {number}", "other")
        history.began(200 + number * 0.01, run)
        history.left(200 + number * 0.01, run, "COMPLETED" if number % 2 else "FAILED")
    assert len(history.lanes(210)["other"]) == 120


# -- Search


def test_a_search_looks_into_jobs(serve: Serve) -> None:
    """Into input, output, error, id and worker, whatever the case; changed jobs are found too."""
    gate = Gate()

    def handler(job: JsonObject) -> Any:
        if job["input"] == "wait":
            gate.wait()
            return {"said": 'Later "quoted"'}
        if job["input"] == "fail":
            raise ValueError("a Marmoset")
        return "out" if job["input"] == "in" else job["input"]

    api = serve(handler)
    page = page_of(api)
    failed = api.run_sync("fail")["id"]
    done = api.run_sync({"KEY": ["Äpfel"]})["id"]
    both = api.run_sync("in")["id"]
    waiting = api.run("wait")
    gate.reached()

    def found(text: str, **query: Any) -> list[str]:
        return [row["id"] for row in page.state(text=text, **query)["jobs"]]

    assert found("marmoset") == [failed]
    assert found("äPFEL") == [done]
    assert found("key") == [done]
    assert found('"out"') == found(both) == [both]
    worker = api.status(both)["workerId"]
    assert found(worker) == [waiting, both, done, failed]
    assert found(worker, status="FAILED") == [failed]
    assert page.state(text=worker, newest=1)["matching"] == 4
    assert found('later "quoted"') == []
    gate.open()
    api.wait(waiting)
    assert found('later "quoted"') == [waiting]
    assert found("no such thing") == []
    page.http.close()


def test_a_search_forgets_jobs_that_are_gone(serve: Serve) -> None:
    """Also if nobody asks for it again, so that their values do not stay in memory."""
    gate = Gate()
    api = serve(lambda job: gate.wait())
    page = page_of(api)
    api.run("fox")
    gate.reached()
    for _ in range(3):
        api.run("another fox")
    assert page.state(text="fox")["matching"] == 4

    def kept() -> int:
        gc.collect()
        jobs = (one for one in gc.get_objects() if isinstance(one, JobRecord))
        return sum(job.spec.request.get("input") == "another fox" for job in jobs)

    assert kept() == 3
    assert api.ok("POST", "purge-queue")["removed"] == 3
    until(lambda: kept() == 0)
    gate.open()
    page.http.close()


def test_base64_is_not_searched(api: Api, page: Page) -> None:
    """Or any short text would be found in any picture; its type is."""
    job = api.run_sync({"marker 7": to_base64(PNG)})["id"]
    assert to_base64(PNG)[5:12] not in "marker"
    found = page.state(text=to_base64(PNG)[5:12])["jobs"]
    assert found == []
    assert job in [row["id"] for row in page.state(text="(image/png")["jobs"]]


def test_searches_do_not_hold_up_the_server(serve: Serve) -> None:
    """Other requests are answered in between, and two searches do not disturb each other."""
    api = serve(echo, workers=4)
    page, other = page_of(api), page_of(api)
    for number in range(300):
        api.run(f"number {number} ends")
    until(lambda: api.health()["jobs"]["completed"] == 300)
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda p=p, t=t: results.append(p.state(text=t)["matching"]))
        for p, t in ((page, "number 1"), (other, "ends"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [111, 300]
    page.http.close()
    other.http.close()


def test_the_page_stays_small() -> None:
    """All of its sources together, as there is no build step that could shorten them."""
    folder = Path(__file__).parents[2] / "runpod_sdk/local/_page"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 220_000
