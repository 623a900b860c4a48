"""The page of a local endpoint in a real browser: what people see of it, and can do with it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from runpod_sdk.local import LocalEndpoint
from tests.yaml_files import read_yaml

from . import samples
from .conftest import Watched, handler
from .webdriver import Browser

ROOT = Path(__file__).parents[2]
COLOURS = (Path(__file__).parent / "colours.js").read_text()
DOCUMENT = read_yaml(ROOT / "openapi/runpod-serverless.yaml")
CONTROL, DOWN, ENTER = "\ue009", "\ue015", "\ue007"

HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1><a href='javascript:hacked=1'>x</a>"


@pytest.fixture
def empty(browser: Browser) -> Iterator[Watched]:
    """Watch an endpoint of its own."""
    with LocalEndpoint(handler) as local:
        browser.screen(1280, 860)
        watched = Watched(browser, local)
        yield watched
        watched.http.close()
        browser.open("about:blank")


# -- Jobs


def test_a_job_that_is_sent_by_the_form_is_seen_to_complete(watched: Watched) -> None:
    """It is opened at once, in the list too, and shows its output without being asked again."""
    browser = watched.browser
    browser.write("#input", '{"big": 12345678901234567890, "text": "é"}')
    browser.click("#new-job [type=submit]")
    browser.sees("#job .badge", "Completed")
    assert '"big": 12345678901234567890' in browser.text("#job .output pre")
    assert "é" in browser.text("#job .input pre")
    job = browser.text("#job h2")
    assert watched.http.get(f"/status/{job}").json()["status"] == "COMPLETED"
    browser.sees(f"{watched.row(job)} .badge", "Completed")


def test_a_job_that_somebody_else_sends_is_seen(watched: Watched) -> None:
    """The list grows at its top, and the counters go up."""
    before = int(watched.browser.text("#counts [data-status=COMPLETED] dd"))
    job = watched.run("from elsewhere")
    watched.browser.until(lambda: watched.listed()[:1] == [job], "the job is not at the top")
    watched.browser.sees(f"{watched.row(job)} .badge", "Completed")
    watched.browser.sees("#counts [data-status=COMPLETED] dd", str(before + 1))


def test_a_policy_and_a_wait_are_sent_with_a_job(watched: Watched) -> None:
    """What stands in the fields arrives; of /runsync the result is there when it answers."""
    browser = watched.browser
    browser.click("#new-job [value=runsync]")
    browser.click("#new-job summary")
    browser.write("#new-job [name=executionTimeout]", "7000")
    browser.write("#new-job [name=wait]", "5000")
    browser.click("#new-job [type=submit]")
    browser.sees("#job h2", "sync-")
    browser.sees("#job .badge", "Completed")
    sent = [url for url in browser.requests() if "/runsync" in url]
    assert [url.rpartition("?")[2] for url in sent] == ["wait=5000"]


def test_input_that_is_no_json_is_not_sent(watched: Watched) -> None:
    """The form says where it goes wrong, and goes on when it is right again."""
    browser = watched.browser
    browser.write("#input", '{"prompt": }')
    browser.click("#new-job [type=submit]")
    browser.sees("#input-problem", "This is no JSON")
    browser.click("#new-job summary")
    browser.write("#input", "1")
    browser.write("#new-job [name=ttl]", "a while")
    browser.click("#new-job [type=submit]")
    browser.sees("#ttl-problem", "whole number")
    assert [url for url in browser.requests() if url.endswith("/run")] == []


@pytest.mark.refused
def test_what_the_endpoint_refuses_is_said(watched: Watched) -> None:
    """A refusal is shown in the words of the endpoint."""
    browser = watched.browser
    browser.click("#new-job summary")
    browser.write("#new-job [name=ttl]", "0")
    browser.click("#new-job [type=submit]")
    browser.sees("#new-job > .problem", "400 Bad Request: bad request: body")


def test_a_failed_job_shows_its_error_and_can_be_retried(watched: Watched) -> None:
    """The exception and its traceback are laid out; after the retry there is an output instead."""
    browser = watched.browser
    job = watched.run({"fail_once": "the prompt is empty"}, "runsync")
    browser.sees(f"{watched.row(job)} .gist", "ValueError: the prompt is empty")
    browser.click(f"{watched.row(job)} a")
    browser.sees("#job .badge", "Failed")
    assert browser.text("#job .error .message") == "ValueError the prompt is empty"
    assert "raise ValueError(text)" in browser.text("#job .error .frame")
    browser.click("#job .retry")
    browser.sees("#job .badge", "Completed")
    browser.sees("#job .output pre", "at last")
    assert browser.text("#job .error") == ""


def test_a_running_job_can_be_cancelled(watched: Watched) -> None:
    """Progress is shown while it runs; once it is cancelled nothing more can be done."""
    browser = watched.browser
    job = watched.run({"hang": "half"})
    browser.click(f"{watched.row(job)} a")
    browser.sees("#job .badge", "In progress")
    browser.sees("#job .output", "half")
    browser.sees("#fleet", "1 running")
    browser.click("#job .danger")
    browser.sees("#job .badge", "Cancelled")
    assert watched.http.get(f"/status/{job}").json()["status"] == "CANCELLED"
    browser.until(
        lambda: browser.script("return document.querySelector('#job .danger').disabled"),
        "it can be cancelled again",
    )


def test_a_job_can_be_sent_again(watched: Watched) -> None:
    """Its input is put into the form."""
    browser = watched.browser
    job = watched.run({"some": ["input"]}, "runsync")
    browser.click(f"{watched.row(job)} a")
    browser.sees("#job .badge", "Completed")
    browser.click("#job .again")
    browser.element("#input")
    assert (
        browser.script("return document.querySelector('#input').value")
        == '{\n  "some": ["input"]\n}'
    )


def test_the_queue_is_purged_once_that_is_confirmed(empty: Watched) -> None:
    """Nothing is removed before, and what runs stays."""
    browser = empty.browser
    running, *queued = [empty.run({"hang": 1}) for _ in range(3)]
    empty.show()
    browser.sees("#filters", "In queue\n2")
    browser.click("#purge")
    browser.click("#confirm [value=no]")
    assert len(browser.texts("tbody tr")) == 3
    browser.click("#purge")
    browser.click("#confirm [value=yes]")
    browser.until(lambda: empty.listed() == [running], "the queue is not empty")
    assert {empty.http.get(f"/status/{job}").status_code for job in queued} == {404}


def test_an_endpoint_without_jobs_says_what_to_do(empty: Watched) -> None:
    """An empty list is explained, and so is one that a filter has emptied."""
    browser = empty.browser
    empty.show()
    browser.sees("#empty", "No jobs yet")
    empty.run(1, "runsync")
    browser.until(lambda: browser.texts("tbody tr"), "there is no row")
    browser.write("#find", "nothing like it")
    browser.sees("#empty", "No job is like that")
    empty.go("#/jobs/of-nobody")
    browser.sees("#job", "no such job")


def test_many_jobs_are_shown_a_hundred_at_a_time(empty: Watched) -> None:
    """The others are counted, shown by and by, and found by status and id."""
    browser = empty.browser
    failed = empty.run({"fail": "first"}, "runsync")
    for number in range(350):
        empty.run(number)
    empty.show()
    browser.sees("#filters", "Completed\n350")
    assert len(browser.texts("tbody tr")) == 100
    assert browser.text("#more") == "Show more: 251 older"
    browser.click("#more")
    browser.until(lambda: len(browser.texts("tbody tr")) == 200, "there are no more")
    browser.click("#filters button:nth-of-type(5)")
    browser.until(lambda: empty.listed() == [failed], "the failed one is not found")
    browser.click("#filters button:nth-of-type(1)")
    browser.write("#find", failed[-20:])
    browser.until(lambda: empty.listed() == [failed], "it is not found by its id")


def test_long_output_is_folded_and_can_be_loaded_whole(watched: Watched) -> None:
    """A long text begins folded; one that was cut says so, and the rest comes when asked for."""
    browser = watched.browser
    job = watched.run([{"n": number, "text": "x" * 20} for number in range(1200)], "runsync")
    watched.go(f"#/jobs/{job}")
    browser.sees("#job .output", "Only the beginning is shown")
    assert browser.script("return document.querySelector('#job .output pre').clientHeight") < 500
    browser.click("#job .output .block-tools button:last-of-type")
    browser.sees("#job .output", "Show all 1202 lines")
    browser.click("#job .output .block-tools button")
    assert '"n": 1199' in browser.text("#job .output pre")
    assert browser.text("#job .output .block-tools button") == "Fold"


def test_nothing_of_a_job_is_read_as_markup(watched: Watched) -> None:
    """Scripts, pictures and links in input, output and errors are shown as text, and do nothing."""
    browser = watched.browser
    for input in ({HOSTILE: HOSTILE}, {"fail": HOSTILE}, {"error": HOSTILE}, {"hang": HOSTILE}):
        job = watched.run(input)
        watched.go(f"#/jobs/{job}")
        browser.sees("#job .input pre", HOSTILE)
        browser.sees(watched.row(job), HOSTILE[:24])
        if "hang" in input:
            browser.sees("#job .output pre", HOSTILE)
            browser.click("#job .danger")
            browser.sees("#job .badge", "Cancelled")
        elif "fail" in input or "error" in input:
            browser.sees("#job .error .message", HOSTILE)
        else:
            browser.sees("#job .output pre", HOSTILE)
        strange = (
            "return document.querySelectorAll('main script, main img, [href^=javascript]').length"
        )
        assert browser.script(strange) == 0
    assert browser.script("return typeof hacked") == "undefined"


def test_markup_could_not_even_be_made(browser: Browser, watched: Watched) -> None:
    """The policy of the page forbids what its code does not do."""
    attempt = "try { document.body.innerHTML = arguments[0] } catch (error) { return error.name }"
    assert browser.script(attempt, HOSTILE) == "TypeError"
    assert browser.log("browser") != []


def test_the_page_survives_a_restart_of_the_server(browser: Browser) -> None:
    """It says that the server is gone, and goes on with the one that comes to the same port."""
    with LocalEndpoint(handler, endpoint_id="before") as local:
        port = int(local.page_url.rstrip("/").rpartition(":")[2])
        browser.screen(1280, 860)
        watched = Watched(browser, local)
        watched.run("of before", "runsync")
        watched.show()
        browser.until(lambda: browser.texts("tbody tr"), "there is no row")
        watched.http.close()
    browser.sees("#live", "gone")
    with LocalEndpoint(handler, endpoint_id="after", port=port):
        browser.sees("#live", "Live")
        browser.sees("#endpoint", "after")
        browser.sees("#empty", "No jobs yet")
        browser.write("#input", '"of after"')
        browser.click("#new-job [type=submit]")
        browser.sees("#job .output pre", "of after")
    browser.open("about:blank")


def test_another_endpoint_of_the_server_can_be_chosen(browser: Browser) -> None:
    """Its jobs are shown, and the form sends to it; a server with one has no choice."""
    with LocalEndpoint({"first": handler, "second": lambda job: "of second"}) as local:
        browser.screen(1280, 860)
        watched = Watched(browser, local)
        job = watched.run("of first", "runsync")
        watched.show()
        browser.sees(f"{watched.row(job)} .badge", "Completed")
        browser.script(
            "const choice = document.getElementById('endpoints');"
            "choice.value = 'second';"
            "choice.dispatchEvent(new Event('change'))"
        )
        browser.sees("#empty", "No jobs yet")
        browser.write("#input", "1")
        browser.click("#new-job [type=submit]")
        browser.sees("#job .output pre", "of second")
        assert browser.script("return document.title").startswith("second")
        url = browser.script("return location.href")
        assert url.endswith("?endpoint=second")
        browser.open("about:blank")
        browser.open(url)
        browser.sees("#job .output pre", "of second")
        watched.go("#/?endpoint=first")
        browser.until(lambda: watched.listed() == [job], "the first endpoint is not shown")
        watched.http.close()
        browser.open("about:blank")


# -- What has happened to a job


def test_an_error_of_any_form_is_shown_alike(watched: Watched) -> None:
    """The message first, then the handler's last frame; the traceback has no other frames."""
    browser = watched.browser
    forms = {
        "function": ({"fail": "no model"}, "ValueError no model", "raise ValueError(text)"),
        "generator": (
            {"stream": [1], "then": "no token"},
            "RuntimeError no token",
            "raise RuntimeError(error)",
        ),
        "text": ({"error": "out of memory"}, "out of memory", None),
    }
    for input, message, line in forms.values():
        job = watched.run(input, "runsync")
        watched.go(f"#/jobs/{job}")
        browser.sees("#job .error .message", message)
        assert browser.text("#job .error .message") == message
        browser.sees(watched.row(job), message.replace("Error ", "Error: "))
        if line is None:
            assert browser.text("#job .frame pre") == ""
            continue
        assert line in browser.text("#job .error .frame")
        browser.click("#job .traceback summary")
        browser.sees("#job .traceback pre", "outside the handler")
        assert "runpod_sdk/local" not in browser.text("#job .traceback pre")
        browser.script(_CLIPBOARD)
        browser.click("#job .traceback .copy")
        browser.until(lambda: browser.script("return window.copied"), "nothing is copied")
        copied = browser.script("return window.copied")
        assert copied.startswith("Traceback (most recent call last)")
        assert "runpod_sdk/local" in copied
        browser.click("#job .traceback .row button:last-child")
        browser.sees("#job .traceback pre", "runpod_sdk/local")


