"""
Make every call fail in every way, and look at what each tool shows of the exception.

Run as a process, as Sentry's SDK patches libraries: `python -m tests.tracebacks.matrix MODE…`.
Prints what was tried and what was found, for each mode, as JSON.
"""

from __future__ import annotations

import io
import json
import os
import ssl
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from typing import Any

import anyio
import httpx

from runpod_sdk import AsyncRunpod, Runpod, cli
from runpod_sdk.cli import history
from tests.faults.modes import JOB, KEY, finish, finish_async
from tests.faults.server import (
    Behaviour,
    Exchange,
    Server,
    answer,
    close,
    closed_port,
    head,
    reset,
    silence,
)
from tests.interruptions.ringing import ringing
from tests.tracebacks import tools
from tests.tracebacks.canaries import (
    CALLS,
    CANARIES,
    COMMANDS,
    MISTAKES,
    OF_EACH_KIND,
    PASSWORD,
    PATIENT,
    SLOW,
)

Call = Callable[[Any, float], Any]

TIMEOUT = 0.05


def repeated(status: int) -> Behaviour:
    """Answer with the request, as JSON that escapes what need not be escaped."""

    def act(exchange: Exchange) -> bool:
        text = exchange.request.raw.decode("latin-1")
        content = json.dumps({"said": text}).replace("/", "\\/").replace("+", "\\u002b")
        return answer(content, status, x_seen=exchange.request.headers["authorization"])(exchange)

    return act


def cut(exchange: Exchange) -> bool:
    """Send half an answer, which repeats the key."""
    exchange.send(head(200, 500) + exchange.request.headers["authorization"].encode())
    return False


REPEATING = ("400", "401", "unreadable")
"""Failures in which the server's words are shown, and may have a URL of the caller's in them."""
FAILURES: dict[str, Behaviour] = {
    "reset": reset,
    "cut": cut,
    "silent": silence,
    "401": repeated(401),
    "400": repeated(400),
    "unreadable": repeated(200),
}


@contextmanager
def everywhere() -> Iterator[dict[str, str]]:
    """Return the base URL of each failure."""
    with ExitStack() as stack:
        found = {
            name: stack.enter_context(Server(behaviour)).base_url
            for name, behaviour in FAILURES.items()
        }
        found["refused"] = stack.enter_context(closed_port())
        no_tls = stack.enter_context(Server(close))
        no_tls.hello = close
        found["no TLS"] = no_tls.base_url.replace("http:", "https:")
        proxy = stack.enter_context(Server(answer("no", 407))).origin.removeprefix("http://")
        os.environ["HTTPS_PROXY"] = f"http://user:{PASSWORD}@{proxy}"
        found["proxy"] = "https://api.example.test/v2"
        yield found


class Findings:
    """The number of tried cases, and the secrets that were shown."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.kinds: set[str] = set()
        self.leaks: list[str] = []

    def look_at(self, what: str, error: BaseException) -> None:
        self.tried.append(what)
        self.kinds.add(type(error).__name__)
        for name, tool in tools.TOOLS.items():
            shown = tool(error)
            for canary in CANARIES if what.split(":")[0] not in REPEATING else CANARIES[:-1]:
                for form in {canary, json.dumps(canary)[1:-1], canary.replace("/", "\\/")}:
                    if form in shown:
                        place = shown.index(form)
                        around = shown[max(place - 300, 0) : place + 80]
                        self.leaks.append(f"{name}: {what}: {canary}: …{around}…")


def calls_for(failure: str, way: str) -> list[tuple[str, Call]]:
    """Return the calls that fail soon; a transport's frames are the same below each of them."""
    if way:
        return [(name, CALLS[name]) for name in OF_EACH_KIND]
    return [*CALLS.items(), *(() if failure == "silent" else SLOW.items())]


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def options_of(way: str, *, is_async: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"api_key": KEY, "max_retries": 0}
    if way in ("aiohttp", "own httpx"):
        options["transport"] = way.removeprefix("own ")
    elif way == "httpx":
        cls = httpx.AsyncClient if is_async else httpx.Client
        options["http_client"] = cls(verify=_tls())
    return options


