"""
Every page of docs/ does what it says, and so does the README.

Each Python block of a page is a program, run alone against a local endpoint with `handler`, which
the environment names; or against what the block itself serves. A block that begins with the
comment `CONTINUES` is part of the program of the block before it. A block of Python that begins
with `# name.py` is that file; one with a test in it is run by pytest; shell blocks are run in the
pages of `SHELL`, which a reader goes through in a terminal. A block of `text` shows what the
blocks before it print, where `…` stands for anything.

A block that can't be run has a comment before it: `<!-- not run: the reason -->`. One that needs a
bucket has `<!-- needs a bucket -->`: scripts/storage runs it, with the variables of one.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest
from attrs import field, frozen

from runpod_sdk import compat
from runpod_sdk.local import LocalEndpoint

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(DOCS).as_posix(): path
    for path in sorted([*DOCS.glob("*.md"), *DOCS.glob("recipes/*.md")])
}
del PAGES["SUMMARY.md"]
PAGES["README.md"] = ROOT / "README.md"
SHELL = {"telemetry.md", "tutorial.md", "README.md"}
CONTINUES = "# continues the program above\n"
NEEDS = {
    "openai.md": "openai",  # scripts/official has it, and scripts/recipes all the others
    "recipes/dataframes.md": "polars",
    "recipes/fastapi.md": "fastapi",
    "recipes/langchain-litellm.md": "langchain_openai",
}
"""What a page needs that not every environment has."""


async def handler(job: dict[str, Any]) -> AsyncIterator[str]:
    """Yield the words of a prompt; fail, or take two seconds, if it says so."""
    prompt = job["input"]["prompt"]
    if prompt == "fail":
        raise ValueError("out of paint")
    if prompt == "slow":
        await asyncio.sleep(2)
    for word in prompt.split():
        yield word


@frozen
class Block:
    """A block of code of a page."""

    language: str
    code: str
    line: int
    remark: str | None
    """The comment right before it."""

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        found = re.match(r"# (\S+\.py)\n", self.code)
        return found[1] if found else None


FENCE = re.compile(
    r"(?:^ *<!-- (?P<remark>[^\n]*) -->\n\n?)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(text: str) -> Iterator[Block]:
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("code"))
        code = textwrap.dedent(found["code"])
        yield Block(found["language"], code, line, found["remark"])


@frozen
class Reader:
    """Somebody who reads a page, and does as it says in a folder of their own."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    names: dict[str, Any] = field(factory=dict)
    environment: dict[str, str] = field(factory=lambda: dict(os.environ))
    background: list[subprocess.Popen[str]] = field(factory=list)
    stack: ExitStack = field(factory=ExitStack)

    def do(self, page: str, block: Block) -> str:
        """Do what a block says, and return what it prints."""
        if block.file:
            (self.folder / block.file).write_text(block.code, encoding="utf-8")
        elif block.language == "python" and "def test_" in block.code:
            (self.folder / f"test_{block.line}.py").write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            if not block.code.startswith(CONTINUES):
                self.names.clear()
            code = compile("\n" * block.line + block.code, page, "exec", dont_inherit=True)
            exec(code, self.names)
            return self.capsys.readouterr().out
        elif block.remark and block.remark.startswith("goes on"):
            self.start(block.code)
        elif block.language == "sh":
            return self.run(["bash", "-euc", block.code])
        return ""

    def run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, code: str) -> None:
        """Start what goes on, and take the environment that it tells of as a reader would."""
        process = subprocess.Popen(
            ["bash", "-euc", f"exec {code}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.background.append(process)
        assert process.stdout is not None
        assert process.stderr is not None
        told = json.loads(process.stdout.readline())
        threading.Thread(target=drain, args=[process.stderr], daemon=True).start()
        for name, value in (
            ("RUNPOD_ENDPOINT_BASE_URL", told["base_url"]),
            ("RUNPOD_ENDPOINT_ID", told["endpoint_id"]),
            ("RUNPOD_API_KEY", told["api_key"]),
        ):
            self.environment[name] = value
            self.monkeypatch.setenv(name, value)  # the page's program goes there too

    def has_bucket(self) -> bool:
        """Make a bucket on a server of S3's protocol, if there can be one, and name it."""
        if "BUCKET_NAME" in os.environ:
            return True
        if importlib.util.find_spec("moto") is None:
            return False
        import boto3
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        self.stack.callback(server.stop)
        host, port = server.get_host_and_port()
        for name, value in {
            "BUCKET_ENDPOINT_URL": f"http://{host}:{port}",
            "BUCKET_NAME": "my-bucket",
            "BUCKET_ACCESS_KEY_ID": "AKIA0123456789",
            "BUCKET_SECRET_ACCESS_KEY": "secret0123456789",
        }.items():
            self.monkeypatch.setenv(name, value)
        boto3.client(
            "s3",
            endpoint_url=os.environ["BUCKET_ENDPOINT_URL"],
            aws_access_key_id=os.environ["BUCKET_ACCESS_KEY_ID"],
            aws_secret_access_key=os.environ["BUCKET_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        ).create_bucket(Bucket=os.environ["BUCKET_NAME"])
        return True

    def close(self) -> None:
        self.stack.close()
        for process in self.background:
            process.terminate()
            process.communicate()


def drain(stream: IO[str]) -> None:
    for _ in stream:
        pass


def assert_prints(said: str, shown: str, where: str) -> None:
    pattern = re.escape(shown.strip()).replace("…", ".*")
    assert re.fullmatch(pattern, said.strip(), re.DOTALL), f"{where} shows\n{shown}\nnot\n{said}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(
    page: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.NOTSET, "runpod_sdk")  # and back, whatever the page sets it to
    endpoint = logging.getLogger("runpod_sdk.local")  # a reader's is another process
    monkeypatch.setattr(endpoint, "propagate", False)
    if page in NEEDS:
        pytest.importorskip(NEEDS[page], reason="another script has it, see NEEDS")
    found = list(blocks(PAGES[page].read_text(encoding="utf-8")))
    wanted = {"python", "text", *(["sh"] if page in SHELL else [])}
    found = [block for block in found if block.language in wanted]
    if not any(block.language != "text" for block in found):
        pytest.skip("there is nothing to run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    with LocalEndpoint(handler, return_aggregate_stream=True) as local:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", local.base_url)
        monkeypatch.setenv("RUNPOD_API_KEY", local.api_key)
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", local.endpoint_id)
        monkeypatch.setattr(compat, "endpoint_url_base", local.base_url)  # read once, at import
        monkeypatch.setattr(compat, "api_key", None)
        reader = Reader(tmp_path, capsys, monkeypatch)
        printed = ""
        skipped = False
        try:
            for block in found:
                where = f"{page}, line {block.line + 1}"
                if block.remark and block.remark.startswith("not run"):
                    assert len(block.remark) > len("not run: ") + 10, f"{where}: say why"
                elif block.remark == "needs a bucket" and not reader.has_bucket():
                    skipped = True
                elif block.language == "text" and skipped:
                    skipped = False
                elif block.language == "text":
                    assert_prints(printed, block.code, where)
                    printed = ""
                else:
                    printed += reader.do(page, block)
        finally:
            reader.close()
    if list(tmp_path.glob("test_*.py")):
        run_tests(tmp_path)
    assert not printed, f"{page} prints what it does not show:\n{printed}"


@pytest.mark.parametrize("name", ["captions.py", "test_captions.py"])
def test_a_file_is_one_of_the_examples(name: str) -> None:
    """The application that a page shows, and its tests, can be taken from there."""
    shown = blocks(PAGES["testing.md"].read_text(encoding="utf-8"))
    example = ROOT / "examples" / "testing" / name
    assert f"# {name}\n{example.read_text('utf-8')}" in [block.code for block in shown]


def run_tests(folder: Path) -> None:
    """Run the tests that a page shows, with the plug-in as a user has it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_blocks_are_found() -> None:
    """Those in a list too, and the remark of the one that it stands before."""
    found = list(
        blocks(
            "```python\n# a.py\n1\n```\n\n- item\n\n  ```python\n  2\n  ```\n\n"
            "<!-- not run: too large -->\n```sh\n3\n```\n"
        )
    )
    assert [(block.language, block.code) for block in found] == [
        ("python", "# a.py\n1\n"),
        ("python", "2\n"),
        ("sh", "3\n"),
    ]
    assert [block.file for block in found] == ["a.py", None, None]
    assert [block.remark for block in found] == [None, None, "not run: too large"]