_CLIPBOARD = (
    "window.copied = ''; navigator.clipboard.writeText = async (text) => { window.copied = text }"
)


def test_files_in_an_output_are_shown_in_place_of_their_base64(watched: Watched) -> None:
    """Pictures and sounds are played from memory, can be enlarged and saved, and copied whole."""
    browser = watched.browser
    job = watched.run({"paint": 2}, "runsync")
    browser.sees(watched.row(job), "(image/png, ")
    watched.go(f"#/jobs/{job}")
    browser.sees("#job .output pre", '"images": ["(image/png, ')
    assert "iVBOR" not in browser.script("return document.querySelector('#job').textContent")
    sizes = """
    return [...document.querySelectorAll("#job .output img")].map((picture) => picture.naturalWidth)
    """
    browser.until(lambda: browser.script(sizes) == [64, 64], "the pictures are not shown")
    sound = "return document.querySelector('#job audio')?.duration"
    browser.until(lambda: browser.script(sound), "the sound is not there")
    assert browser.script(sound) == pytest.approx(0.2)
    browser.until(lambda: browser.texts("#job video"), "the video is not there")
    browser.click("#job .files figure:nth-child(2) .picture")
    browser.sees("#viewer-name", "images.1.png (image/png, ")
    browser.click("#viewer button")
    browser.script(_CLIPBOARD)
    browser.click("#job .output .block > .copy")
    browser.until(lambda: browser.script("return window.copied"), "nothing is copied")
    copied = json.loads(browser.script("return window.copied"))
    assert copied["images"][1] == samples.text(samples.png(hue=40))


