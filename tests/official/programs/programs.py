"""Ask an endpoint for text by programs that use OpenAI's API, RunPod's API, or both."""

import asyncio
import json
import os
import sys

BASE = os.environ["RUNPOD_ENDPOINT_BASE_URL"]
KEY = os.environ["RUNPOD_API_KEY"]
OPENAI = f"{BASE}/chat/openai/v1"
MESSAGES = [{"role": "user", "content": "Hello"}]


def litellm():
    import litellm

    answer = litellm.completion(
        model="openai/any-model",
        api_base=OPENAI,
        api_key=KEY,
        messages=MESSAGES,
        max_retries=0,
        timeout=600,
    )
    return answer.choices[0].message.content


def instructor():
    import instructor
    from openai import OpenAI
    from pydantic import BaseModel

    class City(BaseModel):
        city: str

    client = instructor.from_openai(OpenAI(base_url=OPENAI, api_key=KEY))
    made = client.chat.completions.create(model="any-model", response_model=City, messages=MESSAGES)
    return made.city


def langchain_runpod():
    from langchain_runpod import ChatRunPod, RunPod

    where = {"endpoint_id": "plain", "api_key": KEY, "api_base": BASE}
    return [RunPod(**where).invoke("Hello"), ChatRunPod(**where).invoke("Hello").content]


def runpod_flash():
    from runpod_flash import Endpoint

    async def main():
        job = await Endpoint(id="plain").run({"prompt": "Hello"})
        await job.wait(timeout=60)
        return job.output

    return asyncio.run(main())


print(json.dumps(globals()[sys.argv[1]]()))
