"""The fixtures for pytest, in projects that use them."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from attrs import fields

import runpod_sdk
from runpod_sdk import local
from runpod_sdk.local._faults import KINDS
from runpod_sdk.local._wire import METHODS

# A run of pytest within this process forgets the modules that it was the first to load.
for package in (runpod_sdk, local):
    for name in package.__all__:
        getattr(package, name)
importlib.import_module("runpod_sdk.local._testing")

pytest_plugins = "pytester"

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
PLUGIN = "runpod_sdk.local.pytest_plugin"

# Where the project was installed before it had the plugin, pytest does not find it by itself.
LOADED = any(point.value == PLUGIN for point in entry_points(group="pytest11"))


APPLICATION = """
import os
from runpod_sdk import AsyncRunpod, Runpod


def ask(value):
    with Runpod() as client:
        return client.endpoint(os.environ["RUNPOD_ENDPOINT_ID"]).run_sync(input=value).output


async def ask_async(value):
    async with AsyncRunpod() as client:
        endpoint = client.endpoint(os.environ["RUNPOD_ENDPOINT_ID"])
        return (await endpoint.run_sync(input=value)).output
"""


class Project:
    """Another project, with its own tests."""

    def __init__(self, pytester: pytest.Pytester, patch: pytest.MonkeyPatch) -> None:
        self._pytester = pytester
        self._patch = patch
        pytester.makeini("[pytest]\nfilterwarnings = error\n")
        pytester.makepyfile(application=APPLICATION)

    def run(self, tests: str, *args: str) -> pytest.RunResult:
        self._pytester.makepyfile(test_application=tests)
        plugins = [] if LOADED else ["-p", PLUGIN]
        if importlib.util.find_spec("pytest_asyncio"):
            plugins.append("--override-ini=asyncio_default_fixture_loop_scope=function")
        return self._pytester.runpytest_inprocess(*plugins, "-p", "no:cacheprovider", *args)

    def run_apart(self, tests: str, *args: str) -> pytest.RunResult:
        """Run in a separate process, with the named plugins only."""
        self._pytester.makepyfile(test_application=tests)
        self._patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return self._pytester.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider", *args)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(pytester, monkeypatch)


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"without {' and '.join(missing)}")


def test_an_application_reaches_it_without_change(project: Project) -> None:
    """The environment points to it, for the time of the test."""
    project.run("""
        import os
        import application

        def test_it(runpod_local):
            local = runpod_local(lambda job: job["input"] * 2)
            assert application.ask(21) == 42
            assert os.environ["RUNPOD_ENDPOINT_ID"] == local.endpoint_id

        def test_after_it():
            names = "API_KEY", "ENDPOINT_BASE_URL", "ENDPOINT_ID"
            assert not any(f"RUNPOD_{name}" in os.environ for name in names)
        """).assert_outcomes(passed=2)


def test_a_proxy_is_not_asked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment names a proxy, requests to this machine do without it."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com")
    project.run("""
        import os
        import application

        def test_it(runpod_local):
            runpod_local(lambda job: job["input"])
            assert application.ask(1) == 1
            assert os.environ["no_proxy"] == "example.com,127.0.0.1"
        """).assert_outcomes(passed=1)


def test_what_it_takes(project: Project) -> None:
    """It is a started LocalEndpoint with its arguments; mistakes raise the usual errors."""
    project.run("""
        import pytest
        from runpod_sdk.local import Limits, LocalEndpoint, LostReply

        def test_it(runpod_local):
            assert issubclass(runpod_local, LocalEndpoint)
            local = runpod_local(iter, workers=2, endpoint_id="mine", limits=Limits())
            assert isinstance(local, LocalEndpoint)
            assert local.base_url.startswith("http://127.0.0.1:")
            assert local.client().endpoint("mine").health().workers.idle == 2
            local.faults.add(LostReply("run"))
            with pytest.raises(ValueError):
                runpod_local(iter, workers=0)
        """).assert_outcomes(passed=1)


def test_everything_ends_with_the_test(project: Project) -> None:
    """Endpoints and clients are closed after any outcome of the test; one can be closed earlier."""
    result = project.run("""
        import threading
        import pytest
        import runpod_sdk
        from runpod_sdk import APIConnectionError

        kept = []

        def threads():
            return [one for one in threading.enumerate() if one.name.startswith("runpod ")]

        def test_it_fails(runpod_local):
            first, second = runpod_local(lambda job: 1), runpod_local(lambda job: 2)
            for local in (first, second):
                client = local.client()
                assert client.endpoint(local.endpoint_id).run_sync(input=0).output in (1, 2)
                kept.append(client.endpoint(local.endpoint_id))
            assert len(threads()) == 4
            assert False

        def test_after_it():
            assert threads() == []
            for endpoint in kept:
                with pytest.raises(RuntimeError, match="closed"):
                    endpoint.health()

        def test_one_ends_earlier(runpod_local):
            with runpod_local(lambda job: 1) as local:
                client = local.client()
                assert threads() != []
            assert threads() == []
            with pytest.raises(APIConnectionError):
                client.endpoint(local.endpoint_id).health(timeout=0.2)
        """)
    result.assert_outcomes(passed=2, failed=1)


CLOCK = """
    import pytest
    from datetime import timedelta
    from runpod_sdk import NotFoundError
    from runpod_sdk.local import VirtualClock

    @pytest.fixture
    def endpoint(runpod_local):
        local = runpod_local(lambda job: 1)
        return local.client().endpoint(local.endpoint_id)

    def test_results_expire(endpoint, runpod_clock):
        job = endpoint.run(input=0)
        assert job.output() == 1
        runpod_clock.advance(timedelta(minutes=30))
        with pytest.raises(NotFoundError):
            job.status()

    def test_each_test_has_its_own(runpod_clock, runpod_local):
        assert runpod_clock() == 0
        mine = VirtualClock()
        local = runpod_local(lambda job: 1, clock=mine)
        job = local.client().endpoint(local.endpoint_id).run(input=0)
        job.wait()
        runpod_clock.advance(timedelta(days=1))
        assert job.status().output == 1
        mine.advance(timedelta(days=1))
        with pytest.raises(NotFoundError):
            job.status()

    def test_real_time_without_it(endpoint):
        assert endpoint.run_sync(input=0).execution_time < timedelta(minutes=1)