def test_what_a_handler_writes_is_shown_as_it_comes(browser: Browser) -> None:
    """By job and by worker: printed lines, and log records with their level."""
    lines = [f"print: {HOSTILE}", f"to stderr: {HOSTILE}", f"worker.model: logged: {HOSTILE}"]
    browser.screen(1280, 860)
    with LocalEndpoint(handler) as local:  # pytest replaces the streams after a fixture
        watched = Watched(browser, local)
        job = watched.run({"say": HOSTILE}, "runsync")
        watched.go(f"#/jobs/{job}")
        browser.sees("#job .log", lines[-1])
        assert browser.texts("#job .lines span") == lines
        assert browser.texts("#job .lines b") == ["WARNING"]
        browser.click("#job .facts a")
        browser.sees("#worker .log", lines[-1])
        other = watched.run({"say": "and this"}, "runsync")
        browser.sees("#worker .log", "logged: and this")
        assert len(browser.texts("#worker .lines li")) == 6
        browser.click("#worker .lines li:last-child a")
        browser.sees("#job h2", other)
        browser.sees("#job .log", "and this")
        watched.http.close()
        browser.open("about:blank")


def test_a_timeline_tells_what_has_happened(empty: Watched) -> None:
    """Submission, worker, progress, chunks, retry, end and webhooks, each with its time."""
    browser = empty.browser
    job = empty.run({"fail_once": "not yet"}, "runsync")
    empty.http.post(f"/retry/{job}")
    empty.go(f"#/jobs/{job}")
    browser.sees("#job .badge", "Completed")
    kinds = "return [...document.querySelectorAll('.events li')].map((item) => item.dataset.kind)"
    expected = ["submitted", "taken", "ended", "retried", "taken", "ended"]
    browser.until(lambda: browser.script(kinds) == expected, "the timeline is another one")
    assert "ValueError: not yet" in browser.texts(".events li")[2]
    assert all(text.startswith("+ ") for text in browser.texts(".events time")[1:])
    rows = browser.texts(".attempts tr")
    assert [row.split()[:2] for row in rows] == [["1", "Failed"], ["2", "Completed"]]
    assert "Attempts\n2" in browser.text("#job .facts")
    streamed = empty.http.post(
        "/runsync", json={"input": {"stream": [1, 2]}, "webhook": "http://127.0.0.1:9/"}
    )
    empty.go(f"#/jobs/{streamed.json()['id']}")
    browser.sees(".events", "2 chunks")


