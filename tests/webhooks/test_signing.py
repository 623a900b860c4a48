"""Signed URLs: what is genuine is read, and nothing else is."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk import RunpodError, webhooks

SECRET = "a secret of some length"
OTHER = b"another secret, of bytes"
NOW = 1_767_225_600.0
BODY = {
    "delayTime": 5,
    "executionTime": 7,
    "id": "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1",
    "input": {"prompt": "x"},
    "output": ["y"],
    "status": "COMPLETED",
    "webhook": "https://me.test/hook",
}


def sign(url: str = "https://me.test/hook?a=1", secret: Any = SECRET, **options: Any) -> str:
    return webhooks.sign_url(url, secret, **{"now": NOW, **options})


def parse(url: str | bytes, body: Any = BODY, secret: Any = SECRET, at: float = NOW) -> Any:
    given = body if isinstance(body, str | bytes) else json.dumps(body)
    return webhooks.parse(url, given, secret, now=at)


def test_what_a_call_says() -> None:
    """The state is as `status` would give it, with the input that the job was sent with."""
    delivery = parse(sign(reference="order-17"))
    assert delivery.state.succeeded
    assert delivery.state.output == ["y"]
    assert delivery.state.execution_time == timedelta(milliseconds=7)
    assert delivery.state.to_dict() == BODY
    assert delivery.input == {"prompt": "x"}
    assert delivery.reference == "order-17"
    assert delivery.expires == datetime.fromtimestamp(NOW, UTC) + webhooks.EXPIRES_IN
    assert pickle.loads(pickle.dumps(delivery)) == delivery


@pytest.mark.parametrize("cut", ["whole", "path", "query", "bytes"])
def test_the_ways_to_give_the_url(cut: str) -> None:
    """Frameworks give a URL whole, from its path on, or its query alone; some as bytes."""
    url = sign()
    parts = urlsplit(url)
    query = parts.query
    given: dict[str, str | bytes] = {
        "whole": url,
        "path": f"{parts.path}?{query}",
        "query": query,
        "bytes": query.encode(),
    }
    assert parse(given[cut]).state.succeeded


def test_the_url_stays_what_it_was() -> None:
    """Host, path and its own parameters are kept; the secret is not in it."""
    url = sign("https://me.test:8443/a/b?x=%20&y=")
    assert url.startswith("https://me.test:8443/a/b?x=%20&y=&rp_expires=")
    assert SECRET not in url
    assert urlsplit(sign("https://me.test")).query.startswith("rp_expires=")


def test_it_expires() -> None:
    """It is good up to its last second, and an hour longer than the life of a job by default."""
    url = sign(expires_in=timedelta(minutes=1))
    assert parse(url, at=NOW + 60).state.succeeded
    with pytest.raises(webhooks.ExpiredError, match="expires_in") as caught:
        parse(url, at=NOW + 61)
    assert caught.value.status_code == 410
    assert parse(sign(), at=NOW + 90_000).state.succeeded


def test_the_clock_is_that_of_the_machine() -> None:
    """Without `now`, what was signed just now is good, and what was long ago is not."""
    body = json.dumps(BODY)
    fresh = webhooks.sign_url("https://me.test/", SECRET)
    assert webhooks.parse(fresh, body, SECRET).state.succeeded
    with pytest.raises(webhooks.ExpiredError):
        webhooks.parse(sign(now=1.0), body, SECRET)


def test_secrets_are_changed() -> None:
    """The first of several signs; while both are known, what either signed is good."""
    old, new = sign(secret=[OTHER]), sign(secret=[SECRET, OTHER])
    for url in (old, new):
        assert parse(url, secret=[SECRET, OTHER]).state.succeeded
    assert parse(new).state.succeeded
    with pytest.raises(webhooks.ForgedError) as caught:
        parse(old)
    assert caught.value.status_code == 403
    assert SECRET not in str(caught.value)


URL = sign("https://me.test/hook?a=1&b=", reference="order-17")
SAFE = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(
    place=st.integers(0, len(parse_qsl(URL, keep_blank_values=True)) - 1),
    value=SAFE,
    how=st.sampled_from(["change", "drop", "double", "add"]),
)
def test_no_parameter_can_be_changed(place: int, value: str, how: str) -> None:
    """Whatever is changed, left out, doubled or added: it is not believed."""
    query = urlsplit(URL).query
    pairs = parse_qsl(query, keep_blank_values=True)
    name, was = pairs[place]
    if how == "change":
        pairs[place] = (name, value)
    elif how == "drop":
        del pairs[place]
    elif how == "double":
        pairs.insert(place, (name, value))
    else:
        pairs.append(("c", value))
    same = how == "change" and value == was
    # A second signature before the one that counts is no more than noise.
    same = same or (how == "double" and name == "rp_signature")
    if same:
        assert parse(urlencode(pairs)).reference == "order-17"
        return
    with pytest.raises((webhooks.ForgedError, webhooks.MalformedError)):
        parse(urlencode(pairs))


@given(url=st.text() | st.binary(), body=st.text() | st.binary())
def test_noise_is_an_error_of_ours(url: str | bytes, body: str | bytes) -> None:
    """Anybody may call with anything: it is a WebhookError, and never another."""
    with pytest.raises(webhooks.WebhookError):
        parse(url, body)
    with pytest.raises(webhooks.WebhookError):
        parse(sign(), body)


@given(reference=st.text(st.characters(exclude_categories=["Cs"])), own=st.dictionaries(SAFE, SAFE))
def test_any_reference_and_query_comes_back(reference: str, own: dict[str, str]) -> None:
    """Whatever characters they have."""
    taken = {"rp_expires", "rp_reference", "rp_signature"}
    query = urlencode({name: value for name, value in own.items() if name not in taken})
    url = sign(f"https://me.test/?{query}", reference=reference)
    assert parse(url).reference == reference


@pytest.mark.parametrize("order", [reversed, sorted])
def test_a_proxy_may_order_the_query(order: Any) -> None:
    """The same parameters in another order are the same."""
    query = "&".join(order(urlsplit(URL).query.split("&")))
    assert parse(query).reference == "order-17"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "1",
        "{}",
        '{"id": "x"}',
        '{"status": "COMPLETED"}',
        '{"id": 5, "status": "X"}',
    ],
)
def test_a_body_that_is_no_job(body: str) -> None:
    """A genuine URL with another body is malformed, and says why."""
    with pytest.raises(webhooks.MalformedError, match="webhook body") as caught:
        parse(sign(), body)
    assert caught.value.status_code == 400
    assert isinstance(caught.value, RunpodError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"secret": ""}, "16 bytes"),
        ({"secret": "too short"}, "16 bytes"),
        ({"secret": []}, "16 bytes"),
        ({"secret": [SECRET, "too short"]}, "16 bytes"),
        ({"url": "me.test/hook"}, "https://"),
        ({"url": "ftp://me.test/hook"}, "https://"),
        ({"url": URL}, "rp_expires"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": float("inf")}, "expires"),
        ({"expires_in": 1e12}, "expires_in"),
        ({"expires_in": 1e300}, "expires_in"),
    ],
)
def test_mistakes(options: dict[str, Any], said: str) -> None:
    """What can't be signed is a ValueError that says so."""
    with pytest.raises(ValueError, match=said) as caught:
        sign(**options)
    assert "too short" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": None}, "url must be a string, not NoneType"),
        ({"url": b"https://me.test/hook"}, "url must be a string, not bytes"),
        ({"reference": 17}, "reference must be a string, not 17"),
        ({"now": "5"}, "now must be a number of seconds since the epoch, not '5'"),
        ({"now": float("nan")}, "now must be a number of seconds since the epoch, not nan"),
    ],
)
def test_an_argument_of_another_type(options: dict[str, Any], said: str) -> None:
    """A number that were signed as one would come back as a text, and look forged."""
    with pytest.raises(TypeError, match=said):
        sign(**options)


