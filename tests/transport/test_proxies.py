"""The proxy from the environment: the same for each transport, and an error if it is invalid."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import sys
import traceback
from typing import Any

import pytest

from runpod_sdk import AsyncRunpod, ConfigurationError, Runpod, RunpodError
from tests.transport.conftest import Way
from tests.transport.server import Server, good

KEY = "rpa_CANARY0123456789"
SECRET = "hunter2"
CLIENTS = pytest.mark.parametrize("cls", [Runpod, AsyncRunpod])


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the proxies of the environment in which the tests run."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def host_of(server: Server) -> str:
    return server.base_url.removeprefix("http://").removesuffix("/v2")


def ask(way: Way, base_url: str) -> None:
    """Request a job's state; ignore the result."""
    client = way.client(base_url=base_url, max_retries=0)
    with contextlib.suppress(RunpodError):
        way.call(lambda: client.endpoint("ep").status("j1"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_credentials_of_a_proxy(way: Way, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Percent codes in credentials are decoded; the proxy gets them with each request or tunnel."""
    with Server(lambda visit: visit.say(status="502 Bad Gateway")) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"user:p%23%2F%40%C3%BC@{host_of(proxy)}")
        ask(way, f"{scheme}://api.test/v2")
    expected = base64.b64encode("user:p#/@ü".encode())
    (visit,) = proxy.visits[:1]
    assert visit.text.startswith(b"GET http" if scheme == "http" else b"CONNECT api.test:443 ")
    assert b"proxy-authorization: basic " + expected.lower() in visit.text.lower()


def test_a_proxy_does_not_get_the_key(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request for a tunnel contains only the target."""
    with Server(lambda visit: visit.say(status="502 Bad Gateway")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pw@{host_of(proxy)}")
        ask(way, "https://api.test/v2")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{host_of(proxy)}")
        ask(way, "https://api.test/v2")
    assert len(proxy.visits) == 2
    assert KEY.encode() not in b"".join(visit.text for visit in proxy.visits)


@CLIENTS
def test_a_header_that_looks_like_a_proxy(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under CGI, `HTTP_PROXY` is a header of a request to the program; other names count."""
    monkeypatch.setenv("REQUEST_METHOD", "GET")
    monkeypatch.setenv("HTTP_PROXY", "ftp://no.proxy")  # is an error where it counts
    cls(KEY, base_url="http://api.test/v2")
    monkeypatch.setenv("http_proxy", "ftp://no.proxy")
    with pytest.raises(ConfigurationError):
        cls(KEY, base_url="http://api.test/v2")


def test_a_host_that_needs_no_proxy(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transport bypasses the proxy for a host in `NO_PROXY`, with any other entries."""
    look_up = socket.getaddrinfo
    if way.mode == "uvloop":
        pytest.skip("uvloop looks names up by itself")

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if "api.test" in str(host) else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with Server(good) as proxy, Server(good) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{host_of(proxy)}")
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.0/8,fd00::/8,::1,[,.api.test")
        ask(way, f"http://api.test:{host_of(server).partition(':')[2]}/v2")
    assert len(server.visits) == 1
    assert proxy.visits == []


COVERED = [
    ("https://api.runpod.ai/v2", "*"),
    ("https://api.runpod.ai/v2", "runpod.ai"),
    ("https://api.runpod.ai/v2", ".runpod.ai"),
    ("https://api.runpod.ai/v2", "*.RUNPOD.ai"),
    ("https://api.runpod.ai/v2", "a.test api.runpod.ai:443"),
    ("https://api.runpod.ai/v2", "/,//,::/x,https://api.runpod.ai"),
    ("https://10.1.2.3:8443/v2", "10.0.0.0/8"),
    ("https://10.1.2.3:8443/v2", "10.1.2.3:8443"),
    ("https://10.1.2.3:8443/v2", "10.1.2.3/255.255.0.0"),
    ("https://[fd00::5]/v2", "fd00::/8"),
    ("https://[fd00::5]/v2", "fd00:0::5"),
    ("https://[fd00::5]/v2", "[fd00::5]:443"),
]
NOT_COVERED = [
    ("https://api.runpod.ai/v2", ""),
    ("https://api.runpod.ai/v2", "unpod.ai,pi.runpod.ai,.,*.,:,//,[,/8,10.0.0.0/8,fd00::/8,0::/0"),
    ("https://api.runpod.ai/v2", "api.runpod.ai:80"),
    ("https://api.runpod.ai/v2", "http://api.runpod.ai"),
    ("https://10.1.2.3:8443/v2", "11.0.0.0/8,10.1.2.3:443,.3,10.,10.0.0.0/99,fd00::/8"),
    ("https://[fd00::5]/v2", "fe80::/10,[fd00::5]:80,fd00::,10.0.0.0/8"),
]


@CLIENTS
@pytest.mark.parametrize(
    ("base_url", "entries", "covered"),
    [(*case, True) for case in COVERED] + [(*case, False) for case in NOT_COVERED],
)
def test_what_no_proxy_covers(
    cls: Any, base_url: str, entries: str, covered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, addresses and networks cover hosts; invalid entries are ignored."""
    monkeypatch.setenv("HTTPS_PROXY", "ftp://no.proxy")  # is an error where it counts
    monkeypatch.setenv("NO_PROXY", entries)
    with contextlib.nullcontext() if covered else pytest.raises(ConfigurationError):
        cls(KEY, base_url=base_url)


ODD = [
    ("socks://127.0.0.1:7890/", "use socks5://"),
    ("socks4://127.0.0.1:7890/", "use socks5://"),
    ("ftp://proxy.test", "begin with http://"),
    (f"http://user:{SECRET}#1@proxy.test:3128", "# as %23"),
    (f"http://user:{SECRET}/1@proxy.test:3128", "/ as %2F"),
    (f"http://user:1/{SECRET}@proxy.test:3128", "/ as %2F"),
    (f"user:?{SECRET}@proxy.test:3128", r"\? as %3F"),
    (f"http://user:{SECRET}@", "http://host:3128"),
    (f"http://user:{SECRET}@proxy.test:port", "http://host:3128"),
    (f"http://user:{SECRET}@[::1", "http://host:3128"),
    (f"http://user:{SECRET}@proxy\ttest", "http://host:3128"),
    (f"http://user:{SECRET}@pro xy", "http://host:3128"),
    (f"http://user:{SECRET}@a..b", "http://host:3128"),
    (f"http://user:{SECRET}\udcff@proxy.test:3128", "http://host:3128"),
    ("http://999.1.1.1:3128", "http://host:3128"),
    ("http://\N{SNOWMAN}\udcff:3128", "http://host:3128"),
    ("https:/proxy.test", "http://host:3128"),
]


@CLIENTS
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(("proxy", "advice"), ODD, ids=ascii)
def test_an_odd_proxy(
    cls: Any, proxy: str, advice: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Creating the client fails: the error names the variable and a correction, but no password."""
    monkeypatch.setenv(name, proxy)
    with pytest.raises(ConfigurationError, match=f"^{name}: .*{advice}") as caught:
        cls(KEY)
    error: BaseException | None = caught.value
    while error is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][1:]
        assert SECRET not in repr([error, *(frame.f_locals for frame in frames)])
        error = error.__context__


@CLIENTS
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:7890", "socks5h://127.0.0.1:7890"])
def test_socks_needs_a_package(cls: Any, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without socksio, the error says what to install."""
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigurationError, match=r"^ALL_PROXY: .*httpx\[socks\]"):
        cls(KEY)


def test_aiohttp_has_no_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating a client with aiohttp and a SOCKS proxy fails."""
    pytest.importorskip("aiohttp")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:7890")
    with pytest.raises(ConfigurationError, match=r"^ALL_PROXY: .*aiohttp"):
        AsyncRunpod(KEY, transport="aiohttp")


@CLIENTS
def test_an_empty_variable_is_none(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next variable is used, in the order lower case, upper case, all."""
    monkeypatch.setenv("https_proxy", "")
    cls(KEY)
    monkeypatch.setenv("https_proxy", " \t")
    cls(KEY)
    monkeypatch.setenv("ALL_PROXY", "ftp://no.proxy")
    with pytest.raises(ConfigurationError, match=r"^ALL_PROXY:"):
        cls(KEY)
    monkeypatch.setenv("HTTPS_PROXY", "ftp://no.proxy")
    with pytest.raises(ConfigurationError, match=r"^HTTPS_PROXY:"):
        cls(KEY)


def test_proxies_are_nothing_to_a_callers_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loopback host is reached without the proxy."""
    import httpx

    monkeypatch.setenv("HTTP_PROXY", "ftp://no.proxy")
    Runpod(KEY, base_url="http://api.test", http_client=httpx.Client(trust_env=False))
    Runpod(KEY, base_url="http://127.0.0.1:8000/v2")
