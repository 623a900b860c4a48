"""`--save`: what is written, where, and what never is."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk.cli.addresses import is_public
from runpod_sdk.cli.fetching import NotFetched, fetch
from runpod_sdk.cli.saving import Saver
from tests.cli.conftest import Ended
from tests.drawing import at_most

Command = Callable[..., Ended]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
JOB = "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1"
LOCAL = "http://127.0.0.1:9/v2"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Site(BaseHTTPRequestHandler):
    """A place that links lead to; keeps what it was asked."""

    asked: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.asked.append(
            (self.path, {name.lower(): value for name, value in self.headers.items()})
        )
        status, headers, body = 200, {"content-type": "image/png"}, PNG
        match self.path:
            case "/page":
                headers, body = {"content-type": "text/html; charset=utf-8"}, b"<html>"
            case "/gone":
                status = 404
            case "/to-file":
                status, headers = 302, {"location": "file:///etc/passwd"}
            case "/to-itself":
                status, headers = 302, {"location": "/to-itself"}
            case "/moved":
                status, headers = 302, {"location": "/pictures/horse.png?signature=1"}
                headers["set-cookie"] = "a=b"
            case "/flood":
                self.flood()
                return
            case "/packed":
                headers["content-encoding"] = "gzip"
                body = gzip.compress(PNG)
            case "/packed-twice":
                headers["content-encoding"] = "gzip, gzip"
                body = gzip.compress(gzip.compress(PNG))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def flood(self) -> None:
        """Lead elsewhere, in very many words."""
        self.send_response(302)
        self.send_header("location", "/x")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            for _ in range(64):
                self.wfile.write(bytes(2**20))
            self.asked.append(("/flood, to its end", {}))

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the endpoint be on this machine, so that links may lead here too."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", LOCAL)
    monkeypatch.setenv("RUNPOD_API_KEY", "rpa_CANARY0123456789")


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_files_are_decoded_and_named_after_their_place(tmp_path: Path) -> None:
    """What is returned has their names instead, and is else the same."""
    output = {
        "images": [encoded(PNG), f"data:image/jpeg;base64,{encoded(b'jpeg')}"],
        "seed": 7,
        "text": "no file",
    }
    saver = Saver(str(tmp_path / "new" / "there"), force=False)
    shown = saver.save(output, JOB)
    there = tmp_path / "new" / "there"
    assert shown == {
        "images": [str(there / "60902e6c-images-0.png"), str(there / "60902e6c-images-1.jpg")],
        "seed": 7,
        "text": "no file",
    }
    assert (there / "60902e6c-images-0.png").read_bytes() == PNG
    assert (there / "60902e6c-images-1.jpg").read_bytes() == b"jpeg"
    assert len(names(there)) == 2
    assert saver.complete


def test_an_output_that_is_a_file(tmp_path: Path) -> None:
    shown = Saver(str(tmp_path), force=False).save(encoded(PNG), "sync-abc")
    assert shown == str(tmp_path / "abc-output.png")


def test_the_same_file_is_written_once(tmp_path: Path) -> None:
    shown = Saver(str(tmp_path), force=False).save([encoded(PNG)] * 3, JOB)
    assert shown == [str(tmp_path / "60902e6c-0.png")] * 3


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    """Nor is a link followed that lies in the way."""
    target, elsewhere = tmp_path / "60902e6c-output.png", tmp_path / "precious"
    elsewhere.write_text("precious")
    target.symlink_to(elsewhere)
    saver = Saver(str(tmp_path), force=False)
    assert saver.save(encoded(PNG), JOB) == encoded(PNG)
    assert not saver.complete
    assert target.is_symlink()
    saver = Saver(str(tmp_path), force=True)
    assert saver.save(encoded(PNG), JOB) == str(target)
    assert saver.complete
    assert not target.is_symlink()
    assert target.read_bytes() == PNG
    assert elsewhere.read_text() == "precious"


hostile = st.sampled_from(
    ["..", ".", "", "/", "a/../../b", "C:\\x", "\0", "~", "-rf", "x" * 300, "é"]
)
json_keys = hostile | st.text()


@given(st.lists(json_keys, max_size=4), json_keys, st.sampled_from(["image/png", "text/x-sh"]))
@at_most(60)
def test_nothing_is_written_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], job: str, kind: str
) -> None:
    """Whatever the output and the job are called."""
    root = tmp_path_factory.mktemp("root")
    output: Any = f"data:{kind};base64,{encoded(PNG)}"
    for key in keys:
        output = {key: output}
    saver = Saver(str(root / "dir"), force=False)
    saver.save(output, job)
    assert saver.complete
    assert names(root) == ["dir"]
    (name,) = names(root / "dir")
    assert name.isascii()
    assert name[0] not in ".-"
    assert len(name) < 100
    assert set(name).isdisjoint('/\\:*?"<>|\0 ')


@pytest.mark.usefixtures("at_home")
def test_links_are_fetched_without_credentials(site: str, tmp_path: Path) -> None:
    """Through redirects, and named after their end."""
    Site.asked.clear()
    links = [f"{site}/pictures/horse.png?signature=1", f"{site}/moved", f"{site}/..%2F..%2Fup.png"]
    saver = Saver(str(tmp_path), force=False)
    shown = saver.save({"links": links}, JOB)
    assert saver.complete
    assert [Path(name).name for name in shown["links"]] == [
        "60902e6c-horse.png",
        "60902e6c-moved",
        "60902e6c-up.png",
    ]
    assert all(Path(name).read_bytes() == PNG for name in shown["links"])
    for _, headers in Site.asked:
        assert "authorization" not in headers
        assert "CANARY" not in str(headers)
    moved = [headers for path, headers in Site.asked if path.startswith("/pictures")]
    assert len(moved) == 2


@pytest.mark.usefixtures("at_home")
def test_a_web_page_is_left_alone(site: str, tmp_path: Path) -> None:
    saver = Saver(str(tmp_path), force=False)
    assert saver.save([f"{site}/page"], JOB) == [f"{site}/page"]
    assert saver.complete
    assert names(tmp_path) == []


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone", "HTTP 404"),
        ("/to-file", "unsupported protocol|file is not followed|protocol"),
        ("/to-itself", "redirects"),
    ],
)
def test_what_can_not_be_had_is_told(
    site: str, tmp_path: Path, path: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saver = Saver(str(tmp_path), force=False)
    assert saver.save([site + path], JOB) == [site + path]
    assert not saver.complete
    assert names(tmp_path) == []
    err = capsys.readouterr().err.lower()
    assert err.startswith("not saved: output.0 (")
    assert any(part.lower() in err for part in reason.split("|"))


@pytest.mark.usefixtures("at_home")
def test_links_with_a_password_are_not_followed(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, pytest.raises(NotFetched, match="user name"):
        fetch("http://me:secret@127.0.0.1:9/", file)


@pytest.mark.usefixtures("at_home")
def test_a_file_has_a_greatest_size_and_a_longest_time(site: str, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        with pytest.raises(NotFetched, match="larger than 100 bytes"):
            fetch(f"{site}/x", file, largest=100)
        with pytest.raises(NotFetched, match="too long"):
            fetch(f"{site}/x", file, longest=-1)
        assert fetch(f"{site}/x", file, largest=len(PNG))


@pytest.mark.usefixtures("at_home")
def test_what_a_link_leads_to_takes_no_memory(site: str, tmp_path: Path) -> None:
    """The words of a redirect are not read, and nothing is unpacked that may be far larger."""
    Site.asked.clear()
    with (tmp_path / "file").open("w+b") as file:
        assert fetch(f"{site}/flood", file)
        assert [path for path, _ in Site.asked] == ["/flood", "/x"]
        file.truncate(0)
        file.seek(0)
        assert fetch(f"{site}/packed", file)
        with pytest.raises(NotFetched, match="packed as gzip, gzip"):
            fetch(f"{site}/packed-twice", file)
        file.seek(0)
        assert file.read() == PNG


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_a_public_endpoint_leads_nobody_into_a_private_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    """Its output may be anybody's words."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://8.8.8.8/v2")
    with (tmp_path / "file").open("wb") as file, pytest.raises(NotFetched, match="public network"):
        fetch(f"http://{host}:9/", file)


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


