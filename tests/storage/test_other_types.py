"""What numpy and PIL make, as inputs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runpod_sdk.local import LocalEndpoint
from runpod_sdk.media import to_base64, to_data_url

np = pytest.importorskip("numpy", reason="scripts/storage has it")


def echoed(value: Any) -> Any:
    """Send *value* as an input, and return what the handler got."""
    with LocalEndpoint(lambda job: job["input"]) as local, local.client() as client:
        return client.endpoint(local.endpoint_id).run_sync(input={"steps": [0, value]}).output


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(1.5), 1.5),
        (np.float32(0.25), 0.25),
        (np.float64(0.1), 0.1),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scalars_of_numpy_are_numbers(value: Any, number: Any) -> None:
    ((_, got),) = echoed(value).values()
    assert (got, type(got)) == (number, type(number))


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (np.float32("nan"), ValueError, "nan"),
        (np.float64("inf"), ValueError, "inf"),
        (np.array([1, 2]), TypeError, r"ndarray.*tolist\(\)"),
        (np.timedelta64(1, "D"), TypeError, "timedelta64"),
        (np.datetime64("2026-01-01"), TypeError, "datetime64"),
        (np.complex64(1j), TypeError, "complex64"),
        (np.bytes_(b"x"), TypeError, "to_base64"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_number(value: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=rf"^input\.steps\[1\].*{said}"):
        echoed(value)


def test_images_of_pil() -> None:
    """As PNG; in an input as they are, the error names the functions."""
    image = pytest.importorskip("PIL.Image").new("RGB", (3, 2))
    assert base64.b64decode(to_base64(image)).startswith(b"\x89PNG")
    assert to_data_url(image).startswith("data:image/png;base64,")
    with pytest.raises(TypeError, match=r"^input\.steps\[1\].*PIL\.Image\.Image.*to_data_url"):
        echoed(image)
