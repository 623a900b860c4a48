"""Programs by others on the local endpoint: nothing of them changes but address and key."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from runpod_sdk.local import LocalEndpoint

if "RUNPOD_OFFICIAL_PROGRAMS" not in os.environ:
    pytest.skip("scripts/official has these programs, and runs this", allow_module_level=True)

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).with_name("programs")
PYTHON = os.environ["RUNPOD_OFFICIAL_PROGRAMS"]
NODE = os.environ["RUNPOD_OFFICIAL_NODE"]
MODULES = Path(os.environ["RUNPOD_OFFICIAL_PROGRAMS_JS"])

IMAGE = base64.b64encode(b"\x89PNG\r\n\x1a\n of a kind").decode()


def chat(job: dict[str, Any]) -> Iterator[Any]:
    """Answer as a worker with a language model does: at first by a call of a tool, if it may."""
    asked = job["input"]["openai_input"]
    answer: dict[str, Any] = {"role": "assistant", "content": "Hello from here"}
    reason = "stop"
    used = any(message["role"] == "tool" for message in asked["messages"])
    if "tools" in asked and not used:
        function = {
            "name": asked["tools"][0]["function"]["name"],
            "arguments": json.dumps({"city": "Lisbon"}),
        }
        call = {"id": "call-1", "index": 0, "type": "function", "function": function}
        answer, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    elif used:
        answer["content"] = asked["messages"][-1]["content"]
    about = {"id": "chat-1", "created": 1, "model": asked["model"]}
    if not asked.get("stream"):
        choice = {"index": 0, "message": answer, "finish_reason": reason}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        yield {**about, "object": "chat.completion", "choices": [choice], "usage": usage}
        return
    for delta, ends in ((answer, None), ({}, reason)):
        choice = {"index": 0, "delta": delta, "finish_reason": ends}
        chunk = {**about, "object": "chat.completion.chunk", "choices": [choice]}
        yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


def media(job: dict[str, Any]) -> dict[str, Any]:
    """Answer as RunPod's public endpoints for images and sounds do."""
    if "audio_base64" in job["input"]:
        return {"result": "Hello from here", "cost": 0}
    return {
        "image_url": f"data:image/png;base64,{IMAGE}",
        "audio_url": f"data:audio/wav;base64,{IMAGE}",
        "cost": 0,
    }


def plain(job: dict[str, Any]) -> str:
    return f"{job['input']['prompt']}, too"


@pytest.fixture(scope="module")
def local() -> Iterator[LocalEndpoint]:
    with LocalEndpoint({"chat": chat, "media": media, "plain": plain}) as local:
        yield local


@pytest.fixture
def environment(local: LocalEndpoint) -> dict[str, str]:
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"}
    where = {"RUNPOD_ENDPOINT_BASE_URL": local.base_url, "RUNPOD_API_KEY": local.api_key}
    return {**os.environ, **quiet, **where, "RUNPOD_SERVERLESS_API_URL": local.base_url}


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("litellm", "Hello from here"),
        ("instructor", "Lisbon"),
        ("langchain_runpod", ["Hello, too", "User: Hello, too"]),
        ("runpod_flash", "Hello, too"),
    ],
)
def test_a_program_in_python(environment: dict[str, str], program: str, answer: Any) -> None:
    command = [PYTHON, str(HERE / "programs.py"), program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == answer


def test_the_provider_of_the_ai_sdk(environment: dict[str, str], tmp_path: Path) -> None:
    """Text, a stream, tools, an image, a transcription and speech."""
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "ai_sdk.mjs").write_text((HERE / "ai_sdk.mjs").read_text())
    command = [NODE, "--preserve-symlinks-main", str(tmp_path / "ai_sdk.mjs")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "text": "Hello from here",
        "streamed": "Hello from here",
        "tools": "sunny in Lisbon",
        "image": IMAGE,
        "transcription": "Hello from here",
        "speech": IMAGE,
    }


class Mcp:
    """A client of a server that speaks MCP, JSON lines by way of its pipes."""

    def __init__(self, source: IO[str], target: IO[str]) -> None:
        self._source, self._target = source, target
        self._number = 0

    def send(self, message: dict[str, Any]) -> None:
        self._target.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._target.flush()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        self.send({"id": self._number, "method": method, "params": params})
        while line := self._source.readline():
            answer = json.loads(line)
            if answer.get("id") == self._number:
                result: dict[str, Any] = answer["result"]
                return result
        raise AssertionError("the server has ended")

    def use(self, name: str, **arguments: Any) -> Any:
        """Use a tool; its answer is JSON."""
        result = self.ask("tools/call", name=name, arguments=arguments)
        assert not result.get("isError"), result
        return json.loads(result["content"][0]["text"])


def test_the_tools_of_runpods_mcp_server(environment: dict[str, str]) -> None:
    command = [NODE, str(MODULES / "@runpod/mcp-server/dist/stdio.mjs")]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        mcp = Mcp(server.stdout, server.stdin)
        client = {"name": "test", "version": "1"}
        mcp.ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
        mcp.send({"method": "notifications/initialized"})
        where = {"endpointId": "plain"}
        done = mcp.use("runsync-endpoint", **where, input={"prompt": "Hello"})
        assert (done["status"], done["output"]) == ("COMPLETED", "Hello, too")
        job = mcp.use("run-endpoint", **where, input={"prompt": "Hi"})
        about = {**where, "jobId": job["id"]}
        while (found := mcp.use("get-job-status", **about))["status"] != "COMPLETED":
            pass
        assert found["output"] == "Hi, too"
        assert mcp.use("cancel-job", **about)["status"] == "COMPLETED"
        assert mcp.use("endpoint-health", **where)["jobs"]["completed"] >= 2
        mcp.use("purge-endpoint-queue", **where)
        server.stdin.close()
        server.kill()


def test_the_page_names_the_versions() -> None:
    """The table of docs/local-endpoint.md says what has been tried here."""
    page = (ROOT / "docs/local-endpoint.md").read_text()
    pinned = dict(
        line.split("==")
        for name in ("official-programs.txt", "official.txt")
        for line in (ROOT / "requirements" / name).read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    for name in ("litellm", "instructor", "langchain-runpod", "runpod-flash", "openai", "runpod"):
        assert f"| `{name}` {pinned[name].partition(' ')[0]} |" in page
    for folder in ("programs", "js"):
        package = json.loads((ROOT / "tests/official" / folder / "package.json").read_text())
        for name, version in package["dependencies"].items():
            assert f"`{name}` {version}" in page