def test_a_called_url_of_another_type() -> None:
    """Such as the object that a framework has for it: that is no fault of the call."""
    for now in (float("nan"), "5", True):  # no URL would have expired by then
        with pytest.raises(TypeError, match="now must be a number"):
            webhooks.parse(sign(), b"{}", SECRET, now=now)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"not SplitResult: pass str\(url\)"):
        webhooks.parse(urlsplit(sign()), b"{}", SECRET)  # type: ignore[arg-type]


@pytest.mark.parametrize("secret", [None, 5, [None], {"a": "b"}])
def test_a_secret_of_another_type(secret: Any) -> None:
    """Such as None, from an environment variable that is not set."""
    for use in (
        lambda: sign(secret=secret),
        lambda: webhooks.Receiver("https://me.test/hook", secret),
    ):
        with pytest.raises(TypeError, match="a secret must be a str or bytes"):
            use()


def test_calls_of_the_same_end_have_one_key() -> None:
    """A call that is made again is known by its key; another end of the same job has another."""
    again = parse(sign(), {**BODY, "webhook": "?"}).key
    assert parse(sign()).key == again
    assert len({again, parse(sign(), {**BODY, "status": "FAILED"}).key,
                parse(sign(), {**BODY, "executionTime": 8}).key,
                parse(sign(), {**BODY, "id": "b"}).key}) == 4  # fmt: skip


@given(st.lists(st.sampled_from("abcdef") | st.sampled_from(["-a", "-b", "-c"]), max_size=30))
def test_what_was_seen(steps: list[str]) -> None:
    """The last few keys are remembered, those that were discarded are not, and no more."""
    seen, model = webhooks.Seen(3), list[str]()
    for step in steps:
        if step.startswith("-"):
            seen.discard(step[1:])
            model = [key for key in model if key != step[1:]]
            continue
        assert seen.add(step) == (step not in model)
        model = [*(key for key in model if key != step), step][-3:]
    assert len(seen) == len(model)
    assert all(key in seen for key in model)
