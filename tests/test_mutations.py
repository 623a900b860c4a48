"""The mutations of `scripts/mutations` can be applied; to try them takes minutes."""

from __future__ import annotations

import pytest

from scripts.mutations import MUTATIONS, ROOT, Mutation, read

ALL = [one for path in sorted(MUTATIONS.glob("*.toml")) for one in read(path)]


@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: f"{mutation.file}: {mutation.fault}")
def test_a_mutation_fits_the_package(mutation: Mutation) -> None:
    """Its text is in the file once, it is valid Python, and the tests that it names exist."""
    if mutation.file.endswith(".py"):
        compile(mutation.text(), mutation.file, "exec")
    for test in mutation.tests:
        if not test.startswith("-"):
            assert (ROOT / test.partition("::")[0]).exists()
