"""Endpoints with types, as an application uses them. Checked by mypy and pyright, never run."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import dataclasses
from typing import Any, TypedDict, assert_type

import attrs
import pydantic
import pydantic.dataclasses

from runpod_sdk import (
    AsyncEndpoint,
    AsyncJob,
    AsyncResults,
    AsyncRunpod,
    Endpoint,
    InputValue,
    Job,
    JobResult,
    JobState,
    MapResult,
    Results,
    Runpod,
)


@attrs.frozen
class Prompt:
    text: str


@dataclasses.dataclass
class Caption:
    text: str


class Named(TypedDict):
    name: str


class Model(pydantic.BaseModel):
    name: str


@pydantic.dataclasses.dataclass
class Checked:
    name: str


def made(client: Runpod) -> None:
    """Of two types, of one, of none."""
    both = client.endpoint("id", input_type=Prompt, output_type=Caption)
    assert_type(both, Endpoint[Prompt, Caption])
    assert_type(client.endpoint("id", input_type=Prompt), Endpoint[Prompt, Any])
    assert_type(client.endpoint("id", output_type=list[Model]), Endpoint[InputValue, list[Model]])
    assert_type(client.endpoint("id", input_type=Named), Endpoint[Named, Any])
    assert_type(client.endpoint("id", output_type=type(None)), Endpoint[InputValue, None])
    either: Endpoint[Prompt, Caption | Prompt] = client.endpoint(
        "id", input_type=Prompt, output_type=Caption | Prompt
    )
    assert_type(either.run_sync(input=Prompt("")).output, Caption | Prompt)
    assert_type(both.client, Runpod)
    client.endpoint("id", input_type="Prompt")


def bare(endpoint: Endpoint, job: Job) -> None:
    """Without types, all are Any; one that has some will do for one that has none."""
    assert_type(endpoint, Endpoint[Any, Any])
    assert_type(job, Job[Any])
    assert_type(job.endpoint, Endpoint)
    endpoint.run(input=Prompt(""))
    bare(Runpod().endpoint("id", input_type=Prompt, output_type=Caption), job)
    typed: Endpoint[Prompt, Caption] = endpoint
    takes_prompts(typed)


def takes_prompts(endpoint: Endpoint[Prompt]) -> None:
    """One that takes anything takes prompts; one of other inputs does not."""
    takes_prompts(Runpod().endpoint("id"))
    other = Runpod().endpoint("id", input_type=Caption)
    takes_prompts(other)  # type: ignore[arg-type]


def untyped(client: Runpod, model: Model, checked: Checked, named: Named) -> None:
    """What can be written as JSON can be sent, and nothing else."""
    endpoint = client.endpoint("id")
    endpoint.run(input=Prompt(""))
    endpoint.run(input={"prompts": [Prompt(""), Caption("")], "more": {"model": model}})
    endpoint.run(input=[checked, named])
    endpoint.run({"input": Caption("")})
    endpoint.run_sync(input=model)
    assert_type(endpoint.map([Prompt("")]), Results[MapResult[Prompt]])
    endpoint.run(input=object())  # type: ignore[arg-type]
    endpoint.run(input={"a": {1}})  # type: ignore[dict-item]


def sync(endpoint: Endpoint[Prompt, Caption], client: Runpod) -> None:
    job = endpoint.run(input=Prompt("a"))
    assert_type(job, Job[Caption])
    assert_type(job.output(timeout=5), Caption)
    assert_type(job.output(output_type=Prompt), Prompt)
    assert_type(job.wait(), JobState)
    assert_type(job.status(), JobState)
    assert_type(job.retry().output, Any)
    assert_type(job.wait().output_as(Caption), Caption)
    assert_type(endpoint.job("id"), Job[Caption])
    assert_type(endpoint.wait("id"), JobState)
    assert_type(endpoint.run_sync(input=Prompt("a")), JobState[Caption])
    assert_type(endpoint.run_sync({"input": Prompt("a")}).output.text, str)
    assert_type(endpoint.run_sync(input=Prompt("a"), output_type=Prompt), JobState[Prompt])
    assert_type(endpoint.run_sync(input=Prompt("a"), check=False), JobState[Any])
    endpoint.run(input={"text": "a"})  # type: ignore[arg-type]
    endpoint.run(input=1)  # type: ignore[arg-type]
    endpoint.run_sync(input=Caption("a"))  # type: ignore[call-overload]
    endpoint.run_sync(input=Prompt("a")).output.size  # type: ignore[attr-defined] # noqa: B018

    results = endpoint.map([Prompt("a")], journal="run.sqlite")
    assert_type(results, Results[MapResult[Prompt, Caption]])
    for result in results:
        assert_type(result.input, Prompt)
        assert_type(result.output, Caption)
        if result.state is not None:
            assert_type(result.state.output, Any)
    endpoint.map([Caption("a")])  # type: ignore[list-item]

    for ended in client.as_completed([job]):
        assert_type(ended, JobResult[Job[Caption], Caption])
        assert_type(ended.output, Caption)
    assert_type(client.wait_all([job]), list[JobState])


def of_dicts(endpoint: Endpoint[Named, list[Named]]) -> None:
    assert_type(endpoint.run(input={"name": "a"}).output()[0]["name"], str)
    endpoint.run_sync(input={"name": "a"})
    endpoint.run(input={"nom": "a"})  # type: ignore[arg-type]


async def async_(endpoint: AsyncEndpoint[Prompt, Caption], client: AsyncRunpod) -> None:
    assert_type(
        client.endpoint("id", input_type=Prompt, output_type=Caption),
        AsyncEndpoint[Prompt, Caption],
    )
    assert_type(client.endpoint("id", output_type=Caption), AsyncEndpoint[InputValue, Caption])
    job = await endpoint.run(input=Prompt("a"))
    assert_type(job, AsyncJob[Caption])
    assert_type(await job.output(), Caption)
    assert_type(await job.output(output_type=Prompt), Prompt)
    assert_type(await job.wait(), JobState)
    assert_type(endpoint.job("id"), AsyncJob[Caption])
    assert_type(await endpoint.run_sync(input=Prompt("a")), JobState[Caption])
    await endpoint.run(input=1)  # type: ignore[arg-type]
    results = endpoint.map([Prompt("a")])
    assert_type(results, AsyncResults[MapResult[Prompt, Caption]])
    async for result in results:
        assert_type(result.output, Caption)
    async for ended in client.as_completed([job]):
        assert_type(ended.output, Caption)
    assert_type(await client.wait_all([job]), list[JobState])