def test_counters_say_what_they_count(empty: Watched) -> None:
    """After a retry, a failure still counts as an event, and the job is one that completed."""
    browser = empty.browser
    job = empty.run({"fail_once": "not yet"}, "runsync")
    empty.http.post(f"/retry/{job}")
    empty.show()
    browser.sees("#filters", "Completed\n1")
    counts = browser.text("#counts").split("\n")
    assert counts[counts.index("Failed") + 1] == "1"
    assert counts.index("since start") < counts.index("Completed")
    assert "Failed\n0" in browser.text("#filters")
    browser.sees(empty.row(job), "attempt 2")


def test_the_workers_have_lanes(watched: Watched) -> None:
    """Each shows its runs of the last minutes, with links; beside them stand speed and rate."""
    browser = watched.browser
    job = watched.run({"fail": "in a lane"}, "runsync")
    browser.click("#to-workers")
    browser.sees("#lanes-title", "the last 5 minutes")
    assert len(browser.texts("#lanes li")) == 2
    browser.until(
        lambda: browser.script("return document.querySelectorAll('#lanes svg a').length"),
        "no run is drawn",
    )
    linked = """
    return [...document.querySelectorAll("#lanes svg a")].map((a) => a.getAttribute("href"))
    """
    assert f"#/jobs/{job}" in browser.script(linked)
    charts = browser.text("#charts")
    assert "p50" in charts
    assert "Jobs per minute" in charts
    bars = """
    const bars = [...document.querySelectorAll("#charts figure:first-child rect")];
    return bars.map((bar) => bar.getBBox().height);
    """
    assert max(browser.script(bars)) > 0


