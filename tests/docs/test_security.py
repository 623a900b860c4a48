"""Each promise of SECURITY.md names the tests that fail if it is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NOT_PROMISED = "What can't be bounded", "How to report"
"""Sections that promise nothing."""

PROMISES = {
    "The API key goes into": "faults/test_secrets.py::test_the_request_is_where_it_is",
    "Neither the key nor": "faults/test_secrets.py::test_no_fault_shows_a_secret"
    " facade/test_secrets.py::test_the_repr_of_everything",
    "Where the server repeats": "facade/test_secrets.py::test_a_key_is_found_however_it_is_spelled"
    " facade/test_secrets.py::test_a_key_is_found_where_it_is_split",
    "No local variable": "tracebacks/test_tracebacks.py::test_no_tool_shows_a_secret"
    " tracebacks/test_tracebacks.py::test_no_tool_shows_a_secret_of_a_command"
    " tracebacks/test_tracebacks.py::test_pytest_shows_no_secret",
    "A pickled client": "facade/test_pickling.py::test_no_pickle_carries_the_key"
    " facade/test_pickling.py::test_a_pickled_client_looks_its_key_up_again"
    " facade/test_secrets.py::test_a_pickled_storage_is_whole",
    "An `S3Storage` shows": "storage/test_storage.py::test_the_secret_is_shown_nowhere"
    " storage/test_storage.py::test_a_bucket_that_is_not_there"
    " files/test_downloads.py::test_a_signed_link_is_shown_nowhere",
    "The headers of a `JobState`": "facade/test_headers.py::"
    "test_a_key_that_the_server_repeats_is_not_shown",
    "A job's result": "facade/test_secrets.py::test_a_result_is_given_as_it_came",
    "The key is read from": "facade/test_configuration.py::test_the_argument_comes_first"
    " facade/test_configuration.py::test_the_variable_comes_second"
    " facade/test_configuration.py::test_the_file_comes_last"
    " facade/test_configuration.py::test_the_environment_is_not_changed",
    "A key or secret shorter": "facade/test_secrets.py::"
    "test_a_short_key_does_not_garble_what_the_server_says",
    "Redirects are never": "faults/test_bounds.py::test_a_redirect_is_not_followed"
    " facade/test_sending_again.py::test_a_redirect_is_not_followed",
    "Ids of endpoints": "faults/test_bounds.py::test_an_id_is_one_segment"
    " faults/test_bounds.py::test_a_base_url_is_what_it_says",
    "For a base URL on": "faults/test_bounds.py::test_no_proxy_for_a_loopback_address"
    " transport/test_proxies.py::test_a_proxy_does_not_get_the_key",
    "TLS certificates are": "transport/test_tls.py::test_a_certificate_that_nobody_trusts"
    " transport/test_tls.py::test_a_name_that_is_not_the_servers",
    "Links in an output": "facade/test_save_output.py::"
    "test_links_are_fetched_where_the_endpoint_may_lead"
    " files/test_downloads.py::test_a_public_endpoint_leads_nobody_into_a_private_network"
    " files/test_downloads.py::test_a_file_has_a_maximum_size_and_time"
    " files/test_output_files.py::test_no_name_leads_elsewhere",
    "The server that you": "faults/test_bounds.py::test_every_depth"
    " faults/test_bounds.py::test_wrong_types",
    "At most `max_resp": "faults/test_bounds.py::test_memory_is_bounded"
    " faults/test_bounds.py::test_the_size_that_is_believed",
    "JSON that is nested": "faults/test_bounds.py::test_every_depth"
    " faults/test_bounds.py::test_wrong_types"
    " facade/test_answers.py::test_a_good_status_with_a_bad_body",
    "`Retry-After` is": "facade/test_answers.py::test_retry_after_in_seconds"
    " faults/test_bounds.py::test_deadlines_across_polls_and_pauses",
}


def promises() -> list[str]:
    """List the points of the sections that promise something."""
    sections = (ROOT / "SECURITY.md").read_text("utf-8").split("\n## ")[1:]
    promising = [one for one in sections if not one.startswith(NOT_PROMISED)]
    return [point for one in promising for point in re.findall(r"^- (.*)$", one, re.MULTILINE)]


@pytest.mark.parametrize("promise", promises())
def test_a_promise_has_its_tests(promise: str) -> None:
    """And the tests are there."""
    named = [tests for beginning, tests in PROMISES.items() if promise.startswith(beginning)]
    assert len(named) == 1
    for test in named[0].split():
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / path).read_text("utf-8"), test


def test_no_promise_was_taken_back() -> None:
    assert len(promises()) == len(PROMISES)
