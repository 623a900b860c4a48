"""How a job and its state are shown: in a line, and in a notebook."""

from __future__ import annotations

import base64
import json
import pickle
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import EndpointHealth, JobState, MapResult, Runpod, RunpodError
from runpod_sdk.media import Media, media_of, strings_of
from tests.facade.clients import JOB, KEY, Driver, Script, job
from tests.hypothesis_profiles import at_most

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
HOSTILE = """</pre><script>alert(1)</script><img src=x onerror=alert(1)>"' onload='x"""

TAGS = {"div", "code", "span", "pre", "img", "audio", "details", "summary"}
ATTRIBUTES = {"style", "src", "alt", "controls"}


class Page(HTMLParser):
    """Collects what a browser would see, and refuses what it should never get."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        names = {name for name, _ in attrs}
        assert names <= ATTRIBUTES
        given = dict(attrs)
        assert "url" not in (given.get("style") or "")
        if source := given.get("src"):
            assert source.startswith(("data:image/", "data:audio/"))
            self.sources.append(source)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def state_of(status: str = "COMPLETED", *, id: str = JOB, **given: Any) -> JobState:
    wire = {
        "id": id,
        "status": status,
        **({"output": given["output"]} if "output" in given else {}),
    }
    return JobState(id=id, status=status, wire=wire, has_output="output" in given, **given)


def page_of(shown: Any) -> Page:
    html = shown._repr_html_()
    assert len(html) < 20_000_000
    return Page(html)


def test_a_state_is_a_line(driver: Driver) -> None:
    """With what one wants to know first, and no more."""
    script = Script(
        job(output={"a": [1, 2]}, executionTime=2_345, delayTime=180, workerId="w1"),
        job("IN_QUEUE"),
        job("IN_PROGRESS", delayTime=1_500, output="step 1"),
        job("FAILED", error="no memory", retries=1),
        job("SOMETHING_NEW"),
    )
    endpoint = driver.endpoint(script)
    shown = [repr(driver.call(lambda: endpoint.status(JOB))) for _ in range(5)]
    assert shown == [
        f"<JobState {JOB} COMPLETED in 2.3 s, waited 180 ms, worker w1, output {{'a': [1, 2]}}>",
        f"<JobState {JOB} IN_QUEUE>",
        f"<JobState {JOB} IN_PROGRESS, waited 1.5 s, progress 'step 1'>",
        f"<JobState {JOB} FAILED, retries 1, error 'no memory'>",
        f"<JobState {JOB} SOMETHING_NEW>",
    ]


def test_a_job_is_a_line_and_is_not_asked_after(driver: Driver) -> None:
    """Its end is in it, once that was waited for."""
    script = Script(job(output=1, executionTime=5))
    handle = driver.endpoint(script).job(JOB)
    name = type(handle).__name__
    assert repr(handle) == f"<{name} {JOB} of endpoint ep>"
    assert "<code>ep</code>" in handle._repr_html_()
    assert script.requests == []
    driver.call(lambda: handle.wait())
    assert repr(handle) == f"<{name} {JOB} of endpoint ep: COMPLETED in 5 ms, output 1>"
    assert "COMPLETED" in page_of(handle).text
    assert KEY not in repr(handle) + handle._repr_html_()


def test_an_exception_of_a_handler_is_shown_as_one(driver: Driver) -> None:
    """By its type and message, as in errors; in a notebook where it was raised can be seen too."""
    details = {
        "error_type": "<class 'ValueError'>",
        "error_message": "no <prompt>",
        "error_traceback": "Traceback (most recent call last):\n  in handler",
    }
    script = Script(job("FAILED", error=json.dumps(details)))
    state = driver.call(lambda: driver.endpoint(script).status(JOB))
    assert repr(state) == f"<JobState {JOB} FAILED, error 'ValueError: no <prompt>'>"
    text = page_of(state).text
    assert "ValueError: no <prompt>" in text
    assert "call last):\n  in handler" in text
    assert "error_type" not in text


def test_short_json_is_a_line() -> None:
    """A value that does not fit is broken where its parts begin."""
    output = {"seeds": [1, 2, 3], "texts": ["x" * 40, "y" * 40]}
    text = page_of(state_of(output=output)).text
    assert text.endswith(
        f'{{\n  "seeds": [1, 2, 3],\n  "texts": [\n    "{"x" * 40}",\n    "{"y" * 40}"\n  ]\n}}'
    )


def test_a_pickled_state_is_shown_alike() -> None:
    state = state_of(output=[1])
    assert repr(pickle.loads(pickle.dumps(state))) == repr(state)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.just(HOSTILE),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(HOSTILE), inner),
    max_leaves=20,
)


@given(
    json_values, st.text(), st.text() | st.just(HOSTILE), st.sampled_from(["COMPLETED", HOSTILE])
)
@at_most(300)
def test_whatever_comes_is_a_line_and_a_page(
    value: Any, name: str, error: str, status: str
) -> None:
    """One line of printable characters; elements that are ours alone."""
    state = state_of(status, id=name, output=value, progress=value, error=error, worker_id=error)
    assert repr(state).isprintable()
    assert len(repr(state)) < 1_000
    page_of(state)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000_000,
        ["x"] * 1_000_000,
        {str(n): [n] * 100 for n in range(10_000)},
        [encoded(PNG)] * 1_000,
    ],
    ids=["text", "list", "dict", "pictures"],
)
def test_what_is_large_is_cut(value: Any) -> None:
    state = state_of(output=value, error="y" * 1_000_000)
    assert len(repr(state)) < 1_000
    assert len(state._repr_html_()) < 20_000


def test_what_is_deep_is_cut() -> None:
    value: Any = HOSTILE
    for _ in range(500):
        value = [{"deeper": value}]
    state = state_of(output=value)
    assert len(repr(state)) < 1_000
    assert "script" not in page_of(state).text


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        (encoded(PNG), "data:image/png;base64,iVBOR"),
        (f"data:image/png;base64,{encoded(PNG)}", "data:image/png;base64,iVBOR"),
        (f"DATA:Image/PNG;base64,{encoded(PNG)}", "data:image/png;base64,iVBOR"),
        (encoded(b"RIFF1234WAVE" + bytes(50)), "data:audio/wav;base64,UklGR"),
    ],
)
def test_pictures_and_sounds_are_shown(text: str, beginning: str) -> None:
    """Wherever in the output they are; and not once more as text."""
    page = page_of(state_of(output={"all": [{"of": text}]}))
    assert len(page.sources) == 1
    assert page.sources[0].startswith(beginning)
    assert encoded(PNG)[:20] not in page.text


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/picture.png",
        "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
        "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+",
        'data:image/png;base64,AAAA" onerror="alert(1)',
        "data:image/png,plain",
        "javascript:alert(1)",
        f"data:image/png;base64,{'A' * 5_000_000}",
    ],
    ids=lambda text: text[:30],
)
def test_nothing_else_is(text: str) -> None:
    """No link, nothing that can run, nothing that is no base64, nothing very large."""
    assert page_of(state_of(output=[text])).sources == []


def test_pictures_that_are_left_out_are_counted() -> None:
    """Where there are too many, and where one is too large."""
    wav = encoded(b"RIFF1234WAVE" + bytes(50))
    page = page_of(state_of(output=[encoded(PNG)] * 30))
    assert len(page.sources) == 12
    assert "18 more images: .save_output(directory) saves all files" in page.text
    page = page_of(state_of(output=[encoded(PNG), *[wav] * 12]))
    assert "1 more sound:" in page.text
    large = encoded(PNG + bytes(4_000_000))
    assert "1 more image:" in page_of(state_of(output=[large])).text
    assert "more" not in page_of(state_of(output=[encoded(PNG)] * 12)).text


def test_the_last_frame_of_a_handler_is_shown_first() -> None:
    """Frames around the handler's are folded; the whole traceback is there too."""
    frames = [
        '  File "/x/site-packages/runpod/serverless/run.py", line 1, in run\n    handler(job)',
        '  File "/src/handler.py", line 7, in handler\n    load(job)',
    ]
    traceback = "\n".join(["Traceback (most recent call last):", *frames, "ValueError: no"])
    details = {
        "error_type": "<class 'ValueError'>",
        "error_message": "no",
        "error_traceback": traceback,
    }
    text = page_of(state_of("FAILED", error=json.dumps(details))).text
    reason, frame = text.index("ValueError: no"), text.index("/src/handler.py")
    assert reason < frame < text.index("1 frame outside the handler")
    assert text.count("site-packages") == 1


