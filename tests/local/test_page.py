"""The page's data over HTTP: the recipients, the amount, and the time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk.local import LocalEndpoint
from tests.yaml_files import read_yaml

from .conftest import Serve
from .support import PATIENCE, UNKNOWN, Api, Clock, Gate, echo

ROOT = Path(__file__).parents[2]

JsonObject = dict[str, Any]


class Page:
    """A browser's requests: the page first, and then the data with the page's key."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, verify=False)
        self.session: JsonObject = self.http.get("/session").json()
        self.http.headers["authorization"] = f"Bearer {self.session['key']}"

    def state(self, **query: Any) -> JsonObject:
        response = self.http.get("/local/state", params=query)
        assert response.status_code == 200, response.text
        state: JsonObject = response.json()
        return state


def page_of(api: Api) -> Page:
    return Page(str(httpx.URL(api.url).copy_with(path="/")))


@pytest.fixture(scope="module")
def page(api: Api) -> Iterator[Page]:
    page = page_of(api)
    yield page
    page.http.close()


def yielding(job: JsonObject) -> Iterator[Any]:
    yield from job["input"]


# -- Who is let in


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/contract.json", "application/json"),
        ("/session", "application/json"),
    ],
)
def test_pages_are_served_without_a_key(page: Page, path: str, kind: str) -> None:
    """Each says what it is, is not kept, and lets nothing but its own files run."""
    response = page.http.get(path, headers={"authorization": ""})
    assert response.status_code == 200
    headers = response.headers
    assert (headers["content-type"], headers["cache-control"]) == (kind, "no-store")
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["img-src"] == "data: blob:"
    assert policy["media-src"] == "blob:"
    assert policy["frame-ancestors"] == "'none'"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/", "/session", "/main.js"])
@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1", "127.0.0.1:1", "localhost.example.com", ""]
)
def test_a_name_that_only_points_here_is_refused(page: Page, path: str, host: str) -> None:
    """A site whose name was made to stand for this machine gets neither page nor key."""
    response = page.http.get(path, headers={"host": host})
    assert response.status_code == 403
    assert response.json()["detail"] == f"this page is at {page.http.base_url} only"
    assert page.session["key"] not in response.text


def test_localhost_is_a_name_of_this_machine(page: Page) -> None:
    """Both names of the page work."""
    port = page.http.base_url.port
    assert page.http.get("/session", headers={"host": f"localhost:{port}"}).json() == page.session


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_only_the_page_is_told_the_key(page: Page, site: str, status: int) -> None:
    """A browser says from where a request comes; a link to the page itself may stand anywhere."""
    headers = {"sec-fetch-site": site}
    assert page.http.get("/session", headers=headers).status_code == status
    assert page.http.get("/", headers=headers).status_code == 200


def test_pages_are_only_read(page: Page) -> None:
    """Any other verb than GET is refused."""
    response = page.http.post("/session")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


def test_the_page_has_a_key_of_its_own(api: Api, page: Page) -> None:
    """It opens this server and no other, and the key of programs is not handed out."""
    key = api.headers["authorization"].removeprefix("Bearer ")
    for path in ("/", "/session", "/main.js", "/local/state"):
        assert key not in page.http.get(path).text
    assert page.http.get(httpx.URL(api.url).path + "/health").status_code == 200
    with LocalEndpoint(echo) as other:
        url = f"{other.page_url}local/state"
        assert page.http.get(url).status_code == 401


@pytest.mark.parametrize("path", ["/local/state", f"/local/jobs/{UNKNOWN}/input"])
def test_what_is_told_of_jobs_needs_a_key(api: Api, page: Page, path: str) -> None:
    """Without a key, or with a wrong one, there is no data; with the programs' key, there is."""
    for key in ("", "Bearer wrong"):
        assert page.http.get(path, headers={"authorization": key}).status_code == 401
    assert page.http.get(path, headers=api.headers).status_code != 401


def test_the_contract_is_the_document(page: Page) -> None:
    """The reference shows every operation of the API document."""
    document = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
    assert page.http.get("/contract.json").json() == document


# -- What is told


