"""
Exceptions that the caller's signal handlers raise inside a blocking call.

`TimeoutError` is what `signal.alarm` is mostly made to raise, a `concurrent.futures`
timeout and an `OSError`; Celery and RQ raise their own exceptions. None of them is ours.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

import attrs
import httpx
import pytest

from runpod_sdk import APIConnectionError, Endpoint, Runpod, RunpodError
from runpod_sdk._signals import raised_by_signal_handler
from runpod_sdk.local import LocalEndpoint, VirtualClock
from runpod_sdk.webhooks import Receiver
from tests.faults.server import Request, Server, answer, by_operation, silence
from tests.interruptions.ringing import THREAD, WAITS, handled, ringing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

JOB = "a1b2-u1"


class SoftTimeLimitExceeded(Exception):
    """Stand in for Celery's exception."""


KINDS = [TimeoutError, SoftTimeLimitExceeded, ValueError, OSError, queue.Empty, RuntimeError]
KINDS += [httpx.ReadTimeout, httpx.ConnectError, KeyboardInterrupt]


def interrupted(
    call: Callable[[], object],
    kind: type[BaseException],
    by: Server | None = None,
    begun: Callable[[], object] = lambda: True,
    at: tuple[str, ...] = WAITS,
) -> BaseException:
    """
    Make a call that blocks, and see that it ends with what a signal handler raises.

    Args:
        by: It is not interrupted before this server has a request that it will not answer.
        begun: Whether the call has begun; it is not interrupted before.
        at: The functions that wait.
    """
    error = kind("the caller's own")
    known = 0 if by is None else len(by.requests)

    def is_waiting() -> bool:
        sent = by is None or not all(answered(one) for one in by.requests[known:])
        return sent and bool(begun())

    with ringing(lambda: error, begun=is_waiting, at=at), pytest.raises(kind) as caught:
        call()
    assert caught.value is error
    return error


def answered(request: Request) -> bool:
    return request.operation in ("run", "runsync", "cancel") and request.endpoint == "answers"


@pytest.fixture(scope="module")
def silent() -> Iterator[Server]:
    with Server(silence) as server:
        yield server


@pytest.fixture(scope="module", params=["own connections", "the caller's client"])
def client(request: pytest.FixtureRequest, silent: Server) -> Iterator[Runpod]:
    with httpx.Client() as http:
        given = http if request.param == "the caller's client" else None
        with Runpod("key-of-a-test", base_url=silent.base_url, http_client=given) as client:
            yield client


@pytest.mark.parametrize("kind", KINDS)
def test_waiting_for_an_answer(client: Runpod, silent: Server, kind: type[BaseException]) -> None:
    """It is neither taken for a failed request nor sent again, and names the job."""
    error = interrupted(lambda: client.endpoint("ep").wait(JOB), kind, silent)
    assert [note.partition(":")[0] for note in error.__notes__] == [f"job {JOB}"]


@pytest.mark.parametrize("name", ["run", "run_sync"])
def test_submitting(client: Runpod, silent: Server, name: str) -> None:
    """A submission that was sent, and is not answered, may have become a job."""
    error = interrupted(lambda: getattr(client.endpoint("ep"), name)(input=1), TimeoutError, silent)
    assert "may have been enqueued" in error.__notes__[0]


@pytest.mark.parametrize("name", ["status", "cancel", "retry"])
def test_asking(client: Runpod, silent: Server, name: str) -> None:
    """Calls that ask once propagate it too."""
    interrupted(lambda: getattr(client.endpoint("ep"), name)(JOB), TimeoutError, silent)


def test_the_cause_is_what_is_being_handled(client: Runpod) -> None:
    """An alarm that was handled before the call is not taken for one in it."""

    def ask() -> None:
        try:
            signal.raise_signal(signal.SIGALRM)
        except TimeoutError:
            with Runpod("key-of-a-test", base_url="http://127.0.0.1:9/v2", max_retries=0) as other:
                other.endpoint("ep").health()

    with handled(TimeoutError()), pytest.raises(APIConnectionError):
        ask()