"""


def test_the_clock(project: Project) -> None:
    """Endpoints follow it in tests that ask for it, through other fixtures too."""
    project.run(CLOCK).assert_outcomes(passed=3)


ASYNC = """
    import asyncio
    import pytest
    import application
    from runpod_sdk.local import LostReply
    from runpod_sdk import SubmissionUncertainError

    clients = []

    {mark}
    async def test_a_client_left_open(runpod_local):
        local = runpod_local(lambda job: job["input"])
        client = local.async_client()
        clients.append(client)
        endpoint = client.endpoint(local.endpoint_id)
        assert (await endpoint.run_sync(input=1)).output == 1
        with local.faults.active(LostReply("run")), pytest.raises(SubmissionUncertainError):
            await endpoint.run(input=1)

    def test_it_was_closed():
        assert all("closed" in str(failure(client)) for client in clients)

    def failure(client):
        try:
            asyncio.run(client.endpoint("x").health())
        except RuntimeError as error:
            return error

    class TestMore:
        {mark}
        async def test_the_application(self, runpod_local):
            runpod_local(lambda job: job["input"])
            assert await application.ask_async(2) == 2

    {mark}
    async def test_that_fails(runpod_local):
        local = runpod_local(lambda job: 1)
        client = local.async_client()
        await client.endpoint(local.endpoint_id).health()
        assert False
"""


@needs("pytest_asyncio")
def test_under_pytest_asyncio(project: Project) -> None:
    """Clients that an async test leaves open are closed on its loop, without a warning."""
    project.run(ASYNC.format(mark="@pytest.mark.asyncio")).assert_outcomes(passed=3, failed=1)


@needs("pytest_asyncio")
def test_in_automatic_mode_and_with_async_fixtures(project: Project) -> None:
    """A client can be a fixture of one's own."""
    project.run(
        """
        import pytest

        @pytest.fixture
        async def endpoint(runpod_local):
            local = runpod_local(lambda job: job["input"])
            async with local.async_client() as client:
                yield client.endpoint(local.endpoint_id)

        async def test_it(endpoint):
            assert (await endpoint.run_sync(input=1)).output == 1
        """,
        "--override-ini=asyncio_mode=auto",
    ).assert_outcomes(passed=1)


def test_under_anyio_with_asyncio_and_trio(project: Project) -> None:
    """So it is with the plugin of anyio, on both of its backends."""
    result = project.run(ASYNC.format(mark="@pytest.mark.anyio"))
    result.assert_outcomes(passed=5, failed=2)


@needs("xdist")
def test_under_xdist(project: Project) -> None:
    """Processes that test at once do not come into each other's way."""
    project.run_apart(
        """
        import application
        import pytest

        @pytest.mark.parametrize("value", range(4))
        def test_it(runpod_local, value):
            runpod_local(lambda job: job["input"])
            assert application.ask(value) == value
        """,
        *("-p", "xdist", "-n2"),
    ).assert_outcomes(passed=4)


def test_without_the_extra(project: Project) -> None:
    """The test fails with one line that says what to install."""
    result = project.run(
        """
        import sys

        def test_it(runpod_local, monkeypatch):
            monkeypatch.setitem(sys.modules, "uvicorn", None)
            runpod_local(lambda job: 1)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*needs more than the SDK itself: pip install 'runpod_sdk?local?'"]
    )
    assert "Traceback" not in result.stdout.str()


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    """Loading it loads no server, no client and no attrs."""
    code = f"""
import sys
import pytest
before = set(sys.modules)
import {PLUGIN}
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == [
        "runpod_sdk",
        "runpod_sdk._version",
        "runpod_sdk.local",
        "runpod_sdk.local.pytest_plugin",
    ]


@pytest.mark.skipif(not LOADED, reason="installed before there was a plugin")
def test_pytest_lists_the_fixtures(project: Project) -> None:
    """They are there without being asked for, each with a line that says what it is."""
    result = project.run("def test_it(): pass", "--fixtures")
    result.stdout.fnmatch_lines_random(["*runpod_local*", "*runpod_clock*"])


# -- what the documentation says


def test_the_page_has_every_fault_and_fixture() -> None:
    """By its name, and with each of its arguments."""
    text = PAGE.read_text("utf-8")
    for kind in KINDS:
        found = re.search(rf"^\| `{kind.__name__}\((.*?)\)`", text, re.MULTILINE)
        assert found, kind
        assert [name.strip().partition("=")[0] for name in found[1].split(",")] == [
            attribute.name for attribute in fields(kind)
        ]
    for operation in METHODS:
        assert f"`{operation}`" in text
    assert all(f"| `{name}` |" in text for name in ("runpod_local", "runpod_clock"))
