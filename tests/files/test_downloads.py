"""Downloads of links: what is asked, what is refused, what they cost."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import DownloadError, RunpodTimeoutError, WebPageError
from runpod_sdk._files.addresses import is_public
from runpod_sdk.files import files_of
from tests.faults.lines import CERTIFICATE, HOST, server_tls
from tests.faults.test_tunnels import to
from tests.files.site import PNG, Site, site
from tests.transport.server import Server, Visit

__all__ = ["site"]

HERE = "http://127.0.0.1:9/v2"
PUBLIC = "https://8.8.8.8/v2"


def fetch(url: str, folder: Path, endpoint_url: str = HERE, **options: Any) -> bytes:
    """Save the file that an output links to, and return what was written."""
    (file,) = files_of({"image": url}, endpoint_url=endpoint_url)
    target = folder / "file"
    try:
        assert file.save(target, overwrite=True, **options) == target
    except BaseException:
        assert list(folder.iterdir()) == []
        raise
    content = target.read_bytes()
    target.unlink()
    return content


def test_nothing_is_asked_before_a_file_is_saved(site: str) -> None:
    """To list the files of an output, and to show them, asks nobody."""
    Site.asked.clear()
    (file,) = files_of({"image": f"{site}/x"}, endpoint_url=HERE)
    assert file.name in repr(file)
    assert Site.asked == []


def test_links_with_a_password_are_not_followed(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="user name"):
        fetch("http://me:secret@127.0.0.1:9/", tmp_path)


def test_a_file_has_a_maximum_size_and_time(site: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="larger than 100 bytes"):
        fetch(f"{site}/x", tmp_path, max_size=100)
    with pytest.raises(RunpodTimeoutError, match="too long"):
        fetch(f"{site}/x", tmp_path, timeout=1e-9)
    assert fetch(f"{site}/x", tmp_path, max_size=len(PNG)) == PNG


def test_what_a_link_leads_to_takes_no_memory(site: str, tmp_path: Path) -> None:
    """The words of a redirect are not read, and nothing is unpacked that may be far larger."""
    Site.asked.clear()
    assert fetch(f"{site}/flood", tmp_path) == PNG
    assert [path for path, _ in Site.asked] == ["/flood", "/x"]
    assert fetch(f"{site}/packed", tmp_path) == PNG
    with pytest.raises(DownloadError, match="packed as gzip, gzip"):
        fetch(f"{site}/packed-twice", tmp_path)


@pytest.mark.parametrize(
    ("path", "error", "reason"),
    [
        ("/gone", DownloadError, "HTTP 404"),
        ("/to-file", DownloadError, "file is not followed"),
        ("/to-itself", DownloadError, "redirects"),
        ("/page", WebPageError, "a web page"),
    ],
)
def test_what_can_not_be_downloaded(
    site: str, tmp_path: Path, path: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        fetch(site + path, tmp_path)


def test_a_signed_link_is_shown_nowhere(
    site: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by the file, nor by a log record, nor by what an error tracker records."""
    caplog.set_level("DEBUG")
    url = f"{site}/x?X-Amz-Signature=CANARY0123456789"
    (file,) = files_of(url, endpoint_url=HERE)
    assert file.url == url
    with pytest.raises(DownloadError) as caught:
        file.save(tmp_path / "file", max_size=10)
    shown = [repr(file), caplog.text, *map(str, caught.value.args)]
    trace = caught.value.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals["__name__"] != __name__:
            shown += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    assert len(shown) > 6
    assert "CANARY" not in "".join(shown)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_a_public_endpoint_leads_nobody_into_a_private_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    """Its output may be anybody's words."""
    with pytest.raises(DownloadError, match="public network"):
        fetch(f"http://{host}:9/", tmp_path, PUBLIC)
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", PUBLIC)
    (file,) = files_of(f"http://{host}:9/")
    with pytest.raises(DownloadError, match="public network"):
        file.save(tmp_path / "file")


class Names:
    """Stands in for the name service: each look-up of a name gives the next of its answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = answers
        self._ask = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in self._answers:
            return self._ask(host, port, *args, **options)
        self.asked.append(host)
        if not self._answers[host]:
            raise socket.gaierror(-2, "Name or service not known")
        left = self._answers[host]
        return self._ask(left.pop(0) if len(left) > 1 else left[0], port, *args, **options)


def test_the_address_that_was_checked_is_connected_to(
    site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is no second look-up; and the server is told the name, not the address."""
    names = Names(monkeypatch, pictures=["127.0.0.1", "192.0.2.1"])
    port = site.rpartition(":")[2]
    Site.asked.clear()
    assert fetch(f"http://pictures:{port}/x", tmp_path) == PNG
    assert names.asked == ["pictures"]
    assert Site.asked[0][1]["host"] == f"pictures:{port}"