def test_an_endpoint_and_its_health_are_shown(driver: Driver) -> None:
    """The endpoint without a request."""
    health = {
        "jobs": {"completed": 1_234, "failed": 0, "inProgress": 3, "inQueue": 2},
        "workers": {"idle": 1, "throttled": 5},
    }
    script = Script(httpx.Response(200, json=health))
    endpoint = driver.endpoint(script)
    text = page_of(endpoint).text
    assert "endpoint ep" in text
    assert ".health()" in text
    assert script.requests == []
    page = page_of(driver.call(lambda: endpoint.health()))
    assert page.text == "jobs2 queued3 running1,234 completed0 failedworkers1 idle5 throttled"
    assert "unknown" in page_of(EndpointHealth(wire={})).text


def test_the_results_of_a_map_are_shown(driver: Driver) -> None:
    """How many were read, and each with its input; nothing is read or sent for that."""
    script = Script(job("IN_QUEUE"), job("FAILED", error="no"))
    results = driver.endpoint(script).map([HOSTILE], progress=None)
    assert (
        repr(results)
        == f"<{type(results).__name__} of map on endpoint ep: 0/1 results read, 0 jobs in flight>"
    )
    assert script.requests == []
    (result,) = driver.take(results)
    page = page_of(result)
    assert page.text.startswith("input 0 '</pre>")
    assert "FAILED" in page.text
    assert (
        "1/1 results read, 1 failed, 0 jobs in flight, map on endpoint ep" in page_of(results).text
    )
    lost = MapResult(index=3, input=1, error=RunpodError("<b>lost</b>"))
    assert page_of(lost).text == "input 3 1RunpodError: <b>lost</b>"