@pytest.mark.usefixtures("at_home")
def test_the_address_that_was_checked_is_connected_to(
    site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is no second look-up; and the server is told the name, not the address."""
    names = Names(monkeypatch, pictures=["127.0.0.1", "192.0.2.1"])
    port = site.rpartition(":")[2]
    Site.asked.clear()
    with (tmp_path / "file").open("wb") as file:
        assert fetch(f"http://pictures:{port}/x", file)
    assert names.asked == ["pictures"]
    assert Site.asked[0][1]["host"] == f"pictures:{port}"


def test_a_name_that_leads_elsewhere_the_second_time(
    site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From a public address that refuses, it does not get to a private one."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://8.8.8.8/v2")
    names = Names(monkeypatch, pictures=["8.8.8.8", "127.0.0.1"])
    connected: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    port = int(site.rpartition(":")[2])
    with (tmp_path / "file").open("wb") as file, pytest.raises(NotFetched, match="refused"):
        fetch(f"http://pictures:{port}/x", file)
    assert connected == [("8.8.8.8", port)]
    assert names.asked == ["pictures"]


@pytest.mark.parametrize("answers", [[], ["8.8.8.8", "10.0.0.1"]], ids=["none", "private"])
def test_a_name_that_is_not_known_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answers: list[str]
) -> None:
    """Nor one that leads to a private address; be it by a redirect, and be there a proxy."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://8.8.8.8/v2")
    Names(monkeypatch, pictures=answers[1:])

    def connect(*_: Any, **__: Any) -> socket.socket:
        raise AssertionError("nothing may be connected to")

    monkeypatch.setattr(socket, "create_connection", connect)
    for proxy in ("", "http://127.0.0.1:9"):
        monkeypatch.setenv("http_proxy", proxy)
        with (tmp_path / "file").open("wb") as file, pytest.raises(NotFetched, match="pictures"):
            fetch("http://pictures/x", file)


