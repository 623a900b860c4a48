"""The checker of the prose finds private dialect, and leaves plain English alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import prose

DIALECT = """\
# What a request may say

What runs a job is a *handler*, a function of your own. Whoever takes the results has the rest.

A worker's death befalls one input, and nobody mends it; the local time is up, and a batch with a
journal goes on where its process died. The id of the job of the endpoint tells what there is.

## And

The client is to be closed.

| column | other |
|---|---|
| one that failed | what came of it |
"""

PLAIN = """\
# Request options

Jobs are run by a *handler*: a function that you write. If the call times out, the job keeps
running, and the error contains the job.

```python
told = what_there_is()  # code is not prose
```

| call | result |
|---|---|
| `endpoint.gives()` | the job's state |

## Resume after a crash

Close the client. See [Timeouts](timeouts.md).
"""

FINDINGS = {
    ("What a request may say", "a heading is a noun or an imperative"),
    ("And", "a heading is a noun or an imperative"),
    ("What runs a job is a handler, a function of your own.", "a clause is the subject"),
    ("What runs a job is a handler, a function of your own.", "your …, its own …"),
    ("Whoever takes the results has the rest.", "name the person or thing"),
    ("A worker's death befalls", "'befalls'"),
    ("A worker's death befalls", "'mends'"),
    ("A worker's death befalls", "'time is up'"),
    ("A worker's death befalls", "'goes on'"),
    ("A worker's death befalls", "name who"),
    ("The id of the job of the endpoint", "'tells'"),
    ("The id of the job of the endpoint", "use 's or a compound"),
    ("The id of the job of the endpoint", "name the thing"),
    ("The client is to be closed.", "use the imperative"),
    ("one that failed", "repeat the noun"),
    ("what came of it", "'came of'"),
}


def found(page: Path) -> set[tuple[str, str]]:
    return {(each.sentence.text, each.advice) for each in prose.check(page)}


def test_a_page_of_dialect_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(DIALECT, encoding="utf-8")
    said = found(page)
    for text, advice in FINDINGS:
        assert any(each.startswith(text) and advice in why for each, why in said), (text, advice)


def test_a_plain_page_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PLAIN, encoding="utf-8")
    assert found(page) == set()


@pytest.mark.parametrize(
    ("docstring", "advice"),
    [
        ("Somebody who waits for a job.", "name who"),
        ("Give what comes of a job to whoever asks.", "name the person or thing"),
        ("What came over the wire.", "a docstring begins with an imperative or a noun"),
        ("Return the endpoint's job and worker counts.", None),
    ],
)
def test_docstrings(tmp_path: Path, docstring: str, advice: str | None) -> None:
    """Those of modules, classes, functions and attributes; private functions are not looked at."""
    module = tmp_path / "module.py"
    for source in (
        f'"""{docstring}"""\n',
        f'class A:\n    """{docstring}"""\n',
        f'class A:\n    def f(self):\n        """{docstring}"""\n',
        f'class A:\n    x: int\n    """{docstring}"""\n',
        f'class A:\n    def __init__(self):\n        self.x = 1\n        """{docstring}"""\n',
    ):
        module.write_text(source, encoding="utf-8")
        assert {why for _, why in found(module)} >= ({advice} if advice else set()), source
        if advice is None:
            assert found(module) == set()
    module.write_text(f'def _f():\n    """{docstring}"""\n', encoding="utf-8")
    assert found(module) == set()


def test_messages(tmp_path: Path) -> None:
    """Those of errors, warnings and log records, with values in them too."""
    module = tmp_path / "module.py"
    module.write_text(
        'raise ValueError(f"job {id}: the local time is up, and the job goes on")\n'
        'QUERY = "SELECT what FROM those that go on"\n'
        'NAME = "goes on"\n',
        encoding="utf-8",
    )
    assert {text for text, _ in found(module)} == {
        "job CODE: the local time is up, and the job goes on"
    }


def test_the_descriptions_of_a_document_are_checked(tmp_path: Path) -> None:
    """Descriptions and summaries are, and no other text."""
    document = tmp_path / "document.yaml"
    document.write_text(
        "info:\n  title: whoever reads\n  description: >-\n    Close the client. It\n"
        "    goes on by itself.\npaths:\n- summary: What there is\n",
        encoding="utf-8",
    )
    assert {(each.sentence.line, each.sentence.text) for each in prose.check(document)} == {
        (3, "It goes on by itself."),
        (7, "What there is"),
    }