def test_a_line_names_files() -> None:
    assert "(image/png, 108 bytes)" in repr(state_of(output={"image": encoded(PNG)}))


def test_half_a_surrogate_pair_can_be_sent_to_a_notebook() -> None:
    state = state_of(output={"\ud800": "\udfff"}, error="\ud800")
    assert state._repr_html_().encode()
    assert repr(state).encode()


def test_a_session_is_shown_in_a_notebook_without_a_request() -> None:
    with Runpod("rpa_CANARY0123456789", base_url="http://127.0.0.1:9") as client:
        handle = client.endpoint("ep").job("<b>bold&<b>")
        page_of(handle)
        assert "CANARY" not in repr(handle) + handle._repr_html_()


@given(st.binary(min_size=32, max_size=200), st.booleans(), st.booleans())
@at_most(100)
def test_a_file_is_found_in_any_spelling_of_base64(data: bytes, urlsafe: bool, lines: bool) -> None:
    data = PNG[:8] + data
    text = (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(data).decode()
    if lines:
        text = "\n".join(text[at : at + 20] for at in range(0, len(text), 20))
    found = media_of(text.rstrip("=") if urlsafe else text)
    assert found is not None
    assert (found.type, found.ending, found.size, found.data()) == (
        "image/png",
        "png",
        len(data),
        data,
    )


@given(st.text() | st.from_regex(r"data:[a-z/]{0,9};base64,[A-Za-z0-9+/=]{0,40}", fullmatch=True))
@at_most(200)
def test_text_is_a_file_only_where_it_can_be_decoded(text: str) -> None:
    found = media_of(text)
    if found is not None:
        assert isinstance(found, Media)
        assert len(found.data()) == found.size


def test_words_are_no_file() -> None:
    assert media_of("A horse is a horse of course " * 10) is None
    assert media_of("iVBORw0KGgo" + "?" * 100) is None
    assert media_of("RIFF" * 30) is None


def test_every_string_is_found_with_its_place() -> None:
    assert list(strings_of({"a": ["x", {"b": "y"}], "c": 1, "d": None})) == [
        (("a", "0"), "x"),
        (("a", "1", "b"), "y"),
    ]