def test_a_job_is_told_as_the_api_tells_it(serve: Serve) -> None:
    """A line has the keys of an answer, when it all was, and the beginnings of its values."""
    clock = Clock()
    api = serve(echo, clock=clock)
    page = page_of(api)
    done = api.run_sync({"n": 1})
    clock.advance(7)
    state = page.state(job=done["id"])
    (line,) = state["jobs"]
    assert {key: line[key] for key in done if key != "output"} == {
        key: value for key, value in done.items() if key != "output"
    }
    assert line["gist"] == {"input": "n 1", "output": "n 1"}
    assert (line["submitted"], state["now"]) == (1000.0, 1007.0)
    assert state["job"].items() >= line.items()
    parts = state["job"]["parts"]
    assert {name: (part["text"], part["whole"]) for name, part in parts.items()} == {
        "input": ('{"n":1}', True),
        "output": ('{"n":1}', True),
    }
    assert state["totals"] == {"COMPLETED": 1}
    assert state["health"] == api.health()
    assert [worker["phase"] for worker in state["workers"]] == ["idle"]
    page.http.close()


def test_what_a_worker_runs_is_told(serve: Serve) -> None:
    """A running job and its worker point to each other."""
    gate = Gate()
    api = serve(lambda _: gate.wait())
    page = page_of(api)
    running, waiting = api.run(), api.run()
    gate.reached()
    state = page.state()
    (worker,) = state["workers"]
    assert (worker["phase"], worker["jobs"]) == ("running", [running])
    assert [job["id"] for job in state["jobs"]] == [waiting, running]
    assert state["jobs"][1]["workerId"] == worker["id"]
    gate.open(2)
    page.http.close()


def test_looking_on_drains_nothing(serve: Serve) -> None:
    """Chunks that the page has shown are still there for those who stream."""
    api = serve(yielding)
    page = page_of(api)
    job = api.run_sync([1, {"two": 2}])["id"]
    for _ in range(2):
        state = page.state(job=job)
        assert state["job"]["parts"]["chunks"]["text"] == '[1,{"two":2}]'
        assert state["job"]["waitingChunks"] == state["jobs"][0]["chunks"] == 2
    serial = state["job"]["parts"]["chunks"]["serial"]
    assert page.state(job=job)["job"]["parts"]["chunks"]["serial"] == serial  # nothing is new
    assert page.http.get(f"/local/jobs/{job}/chunks").json() == [1, {"two": 2}]
    assert [chunk["output"] for chunk in api.stream(job)["stream"]] == [1, {"two": 2}]
    state = page.state(job=job)["job"]
    assert "chunks" not in state["parts"]
    assert state["waitingChunks"] == 0
    page.http.close()


def test_long_values_are_cut_and_given_whole_when_asked_for(api: Api, page: Page) -> None:
    """A line, a job and the whole value each have more of it; numbers stay as they were sent."""
    value = {"number": 12345678901234567890, "text": "é<b>" * 20_000}
    content = json.dumps({"input": value}).encode()
    job = api.ok("POST", "/runsync", content=content)["id"]
    state = page.state(job=job)
    line = next(line for line in state["jobs"] if line["id"] == job)
    whole = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert len(line["gist"]["output"]) == 200
    assert line["gist"]["output"].startswith("é<b>")  # a text says more than a number
    told = state["job"]["parts"]["output"]
    assert (told["text"], told["whole"]) == (whole[: 32 * 1024], False)
    assert page.http.get(f"/local/jobs/{job}/output").json() == value


def test_a_value_that_has_changed_is_told_anew(serve: Serve) -> None:
    """A job that fails, and is retried, shows what it has now."""
    outcomes = iter([{"error": "no"}, {"yes": 1}])
    api = serve(lambda _: next(outcomes))
    page = page_of(api)
    job = api.run_sync()["id"]
    assert page.state(job=job)["job"]["parts"]["error"]["text"] == '"no"'
    assert page.state()["jobs"][0]["gist"]["error"] == "no"
    api.ok("POST", f"/retry/{job}")
    api.wait(job)
    parts = page.state(job=job)["job"]["parts"]
    assert parts["output"]["text"] == '{"yes":1}'
    assert "error" not in parts
    page.http.close()


@pytest.mark.parametrize("part", ["nothing", "error"])
def test_a_part_that_is_not_there(api: Api, page: Page, part: str) -> None:
    """No such part, and a part that this job has not, are 404; so is an unknown job."""
    job = api.run_sync(1)["id"]
    assert page.http.get(f"/local/jobs/{job}/{part}").status_code == 404
    assert page.http.get(f"/local/jobs/{UNKNOWN}/input").json()["detail"] == "job not found"


