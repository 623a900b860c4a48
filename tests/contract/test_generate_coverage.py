"""The check of what the generator dropped finds each kind of loss."""

from __future__ import annotations

import copy
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "openapi/runpod-serverless.yaml"
PACKAGE = ROOT / "generated/runpod_serverless_api"
DOCUMENT: dict[str, Any] = read_yaml(SOURCE)

spec = importlib.util.spec_from_file_location("find_dropped", ROOT / "scripts/find_dropped.py")
assert spec is not None
assert spec.loader is not None
checker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checker)

OPERATIONS = list(checker.operations(DOCUMENT))
PROPERTIES = [
    (name, prop)
    for name, schema in DOCUMENT["components"]["schemas"].items()
    for prop in checker.properties(DOCUMENT, schema)
]


@pytest.fixture
def document() -> dict[str, Any]:
    """A copy of the document, to be broken."""
    return copy.deepcopy(DOCUMENT)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the generated package, to be broken."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "runpod_serverless_api"))


def test_nothing_is_lost_as_it_is() -> None:
    """The package that is committed has all of the document."""
    assert checker.find_dropped(DOCUMENT, PACKAGE) == []


# The document has more than the package: what the generator left out


def path_behind_ref(document: dict[str, Any]) -> None:
    document["components"]["pathItems"] = {"Health": document["paths"]["/{endpoint_id}/health"]}
    document["paths"]["/{endpoint_id}/health"] = {"$ref": "#/components/pathItems/Health"}


def parameters_of_a_path(document: dict[str, Any]) -> None:
    document["paths"]["/{endpoint_id}/health"]["parameters"] = []


def parameter_with_content(document: dict[str, Any]) -> None:
    health(document)["parameters"].append(
        {"name": "filter", "in": "query", "content": {"application/json": {"schema": {}}}}
    )


def same_operation_id(document: dict[str, Any]) -> None:
    health(document)["operationId"] = "run_job"


def no_tag(document: dict[str, Any]) -> None:
    del health(document)["tags"]


def other_tag(document: dict[str, Any]) -> None:
    health(document)["tags"] = ["jobs"]


def other_path(document: dict[str, Any]) -> None:
    document["paths"]["/{endpoint_id}/healthz"] = document["paths"].pop("/{endpoint_id}/health")


def other_method(document: dict[str, Any]) -> None:
    item = document["paths"]["/{endpoint_id}/health"]
    item["head"] = item.pop("get")


def new_operation(document: dict[str, Any]) -> None:
    document["paths"]["/{endpoint_id}/metrics"] = {
        "get": {**health(document), "operationId": "get_metrics"}
    }


def new_parameter(document: dict[str, Any]) -> None:
    health(document)["parameters"].append({"name": "verbose", "in": "query", "schema": {}})


def new_parameter_component(document: dict[str, Any]) -> None:
    health(document)["parameters"].append({"$ref": "#/components/parameters/JobId"})


def new_body(document: dict[str, Any]) -> None:
    health(document)["requestBody"] = {"$ref": "#/components/requestBodies/JobRequest"}


def other_body(document: dict[str, Any]) -> None:
    json_of(document["components"]["requestBodies"]["JobRequest"])["schema"] = ref("BatchUpdate")


def other_list_body(document: dict[str, Any]) -> None:
    body = document["paths"]["/{endpoint_id}/batch"]["post"]["requestBody"]
    json_of(body)["schema"]["items"] = ref("BatchUpdate")


def new_response(document: dict[str, Any]) -> None:
    health(document)["responses"]["403"] = {"$ref": "#/components/responses/Unauthorized"}


def other_response(document: dict[str, Any]) -> None:
    json_of(health(document)["responses"]["200"])["schema"] = ref("Job")


def other_default_response(document: dict[str, Any]) -> None:
    json_of(document["components"]["responses"]["Unexpected"])["schema"] = ref("Job")