def test_a_proxy_is_asked_for_a_link(
    site: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Though it is in the private network itself."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://8.8.8.8/v2")
    monkeypatch.setenv("http_proxy", site)
    Names(monkeypatch, pictures=["8.8.8.8"])
    Site.asked.clear()
    with (tmp_path / "file").open("wb") as file:
        assert fetch("http://pictures/x", file)
        assert [path for path, _ in Site.asked] == ["http://pictures/x"]
        monkeypatch.setenv("http_proxy", "http://me:secret/7@127.0.0.1:9")
        with pytest.raises(NotFetched, match="proxy that the environment names") as caught:
            fetch("http://pictures/x", file)
    assert "secret" not in str(caught.value)


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


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("chunked", [False, True])
def test_what_drips_is_given_up(tmp_path: Path, chunked: bool) -> None:
    """A head, or the line of a chunk, that takes longer than a file may in all."""
    over = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            connection.sendall(b"transfer-encoding: chunked\r\n\r\n1;" if chunked else b"x: ")
            while not over.wait(0.02):
                connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        with (tmp_path / "file").open("wb") as file, pytest.raises(NotFetched, match="too long"):
            fetch(url, file, longest=0.2)
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("ComfyUI_00001_.png", "60902e6c-ComfyUI_00001_.png"),
        ("ComfyUI_00001_.jpeg", "60902e6c-ComfyUI_00001_.png"),
        ("final horse.PNG", "60902e6c-final-horse.PNG"),
        ("run.exe", "60902e6c-run.png"),
        ("..", "60902e6c-images-0-data.png"),
        ("", "60902e6c-images-0-data.png"),
        ("../../etc/passwd", "60902e6c-passwd.png"),
        ("C:\\Windows\\x.png", "60902e6c-x.png"),
        ("\u202egnp.exe", "60902e6c-gnp.png"),
        (7, "60902e6c-images-0-data.png"),
    ],
)
def test_the_name_that_stands_beside_a_file_is_kept(
    tmp_path: Path, given: object, name: str
) -> None:
    """As ComfyUI's worker gives one; its ending too, if it fits what the file is."""
    output = {"images": [{"filename": given, "type": "base64", "data": encoded(PNG)}]}
    shown = Saver(str(tmp_path), force=False).save(output, JOB)
    assert shown["images"][0]["data"] == str(tmp_path / name)
    assert names(tmp_path) == [name]


