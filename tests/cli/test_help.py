"""The help pages, completion, and how little is loaded for them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from runpod_sdk.cli import history
from runpod_sdk.cli.app import command
from tests.cli.in_process import run

ROOT: Any = command()
COMMANDS: list[str] = sorted(ROOT.commands)


def page(*arguments: str, columns: int = 80, **environment: str) -> str:
    ended = run(*arguments, "--help", COLUMNS=str(columns), **environment)
    assert ended.status == 0
    return ended.out


def test_the_commands_are_those_that_are_promised() -> None:
    """Others may be added; and each is listed under a subject."""
    promised = "run run-sync status wait stream cancel retry health purge-queue serve"
    assert {*promised.split(), "jobs", "explain"} <= set(COMMANDS)
    listed = re.findall(r"^  ([a-z][a-z-]+)  +[A-Z]", page(), re.MULTILINE)
    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_page_fits_the_terminal_and_has_an_example(name: str, columns: int) -> None:
    text = page(*([name] if name else []), columns=columns)
    assert max(map(len, text.splitlines())) <= min(columns, 100)
    assert re.search(rf"^Examples:\n(  \$ .*\n)*?  \$ .*runpod-sdk {name}", text, re.MULTILINE)
    assert "\x1b" not in text
    assert not re.search(r"^  -.* <(int|float|text)", text, re.MULTILINE), "a type is no name"
    assert "..." not in text.replace("]...", "")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_examples_are_such_as_can_be_typed(name: str) -> None:
    """Their commands and options are there."""
    for example in re.findall(r"^  \$ (.*)$", page(*([name] if name else [])), re.MULTILINE):
        found = re.findall(r"runpod-sdk ([^|&)]*)", example)
        assert found or example.startswith("export ")
        for words in map(shlex.split, found):
            command = ROOT.commands[words[0]]
            options = {option for p in command.params for option in p.opts}
            until = words.index("--") if "--" in words else len(words)
            for word in words[1:until]:
                assert not word.startswith("-") or word in options or word == "-"


@pytest.mark.parametrize("name", ["list", "show", "export", "resolve", "resubmit"])
def test_a_line_of_usage_has_no_braces(name: str) -> None:
    usage = page("journal", name).partition("\n")[0]
    assert re.fullmatch(rf"Usage: .* journal {name} \[OPTIONS\] \[?[A-Z .]+\]?(\.\.\.)?", usage)


def test_an_error_of_a_choice_names_the_choices() -> None:
    ended = run("run", "x=1", "-o", "table", RUNPOD_ENDPOINT_ID="e")
    assert ended.status == 2
    assert "'-o': 'table' is not one of 'json', 'text'" in ended.err


def test_forms_of_an_explanation() -> None:
    """Its JSON is the command's own; health has two lines of text."""
    forms = " ".join(page("explain").partition("--output")[2].split())
    assert "API's response" not in forms
    assert re.search("json: the reason .* job's state .* health .* text: the reason", forms)
    assert "one line" not in page("health")


def test_exit_statuses_are_on_the_first_page() -> None:
    for code in (0, 1, 2, 3, 4, 5, 124, 130):
        assert re.search(rf"^ +{code}  ", page(), re.MULTILINE)


@pytest.mark.parametrize(("words", "most"), [("--help", 220), ("jobs", 320)])
def test_little_is_loaded_for_a_page(words: str, most: int) -> None:
    """Neither the client nor its dependencies: a shell asks at each press of the tab key."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from runpod_sdk.cli import main\n"
        f"sys.argv = ['runpod-sdk', {words!r}]\n"
        "try: main()\n"
        "except SystemExit: print(*(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    heavy = {"httpx", "anyio", "asyncio", "ssl", "rich", "uvicorn", "runpod_sdk.models"}
    assert loaded & heavy == set()
    assert "runpod_serverless_api" not in loaded
    assert len(loaded) < most


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("runpod-sdk wai", "wait"),
        ("runpod-sdk wait 12", "12ab-u1"),
        ("runpod-sdk wait -e e", "ep1"),
        ("runpod-sdk jobs --only f", "failed"),
        ("runpod-sdk jobs --only F", "FAILED"),
    ],
)
def test_a_shell_can_complete(typed: str, offered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    history.add("12ab-u1", "ep1")
    history.add("34cd-u1", "ep1")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert completed("bash", monkeypatch).split() == [offered]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_job_is_completed_with_a_description(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its age, endpoint and input; bash shows none."""
    history.add("12ab-u1", "ep1", {"prompt": "a horse"})
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "runpod-sdk wait 12")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert "12ab-u1" in (shown := completed(shell, monkeypatch))
    assert re.search(r"\b\d+ s ago, ep1  prompt=a horse", shown)


def completed(shell: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("_RUNPOD_SDK_COMPLETE", f"complete_{shell}")
    return run().out
