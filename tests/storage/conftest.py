"""A real server of S3's protocol on this machine: moto's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from runpod_sdk import S3Config

ACCESS_ID = "AKIACANARY0123456789"
ACCESS_SECRET = "CANARYabcdefghijklmnopqrstuvwxyz01234567"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start the server, and return its address."""
    moto = pytest.importorskip("moto.server", reason="scripts/storage has it")
    started = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def bucket(server: str) -> Iterator[Any]:
    """Make a bucket, and return it as boto3 has it."""
    boto3 = pytest.importorskip("boto3", reason="scripts/storage has it")
    resource = boto3.resource(
        "s3",
        endpoint_url=server,
        aws_access_key_id=ACCESS_ID,
        aws_secret_access_key=ACCESS_SECRET,
        region_name="us-east-1",
    )
    made = resource.create_bucket(Bucket=f"bucket-{secrets.token_hex(4)}")
    yield made
    made.objects.delete()
    made.delete()


@pytest.fixture
def config(server: str, bucket: Any) -> S3Config:
    return S3Config(
        access_id=ACCESS_ID,
        access_secret=ACCESS_SECRET,
        bucket_name=bucket.name,
        endpoint_url=server,
        object_path="/jobs/in/",
    )