def test_jobs_are_found_by_what_they_contain(watched: Watched) -> None:
    """The search, the filter and the open job stand in the URL, and survive a reload."""
    browser = watched.browser
    failed = watched.run({"fail": "a Marmoset"}, "runsync")
    done = watched.run({"animals": ["marmoset"]}, "runsync")
    other = watched.run({"animals": ["lemur"]}, "runsync")
    browser.write("#find", "MARMOSET")
    browser.until(lambda: watched.listed() == [done, failed], "they are not found")
    browser.sees("#filters", "All\n2")
    browser.click("#filters button:nth-of-type(5)")
    browser.until(lambda: watched.listed() == [failed], "the status does not count")
    hash = "return location.hash"  # has the last letters when the search has been typed
    chosen = "#/?status=FAILED&text=MARMOSET"
    browser.until(lambda: browser.script(hash) == chosen, "the filter is not in the URL")
    browser.click(f"{watched.row(failed)} a")
    browser.sees("#job h2", failed)
    url = browser.script("return location.href")
    assert url.endswith(f"#/jobs/{failed}?status=FAILED&text=MARMOSET")
    browser.open("about:blank")
    browser.open(url)
    browser.sees("#job h2", failed)
    browser.until(lambda: watched.listed() == [failed], "the filter is forgotten")
    assert browser.script("return document.querySelector('#find').value") == "MARMOSET"
    later = watched.run({"fail": "one more marmoset"}, "runsync")
    browser.until(lambda: watched.listed() == [later, failed], "a new job is not found")
    worker = watched.http.get(f"/status/{other}").json()["workerId"]
    watched.go(f"#/?text={worker}")
    browser.until(lambda: other in watched.listed(), "the worker is not searched")
    watched.go("#/?text=lemur")
    browser.until(lambda: watched.listed() == [other], "another search is not done")