def union_response(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    schemas["Either"] = {"anyOf": [ref("Health"), ref("Job")]}
    json_of(health(document)["responses"]["200"])["schema"] = ref("Either")


def any_json_response(document: dict[str, Any]) -> None:
    json_of(health(document)["responses"]["200"])["schema"] = {}


def new_schema(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Metrics"] = {"type": "object"}


def new_enum_value(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["JobStatus"]["enum"].append("RUNNING")


def new_property_behind_all_of(document: dict[str, Any]) -> None:
    parts = document["components"]["schemas"]["WebhookPayload"]["allOf"]
    parts[1]["properties"]["attempt"] = {"type": "integer"}


def other_property_type(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Health"]["properties"]["jobs"] = ref("WorkerCounts")


def health(document: dict[str, Any]) -> Any:
    return document["paths"]["/{endpoint_id}/health"]["get"]


def json_of(body: dict[str, Any]) -> Any:
    return body["content"]["application/json"]


def ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (path_behind_ref, "/{endpoint_id}/health: a path behind a $ref is dropped"),
        (parameters_of_a_path, "/{endpoint_id}/health: parameters of a path are not checked"),
        (parameter_with_content, "parameter filter has content, and is dropped"),
        (same_operation_id, "has the operationId of POST /{endpoint_id}/run (run_job)"),
        (no_tag, "needs an operationId and one tag"),
        (other_tag, "no module api/jobs/get_health.py"),
        (other_path, "its module sends something else"),
        (other_method, "its module sends something else"),
        (new_operation, "no module api/endpoints/get_metrics.py"),
        (new_parameter, "sync_detailed has no parameter verbose"),
        (new_parameter_component, "asyncio_detailed has no parameter job_id"),
        (new_body, "asyncio_detailed has no request body"),
        (other_body, "body of sync_detailed: not of the type BatchUpdate"),
        (other_list_body, "body of sync_detailed: not of the type BatchUpdate"),
        (new_response, "response 403 is not parsed"),
        (other_response, "response 200: not of the type Job"),
        (other_default_response, "response default: not of the type Job"),
        (union_response, "response 200: not of the type Job"),
        (any_json_response, "response 200 has no named object"),
        (new_schema, "schema Metrics: no model"),
        (new_enum_value, "schema JobStatus: no member for RUNNING"),
        (new_property_behind_all_of, "WebhookPayload.attempt: no attribute"),
        (other_property_type, "Health.jobs: not of the type WorkerCounts"),
    ],
)
def test_a_loss_is_found(
    document: dict[str, Any], change: Callable[[dict[str, Any]], None], found: str
) -> None:
    """What the document has and the package has not is told, by name."""
    change(document)
    assert any(found in line for line in checker.find_dropped(document, PACKAGE))


def test_each_property_is_looked_for(document: dict[str, Any]) -> None:
    """With every property of every schema renamed, each single one is missed."""
    for schema in document["components"]["schemas"].values():
        for part in (schema, *schema.get("allOf", [])):
            if "properties" in part:
                part["properties"] = {f"new_{k}": v for k, v in part["properties"].items()}
    missed = {line for line in checker.find_dropped(document, PACKAGE) if "attribute" in line}
    assert missed == {f"{schema}.new_{name}: no attribute" for schema, name in PROPERTIES}


# The package has less than it had: what a new generator might do


def test_each_operation_is_looked_for(package: Path) -> None:
    """With every module gone, each single operation is missed."""
    for module in package.glob("api/*/[a-z]*.py"):
        module.unlink()
    missed = [line.split(" ")[0] for line in checker.find_dropped(DOCUMENT, package)]
    assert missed == [operation["operationId"] for _, _, operation in OPERATIONS]


def test_each_schema_is_looked_for(package: Path) -> None:
    """With every model gone, each single schema is missed that is not a mere union."""
    for module in package.glob("models/[a-z]*.py"):
        module.unlink()
    missed = {line for line in checker.find_dropped(DOCUMENT, package) if line.endswith("no model")}
    unions = {"OpenJobStatus", "OpenBatchStatus", "BatchList"}
    schemas = DOCUMENT["components"]["schemas"].keys()
    assert missed == {f"schema {name}: no model" for name in schemas - unions}


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("models/job.py", 'd.pop("retries", UNSET)', "UNSET", "Job.retries: from_dict"),
        ("models/job.py", 'field_dict["retries"] = retries', "pass", "Job.retries: to_dict"),
        ("models/job.py", "    retries: int | None | Unset = UNSET\n", "", "Job.retries: no attr"),
        ("models/job_status.py", '    FAILED = "FAILED"\n', "", "no member for FAILED"),
        ("api/jobs/stream_job.py", "    wait: int |", "    hold: int |", "no parameter wait"),
        ("api/jobs/run_job.py", "    body: JobRequest,", "    job: JobRequest,", "no request body"),
        ("api/jobs/run_job.py", "def asyncio_detailed", "def other", "no function asyncio_det"),
        ("api/jobs/run_job.py", "def _parse_response", "def other", "no function _parse_resp"),
        ("api/jobs/run_job.py", "status_code == 429", "status_code == 428", "response 429"),
        ("api/jobs/run_job.py", "def asyncio(", "def (", "is not Python, line"),
        ("api/jobs/run_job.py", "= Job.from_dict(", "= dict(", "200: not of the type Job"),
    ],
)
def test_a_piece_that_is_gone_is_found(
    package: Path, file: str, old: str, new: str, found: str
) -> None:
    """Pieces of models and functions are looked for, and not just their files."""
    source = (package / file).read_text()
    assert old in source
    (package / file).write_text(source.replace(old, new))
    assert any(found in line for line in checker.find_dropped(DOCUMENT, package))


# As a command


def test_the_command_is_content_with_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing lost it says nothing and exits with 0."""
    assert checker.main(str(SOURCE), str(PACKAGE)) == 0
    assert capsys.readouterr() == ("", "")


def test_the_command_says_what_to_do(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With something lost it says what, and what to do, and exits with 1."""
    (package / "models" / "health.py").unlink()
    assert checker.main(str(SOURCE), str(package)) == 1
    told = capsys.readouterr().err
    assert "schema Health: no model" in told
    assert "run scripts/generate" in told
