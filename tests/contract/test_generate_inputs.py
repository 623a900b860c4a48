"""The generated package depends on nothing but what is committed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.yaml_files import read_yaml

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements/generate.txt").read_text()
CONFIG = read_yaml(ROOT / "generator-config.yaml")

# All that openapi-python-client 0.29 knows; it ignores any other key without a word.
KEYS = {
    *("class_overrides", "content_type_overrides", "docstrings_on_attributes", "field_prefix"),
    *("generate_all_tags", "http_timeout", "literal_enums", "package_name_override"),
    *("package_version_override", "post_hooks", "project_name_override"),
    "use_path_prefixes_for_title_model_names",
}


def test_everything_is_pinned_by_hash() -> None:
    """Each distribution of the lock has one version and the hashes of its files."""
    pinned = re.findall(r"^([a-z0-9-]+)==[^ ]+ .*\\\n((?:    --hash=sha256:.*\n?)+)", LOCK, re.M)
    named = re.findall(r"^[a-zA-Z0-9]\S*", LOCK, re.M)
    assert len(pinned) == len(named) > 20


def test_the_lock_has_what_was_asked_for() -> None:
    """The generator and the formatter are those of generate.in, and no registry is named."""
    for line in (ROOT / "requirements/generate.in").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            assert re.search(rf"^{name}=={re.escape(version) or '[^ ]+'} ", LOCK, re.M)
    assert "://" not in LOCK


def test_the_config_has_no_key_that_is_ignored() -> None:
    """A misspelt setting would change the package and nobody would be told."""
    assert set(CONFIG) <= KEYS


def test_the_formatter_reads_no_other_settings() -> None:
    """The hooks leave out the settings of the project, and any cache."""
    assert CONFIG["post_hooks"]
    for hook in CONFIG["post_hooks"]:
        assert hook.startswith("ruff ")
        assert {"--isolated", "--no-cache"} <= set(hook.split())


def test_the_package_is_typed_and_only_generated() -> None:
    """The package tells type checkers that it has types, and holds no stray file."""
    package = ROOT / "generated/runpod_serverless_api"
    assert (package / "py.typed").read_text() == ""
    kept = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {path.name for path in kept if path.suffix != ".py"} == {"py.typed"}
