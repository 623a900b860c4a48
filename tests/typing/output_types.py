"""Outputs of a type, as an application asks for them. Checked by mypy and pyright, never run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

import attrs
import pydantic

from runpod_sdk import AsyncEndpoint, AsyncJob, Endpoint, Job, JobState


@dataclass
class Image:
    name: str


@attrs.frozen
class Box:
    x: int


class Named(TypedDict):
    name: str


class Model(pydantic.BaseModel):
    name: str


def sync(endpoint: Endpoint, job: Job) -> None:
    assert_type(endpoint.run_sync(input=1), JobState)
    assert_type(endpoint.run_sync(input=1).output, Any)
    assert_type(endpoint.run_sync(input=1, output_type=Image), JobState[Image])
    assert_type(endpoint.run_sync(input=1, output_type=Box).output, Box)
    assert_type(endpoint.run_sync({"input": 1}, output_type=Named).output["name"], str)
    assert_type(endpoint.run_sync(input=1, output_type=Model, timeout=None).output.name, str)
    assert_type(endpoint.run_sync(input=1, output_type=list[Model]).output, list[Model])
    assert_type(endpoint.run_sync(input=1, output_type=Box).raise_for_status().output, Box)
    assert_type(endpoint.run_sync(input=1, output_type=Box, check=False), JobState[Any])
    assert_type(job.output(), Any)
    assert_type(job.output(output_type=Box), Box)
    assert_type(job.output(output_type=dict[str, Box], timeout=5), dict[str, Box])
    assert_type(job.wait().output_as(Box), Box)
    endpoint.run_sync(input=1, output_type=Box).output.z = 1  # type: ignore[attr-defined]


async def async_(endpoint: AsyncEndpoint, job: AsyncJob) -> None:
    assert_type(await endpoint.run_sync(input=1), JobState)
    assert_type((await endpoint.run_sync(input=1, output_type=Box)).output, Box)
    assert_type(await job.output(), Any)
    assert_type(await job.output(output_type=Named, on_timeout="cancel"), Named)


def keep(state: JobState) -> JobState[Box]:
    """A plain state will do where a typed one is wanted, and the reverse."""
    plain: JobState = state
    typed: JobState[Box] = plain
    widen(typed)
    return typed


def widen(state: JobState[object]) -> None:
    assert_type(state.output, object)
