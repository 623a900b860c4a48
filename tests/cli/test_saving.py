"""`--save`: what is written, where, and what never is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from runpod_sdk.cli.saving import Saver
from tests.cli.in_process import Ended
from tests.files.site import PNG, Site, encoded, site
from tests.hypothesis_profiles import at_most

Command = Callable[..., Ended]

JOB = "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1"
LOCAL = "http://127.0.0.1:9/v2"


__all__ = ["site"]


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
    assert name.isprintable()
    assert len(name.encode()) < 255
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
    """Bytes of the file itself are left alone; base64 of it is saved."""
    saver = Saver(str(tmp_path), force=False)
    saver.save({"image": str(PNG)}, JOB)
    assert not saver.found
    assert "left alone: output.image (image/png as str(bytes)" in capsys.readouterr().err
    saver.save({"image": str(base64.b64encode(PNG))}, JOB)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [PNG]


def test_few_files_are_saved_of_very_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [encoded(PNG + str(n).encode()) for n in range(110)]
    saver = Saver(str(tmp_path), force=False)
    saver.save(many, JOB)
    assert not saver.complete
    assert len(names(tmp_path)) == 100
    assert "later files (the limit is 100 files)" in capsys.readouterr().err


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
        assert ended.err == "nothing was saved: the output contains no file and no link\n"
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