def test_a_pause_before_another_try() -> None:
    """It ends a pause for what it is, and nothing is sent again."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(503, headers={"retry-after": "30"}, json={})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    with Runpod("key-of-a-test", base_url="http://test/v2", http_client=http) as client:
        endpoint = client.endpoint("ep")
        interrupted(
            lambda: endpoint.status(JOB, timeout=60), TimeoutError, begun=lambda: len(asked) == 1
        )
        error = interrupted(
            lambda: endpoint.run(input=1, timeout=60), TimeoutError, begun=lambda: len(asked) == 2
        )
    assert asked == [f"/v2/ep/status/{JOB}", "/v2/ep/run"]
    assert not hasattr(error, "__notes__"), "503: there is no job"


def test_a_turn_in_line(silent: Server) -> None:
    """It is not taken for the end of the time to wait for a turn; the turn is given up."""
    with Runpod("key-of-a-test", base_url=silent.base_url, timeout=60) as client:
        endpoint = client.endpoint("full")

        def cancel() -> None:
            with suppress(RunpodError):
                endpoint.cancel(JOB)

        others = [threading.Thread(target=cancel) for _ in range(20)]
        for other in others:
            other.start()
        while sum(request.endpoint == "full" for request in silent.requests) < 10:
            time.sleep(0.01)
        interrupted(lambda: endpoint.cancel(JOB, timeout=60), TimeoutError, at=(THREAD,))
    for other in others:  # closing the client has ended their calls
        other.join()


ANSWERED = by_operation(
    run=answer({"id": JOB, "status": "IN_QUEUE"}),
    runsync=answer({"id": JOB, "status": "IN_QUEUE"}),
    cancel=answer({"id": JOB, "status": "CANCELLED"}),
    other=silence,
)


@pytest.fixture(scope="module")
def taking() -> Iterator[Server]:
    """A server that accepts jobs, and never responds about one."""
    with Server(ANSWERED) as server:
        yield server


@pytest.fixture(scope="module")
def endpoint(taking: Server) -> Iterator[Endpoint]:
    with Runpod("key-of-a-test", base_url=taking.base_url) as client:
        endpoint = client.endpoint("answers")
        assert list(endpoint.map([])) == []  # imports what it needs
        yield endpoint


@pytest.mark.parametrize("kind", [TimeoutError, SoftTimeLimitExceeded, KeyboardInterrupt])
def test_many_jobs(taking: Server, endpoint: Endpoint, kind: type[BaseException]) -> None:
    """`map`, `as_completed` and `wait_all` end with it, and name the jobs."""
    job = endpoint.job(JOB)
    error = interrupted(lambda: list(endpoint.map([1])), kind, taking)
    assert JOB in error.__notes__[0]
    error = interrupted(lambda: list(endpoint.client.as_completed([job])), kind, taking)
    assert JOB in error.__notes__[0]
    error = interrupted(lambda: endpoint.client.wait_all([job]), kind, taking)
    assert JOB in error.__notes__[0]


@pytest.mark.parametrize("kind", [TimeoutError, SoftTimeLimitExceeded])
def test_reading_the_inputs_of_a_map(endpoint: Endpoint, kind: type[BaseException]) -> None:
    """An interruption while inputs are read ends the map at once, unlike an error of the inputs."""

    def inputs() -> Iterator[int]:
        yield 1
        time.sleep(30)

    error = interrupted(lambda: list(endpoint.map(inputs())), kind, at=("test_signals.inputs",))
    assert all(JOB in note for note in getattr(error, "__notes__", ()))


@pytest.mark.parametrize("kind", [TimeoutError, SoftTimeLimitExceeded, RuntimeError])
def test_cancelling(taking: Server, endpoint: Endpoint, kind: type[BaseException]) -> None:
    """The job is cancelled as on Ctrl-C, for any exception."""
    error = interrupted(lambda: endpoint.run_sync(input=1, on_timeout="cancel"), kind, taking)
    assert error.__notes__ == [f"job {JOB}: it was cancelled"]
    error = interrupted(lambda: endpoint.job(JOB).output(on_timeout="cancel"), kind, taking)
    assert error.__notes__ == [f"job {JOB}: it was cancelled"]


def test_interrupted_again(silent: Server) -> None:
    """A second exception ends the cancellation that the first began."""
    error, known, raised = KeyError("the caller's own"), len(silent.requests), []

    def again() -> KeyError:
        raised.append(error)
        return error

    with (
        Runpod("key-of-a-test", base_url=silent.base_url) as client,
        ringing(again, begun=lambda: len(silent.requests) > known + len(raised), times=2),
        pytest.raises(KeyError) as caught,
    ):
        client.endpoint("ep").wait(JOB, on_timeout="cancel")
    assert caught.value is error
    assert error.__notes__ == [f"job {JOB}: the cancellation was interrupted"]


@pytest.mark.parametrize("kind", [TimeoutError, SoftTimeLimitExceeded])
def test_waiting_for_a_webhook(endpoint: Endpoint, kind: type[BaseException]) -> None:
    """The client does not mistake it for the time of the next poll."""
    receiver = Receiver("https://test/hook", "a secret of some length")
    job = endpoint.job(JOB)
    error = interrupted(lambda: receiver.wait(job, poll_every=30), kind, at=(THREAD,))
    assert f"job {JOB}: " in error.__notes__[0]


def test_making_an_output() -> None:
    """A type that is interrupted as a value of it is made is no type that does not fit."""

    class Slow:
        def __init__(self) -> None:
            signal.raise_signal(signal.SIGALRM)

    http = httpx.Client(
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, json={"id": JOB, "status": "COMPLETED", "output": {}})
        )
    )
    with Runpod("key-of-a-test", base_url="http://test/v2", http_client=http) as client:
        slow = client.endpoint("ep", output_type=attrs.define(Slow))
        error = ValueError("the caller's own")
        with handled(error), pytest.raises(ValueError, match="own") as caught:
            slow.job(JOB).output()
        assert caught.value is error


def test_the_local_endpoint(caplog: pytest.LogCaptureFixture) -> None:
    """A clock that moves waits for the queue to see it, and propagates what interrupts that."""
    logger, go_on = logging.getLogger("runpod_sdk.local.jobs"), threading.Event()
    logged = threading.Event()
    caplog.set_level("INFO", logger.name)

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.set()
            go_on.wait(10)

    slow, clock = Slow(), VirtualClock()
    logger.addHandler(slow)
    try:
        with LocalEndpoint(lambda _: None, clock=clock) as local, local.client() as client:
            client.endpoint(local.endpoint_id).run(input=1)
            assert logged.wait(10)
            interrupted(lambda: clock.advance(1), TimeoutError)
            go_on.set()
    finally:
        logger.removeHandler(slow)


def test_looking_for_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that does not open in time is not a file that can't be read."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    tmp_path.joinpath(".runpod").mkdir()
    os.mkfifo(tmp_path / ".runpod" / "config.toml")  # blocks: nobody writes
    interrupted(Runpod, TimeoutError, at=("_environment._stored_api_key",))


def test_which_exceptions_a_handler_raises() -> None:
    """
    A handler may be a function, a method, a partial or an object, and may remove itself.

    It may also walk the interrupted frames, with its argument.
    """

    class Handler:
        def fail(self, *_: object) -> None:
            raise TimeoutError

        __call__ = fail

    def calls(_: str, *__: object) -> None:
        Handler().fail()

    def removes_itself(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise TimeoutError

    def walks(_: int, frame: FrameType | None) -> None:
        while frame is not None:
            frame = frame.f_back
        raise TimeoutError

    class Walker:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

        def __call__(self, number: int, frame: FrameType | None) -> None:
            del frame
            raise TimeoutError

    handlers = (
        walks,
        Walker(),
        Walker().__call__,
        partial(partial(walks)),
        Handler(),
        Handler().fail,
        partial(calls, "a name"),
        partial(Handler()),
        removes_itself,
    )
    before = signal.getsignal(signal.SIGALRM)
    try:
        for handler in handlers:
            signal.signal(signal.SIGALRM, handler)
            with pytest.raises(TimeoutError) as caught:
                signal.raise_signal(signal.SIGALRM)
            assert raised_by_signal_handler(caught.value), handler
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(TimeoutError) as caught:
        calls("not by a signal")
    assert not raised_by_signal_handler(caught.value)
    with pytest.raises(TimeoutError) as caught:
        walks(signal.SIGALRM.value, None)
    assert not raised_by_signal_handler(caught.value)
