"""
Fuzz the local endpoint: it gives no answer that the API document does not describe.

Schemathesis reads the document and makes requests of it, good ones and bad ones: its
examples, the edges of each schema, and random ones, the same in every run. Most go to the
endpoint that is there, and ask for jobs and batches that earlier answers have named; the
others ask for what is not there.

How something is refused is looked at, and that nothing is refused which the document has.
What is not refused is not looked at: the service is lenient, and nobody knows how much.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from runpod_sdk.local import Limits, LocalEndpoint
from tests.yaml_files import read_yaml

if "RUNPOD_OFFICIAL_PYTHON" not in os.environ:
    pytest.skip("scripts/official has the fuzzer and runs this", allow_module_level=True)

import requests
import schemathesis
from schemathesis import Case
from schemathesis.specs.openapi import checks

KEY = "rpa_fuzz"
LEAST = 1_100
RANDOM_BODIES, RANDOM_IDS = 35, 15
"""Random requests for each operation, beside examples and edges, with and without a body."""
AT_HOME = 7, 8
"""So many of so many requests ask for what is there."""
BATCHES = 5
"""So many are left alone; no more than 10 may be active at once."""


def document() -> dict[str, Any]:
    """Give the API document, with what it says in words, and the choices that it leaves open."""
    path = Path(__file__).parents[2] / "openapi/runpod-serverless.yaml"
    document: dict[str, Any] = read_yaml(path)
    paths, schemas = document["paths"], document["components"]["schemas"]
    for operation in ("status", "status-sync", "stream"):  # "POST answers in the same way"
        item = paths[f"/{{endpoint_id}}/{operation}/{{job_id}}"]
        item["post"] = {**item["get"], "operationId": f"{item['get']['operationId']}_by_post"}
    # "What its bounds are, is not known"
    ttl = paths["/{endpoint_id}/status/{job_id}"]["get"]["parameters"][-1]["schema"]
    ttl |= schemas["ExecutionPolicy"]["properties"]["ttl"]
    # No request of a test leaves this machine. Nobody listens at this port.
    schemas["JobRequest"]["properties"]["webhook"] |= {"enum": ["http://127.0.0.1:9/"]}
    return document


def handler(job: dict[str, Any]) -> Any:
    """Fail, yield or return, whichever the input is fit for."""
    given = job["input"]
    if not given or isinstance(given, str):
        raise ValueError(given)
    return (each for each in given) if isinstance(given, list) else given


class Fuzz:
    """An endpoint, the ids that its answers have named, and a tally of the answers."""

    def __init__(self, local: LocalEndpoint) -> None:
        self.local = local
        self.session = requests.Session()
        self.session.trust_env = False
        self.named: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.tally: dict[str, Counter[int]] = defaultdict(Counter)
        self._turns = itertools.count()
        self._choice = Random(0)  # the same in every run

    def send(self, case: Case) -> schemathesis.Response:
        """Send *case*, most often to what is there; give the answer."""
        turn = next(self._turns)
        if turn % AT_HOME[1] < AT_HOME[0]:
            case.path_parameters["endpoint_id"] = self.local.endpoint_id
            named = self.named[case.operation.path.rpartition("{")[2].partition("}")[0]]
            if named:
                case.path_parameters |= self._choice.choice(named)
        response = case.call(base_url=self.local.base_url, session=self.session, timeout=20)
        operation = case.operation.definition.raw["operationId"]
        self.tally[operation][response.status_code] += 1
        if response.status_code == 200:
            self._learn(operation, case, response.json())
        return response

    def _learn(self, operation: str, case: Case, answer: Any) -> None:
        """Keep the ids of an answer, under the last parameter of the paths that they are for."""
        if operation in ("run_job", "run_job_sync"):
            self.named["job_id"].append({"job_id": answer["id"]})
        elif operation == "create_batch":
            batches = self.named["batch_id"]
            batches.append({"batch_id": answer["id"]})
            if len(batches) > BATCHES:
                path = f"{self.local.endpoint_id}/batch/{batches.pop(0)['batch_id']}/cancel"
                headers = {"authorization": self.local.api_key}
                self.session.post(f"{self.local.base_url}/{path}", headers=headers)
        elif operation == "list_batch_requests":
            batch = case.path_parameters["batch_id"]
            self.named["request_id"] += [
                {"batch_id": batch, "request_id": each["id"]} for each in answer["requests"]
            ]


@pytest.fixture(scope="module")
def fuzz() -> Iterator[Fuzz]:
    limits = Limits(sync_retention=3600, sync_retention_after_wait=3600)
    with LocalEndpoint(handler, workers=4, api_key=KEY, limits=limits) as local:
        fuzz = Fuzz(local)
        with fuzz.session:
            yield fuzz


schema = schemathesis.openapi.from_dict(document())
schema.config.update(headers={"Authorization": f"Bearer {KEY}"})

# Whether these are refused is up to the job or the batch, and not to the request.
DEPENDS = {"retry_job", "add_batch_requests", "delete_batch_request", "finalize_batch"}


def requests_each(count: int) -> settings:
    """Try *count* random requests for each operation."""
    return settings(
        max_examples=count,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
        deadline=None,
    )


def has_body(context: schemathesis.HookContext) -> bool:
    return "requestBody" in context.operation.definition.raw


def check_answer(fuzz: Fuzz, case: Case) -> None:
    """Status, media type and body are those that the document has for the operation."""
    response = fuzz.send(case)
    # Any other is described too, as unexpected; it would be.
    assert response.status_code in {200, 400, 401, 404, 405}
    excluded = [checks.negative_data_rejection]
    if case.operation.definition.raw["operationId"] in DEPENDS:
        excluded.append(checks.positive_data_acceptance)
    case.validate_response(response, excluded_checks=excluded)


@schema.include(has_body).parametrize()
@requests_each(RANDOM_BODIES)
def test_every_answer_to_a_body_is_described(fuzz: Fuzz, case: Case) -> None:
    check_answer(fuzz, case)


@schema.exclude(has_body).parametrize()
@requests_each(RANDOM_IDS)
def test_every_answer_is_described(fuzz: Fuzz, case: Case) -> None:
    check_answer(fuzz, case)


def test_enough_was_tried(fuzz: Fuzz) -> None:
    """Every operation has answered and refused, in eleven hundred requests or more."""
    total = sum(counts.total() for counts in fuzz.tally.values())
    print(f"\n{total} requests")
    for operation, counts in sorted(fuzz.tally.items()):
        print(f"{operation:28}", *(f"{status}: {counts[status]:<4}" for status in sorted(counts)))
    assert total >= LEAST
    operations = {each.ok().definition.raw["operationId"] for each in schema.get_all_operations()}
    assert fuzz.tally.keys() == operations
    assert all({200, 401, 404} <= counts.keys() for counts in fuzz.tally.values())
