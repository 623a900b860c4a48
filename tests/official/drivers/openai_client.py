"""OpenAI's own client, sync and async: prints what it makes of an endpoint's answers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import openai

MESSAGES: Any = [{"role": "user", "content": "Say hello."}]


def failure(error: openai.APIError) -> list[Any]:
    return [type(error).__name__, getattr(error, "status_code", None), error.message]


def sync(base_url: str, key: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with openai.OpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        create = client.chat.completions.create
        seen["models"] = [model.id for model in client.models.list()]
        answer = create(model="tiny", messages=MESSAGES)
        seen["completion"] = [answer.choices[0].message.content, answer.usage.total_tokens]
        chunks = create(model="tiny", messages=MESSAGES, stream=True)
        seen["stream"] = [chunk.choices[0].delta.content for chunk in chunks]
        try:
            create(model="missing", messages=MESSAGES)
        except openai.APIError as error:
            seen["failed"] = failure(error)
        seen["broken"] = []
        try:
            for chunk in create(model="broken", messages=MESSAGES, stream=True):
                seen["broken"].append(chunk.choices[0].delta.content)
        except openai.APIError as error:
            seen["broken"].append(failure(error))
        with create(model="endless", messages=MESSAGES, stream=True) as chunks:
            seen["left"] = next(iter(chunks)).choices[0].delta.content
    return seen


async def asynchronous(base_url: str, key: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    async with openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0) as client:
        create = client.chat.completions.create
        seen["models"] = [model.id async for model in client.models.list()]
        answer = await create(model="tiny", messages=MESSAGES)
        seen["completion"] = [answer.choices[0].message.content, answer.usage.total_tokens]
        chunks = await create(model="tiny", messages=MESSAGES, stream=True)
        seen["stream"] = [chunk.choices[0].delta.content async for chunk in chunks]
        try:
            await create(model="missing", messages=MESSAGES)
        except openai.APIError as error:
            seen["failed"] = failure(error)
        seen["broken"] = []
        try:
            async for chunk in await create(model="broken", messages=MESSAGES, stream=True):
                seen["broken"].append(chunk.choices[0].delta.content)
        except openai.APIError as error:
            seen["broken"].append(failure(error))
        async with await create(model="endless", messages=MESSAGES, stream=True) as chunks:
            async for chunk in chunks:
                seen["left"] = chunk.choices[0].delta.content
                break
    return seen


if __name__ == "__main__":
    _, base_url = sys.argv
    key = os.environ["OPENAI_KEY"]
    print(json.dumps([sync(base_url, key), asyncio.run(asynchronous(base_url, key))]))
