"""Each sentence of SECURITY.md names the tests that fail if it is false."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NOT_PROMISED = "How to report", "Limits"
"""Sections that promise nothing."""

TESTS = {
    "The client sends the API key": ["faults/test_secrets.py::test_the_request_is_where_it_is"],
    "The key is in no URL": ["faults/test_secrets.py::test_the_request_is_where_it_is"],
    "The client that `endpoint.openai()`": [
        "facade/test_openai_url.py::test_the_base_url",
        "official/test_openai_endpoint.py::test_a_completion",
    ],
    "No exception shows": [
        "faults/test_secrets.py::test_no_fault_shows_a_secret",
        "facade/test_secrets.py::test_no_part_of_an_error_repeats_the_key",
        "facade/test_secrets.py::test_no_refused_request_shows_the_secret",
    ],
    "No `repr` of an object": ["facade/test_secrets.py::test_the_repr_of_everything"],
    "The `repr` of the generated": ["facade/test_secrets.py::test_the_repr_of_generated_classes"],
    "No log record": ["facade/test_secrets.py::test_no_log_record_shows_a_secret"],
    "If the server repeats": [
        "facade/test_secrets.py::test_a_key_is_found_however_it_is_spelled",
        "facade/test_secrets.py::test_a_secret_is_found_as_json_writes_it",
        "facade/test_secrets.py::test_no_error_shows_the_secret_of_a_request",
    ],
    "This also applies": ["facade/test_secrets.py::test_a_key_is_found_where_it_is_split"],
    "Signatures, tokens": ["facade/test_secrets.py::test_no_error_shows_a_signed_url"],
    "The headers of a `JobState`": [
        "facade/test_headers.py::test_a_key_that_the_server_repeats_is_not_shown"
    ],
    "After an exception": [
        "tracebacks/test_tracebacks.py::test_no_tool_shows_a_secret",
        "tracebacks/test_tracebacks.py::test_no_tool_shows_a_secret_of_a_command",
        "tracebacks/test_tracebacks.py::test_pytest_shows_no_secret",
    ],
    "The functions of a webhook": [
        "tracebacks/test_tracebacks.py::test_webhooks_show_no_secret",
        "tracebacks/test_webhooks.py::test_a_handler_that_fails",
        "tracebacks/test_webhooks.py::test_a_forged_call",
    ],
    "A pickled client, endpoint": ["facade/test_pickling.py::test_no_pickle_carries_the_key"],
    "A pickled client looks": [
        "facade/test_pickling.py::test_a_pickled_client_looks_its_key_up_again"
    ],
    "An `S3Storage`": ["storage/test_storage.py::test_the_secret_is_shown_nowhere"],
    "No `repr`, log record": ["files/test_downloads.py::test_a_signed_link_is_shown_nowhere"],
    "The client reads the key": [
        "facade/test_configuration.py::test_the_argument_comes_first",
        "facade/test_configuration.py::test_the_variable_comes_second",
        "facade/test_configuration.py::test_the_file_comes_last",
    ],
    "It changes neither": [
        "facade/test_configuration.py::test_the_environment_is_not_changed",
        "facade/test_configuration.py::test_nothing_is_written",
    ],
    "An `api_key` function": [
        "facade/test_options.py::test_a_key_that_changes",
        "facade/test_options.py::test_a_refusal_names_the_function",
    ],
    "The history of": ["cli/test_history.py::test_no_secret_is_kept"],
    "It contains neither": ["cli/test_history.py::test_no_secret_is_kept"],
    "Redirects are not": [
        "faults/test_bounds.py::test_a_redirect_is_not_followed",
        "facade/test_sending_again.py::test_a_redirect_is_not_followed",
    ],
    "The id of an endpoint": ["faults/test_bounds.py::test_an_id_is_one_segment"],
    "A base URL with": ["faults/test_bounds.py::test_a_base_url_is_what_it_says"],
    "For a base URL on": ["faults/test_bounds.py::test_no_proxy_for_a_loopback_address"],
    "For an `https` base URL": ["transport/test_proxies.py::test_a_proxy_does_not_get_the_key"],
    "Nothing is sent to": [
        "transport/test_tls.py::test_a_certificate_that_nobody_trusts",
        "transport/test_tls.py::test_a_name_that_is_not_the_servers",
    ],
    "Links in an output": ["files/test_downloads.py::test_nothing_is_asked_before_a_file_is_saved"],
    "They are followed without": [
        "cli/test_saving.py::test_links_are_fetched_without_credentials",
        "files/test_downloads.py::test_links_with_a_password_are_not_followed",
    ],
    "Only `http`": ["files/test_downloads.py::test_what_can_not_be_downloaded"],
    "Only hosts": [
        "files/test_downloads.py::test_a_public_endpoint_leads_nobody_into_a_private_network",
        "files/test_downloads.py::test_which_addresses_are_public",
        "facade/test_save_output.py::test_links_are_fetched_where_the_endpoint_may_lead",
    ],
    "The connection goes": [
        "files/test_downloads.py::test_a_name_that_leads_elsewhere_the_second_time",
        "files/test_downloads.py::test_a_proxy_is_asked_for_a_link",
        "files/test_downloads.py::test_a_proxy_opens_a_tunnel_to_the_checked_address",
    ],
    "A file has": [
        "files/test_downloads.py::test_a_file_has_a_maximum_size_and_time",
        "files/test_downloads.py::test_what_drips_is_given_up",
    ],
    "No file is written": ["files/test_output_files.py::test_no_name_leads_elsewhere"],
    "At most `max_response_size`": [
        "faults/test_bounds.py::test_memory_is_bounded",
        "faults/test_bounds.py::test_the_size_that_is_believed",
    ],
    "The default is": ["faults/test_bounds.py::test_the_default_of_the_size"],
    "Only gzip": ["faults/test_packed_answers.py::test_what_is_made_of_it"],
    "JSON that is nested": [
        "faults/test_bounds.py::test_every_depth",
        "faults/test_bounds.py::test_wrong_types",
        "facade/test_answers.py::test_a_good_status_with_a_bad_body",
    ],
    "An answer with another": [
        "facade/test_answers.py::test_an_answer_on_another_job",
        "facade/test_answers.py::test_a_stream_of_another_job",
    ],
    "A call ends within": ["faults/test_time.py::test_a_strict_total"],
    "`Retry-After` is": [
        "flows/test_wait.py::test_retry_after_is_kept_and_bounded",
        "faults/test_bounds.py::test_deadlines_across_polls_and_pauses",
    ],
}


def sentences() -> list[str]:
    """List the sentences of the sections that promise something."""
    sections = (ROOT / "SECURITY.md").read_text("utf-8").split("\n## ")[1:]
    promising = [one for one in sections if not one.startswith(NOT_PROMISED)]
    points = [point for one in promising for point in one.split("\n- ")[1:]]
    lines = [" ".join(point.split()) for point in points]
    return [sentence for line in lines for sentence in re.split(r"(?<=\.)\s", line)]


@pytest.mark.parametrize("sentence", sentences())
def test_a_sentence_has_its_tests(sentence: str) -> None:
    """And the tests are there."""
    named = [tests for beginning, tests in TESTS.items() if sentence.startswith(beginning)]
    assert len(named) == 1, "name the tests that fail if this sentence is false"
    for test in named[0]:
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / path).read_text("utf-8"), test


def test_no_sentence_was_taken_back() -> None:
    assert len(sentences()) == len(TESTS)