def test_a_name_that_leads_elsewhere_the_second_time(
    site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From a public address that refuses, it does not get to a private one."""
    names = Names(monkeypatch, pictures=["8.8.8.8", "127.0.0.1"])
    connected: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    port = int(site.rpartition(":")[2])
    with pytest.raises(DownloadError, match="refused"):
        fetch(f"http://pictures:{port}/x", tmp_path, PUBLIC)
    assert connected == [("8.8.8.8", port)]
    assert names.asked == ["pictures"]


def test_a_name_that_leads_to_both_networks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One private address is enough to refuse it."""
    ask = socket.getaddrinfo

    def both(host: Any, *rest: Any, **options: Any) -> Any:
        if host != "pictures":
            return ask(host, *rest, **options)
        return [*ask("8.8.8.8", *rest, **options), *ask("10.0.0.1", *rest, **options)]

    def connect(*_: Any, **__: Any) -> socket.socket:
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "getaddrinfo", both)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(DownloadError, match="public network"):
        fetch("http://pictures:9/x", tmp_path, PUBLIC)


@pytest.mark.parametrize("answers", [[], ["8.8.8.8", "10.0.0.1"]], ids=["none", "private"])
def test_a_name_that_is_not_known_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: list[str]
) -> None:
    """Nor one that leads to a private address; be it by a redirect, and be there a proxy."""
    Names(monkeypatch, pictures=answers[1:])

    def connect(*_: Any, **__: Any) -> socket.socket:
        raise AssertionError("nothing may be connected to")

    monkeypatch.setattr(socket, "create_connection", connect)
    for proxy in ("", "http://127.0.0.1:9"):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(DownloadError, match="pictures"):
            fetch("http://pictures/x", tmp_path, PUBLIC)


def test_a_proxy_is_asked_for_a_link(
    site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Though it is in the private network itself; for the address that was checked."""
    monkeypatch.setenv("http_proxy", site)
    names = Names(monkeypatch, pictures=["8.8.8.8", "10.0.0.1"])
    Site.asked.clear()
    assert fetch("http://pictures/x", tmp_path, PUBLIC) == PNG
    assert [path for path, _ in Site.asked] == ["http://8.8.8.8/x"]
    assert Site.asked[0][1]["host"] == "pictures"
    assert names.asked == ["pictures"]
    monkeypatch.setenv("http_proxy", "http://me:secret/7@127.0.0.1:9")
    with pytest.raises(DownloadError, match="proxy that the environment names") as caught:
        fetch("http://pictures/x", tmp_path, PUBLIC)
    assert "secret" not in str(caught.value)


def test_a_proxy_opens_a_tunnel_to_the_checked_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """TLS in it is with the name. Where no tunnel to one address comes about, the next is tried."""
    tunnels: list[str] = []

    def say(visit: Visit) -> bool:
        tunnels.append(visit.text.split(b" ")[1].decode())
        return visit.say(status="502 Bad Gateway") if len(tunnels) == 1 else to(files)(visit)

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    look_up = socket.getaddrinfo

    def two(host: Any, *given: Any, **more: Any) -> Any:
        hosts = ("8.8.8.8", "8.8.4.4") if host == HOST else (host,)
        return [address for one in hosts for address in look_up(one, *given, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with Server(lambda visit: visit.say(PNG), server_tls()) as files, Server(say) as proxy:
        monkeypatch.setenv("https_proxy", proxy.base_url.removesuffix("/v2"))
        assert fetch(f"https://{HOST}/x", tmp_path, PUBLIC) == PNG
    assert tunnels == ["8.8.8.8:443", "8.8.4.4:443"]
    assert f"Host: {HOST}".lower().encode() in files.visits[0].text.lower()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        *(
            (written, public)
            for four, public in (("8.8.8.8", True), ("10.0.0.1", False), ("169.254.169.254", False))
            for written in (
                f"::ffff:{four}",
                f"::ffff:0:{four}",
                f"::{four}",
                f"64:ff9b::{four}",
                str(IPv6Address((0x2002 << 112) | (int(IPv4Address(four)) << 80) | 1)),
                f"2606:4700::5efe:{four}",
                f"2606:4700::200:5efe:{four}",
            )
        ),
        ("64:ff9b:1::8.8.8.8", False),
        ("2001:0:808:808::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    """One that leads to an IPv4 address is, if that is."""
    assert is_public(address) == public


@pytest.mark.parametrize("chunked", [False, True])
def test_what_drips_is_given_up(tmp_path: Path, chunked: bool) -> None:
    """A head, or the line of a chunk, that takes longer than a file may in all."""
    over = threading.Event()

    def drip() -> None:
        with suppress(OSError), server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            connection.sendall(b"transfer-encoding: chunked\r\n\r\n1;" if chunked else b"x: ")
            while not over.wait(0.02):
                connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)  # on a busy machine, the time may be over before the client connects
        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(RunpodTimeoutError, match="too long"):
            fetch(url, tmp_path, timeout=0.2)
        over.set()
        thread.join()
