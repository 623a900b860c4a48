"""What openapi/README.md says of the evidence for each part of the document is so."""

from __future__ import annotations

import pytest

from tests.yaml_files import read_yaml

from . import evidence
from .test_document_payloads import ROOT


@pytest.fixture(scope="module")
def local() -> evidence.Local:
    return evidence.exercise()


def test_what_the_local_endpoint_takes_and_gives_fits_the_document(local: evidence.Local) -> None:
    assert local.problems == []


def test_the_local_endpoint_has_every_operation(local: evidence.Local) -> None:
    """Of the last release: one may be in the document first."""
    released = read_yaml(ROOT / "released/runpod-serverless.yaml")
    names = {o["operationId"] for item in released["paths"].values() for o in item.values()}
    assert {*names, "job_finished"} <= local.seen


def test_the_table_is_up_to_date(local: evidence.Local) -> None:
    """If not: scripts/evidence."""
    assert evidence.in_readme() == evidence.table(local.seen)


def test_every_line_has_a_mark() -> None:
    assert [name for name, marks, *_ in evidence.rows(set()) if not marks] == []