def attempt(findings: Findings, what: str, endpoint: Any, call: Call, timeout: float) -> None:
    """Make a call that fails."""
    try:
        value = finish(call(endpoint, timeout))
    except BaseException as error:
        findings.look_at(what, error)
    else:
        raise AssertionError(f"{what} did not fail: {value!r}")


def run_sync(findings: Findings, way: str, urls: dict[str, str]) -> None:
    for failure, base_url in urls.items():
        with Runpod(base_url=base_url, **options_of(way, is_async=False)) as client:
            endpoint = client.endpoint("ep")
            for name, call in calls_for(failure, way):
                attempt(findings, f"{failure}: {name}", endpoint, call, TIMEOUT)
    with Runpod(base_url=urls["silent"], **options_of(way, is_async=False)) as client:
        endpoint = client.endpoint("ep")
        for name, call in CALLS.items():
            with ringing(KeyboardInterrupt):
                attempt(findings, f"Ctrl-C: {name}", endpoint, call, 30)
        for name, call in MISTAKES.items():
            attempt(findings, f"mistake: {name}", endpoint, call, 5)


def command(name: str) -> None:
    """Run the command line in this process; it ends with SystemExit."""
    sys.argv = ["runpod-sdk", *COMMANDS[name]]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            cli.main()
    finally:
        del sys.argv[1:]  # Sentry's SDK sends the arguments of the process too


def run_commands(findings: Findings, urls: dict[str, str]) -> None:
    os.environ |= {"RUNPOD_API_KEY": KEY, "RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_SDK_HISTORY": "0"}
    with tempfile.TemporaryDirectory() as empty:
        os.environ["XDG_STATE_HOME"] = empty
        for failure in ("reset", "silent", "401", "unreadable", "refused", "no TLS", "proxy"):
            os.environ["RUNPOD_ENDPOINT_BASE_URL"] = urls[failure]
            history.add(JOB, "ep")
            for name in COMMANDS:
                if name in PATIENT and failure not in ("401", "unreadable"):
                    continue
                try:
                    command(name)
                except SystemExit as error:
                    findings.look_at(f"{failure}: runpod-sdk {name}", error)


async def attempt_async(
    findings: Findings,
    what: str,
    endpoint: Any,
    call: Call,
    timeout: float,
    seconds: float | None = None,
) -> None:
    """Make a call that fails, or is cancelled after so many *seconds*."""
    with anyio.move_on_after(seconds):
        try:
            value = await finish_async(call(endpoint, timeout))
        except BaseException as error:
            findings.look_at(what, error)
            if not isinstance(error, Exception):
                raise
            return
        raise AssertionError(f"{what} did not fail: {value!r}")


async def run_async(findings: Findings, way: str, urls: dict[str, str]) -> None:
    for failure, base_url in urls.items():
        async with AsyncRunpod(base_url=base_url, **options_of(way, is_async=True)) as client:
            endpoint = client.endpoint("ep")
            for name, call in calls_for(failure, way):
                await attempt_async(findings, f"{failure}: {name}", endpoint, call, TIMEOUT)
    async with AsyncRunpod(base_url=urls["silent"], **options_of(way, is_async=True)) as client:
        endpoint = client.endpoint("ep")
        for name, call in CALLS.items():
            await attempt_async(findings, f"cancelled: {name}", endpoint, call, 5, 0.03)
        for name, call in MISTAKES.items():
            await attempt_async(findings, f"mistake: {name}", endpoint, call, 5)


def main() -> None:
    warnings.simplefilter("ignore")
    tools.begin()
    found: dict[str, Any] = {}
    with everywhere() as urls:
        for name in sys.argv[1:]:
            mode, _, way = name.partition(" by ")
            findings = Findings()
            if mode == "commands":
                run_commands(findings, urls)
            elif mode == "sync":
                run_sync(findings, way, urls)
            else:
                anyio.run(run_async, findings, way, urls, backend=mode)
            found[name] = vars(findings) | {"kinds": sorted(findings.kinds)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