def test_a_row_tells_jobs_apart(watched: Watched) -> None:
    """By the telling values of the input, a short id, and how far a running job is."""
    browser = watched.browser
    job = watched.run({"steps": 28, "prompt": "a fox in the snow"}, "runsync")
    row = browser.until(lambda: browser.text(watched.row(job)), "there is no row")
    assert "a fox in the snow · steps 28" in row
    assert job not in row
    assert job.removeprefix("sync-")[:8] in row
    running = watched.run({"hang": 12})
    browser.sees(watched.row(running), "so far 12")
    watched.http.post(f"/cancel/{running}")
    streamed = watched.run({"stream": ["x"] * 30}, "runsync")
    browser.sees(watched.row(streamed), "30 chunks")


def test_the_list_begins_above_the_fold(browser: Browser) -> None:
    """With 24 workers too, on any screen; each is a cell of the overview."""
    with LocalEndpoint(handler, workers=24) as local:
        many = Watched(browser, local)
        many.run("x", "runsync")
        many.show()
        browser.until(many.listed, "there is no row")
        assert len(browser.texts("#cells i")) == 24
        for width, height in ((420, 860), (1024, 768), (1440, 900)):
            browser.screen(width, height)
            top = "return document.querySelector('#rows tr').getBoundingClientRect().top"
            assert browser.script(top) < height / 2
            overview = "return document.querySelector('.overview').offsetHeight"
            assert browser.script(overview) < 100
        many.http.close()
        browser.open("about:blank")