def test_the_list_is_bounded_and_filtered(serve: Serve) -> None:
    """The newest come first, at most as many as were asked for; the others are counted."""
    gate = Gate()
    api = serve(lambda _: gate.wait())
    page = page_of(api)
    first = api.run()
    gate.reached()
    others = [api.run(number) for number in range(120)]
    cancelled = others[5]
    api.cancel(cancelled)
    state = page.state()
    assert [job["id"] for job in state["jobs"]] == others[:-101:-1]
    assert state["matching"] == 121
    assert state["totals"] == {"IN_PROGRESS": 1, "IN_QUEUE": 119, "CANCELLED": 1}
    assert [job["id"] for job in page.state(newest=3)["jobs"]] == others[:-4:-1]
    assert [job["id"] for job in page.state(status="CANCELLED")["jobs"]] == [cancelled]
    assert [job["id"] for job in page.state(text=first[:20])["jobs"]] == [first]
    assert page.state(status="FAILED")["jobs"] == []
    assert page.state(job=first)["job"]["status"] == "IN_PROGRESS"
    assert page.state(job=UNKNOWN)["job"] is None
    api.ok("POST", "/purge-queue")
    gate.open()
    page.http.close()


@pytest.mark.parametrize("query", ["newest=0", "newest=1001", "newest=x", "wait=-1", "wait=60001"])
def test_a_question_that_makes_no_sense_is_refused(page: Page, query: str) -> None:
    """It is said what is taken."""
    response = page.http.get(f"/local/state?{query}")
    assert response.status_code == 400
    assert query.partition("=")[0] in response.json()["detail"]


@pytest.mark.parametrize("query", ["text=%FF&since=%FF", "since=%C2%B2.%C2%B2", "status=x&job=%00"])
def test_a_question_about_nothing_is_answered(page: Page, query: str) -> None:
    """Filters and versions are any text."""
    assert page.http.get(f"/local/state?{query}").status_code == 200


# -- When


def test_it_is_held_until_there_is_news(serve: Serve) -> None:
    """Without news the answer waits; each step of a job is news, to everyone who looks on."""
    gate = Gate()
    api = serve(lambda _: gate.wait())
    page = page_of(api)
    version = page.state()["version"]
    seen: list[JsonObject] = []

    def look_on() -> None:
        at = version
        while not seen or seen[-1]["totals"] != {"COMPLETED": 1}:
            seen.append(page.state(since=at, wait=20_000))
            at = seen[-1]["version"]

    onlooker = threading.Thread(target=look_on)
    onlooker.start()
    job = api.run()
    gate.reached()
    gate.open()
    api.wait(job)
    onlooker.join(PATIENCE)
    assert not onlooker.is_alive()
    assert seen[-1]["jobs"][0]["status"] == "COMPLETED"
    assert len({state["version"] for state in seen}) == len(seen)
    page.http.close()


def test_no_news_come_at_the_end_of_the_wait(api: Api, page: Page) -> None:
    """The version does not change."""
    api.settled()
    state = page.state()
    again = page.state(since=state["version"], wait=10)
    assert again["version"] == state["version"]
    assert again["jobs"] == state["jobs"]


def test_questions_of_others_are_no_news(api: Api, page: Page) -> None:
    """A status request does not wake the requests that wait for changes."""
    job = api.run_sync(1)["id"]
    api.settled()
    version = page.state()["version"]
    for _ in range(5):
        api.status(job)
    api.settled()
    assert page.state()["version"] == version


def test_a_version_of_another_server_is_not_waited_with(page: Page) -> None:
    """After a restart on the same port, the page learns of it at once."""
    with LocalEndpoint(echo) as other:
        there = Page(other.page_url)
        version = there.state()["version"]
        there.http.close()
    start = time.monotonic()
    page.state(since=version, wait=60_000)
    assert time.monotonic() - start < PATIENCE


def test_closing_lets_go_of_those_who_look_on(serve: Serve) -> None:
    """A held question is answered when the endpoint closes."""
    local = LocalEndpoint(echo).start()
    page = Page(local.page_url)
    version = page.state()["version"]
    seen: list[JsonObject] = []
    onlooker = threading.Thread(target=lambda: seen.append(page.state(since=version, wait=60_000)))
    onlooker.start()
    api = Api(local)
    api.settled()
    api.http.close()
    local.close()
    onlooker.join(PATIENCE)
    assert not onlooker.is_alive()
    page.http.close()


def test_the_url_of_the_page_is_known_once_it_is_started() -> None:
    """Before, there is none; then it is the root of the server."""
    local = LocalEndpoint(echo)
    with pytest.raises(RuntimeError, match="before start"):
        _ = local.page_url
    with local:
        assert f"{local.page_url}v2" == local.base_url