@pytest.mark.usefixtures("at_home")
def test_the_name_that_stands_beside_a_link_is_kept(site: str, tmp_path: Path) -> None:
    output = {"images": [{"filename": "ComfyUI_7_.png", "type": "s3_url", "data": f"{site}/x"}]}
    Saver(str(tmp_path), force=False).save(output, JOB)
    assert names(tmp_path) == ["60902e6c-ComfyUI_7_.png"]


def test_bytes_that_were_made_text_are_hinted_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saver = Saver(str(tmp_path), force=False)
    saver.save({"image": str(base64.b64encode(PNG))}, JOB)
    assert not saver.found
    assert "output.image (image/png as str(bytes)" in capsys.readouterr().err


def test_few_files_are_saved_of_very_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [encoded(PNG + str(n).encode()) for n in range(110)]
    saver = Saver(str(tmp_path), force=False)
    saver.save(many, JOB)
    assert not saver.complete
    assert len(names(tmp_path)) == 100
    assert "100 files are enough" in capsys.readouterr().err


def test_a_directory_that_can_not_be_made_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "file/dir", "file/dir/below"):
        with pytest.raises(typer.BadParameter, match=r"can't make .*file is a file"):
            Saver(str(tmp_path / name), force=False)


@pytest.mark.parametrize("force", [False, True])
def test_the_directory_is_made_for_a_file_only(site: str, tmp_path: Path, force: bool) -> None:
    """Not for a link that leads to none, nor for what can't be had."""
    there = tmp_path / "new" / "files"
    saver = Saver(str(there), force=force)
    saver.save(["text", f"{site}/page", f"{site}/gone"], JOB)
    assert names(tmp_path) == []
    saver.save([encoded(PNG), f"{site}/gone"], JOB)
    assert len(names(there)) == 1


def test_that_there_was_nothing_to_save_is_told(command: Command, tmp_path: Path) -> None:
    """Of a job that ended well; of another, that it did not is enough."""
    to = ("--save", str(tmp_path / "files"))
    for how in ((), ("--stream",)):
        ended = command("run-sync", "mock_return=text", *how, *to)
        assert ended.status == 0
        assert ended.err == "nothing was saved: there is no file in the output, and no link\n"
    assert "saved" not in command("run-sync", "mock_error:=true", *to).err
    assert not (tmp_path / "files").exists()


def test_the_command_prints_the_names(command: Command, tmp_path: Path) -> None:
    asked = json.dumps({"mock_return": [{"image": encoded(PNG)}]})
    ended = command("run-sync", "--input", asked, "--save", str(tmp_path))
    assert ended.status == 0
    (name,) = (item["image"] for item in ended.document["output"])
    assert Path(name).read_bytes() == PNG
    assert ended.err == f"saved {name} (208 bytes)\n"
    again = command("wait", ended.document["id"], "--save", str(tmp_path))
    assert again.status == 5
    assert again.document["output"] == [{"image": encoded(PNG)}]
    assert "--force replaces it" in again.err
    assert command("wait", ended.document["id"], "--save", str(tmp_path), "--force").status == 0


def test_a_stream_is_saved_chunk_by_chunk(command: Command, tmp_path: Path) -> None:
    """The names of files stand in lines of their own."""
    asked = json.dumps({"mock_return": ["text", encoded(PNG), encoded(PNG + b"2"), "a", "b"]})
    there = tmp_path / "files"
    ended = command("run-sync", "-i", asked, "--stream", "-o", "text", "--save", str(there))
    assert ended.status == 0
    assert [name.partition("-")[2] for name in names(there)] == ["chunk-2.png", "chunk-3.png"]
    assert ended.out.splitlines() == ["text", *(str(there / name) for name in names(there)), "ab"]