def test_a_submission_is_copied_as_code(watched: Watched) -> None:
    """As Python it submits the same job again; the other forms have the same input and policy."""
    browser = watched.browser
    input = {"text": 'it\'s é \n"x"', "big": 12345678901234567890, "flag": True, "none": None}
    body = {"input": input, "policy": {"executionTimeout": 7000, "lowPriority": True}}
    job = watched.http.post("/runsync", json=body).json()["id"]
    watched.go(f"#/jobs/{job}")
    browser.sees("#job .badge", "Completed")
    browser.click("#job .snippets summary")
    forms = {}
    for index, name in enumerate(("curl", "Python", "JavaScript", "Command line"), 1):
        browser.click(f"#job .snippets .tabs button:nth-child({index})")
        forms[name] = browser.script(
            "return document.querySelector('#job .snippets code').textContent"
        )
    assert "12345678901234567890" in forms["JavaScript"]
    assert "/runsync" in forms["JavaScript"]
    sent: dict[str, object] = {}

    def run_sync(argument: object) -> None:
        sent["python"] = argument

    forms = {name: form.replace("\\\n", " ") for name, form in forms.items()}
    words = shlex.split(forms["Command line"])
    assert words[1:5] == ["runpod-sdk", "run-sync", "--endpoint", watched.local.endpoint_id]
    assert json.loads(words[words.index("--input") + 1]) == input
    assert words[words.index("--execution-timeout") + 1] == "7"
    assert "--low-priority" in words
    words = shlex.split(forms["curl"])
    assert json.loads(words[words.index("-d") + 1]) == body
    assert "Authorization: Bearer $RUNPOD_API_KEY" in words
    call = next(line for line in forms["Python"].splitlines() if "run_sync" in line)
    code = forms["Python"][forms["Python"].index(call) :].partition("\n    print")[0].strip()
    exec(code, {"endpoint": SimpleNamespace(run_sync=run_sync)})
    assert sent["python"] == body


# -- The reference


def test_the_reference_has_every_operation(watched: Watched) -> None:
    """Each is in the menu and in the text, with its verb, its path and its description."""
    browser = watched.browser
    watched.go("#/reference")
    browser.element(".operation")
    described = {
        (method.upper(), path, operation["operationId"], operation["summary"])
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
    }
    shown = browser.script("""
    return [...document.querySelectorAll(".operation")].map((section) => [
      ...[".path .verb", ".path code"].map((name) => section.querySelector(name).textContent),
      section.dataset.id, section.querySelector("h3").textContent])
    """)
    assert {tuple(operation) for operation in shown} >= described
    assert len(shown) == len(described) + len(DOCUMENT["webhooks"])
    links = browser.script(
        "return [...document.querySelectorAll('.reference > .contents a')].map((a) => a.hash)"
    )
    assert {f"#/reference/{name}" for _, _, name, _ in described} <= set(links)
    for name in (
        "IN_PROGRESS",
        "executionTimeout",
        "delayTime",
        "60902e6c-08a1-426e-9cb9-9eaec90f5e2b",
    ):
        assert name in browser.script("return document.querySelector('.operations').textContent")


def test_an_operation_can_be_tried(watched: Watched) -> None:
    """A job is sent and asked for from the reference, without a word to be written."""
    browser = watched.browser
    watched.go("#/reference/run_job")
    browser.click("[data-id=run_job] .try [type=submit]")
    browser.sees("[data-id=run_job] .outcome", "200 OK")
    job = json.loads(browser.text("[data-id=run_job] .result pre"))["id"]
    assert watched.http.get(f"/status-sync/{job}").json()["status"] == "COMPLETED"
    field = "[data-id=get_job_status] [name=job_id]"
    value = f"return document.querySelector('{field}').value"
    browser.until(lambda: browser.script(value) == job, "the job is not suggested")
    browser.click("[data-id=get_job_status] .try [type=submit]")
    browser.sees("[data-id=get_job_status] .result", "COMPLETED")
    browser.click("[data-id=get_job_status] .snippets summary")
    browser.click("[data-id=get_job_status] .tabs button:first-child")
    shell = browser.text("[data-id=get_job_status] .snippets pre")
    assert f"{watched.http.base_url}status/{job}" in shell
    assert "$RUNPOD_API_KEY" in shell


