"""
How many examples a property is tried with: `scripts/test --hypothesis-profile=full`.

The moderate profile is for a desk and for `.ci/run` on the newest CPython; `.ci/run` takes the
brief one on others, where it is the interpreter that is tried. Mutations that the moderate one
misses, the full one misses too: it is for whoever changes a flow. A property that is worth less
says so by `at_most`, of `tests/hypothesis_profiles.py`. No example has a deadline, as a busy
machine would miss it. In CI they are the same in every run, so that a change fails by what it
changes; at a desk they are not. `scripts/mutations` wants to know only that a test fails, not the
smallest example, and takes the profile without shrinking.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.request import getproxies_environment

import pytest
from hypothesis import HealthCheck, Phase, settings

TESTS = Path(__file__).parent
LONGEST = (
    "tracebacks/test_tracebacks.py",
    "faults/test_transfers.py",
    "examples/test_docs.py",
    "cli/test_process.py",
    "map/test_journal.py",
    "contract/test_generate_coverage.py",
    "contract/test_generated_models.py",
    "faults/",
    "cli/",
    "examples/",
    "map/",
    "transport/",
)
"""Files and folders that take longest: they begin first, so that none is left at the end."""
DIVIDED = ("tests/faults/test_matrix.py",)
"""Files whose tests are spread by function and first parameter, because they take too long."""

for name, examples in {"brief": 25, "moderate": 100, "full": 200}.items():
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize="CI" in os.environ,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.register_profile(
    "unshrunk", settings.get_profile("moderate"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("moderate")

# What a shell runs in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Behind a proxy, too, the servers of the tests are on this machine.
if getproxies_environment():
    name = "no_proxy" if "no_proxy" in os.environ else "NO_PROXY"  # the former is looked at first
    others = [os.environ[name]] if os.environ.get(name) else []
    os.environ[name] = ",".join([*others, "localhost", "127.0.0.1", "::1"])


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory without any configuration; nothing is written there."""
    return tmp_path_factory.mktemp("home")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Spread the tests over processes by file, because the tests of a file share fixtures."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    return Scheduler(config, log)


def unit(nodeid: str) -> str:
    """Return the part of the tests that runs in one process and has the test *nodeid*."""
    file, _, test = nodeid.partition("::")
    return test.partition("-")[0] if file in DIVIDED else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests are spread over processes, begin with what takes longest."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS).as_posix()
        found = (n for n, start in enumerate(LONGEST) if path.startswith(start))
        return next(found, len(LONGEST))

    if hasattr(config, "workerinput"):
        items.sort(key=rank)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """
    Let garbage be looked for seldom, and never in the tests themselves, a million objects.

    What a test wants to see collected, it collects itself. An object that nobody has closed makes
    the run fail at its end, if not before.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000)
        gc.enable()
