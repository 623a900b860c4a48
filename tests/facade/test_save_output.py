"""`Job.save_output`: the files of an output on the disk, in each client."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import JobFailedError, RunpodTimeoutError, SaveOutputError
from tests.facade.clients import JOB, KEY, Driver, Script, in_no_time, job
from tests.files.site import PNG, Site, encoded, site

__all__ = ["site"]


def picture(name: str, data: str) -> dict[str, str]:
    return {"filename": name, "type": "base64", "data": data}


def saving(driver: Driver, output: Any, directory: Path, **options: Any) -> Any:
    endpoint = driver.endpoint(Script(job("IN_PROGRESS"), job(output=output)))
    return driver.call(lambda: endpoint.job(JOB).save_output(directory, **options))


@in_no_time
def test_pictures_end_on_the_disk_under_their_names(driver: Driver, tmp_path: Path) -> None:
    output = {"images": [picture("a_1_.png", encoded(PNG)), picture("b.png", encoded(PNG + b"2"))]}
    folder = tmp_path / "new" / "folder"
    assert saving(driver, output, folder) == [folder / "a_1_.png", folder / "b.png"]
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [PNG, PNG + b"2"]


@in_no_time
def test_two_files_of_one_name_get_numbers(driver: Driver, tmp_path: Path) -> None:
    output = [picture("a.png", encoded(PNG)), picture("A.png", encoded(PNG + b"2"))]
    assert saving(driver, output, tmp_path) == [tmp_path / "a.png", tmp_path / "A-2.png"]


@in_no_time
@pytest.mark.parametrize("directory", [None, 5, b"x", ["x"]], ids=range(4))
def test_a_directory_that_is_no_path(driver: Driver, directory: Any) -> None:
    """The call fails before it waits for the job."""
    with pytest.raises(TypeError, match="directory must be a path, not"):
        driver.call(lambda: driver.endpoint(Script()).job(JOB).save_output(directory))


@in_no_time
def test_a_file_that_fails_does_not_lose_the_others(
    driver: Driver, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each says why, by its place; a page is no file, unless its name says that it is one."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", "https://8.8.8.8/v2")
    (tmp_path / "taken.png").write_text("mine")
    output = {
        "a": [picture("taken.png", encoded(PNG)), picture("first.png", encoded(PNG))],
        "link": f"{site}/x.png",
        "last": encoded(PNG + b"3"),
    }
    with pytest.raises(SaveOutputError) as caught:
        saving(driver, output, tmp_path)
    error = caught.value
    assert error.saved == [tmp_path / "first.png", tmp_path / "last.png"]
    assert [path.read_bytes() for path in error.saved] == [PNG, PNG + b"3"]
    assert list(error.failed) == ["/a/0/data", "/link"]
    assert isinstance(error.failed["/a/0/data"], FileExistsError)
    assert (tmp_path / "taken.png").read_text() == "mine"
    assert JOB in str(error)
    assert "2 of 4 files were not saved: /a/0/data: " in str(error)
    assert "taken.png exists already; overwrite=True replaces it; /link: " in str(error)
    assert "public network" in str(error)
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.saved, list(twin.failed)) == (error.saved, list(error.failed))


@pytest.mark.parametrize("driver", ["sync", "asyncio", "trio"], indirect=True)
def test_links_are_fetched_where_the_endpoint_may_lead(
    driver: Driver, site: str, tmp_path: Path
) -> None:
    """A local endpoint's output may link to this machine, in any environment."""
    Site.asked.clear()
    output = {"images": [f"{site}/x.png", f"{site}/page"]}
    endpoint = driver.endpoint(Script(job(output=output)), base_url=f"{site}/v2")
    saved = driver.call(lambda: endpoint.job(JOB).save_output(tmp_path))
    assert saved == [tmp_path / "x.png"]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [PNG]
    assert KEY not in str(Site.asked)
    (linked, *_) = driver.call(lambda: endpoint.status(JOB)).files
    again = pickle.loads(pickle.dumps(driver.call(lambda: endpoint.status(JOB)))).files[0]
    assert again.save(tmp_path / "again.png") == tmp_path / "again.png"
    assert linked == again


@pytest.mark.parametrize("driver", ["sync", "asyncio", "trio"], indirect=True)
def test_a_page_in_place_of_a_file_is_told(driver: Driver, site: str, tmp_path: Path) -> None:
    """It is what some storages answer for a link that has expired."""
    endpoint = driver.endpoint(Script(job(output=f"{site}/page.mp4")), base_url=f"{site}/v2")
    with pytest.raises(SaveOutputError, match="output: the link leads to a web page"):
        driver.call(lambda: endpoint.job(JOB).save_output(tmp_path))


@in_no_time
def test_overwriting(driver: Driver, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("old")
    saved = saving(driver, picture("a.png", encoded(PNG)), tmp_path, overwrite=True)
    assert [path.read_bytes() for path in saved] == [PNG]


@in_no_time
def test_an_output_without_files(driver: Driver, tmp_path: Path) -> None:
    """Makes no directory either."""
    assert saving(driver, {"text": "a horse"}, tmp_path / "new") == []
    assert list(tmp_path.iterdir()) == []


@in_no_time
def test_a_job_that_failed_or_takes_too_long(driver: Driver, tmp_path: Path) -> None:
    failed = driver.endpoint(Script(job("FAILED", error="out of paint", output=encoded(PNG))))
    with pytest.raises(JobFailedError, match="out of paint"):
        driver.call(lambda: failed.job(JOB).save_output(tmp_path))
    slow = driver.endpoint(Script(job("IN_PROGRESS")))
    with pytest.raises(RunpodTimeoutError) as caught:
        driver.call(lambda: slow.job(JOB).save_output(tmp_path, timeout=5))
    assert caught.value.job.id == JOB
    assert list(tmp_path.iterdir()) == []
