"""The tests of captions.py: real requests to a real server, and no account."""

from typing import Any

import captions
import pytest

from runpod_sdk.local import LocalEndpoint, LostReply, NoOutput, RateLimited


def handler(job: dict[str, Any]) -> str:
    if job["input"]["photo"] == "broken.png":
        raise ValueError("this is no photo")
    return "a photo of a horse"


@pytest.fixture
def local(runpod_local: type[LocalEndpoint]) -> LocalEndpoint:
    return runpod_local(handler)


def printed(capsys: pytest.CaptureFixture[str], *photos: str) -> str:
    captions.main(list(photos))
    return capsys.readouterr().out


@pytest.mark.usefixtures("local")
def test_captions(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, "1.png", "broken.png")
    assert out == "1.png: a photo of a horse\nbroken.png: failed: FAILED\n"


def test_a_lost_reply(local: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    with local.faults.active(LostReply("run")) as fault:
        assert "not sent twice" in printed(capsys, "1.png")
    assert fault.fired == 1


def test_a_short_429(local: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    with local.faults.active(RateLimited("run", retry_after=0), times=2) as fault:
        assert "a horse" in printed(capsys, "1.png")
    assert fault.fired == 2


def test_a_long_429(local: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    with local.faults.active(RateLimited("run", retry_after=0)):
        assert "try again later" in printed(capsys, "1.png")


def test_a_lost_output(local: LocalEndpoint, capsys: pytest.CaptureFixture[str]) -> None:
    with local.faults.active(NoOutput()), pytest.warns(UserWarning, match="without an output"):
        assert "nothing came back" in printed(capsys, "1.png")
