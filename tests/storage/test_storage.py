"""`S3Storage`, against a real server."""

from __future__ import annotations

import io
import pickle
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest

from runpod_sdk import RunpodTimeoutError, S3Config, StorageError
from runpod_sdk.storage import S3Storage
from tests.files.site import PNG
from tests.storage.conftest import ACCESS_ID, ACCESS_SECRET

MIB = 2**20


def keys(bucket: Any) -> list[str]:
    return [item.key for item in bucket.objects.all()]


def uploads_in_progress(bucket: Any) -> list[Any]:
    return list(bucket.multipart_uploads.all())


def test_a_file_is_uploaded_and_its_link_leads_to_it(
    config: S3Config, bucket: Any, tmp_path: Path
) -> None:
    """Each in a folder of its own, below the path of the configuration."""
    path = tmp_path / "my horse.png"
    path.write_bytes(PNG)
    with S3Storage(config) as storage:
        links = [storage.upload(path), storage.upload(path)]
    assert len(set(keys(bucket))) == 2
    for key in keys(bucket):
        assert re.fullmatch(r"jobs/in/[0-9a-f]{32}/my-horse\.png", key)
    for link in links:
        answer = httpx.get(link)
        assert (answer.status_code, answer.content) == (200, PNG)
        assert answer.headers["content-type"] == "image/png"
        assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["86400"]


def test_each_form_of_a_file(config: S3Config, bucket: Any) -> None:
    """Bytes, open files that can't be rewound, and from the middle of one."""

    class Pipe(io.RawIOBase):
        name = "sound.mp3"
        left = 3 * MIB

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            count = min(len(buffer), self.left)
            buffer[:count] = b"x" * count
            self.left -= count
            return count

    middle = io.BytesIO(b"head" + PNG)
    middle.seek(4)
    storage = S3Storage(config)
    sources: dict[str, Any] = {"a": PNG, "b": middle, "c": Pipe(), "d": b""}
    for name, source in sources.items():
        storage.upload(source, name)
    found = {item.key.rpartition("/")[2]: item.get() for item in bucket.objects.all()}
    bodies = {name: item["Body"].read() for name, item in found.items()}
    assert bodies == {"a": PNG, "b": PNG, "c": b"x" * 3 * MIB, "d": b""}
    types = {name: item["ContentType"] for name, item in found.items()}
    assert types == {
        "a": "image/png",
        "b": "image/png",
        "c": "audio/mpeg",
        "d": "application/octet-stream",
    }


def test_a_large_file_goes_in_parts_and_tells_its_progress(config: S3Config, bucket: Any) -> None:
    """Several at a time; what is told goes up to the whole."""
    data = bytes(range(256)) * (20 * MIB // 256)
    seen: list[tuple[int, int | None]] = []
    link = S3Storage(config).upload(data, "a.bin", progress=lambda *now: seen.append(now))
    assert seen == sorted(seen)
    assert seen[-1] == (len(data), len(data))
    assert len(seen) > 3
    (item,) = bucket.objects.all()
    assert item.e_tag.strip('"').endswith("-3")  # of three parts
    assert httpx.get(link).content == data


def test_an_upload_that_is_ended_leaves_nothing(config: S3Config, bucket: Any) -> None:
    """By what the progress function raises, or by its time."""

    def stop(*_: Any) -> None:
        raise LookupError("enough")

    storage = S3Storage(config)
    with pytest.raises(LookupError, match="enough"):
        storage.upload(bytes(20 * MIB), progress=stop)
    with pytest.raises(RunpodTimeoutError):
        storage.upload(bytes(20 * MIB), timeout=1e-9)
    assert keys(bucket) == []
    assert uploads_in_progress(bucket) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async(config: S3Config, bucket: Any, backend: str) -> None:
    """In a thread; a task that is cancelled ends its upload."""
    storage = S3Storage(config)
    ended = threading.Event()

    async def main() -> str:
        def slow(sent: int, total: int | None) -> None:
            ended.wait(0.05)

        with anyio.move_on_after(0.1) as scope:
            await storage.aupload(bytes(32 * MIB), "large", progress=slow)
        assert scope.cancelled_caught
        return await storage.aupload(PNG, "small")

    link = anyio.run(main, backend=backend)
    assert httpx.get(link).content == PNG
    give_up_at = time.monotonic() + 20
    while uploads_in_progress(bucket) and time.monotonic() < give_up_at:
        ended.wait(0.02)
    assert uploads_in_progress(bucket) == []
    assert keys(bucket) == ["jobs/in/small"]


@pytest.mark.parametrize("expires", [0, -1, float("nan"), 7 * 86_400 + 1, float("inf")])
def test_a_life_that_no_link_can_have(config: S3Config, expires: float) -> None:
    with pytest.raises(ValueError, match="expires must be"):
        S3Storage(config).upload(PNG, expires=expires)


def test_a_bucket_that_is_not_there(config: S3Config) -> None:
    """The error names the bucket and the reason, and shows no secret."""
    import attrs

    storage = S3Storage(attrs.evolve(config, bucket_name="no-such-bucket"))
    with pytest.raises(StorageError, match=r"no-such-bucket.*NoSuchBucket") as caught:
        storage.upload(PNG)
    assert_no_secret(caught.value)


def test_a_server_that_is_not_there(config: S3Config) -> None:
    import attrs

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    storage = S3Storage(attrs.evolve(config, endpoint_url=f"http://127.0.0.1:{port}"))
    with pytest.raises(StorageError, match=f"127.0.0.1:{port}") as caught:
        storage.upload(PNG, timeout=30)
    assert_no_secret(caught.value)


def test_the_secret_is_shown_nowhere(config: S3Config) -> None:
    storage = S3Storage(config)
    storage.upload(PNG)
    assert ACCESS_SECRET not in repr(storage) + str(storage)
    with pytest.raises(TypeError, match="can't be pickled: make one where you need it"):
        pickle.dumps(storage)


def assert_no_secret(error: BaseException) -> None:
    """See that neither an error, nor the variables of the functions that it left, show one."""
    chain: list[BaseException | None] = [error]
    for one in chain:
        if one is None or ACCESS_SECRET in f"{one!r} {one}":
            assert one is None
            continue
        chain += [one.__cause__, one.__context__]
        trace = one.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals["__name__"] != __name__:
                shown = [repr(value) for value in trace.tb_frame.f_locals.values()]
                assert ACCESS_SECRET not in "".join(shown)
            trace = trace.tb_next


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("s3api-eur-is-1.runpod.io", "EUR-IS-1"),
        ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("s3.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("minio.test", "us-east-1"),
    ],
)
def test_the_region_is_that_of_the_host(host: str, region: str) -> None:
    """It is a part of the signature; a link is signed without a request."""
    config = S3Config(
        access_id=ACCESS_ID,
        access_secret=ACCESS_SECRET,
        bucket_name="b",
        endpoint_url=f"https://{host}",
    )
    pytest.importorskip("boto3", reason="scripts/storage has it")
    assert S3Storage(config)._region == region


def test_an_image_of_pil(config: S3Config) -> None:
    image = pytest.importorskip("PIL.Image", reason="scripts/storage has it").new("RGB", (3, 2))
    answer = httpx.get(S3Storage(config).upload(image))
    assert answer.content.startswith(b"\x89PNG")
    assert answer.headers["content-type"] == "image/png"


def test_the_configuration_is_checked() -> None:
    pytest.importorskip("boto3", reason="scripts/storage has it")
    with pytest.raises(TypeError, match="config must be an S3Config, not a dict"):
        S3Storage({"access_id": "a"})  # type: ignore[arg-type]