@pytest.mark.refused
def test_a_refusal_can_be_tried_too(watched: Watched) -> None:
    """What is missing is said without asking; what the endpoint refuses is shown as it came."""
    browser = watched.browser
    watched.go("#/reference/cancel_job")
    browser.write("[data-id=cancel_job] [name=job_id]", " ")
    browser.click("[data-id=cancel_job] .try [type=submit]")
    browser.sees("[data-id=cancel_job] .result", "job_id is missing")
    browser.write("[data-id=cancel_job] [name=job_id]", "of-nobody")
    browser.click("[data-id=cancel_job] .try [type=submit]")
    browser.sees("[data-id=cancel_job] .outcome", "404 Not Found")
    browser.sees("[data-id=cancel_job] .result pre", "job not found")


# -- For everyone


def test_a_keyboard_is_enough(watched: Watched) -> None:
    """Ctrl and Enter send; the arrows go through the list, and Enter opens."""
    browser = watched.browser
    older, newer = watched.run("older"), watched.run("newer")
    browser.until(lambda: watched.listed()[:1] == [newer], "the job is not at the top")
    browser.script("document.querySelector('tbody a').focus()")
    browser.press(DOWN)
    browser.press(ENTER)
    browser.sees("#job h2", older)
    watched.go("#/new")
    browser.sees("#new-job h2", "New job")
    browser.press(CONTROL, ENTER)
    browser.sees("#job .badge", "Completed")


@pytest.mark.parametrize("hash", ["#/", "#/jobs/{failed}", "#/reference"])
def test_everything_that_can_be_used_has_a_name(watched: Watched, hash: str) -> None:
    """Those who do not see the page are told what each button, link and field is."""
    failed = watched.run({"fail": "no"}, "runsync")
    watched.go(hash.format(failed=failed))
    watched.browser.element(".operation" if "reference" in hash else watched.row(failed))
    usable = {"button", "link", "textbox", "searchbox", "combobox", "radio", "checkbox", "region"}
    nodes = watched.browser.cdp("Accessibility.getFullAXTree")["nodes"]
    found = [node for node in nodes if node.get("role", {}).get("value") in usable]
    assert len(found) > 10
    assert [node for node in found if not node["ignored"] and not node["name"]["value"]] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_in_dark(watched: Watched, scheme: str) -> None:
    """The colours follow the preference, with a contrast of at least 4.5 for all text."""
    browser = watched.browser
    failed = watched.run({"fail": "no"}, "runsync")
    watched.run({"text": "yes", "number": 1, "word": None}, "runsync")
    browser.screen(1280, 860, scheme=scheme)
    for hash in (f"#/jobs/{failed}", "#/new", "#/reference"):
        watched.go(hash)
        browser.element(".operation" if "reference" in hash else watched.row(failed))
        dark = browser.script(f"{COLOURS} return luminance(ground(document.body)) < 0.2")
        assert dark == (scheme == "dark")
        assert browser.script(f"{COLOURS} return faint()") == []


@pytest.mark.parametrize("width", [320, 390, 1024])
def test_a_narrow_screen_is_enough(watched: Watched, width: int) -> None:
    """Nothing goes over the side, and one part is shown at a time."""
    browser = watched.browser
    failed = watched.run({"fail": "no" * 100}, "runsync")
    browser.screen(width, 844)
    for hash in ("#/", "#/new", f"#/jobs/{failed}", "#/reference"):
        watched.go(hash)
        browser.element(".operation" if "reference" in hash else "#jobs-view")
        wide = browser.script("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        if width < 800 and "reference" not in hash:
            seen = [name for name in (".list", ".side") if browser.text(f"{name}").strip()]
            assert seen == [".list" if hash == "#/" else ".side"]
    watched.go()
    browser.click(f"{watched.row(failed)} a")
    browser.sees("#job .badge", "Failed")
    if width < 800:
        browser.click("#job .back")
        browser.element("tbody tr")
