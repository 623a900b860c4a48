"""
Clients with a rate budget, in one process and in several, over a file and over a real Redis.

RunPod allows two purges of a queue in ten seconds. So the third one shows whether clients know of
each other: it has no time before its timeout, and is not sent.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk import AsyncRunpod, ConfigurationError, RateBudget, Runpod, RunpodTimeoutError
from runpod_sdk._budget_stores import network_filesystem
from runpod_sdk.local import LocalEndpoint
from tests.facade.clients import KEY, Driver, Script, answer
from tests.forking import Child, in_child, needs_fork, no_warning
from tests.redis_server import PASSWORD, SERVER, RedisServer

PURGED = answer({"removed": 0, "status": "completed"})
needs_redis = pytest.mark.skipif(
    SERVER is None, reason="NO REDIS HERE: install Debian's package redis-server to test it"
)


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(params=["file", pytest.param("redis", marks=needs_redis)])
def budget(request: pytest.FixtureRequest, tmp_path: Path) -> RateBudget:
    """A budget that no other test uses."""
    if request.param == "file":
        return RateBudget(tmp_path / "rates")
    server: RedisServer = request.getfixturevalue("redis_server")
    database = len(request.node.nodeid) % 16
    import redis

    redis.Redis.from_url(f"{server.url}/{database}").flushdb()
    return RateBudget(f"{server.url}/{database}")


def purger(budget: RateBudget, script: Callable[[httpx.Request], httpx.Response]) -> Any:
    client = Runpod(
        KEY, http_client=httpx.Client(transport=httpx.MockTransport(script)), rate_limits=budget
    )
    return client.endpoint("ep")


def shown(error: BaseException) -> str:
    """Return what a tool shows of an error, with the variables of all functions but the tests'."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    parts, causes = [str(error)], [found]
    for cause in causes:
        causes += [one for one in (cause.__cause__, cause.__context__) if one]
        parts += [str(frame.locals) for frame in cause.stack if frame.filename != __file__]
    return "".join(parts)


def test_clients_in_each_mode_share_it(driver: Driver, budget: RateBudget) -> None:
    """What one client has sent counts for the other; neither waits for what it does not use."""
    script = Script(PURGED)
    first, second = (driver.endpoint(script, rate_limits=budget) for _ in range(2))
    driver.call(first.purge_queue)
    driver.call(second.purge_queue)
    for endpoint in (first, second):
        too_late = partial(endpoint.purge_queue, timeout=5.0)
        with pytest.raises(RunpodTimeoutError, match=r"nothing was sent: .* 5 s"):
            driver.call(too_late)
    assert len(script.requests) == 2


@pytest.mark.parametrize("transport", ["direct", "httpx", "aiohttp"])
def test_a_map_with_a_budget(transport: str, tmp_path: Path) -> None:
    """Each transport of the async client, and the sync client's loop in a thread."""
    options: Any = {"rate_limits": RateBudget(tmp_path / "rates"), "transport": transport}
    with LocalEndpoint(lambda job: job["input"], rate_limits=True) as local:

        async def doubled() -> list[Any]:
            async with AsyncRunpod(local.api_key, base_url=local.base_url, **options) as client:
                return [r.output async for r in client.endpoint(local.endpoint_id).map(range(20))]

        assert asyncio.run(doubled()) == list(range(20))
        if transport != "aiohttp":
            with Runpod(local.api_key, base_url=local.base_url, **options) as client:
                results = client.endpoint(local.endpoint_id).map(range(20))
                assert [result.output for result in results] == list(range(20))


PROGRAM = """
import sys, httpx
from runpod_sdk import RateBudget, Runpod
purged = {"removed": 0, "status": "completed"}
answer = httpx.MockTransport(lambda _: httpx.Response(200, json=purged))
client = Runpod("key", http_client=httpx.Client(transport=answer), rate_limits=RateBudget())
for _ in range(2):
    client.endpoint("ep").purge_queue()
print("purged", flush=True)
sys.stdin.read()
"""


