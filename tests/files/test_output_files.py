"""The files in an output: which there are, what they are called, and how they are saved."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runpod_sdk import DownloadError, JobState, OutputFile
from runpod_sdk.files import FileSaver, files_of
from tests.files.site import PNG, encoded, site
from tests.hypothesis_profiles import at_most

__all__ = ["site"]

OBJ = b"v 0 0 0\n" * 9


def state(output: Any, status: str = "COMPLETED") -> JobState:
    wire = {"id": "job-1", "status": status, "output": output}
    return JobState(id="job-1", status=status, output=output, has_output=True, wire=wire)


def named(output: Any) -> list[tuple[str, str, str | None]]:
    """Return the place, the name and the media type of each file."""
    return [(file.path, file.name, file.media_type) for file in state(output).files]


def test_comfyui() -> None:
    """As its worker returns pictures: with names, as base64 or by storage."""
    output = {
        "images": [
            {"filename": "ComfyUI_00001_.png", "type": "base64", "data": encoded(PNG)},
            {"filename": "ComfyUI_00002_.png", "type": "s3_url", "data": "https://s3.test/a/b?x=1"},
        ]
    }
    first, second = state(output).files
    assert (first.path, first.name) == ("/images/0/data", "ComfyUI_00001_.png")
    assert (first.media_type, first.size, first.data, first.url) == ("image/png", 208, PNG, None)
    assert (second.path, second.name) == ("/images/1/data", "ComfyUI_00002_.png")
    assert (second.media_type, second.size, second.data) == ("image/png", None, None)
    assert second.url == "https://s3.test/a/b?x=1"


@pytest.mark.parametrize(
    ("output", "files"),
    [
        (encoded(PNG), [("", "output.png", "image/png")]),
        ([encoded(PNG)], [("/0", "0.png", "image/png")]),
        (
            {"message": f"data:image/jpeg;base64,{encoded(b'jpeg')}", "status": "success"},
            [("/message", "message.jpg", "image/jpeg")],
        ),
        (
            {
                "image_url": "https://s3.test/1/x.webp?sig=a",
                "images": ["https://s3.test/1/x.webp?sig=a"],
            },
            [("/image_url", "x.webp", "image/webp")],
        ),
        (
            {
                "video": {
                    "url": "https://cdn.test/v/1",
                    "content_type": "video/mp4",
                    "file_name": "a.mp4",
                }
            },
            [("/video/url", "a.mp4", "video/mp4")],
        ),
        (
            {"mesh": {"filename": "chair.obj", "type": "base64", "data": encoded(OBJ)}},
            [("/mesh/data", "chair.obj", "model/obj")],
        ),
        (
            {"file": {"mime_type": "text/csv", "base64": encoded(OBJ)}},
            [("/file/base64", "file-base64.csv", "text/csv")],
        ),
        (  # as str(base64.b64encode(…)) writes it
            {"image": f"b'{encoded(PNG)}'", "type": "base64"},
            [("/image", "image.png", "image/png")],
        ),
        (
            {"filename": "chair.obj", "type": "base64", "data": f"b'{encoded(OBJ)}'"},
            [("/data", "chair.obj", "model/obj")],
        ),
        ({"name": "sdxl", "image": encoded(PNG)}, [("/image", "image.png", "image/png")]),
        ({"a/b~c": [encoded(PNG)]}, [("/a~1b~0c/0", "a-b-c-0.png", "image/png")]),
        ({"text": "a horse", "type": "base64", "data": "YWJj", "n": 7, "none": None}, []),
        ({"url": "ftp://host.test/x.png", "see": "look at https://host.test"}, []),
        (None, []),
        (7, []),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_shapes_of_outputs(output: Any, files: list[Any]) -> None:
    assert named(output) == files


def test_a_file_that_is_there_twice_counts_once() -> None:
    """Unless its two places have names of their own."""
    (file,) = state([encoded(PNG)] * 3).files
    assert (file.path, file.copies) == ("/0", ("/1", "/2"))
    two = [{"filename": f"{name}.png", "data": encoded(PNG)} for name in "ab"]
    assert [file.name for file in state(two).files] == ["a.png", "b.png"]


def test_only_a_job_that_has_ended_has_files() -> None:
    """Until then the field carries its progress."""
    assert state({"preview": encoded(PNG)}, "IN_PROGRESS").files == []


def test_files_can_be_pickled_and_compared() -> None:
    (file,) = state(encoded(PNG)).files
    again = pickle.loads(pickle.dumps(file))
    assert again == file
    assert again.data == PNG
    assert encoded(PNG)[:12] not in repr(file)


hostile = st.sampled_from(
    [
        "..",
        ".",
        "",
        "/",
        "a/../../b",
        "C:\\x",
        "\0",
        "~",
        "-rf",
        "x" * 300,
        "é" * 300,
        "nul",
        "a/CON.png",
    ]
)


def check_name(name: str) -> None:
    """Check that every file system takes a name, as one segment."""
    assert name[0] not in ".-"
    assert name.isprintable()
    assert len(os.fsencode(name)) < 200
    assert set(name).isdisjoint('/\\:*?"<>|\0 ')
    assert name.partition(".")[0].lower() not in ("nul", "con")


@given(hostile | st.text(), st.lists(hostile | st.text(), max_size=3))
@example("nul", [])
@example("a/CON.png", [])
@example("a/../../b", [])
@example("", ["..", "x" * 300])
@at_most(60)
def test_no_name_leads_elsewhere(given: str, keys: list[str]) -> None:
    """Whatever the output says."""
    output: Any = {"filename": given, "type": "base64", "data": encoded(PNG)}
    for key in keys:
        output = {key: output}
    (file,) = state(output).files
    assert file.name.endswith(".png")
    check_name(file.name)


@pytest.mark.parametrize(
    "path", ["x.%2F..%2Fy", "..%2F..%2Fx.png", "%5C%00.png", "nul.%20", "con", ".%2F", "%2e%2e"]
)
def test_no_name_of_a_link_leads_elsewhere(path: str) -> None:
    """Its percent codes are decoded for the name."""
    (file,) = state(f"https://a.test/{path}").files
    check_name(file.name)


def test_saving_under_its_name_or_another(tmp_path: Path) -> None:
    (file,) = state({"filename": "a.png", "data": encoded(PNG)}).files
    assert file.save(tmp_path) == tmp_path / "a.png"
    assert file.save(str(tmp_path / "b.png")) == tmp_path / "b.png"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a.png": PNG,
        "b.png": PNG,
    }
    with pytest.raises(FileNotFoundError):
        file.save(tmp_path / "missing" / "c.png")


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    (file,) = state({"filename": "a.png", "data": encoded(PNG)}).files
    (tmp_path / "a.png").write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        file.save(tmp_path)
    assert caught.value.errno == errno.EEXIST
    for save in (file.save, lambda path, **given: FileSaver(path, **given).save(file)):
        with pytest.raises(TypeError, match="overwrite must be True or False, not 'no'"):
            save(tmp_path, overwrite="no")  # type: ignore[arg-type]
    for size in (float("nan"), "1 GB", True):
        with pytest.raises(TypeError, match="max_size must be a whole number"):
            file.save(tmp_path, overwrite=True, max_size=size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_size must be at least 1"):
        file.save(tmp_path, overwrite=True, max_size=0)
    assert (tmp_path / "a.png").read_text() == "mine"
    file.save(tmp_path, overwrite=True)
    assert (tmp_path / "a.png").read_bytes() == PNG
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("wrong", [5, b"x", ["x"], True])
def test_mistakes_are_told_before_a_file_is_looked_at(tmp_path: Path, wrong: Any) -> None:
    for name in ("root_name", "endpoint_url"):
        with pytest.raises(TypeError, match=f"{name} must be a string"):
            files_of(None, **{name: wrong})
    (file,) = state({"filename": "a.png", "data": encoded(PNG)}).files
    saver = FileSaver(tmp_path / "new")
    with pytest.raises(TypeError, match="file must be an OutputFile"):
        saver.save(wrong)
    with pytest.raises(TypeError, match="prefix must be a string"):
        saver.save(file, prefix=wrong)
    for time_left in (wrong, 0):
        with pytest.raises(TypeError, match="time_left must be a TimeLeft"):
            saver.save(file, time_left=time_left)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_saving_in_async_code(site: str, tmp_path: Path, backend: str) -> None:
    import anyio

    (linked,) = files_of(f"{site}/x.png", endpoint_url=site)
    (gone,) = files_of(f"{site}/gone", endpoint_url=site)

    async def main() -> Path:
        with pytest.raises(DownloadError, match="HTTP 404"):
            await gone.asave(tmp_path)
        return await linked.asave(tmp_path)

    assert anyio.run(main, backend=backend).read_bytes() == PNG
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_output_file_is_exported() -> None:
    assert OutputFile.__module__ == "runpod_sdk.files"
