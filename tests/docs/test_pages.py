"""The pages of the site: every public name, every page in the contents, every link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import runpod_sdk
import runpod_sdk.local
import runpod_sdk.webhooks
from scripts import docs

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / source for source in docs.MOVED),
        ROOT / "examples" / "README.md",
        ROOT / "scripts" / "README.md",
    }
)


def test_every_public_name_is_in_the_reference() -> None:
    shown = re.findall(r"^::: (\S+)$", "\n".join(docs.python_pages().values()), re.MULTILINE)
    assert len(shown) == len(set(shown))
    for module in (runpod_sdk, runpod_sdk.local, runpod_sdk.webhooks):
        names = {f"{module.__name__}.{name}" for name in module.__all__}
        assert names - set(shown) <= {"runpod_sdk.__version__"}


def test_every_page_of_the_reference_is_in_its_contents() -> None:
    pages = docs.python_pages()
    linked = re.findall(r"\]\(([\w.-]+)\)", pages["SUMMARY.md"])
    assert sorted(linked) == sorted(set(pages) - {"SUMMARY.md"})


def test_signatures_link_to_their_types() -> None:
    """Types that are not exported, but stand in signatures, are on a page too."""
    assert "::: runpod_sdk.settings.Timeout" in docs.python_pages()["types.md"]


def test_the_reference_is_there_as_markdown() -> None:
    text = docs.reference_texts()["endpoints.md"]
    assert "Endpoint.run_sync(self: Endpoint[In, Out], request: " in text
    assert "Submit a job" in text
    assert ":::" not in text


def test_the_search_finds_the_client_before_its_variants() -> None:
    """Between hits that are equal, those of the sync client come first."""
    locations = [
        "contract/run_job.html",
        "reference/compat.html#runpod_sdk.compat.Endpoint.run",
        "reference/endpoints.html#runpod_sdk.AsyncEndpoint.run",
        "jobs.html",
        "reference/endpoints.html#runpod_sdk.Endpoint.run",
    ]
    assert sorted(locations, key=docs.rank) == locations[::-1]


def test_every_page_is_in_llms_txt() -> None:
    contents = (ROOT / "docs" / "SUMMARY.md").read_text(encoding="utf-8")
    text = docs.llms(contents)
    linked = re.findall(r"\]\((.+)\)", contents)
    assert [url.removesuffix("index.md") or url for url in re.findall(r"\]\((.+)\)", text)] == [
        url.removesuffix("index.md") or url for url in linked
    ]


def test_an_operation_finds_its_methods() -> None:
    assert "runpod_sdk.Endpoint.run" in docs.calls()["run_job"]
    assert "runpod_sdk.Job.output" in docs.calls()["get_job_status_sync"]


def test_every_page_is_in_the_contents() -> None:
    """Put a new one into docs/SUMMARY.md."""
    contents = (ROOT / "docs" / "SUMMARY.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\((\w[\w./-]*\.md)\)", contents))
    docs_folder = ROOT / "docs"
    there = {*docs_folder.glob("*.md"), *docs_folder.glob("recipes/*.md")}
    assert linked == {path.relative_to(docs_folder).as_posix() for path in there} - {"SUMMARY.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Where the repository is read, without the site; the site's are checked when it is built."""
    for url in re.findall(docs.LINK, page.read_text(encoding="utf-8")):
        path, _, anchor = url[1].partition("#")
        target = (page.parent / path).resolve() if path else page
        if ":" in path:
            continue
        assert target.exists(), f"{page.name}: {url[1]}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {url[1]}"


def anchors(page: Path) -> set[str]:
    """Return what can be linked to in a page, as GitHub names it."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_are_those_of_the_site() -> None:
    """To a page, to one that lies elsewhere in the site, to none; code is left alone."""
    there = {"a.md", "contributing.md", "contract/facts.md", "reference/index.md", "index.md"}
    text = "\n".join(
        [
            "[a](a.md#x) [c](../CONTRIBUTING.md#when) [f](../openapi/README.md)",
            "[r](reference/) [s](../runpod_sdk/errors.py) [h](https://x.example) [i](#here)",
            "[m](../README.md#jobs)",
            "```",
            "[a](../CONTRIBUTING.md)",
            "```",
        ]
    )
    assert docs.relinked(text, "docs/b.md", "b.md", there).splitlines() == [
        "[a](a.md#x) [c](contributing.md#when) [f](contract/facts.md)",
        "[r](reference/index.md) s [h](https://x.example) [i](#here)",
        "[m](index.md)",
        "```",
        "[a](../CONTRIBUTING.md)",
        "```",
    ]
    moved = docs.relinked("[d](../docs/a.md)", "openapi/README.md", "contract/facts.md", there)
    assert moved == "[d](../a.md)"


def test_what_asks_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<script src="https://cdn.example/x.js"></script><a href="https://x.example">x</a>'
        '<link rel="stylesheet" href="assets/main.css"><img src=//i.example/i.png>'
    )
    (tmp_path / "a.css").write_text("a{background:url('https://f.example/f.woff')} b{url(x.png)}")
    assert docs.foreign(tmp_path) == [
        "a.css: https://f.example/f.woff",
        "a.html: //i.example/i.png",
        "a.html: https://cdn.example/x.js",
    ]
