"""The examples in the documentation of the sync client's methods are programs that run."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from runpod_sdk import Endpoint, Job, Runpod, Stream
from runpod_sdk.local import LocalEndpoint

EXAMPLE = re.compile(r"^ *```python\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def examples() -> Iterator[Any]:
    for cls in (Runpod, Endpoint, Job, Stream):
        for name, method in inspect.getmembers_static(cls, inspect.isfunction):
            for found in EXAMPLE.finditer(method.__doc__ or ""):
                code = textwrap.dedent(found[1])
                yield pytest.param(name, code, id=f"{cls.__name__}.{name}")


async def handler(job: dict[str, Any]) -> AsyncIterator[Any]:
    """Yield the words of a prompt, and a picture, unless the prompt says to fail."""
    if job["input"]["prompt"] == "fail":
        raise ValueError("no")
    for word in job["input"]["prompt"].split():
        yield word
    yield "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(("name", "code"), [*examples()])
def test_an_example_runs(
    name: str,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        LocalEndpoint(
            handler,
            return_aggregate_stream=True,
            endpoint_id="your-endpoint-id",
        ) as local,
        local.client() as client,
    ):
        endpoint = client.endpoint(local.endpoint_id)
        job = endpoint.run(input={"prompt": "fail" if name == "retry" else "Hello"})
        if name not in ("cancel", "stream", "text"):
            job.wait(timeout=60)
        names = {"client": client, "endpoint": endpoint, "job": job, "job_id": job.id}
        exec(compile(code, f"the example of {name}", "exec", dont_inherit=True), names)
    assert capsys.readouterr().out or name == "endpoint"


def test_each_method_that_sends_something_has_an_example() -> None:
    shown = {each.id for each in examples()}
    for cls in (Endpoint, Job):
        for name, method in inspect.getmembers_static(cls, inspect.isfunction):
            if not name.startswith("_") and "Source:" in (method.__doc__ or ""):
                assert f"{cls.__name__}.{name}" in shown