def test_another_process_that_is_killed(tmp_path: Path) -> None:
    """What it has sent counts, and its lock on the file is gone with it."""
    budget = RateBudget(tmp_path / "rates")
    environment = {**os.environ, "RUNPOD_RATE_BUDGET": budget.location}
    other = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"purged\n"
        other.kill()
    endpoint = purger(budget, Script(PURGED))
    with pytest.raises(RunpodTimeoutError, match="nothing was sent"):
        endpoint.purge_queue(timeout=5.0)


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
def test_a_process_that_is_stopped_with_the_lock(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    No request waits for ever, and no event loop waits at all.

    After a second, a client keeps to a share; later it shares again.
    """
    path, ticks = tmp_path / "rates", 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async def purge() -> None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(script))
        client = AsyncRunpod(KEY, http_client=http, rate_limits=RateBudget(path))
        ticking = asyncio.create_task(tick())
        await client.endpoint("ep").purge_queue(timeout=5.0)
        ticking.cancel()

    locks = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, 2);"
        " print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", locks, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        script = Script(PURGED)
        asyncio.run(purge())
        assert len(script.requests) == 1
        assert "another process keeps" in caplog.text
        assert ticks > 10
        holder.send_signal(signal.SIGKILL)
    for _ in range(2):
        purger(RateBudget(path), script).purge_queue(timeout=5.0)


@needs_fork
@no_warning
def test_a_forked_process(tmp_path: Path) -> None:
    """It is a client of its own of the same budget, although it has no thread of its parent."""
    script = Script(PURGED)
    endpoint = purger(RateBudget(tmp_path / "rates"), script)
    endpoint.purge_queue()
    assert in_child(endpoint.purge_queue).startswith("PurgeResult")
    with pytest.raises(RunpodTimeoutError, match="nothing was sent"):
        endpoint.purge_queue(timeout=5.0)
    assert "nothing was sent" in in_child(lambda: endpoint.purge_queue(timeout=5.0))


@needs_fork
@no_warning
def test_a_fork_while_the_file_is_locked(tmp_path: Path) -> None:
    """The forked process does not keep the lock of a thread that it does not have."""
    store = RateBudget(tmp_path / "rates").open_store()
    children: list[Child] = []
    reading, writing = os.pipe()

    def change(text: str | None, now: float) -> tuple[str, None]:
        children.append(Child(lambda: (os.close(writing), os.read(reading, 1))))
        return "", None

    try:
        store.update("key", change)
        store.update("key", lambda text, now: ("", None))
    finally:
        os.close(writing)  # the end of the child, too
        assert children[0].answer() == "(None, b'')"
        os.close(reading)


def test_options(tmp_path: Path) -> None:
    """Clients made by `with_options` share the budget, or have another one."""
    script = Script(PURGED)
    client = purger(RateBudget(tmp_path / "rates"), script).client
    budget = RateBudget(tmp_path / "other")
    for _ in range(2):
        client.with_options(timeout=5.0).endpoint("ep").purge_queue()
    with pytest.raises(RunpodTimeoutError):
        client.endpoint("ep").purge_queue(timeout=5.0)
    for other in (client.with_options(rate_limits=budget), purger(budget, script).client):
        other.endpoint("ep").purge_queue()
    with pytest.raises(RunpodTimeoutError):
        client.with_options(rate_limits=budget).endpoint("ep").purge_queue(timeout=5.0)
    client.with_options(rate_limits=False).endpoint("ep").purge_queue()
    client.with_options(rate_limits=0.5).endpoint("ep").purge_queue()


def test_a_pickled_client_shares_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)
    script = Script(PURGED)
    with LocalEndpoint(lambda job: None) as local:
        budget = RateBudget(tmp_path / "rates")
        with Runpod(local.api_key, base_url=local.base_url, rate_limits=budget) as client:
            monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
            with pickle.loads(pickle.dumps(client)) as other:
                client.endpoint(local.endpoint_id).purge_queue()
                other.endpoint(local.endpoint_id).purge_queue()
                with pytest.raises(RunpodTimeoutError, match="nothing was sent"):
                    other.endpoint(local.endpoint_id).purge_queue(timeout=5.0)
    assert not script.requests


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same_budget(copied: Callable[[RateBudget], RateBudget]) -> None:
    """Its URL is not lost, although a pickle does not contain it."""
    budget = RateBudget(f"redis://:{PASSWORD}@127.0.0.1:1/3")
    assert copied(budget) == budget


def test_no_pickle_contains_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that loads it reads the variable; without it, the first request says so."""
    url = f"redis://user:{PASSWORD}@127.0.0.1:1/3?socket_timeout=1"
    budget = RateBudget(url)
    assert repr(budget) == "RateBudget('redis://127.0.0.1:1/3')"
    content = pickle.dumps(budget)
    assert PASSWORD.encode() not in content
    revived = pickle.loads(content)
    script = Script(PURGED)
    with pytest.raises(ConfigurationError, match="RUNPOD_RATE_BUDGET"):
        purger(revived, script).purge_queue()
    assert not script.requests
    monkeypatch.setenv("RUNPOD_RATE_BUDGET", url)
    assert RateBudget() == budget
    assert pickle.loads(pickle.dumps(RateBudget("redis://h:1"))) == RateBudget("redis://h:1")


def test_a_server_that_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """Requests are sent, by a share of the limit, and the log says so, without the password."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        script = Script(PURGED)
        with caplog.at_level(logging.WARNING, "runpod_sdk"):
            purger(RateBudget(f"redis://:{PASSWORD}@127.0.0.1:{port}"), script).purge_queue()
    assert len(script.requests) == 1
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith("the rate budget cannot be reached")
    assert PASSWORD not in caplog.text


@needs_redis
def test_a_wrong_password(redis_server: RedisServer) -> None:
    """It is an error of the first request, which shows neither password nor URL in a variable."""
    wrong = redis_server.url.replace(PASSWORD, f"{PASSWORD}-not")
    script = Script(PURGED)
    with pytest.raises(
        ConfigurationError, match=r"redis://127\.0\.0\.1.* cannot be used"
    ) as caught:
        purger(RateBudget(wrong), script).purge_queue()
    assert not script.requests
    assert PASSWORD not in shown(caught.value)


@needs_redis
def test_a_server_that_restarts(caplog: pytest.LogCaptureFixture) -> None:
    """Clients that it knew go on by their shares, and come back to it."""
    server = RedisServer()
    try:
        script = Script(answer({"jobs": {}, "id": "j", "status": "CANCELLED"}))
        clients = [purger(RateBudget(server.url), script) for _ in range(2)]
        for client in clients:
            client.cancel("j")
        server.stop()
        for client in clients:
            client.cancel("j")
        assert "cannot be reached" in caplog.text
        server.start()
        end = time.monotonic() + 20
        while "can be reached again" not in caplog.text and time.monotonic() < end:
            clients[0].cancel("j")
        assert "can be reached again" in caplog.text
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("location", "error", "message"),
    [
        (3, TypeError, "must be a path or a URL, not a int"),
        (b"rates", TypeError, "not a bytes"),
        ("", ConfigurationError, "blank"),
        (None, ConfigurationError, "or set RUNPOD_RATE_BUDGET"),
        ("/no/such/directory/rates", ConfigurationError, "there is no directory /no/such"),
        (f"s3://key:{PASSWORD}@bucket/rates", ConfigurationError, "redis://, rediss:// or unix://"),
        (f"me:{PASSWORD}@host:6379/0", ConfigurationError, "begin it with redis://"),
        ("redis.example:6379", ConfigurationError, "begin it with redis://"),
        (f"redis://:{PASSWORD}@host:port", ConfigurationError, "no valid URL"),
        (f"redis://:{PASSWORD}/x@host/0", ConfigurationError, "percent-encode special characters"),
        (f"redis://:{PASSWORD}?x@host/0", ConfigurationError, "no valid URL"),
        (f"redis://me:{PASSWORD}#x@host", ConfigurationError, "no valid URL"),
        (f"redis://me:{PASSWORD}@[::1/0", ConfigurationError, "no valid URL"),
    ],
)
def test_bad_locations(location: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        RateBudget(location)
    assert PASSWORD not in shown(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://me:{PASSWORD}@[::1]:6379/0?socket_timeout=1", "redis://[::1]:6379/0"),
        (f"unix://:{PASSWORD}@/run/redis.sock?db=1", "unix:///run/redis.sock"),
        (f"redis://host/0?password={PASSWORD}", "redis://host/0"),
        (f"redis://host/0?password=x@{PASSWORD}", "redis://…"),
        (f"redis://:1/{PASSWORD}@host/0", "redis://…"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    """Nothing that may be the password, also where the URL is ambiguous."""
    assert repr(RateBudget(url)) == f"RateBudget({shown!r})"


def test_a_thread_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request fails, and does not let later ones wait for ever."""
    endpoint = purger(RateBudget(tmp_path / "rates"), Script(PURGED))

    def fails(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        with pytest.raises(RuntimeError, match="new thread"):
            endpoint.purge_queue(timeout=2)
    assert endpoint.purge_queue(timeout=2).removed == 0


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent by a budget whose file was written in part only."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
    script = Script(PURGED)
    endpoint = purger(RateBudget(tmp_path / "rates"), script)
    with pytest.raises(ConfigurationError, match="written: No space left on device"):
        endpoint.purge_queue()
    assert not script.requests


def test_files_that_are_no_budget(tmp_path: Path) -> None:
    """A file of something else is not overwritten, and a directory is none."""
    path = tmp_path / "data"
    path.write_text("of somebody else")
    script = Script(PURGED)
    for wrong, message in ((path, "is not a rate budget"), (tmp_path, "cannot be read or written")):
        with pytest.raises(ConfigurationError, match=message):
            purger(RateBudget(wrong), script).purge_queue()
    assert path.read_text() == "of somebody else"
    assert not script.requests


def test_a_file_that_was_cut(tmp_path: Path) -> None:
    """Half of its content is as good as none."""
    path = tmp_path / "rates"
    purger(RateBudget(path), Script(PURGED)).purge_queue()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    purger(RateBudget(path), Script(PURGED)).purge_queue()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/data/rates", "nfs4"),
        ("/data/local/rates", ""),
        ("/datafile", ""),
        ("/with space/rates", "fuse.sshfs"),
        ("/home/rates", ""),
    ],
)
def test_network_file_systems(path: str, found: str) -> None:
    mounts = r"""
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 21 0:45 / /data rw shared:9 - nfs4 server:/export rw,vers=4.2
31 30 254:1 / /data/local rw - xfs /dev/vdb rw
32 21 0:50 / /with\040space rw - fuse.sshfs user@host:/ rw
garbage
"""
    assert network_filesystem(path, mounts) == found


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan"), float("inf")])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match=r"a share between 0 and 1, such as 0\.25"):
        Runpod(KEY, rate_limits=share)
