"""The table of clients in other languages says what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import language_clients, languages

ALL = language_clients.operations()


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


@pytest.mark.parametrize(
    "missing", [None, "run_job", "run_job_sync", "cancel_batch", "get_job_status"]
)
def test_an_operation_that_was_not_generated_is_missed(tmp_path: Path, missing: str | None) -> None:
    """Also where another operation's name begins with its name; documentation does not count."""
    (tmp_path / "README.md").write_text(" ".join(ALL))
    (tmp_path / "api.kt").write_text(
        "\n".join(f"  fun {camel(name)}(id: String)" for name in ALL if name != missing)
    )
    assert language_clients.lacks_operations(tmp_path) == ([missing] if missing else [])


def test_a_step_that_failed_is_shown() -> None:
    steps = dict.fromkeys(languages.STEPS, "ok") | {"unknown member": "kept"}
    client = language_clients.Target("Go", "go", note="a setting")
    good = languages.Row(client, "yes", steps)
    bad = languages.Row(client, "yes", steps | {"nulls": "cannot unmarshal null"})
    assert good.good
    assert not bad.good
    assert good.cells()[3:] == (*("yes",) * 4, "kept", "kept", *("yes",) * 3, "a setting")
    assert bad.cells()[9] == "no"
    assert not languages.Row(client, "yes").good
    assert not languages.Row(client, "not tried: 17 of 18", said="has no run_job").good


def test_the_page_has_the_table() -> None:
    """With a row for each client that the script knows, and nothing that failed."""
    text = languages.README.read_text("utf-8")
    rows = text.partition(languages.BEGIN)[2].partition(languages.END)[0].splitlines()[2:]
    assert len(rows) >= 14 + 6
    assert all(" no |" not in row for row in rows)
    for target in language_clients.targets():
        assert any(row.startswith(f"| {target.language} |") for row in rows)
