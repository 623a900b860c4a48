"""The official clients, unmodified, and ours go through one script; the server serves all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Transcripts
from .contract import fault_of
from .runner import ROUNDS, Entry
from .script import (
    CLIENTS,
    EDGE,
    ENDLESS,
    JS,
    OFFICIAL,
    SCRIPT,
    TOO_MANY,
    UNTOLD,
    Fault,
    Step,
)

FAULTS = Path(__file__).parents[3] / "shared" / "peer-bugs.md"
STEPS = [item for item in SCRIPT if isinstance(item, Step)]
TAKEN = [
    pytest.param(client, step, id=f"{client}: {step.name}")
    for client in CLIENTS
    for step in STEPS
    if client in step.seen
]


def entry_of(transcripts: Transcripts, client: str, step: Step) -> Entry:
    transcript = transcripts[client]
    assert step.name in transcript.entries, f"it never came to this: {transcript.ended}"
    return transcript.entries[step.name]


@pytest.mark.parametrize(("client", "step"), TAKEN)
def test_a_step(transcripts: Transcripts, client: str, step: Step) -> None:
    """The user sees what this client tells of it, and the server has the job as it should be."""
    entry = entry_of(transcripts, client, step)
    expected = step.seen[client]
    assert entry.seen == (expected.seen if isinstance(expected, Fault) else expected)
    assert entry.view == step.view
    if isinstance(expected, Fault):
        check_fault(expected, entry)


def check_fault(fault: Fault, entry: Entry) -> None:
    """See by what was on the wire that the client is at fault, and not the server."""
    wire = [(exchange.status, exchange.answer) for exchange in entry.exchanges if exchange.answered]
    if fault.answer is not None:
        last = ROUNDS if fault.seen == ENDLESS else 1
        assert wire[-last:] == [fault.answer] * last
    if fault.sent is not UNTOLD:
        assert entry.exchanges[-1].request == fault.sent
    if fault.asked is not None:
        assert len(entry.exchanges) == fault.asked
    if fault.at_most is not None:
        assert len(entry.exchanges) <= fault.at_most


@pytest.mark.parametrize("client", CLIENTS)
def test_the_script_was_gone_through(transcripts: Transcripts, client: str) -> None:
    """Nothing stopped a client short of the end."""
    assert transcripts[client].ended == ""


@pytest.mark.parametrize("client", CLIENTS)
def test_every_answer_is_described(transcripts: Transcripts, client: str) -> None:
    """Each answer on the wire is one that the contract has; a good one is exactly 200."""
    exchanges = [each for each in transcripts[client].exchanges if each.answered]
    assert len(exchanges) > 40
    described = [each for each in exchanges if each.status not in (TOO_MANY[0], EDGE[0])]
    assert [fault for each in described if (fault := fault_of(each))] == []
    assert {each.status for each in described} == {200, 401, 404}
    assert len(exchanges) - len(described) == 2, "the troubles that were asked for"


@pytest.mark.parametrize("client", OFFICIAL)
def test_what_clients_take_unguarded_is_there(transcripts: Transcripts, client: str) -> None:
    """Ids (P17, J7), the list of a stream (P14, J3) and the output of each chunk are there."""
    good = [each for each in transcripts[client].exchanges if each.answered and each.status == 200]
    streams = [each.answer for each in good if each.operation == "stream"]
    assert streams
    for answer in streams:
        assert set(answer) == {"status", "stream"}
        assert all("output" in chunk for chunk in answer["stream"])
    jobs = [each.answer for each in good if each.operation in ("run", "runsync", "status")]
    assert all(answer["id"] for answer in jobs)
    done: list[Any] = [answer for answer in jobs if answer["status"] in ("COMPLETED", "FAILED")]
    assert all({"workerId", "delayTime", "executionTime"} <= answer.keys() for answer in done)


def test_all_operations_were_asked_for(transcripts: Transcripts) -> None:
    """The clients together use every operation of a queue but /retry, which only ours has."""
    asked = {each.operation for name in OFFICIAL for each in transcripts[name].exchanges}
    assert asked == {
        *("run", "runsync", "status", "status-sync", "stream", "cancel", "health", "purge-queue")
    }
    assert {each.operation for each in transcripts[JS].exchanges} == asked


@pytest.mark.skipif(not FAULTS.exists(), reason="the list of faults is not on this machine")
def test_faults_are_named_by_their_numbers() -> None:
    """Each fault of the script is a line of the list."""
    named = {seen.line for step in STEPS for seen in step.seen.values() if isinstance(seen, Fault)}
    assert len(named) >= 20
    assert named <= set(re.findall(r"(?<!\w)[PJ]\d+(?= \[)", FAULTS.read_text()))
