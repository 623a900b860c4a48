"""
Break the package in one place after another, and see that its tests notice.

    python scripts/mutations.py [NAME...]

A file `tests/mutations/NAME.toml` lists mutations: the fault that a change would be for users,
the text to replace, and the tests that must fail then. Tests run in copies of the repository.
First they run without a change, so that a test that always fails proves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from attrs import frozen

ROOT = Path(__file__).parents[1]
MUTATIONS = ROOT / "tests/mutations"
LONGEST = 300
"""Seconds that tests may take. Those that take longer wait for what a mutation prevents."""
LONGEST_WITHOUT = 1200
"""Seconds that the tests of a folder may take without a mutation."""
PASSED, FAILED = 0, 1
"""Exit statuses of pytest; the others say that no test ran."""
VERDICTS = {PASSED: "NOT NOTICED", FAILED: "noticed", None: "noticed, no end"}


@frozen
class Mutation:
    """A change of one file that makes it wrong."""

    fault: str
    file: str
    old: str
    new: str
    tests: list[str]
    """Arguments for pytest."""

    def text(self) -> str:
        """Tell the text of the changed file."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} must contain this text exactly once:\n{self.old}")
        return text.replace(self.old, self.new)


def read(path: Path) -> list[Mutation]:
    """Read the mutations of a file."""
    return [Mutation(**one) for one in tomllib.loads(path.read_text(encoding="utf-8"))["mutations"]]


class Copy:
    """A copy of the repository, to change and to test."""

    def __init__(self, root: Path) -> None:
        self._root = root
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)

    def test(self, tests: list[str], longest: float = LONGEST) -> tuple[int | None, str]:
        """Run tests; tell the exit status of pytest, or None for no end, and the first failure."""
        environ = {**os.environ, "PYTHONPATH": f"{self._root}:{self._root / 'generated'}"}
        options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=unshrunk"]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        try:
            done = subprocess.run(
                command,
                cwd=self._root,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=longest,
            )
        except subprocess.TimeoutExpired:
            return None, ""
        failures = [
            line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
        ]
        return done.returncode, failures[0][:150] if failures else done.stdout[-500:]

    @contextmanager
    def mutated(self, mutation: Mutation) -> Iterator[None]:
        """Apply a mutation for the time of a block."""
        path = self._root / mutation.file
        whole = path.read_text(encoding="utf-8")
        try:
            self._write(path, mutation.text())
            yield
        finally:
            self._write(path, whole)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        # Python compares times of files to the second.
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()


def selections(mutations: Iterable[Mutation]) -> list[list[str]]:
    """Give the arguments with which pytest runs all of their tests, once for each folder."""
    with_options: dict[tuple[str, ...], None] = {}
    folders: dict[str, dict[str, None]] = {}
    for one in mutations:
        if any(test.startswith("-") for test in one.tests):
            with_options[tuple(one.tests)] = None
            continue
        for test in one.tests:
            folders.setdefault(test.split("/")[1], {})[test] = None
    return [*map(list, with_options), *map(list, folders.values())]


def run(mutations: Iterable[Mutation]) -> bool:
    """Try mutations, as many at once as there are cores; tell whether the tests noticed each."""
    mutations = list(mutations)
    free: SimpleQueue[Copy] = SimpleQueue()

    @contextmanager
    def copy() -> Iterator[Copy]:
        taken = free.get()
        try:
            yield taken
        finally:
            free.put(taken)

    def passes(tests: list[str]) -> bool:
        with copy() as taken:
            status, said = taken.test(tests, LONGEST_WITHOUT)
        if status != PASSED:
            print(f"fail without a mutation: {' '.join(tests)}\n{said}", flush=True)
        return status == PASSED

    def noticed(mutation: Mutation) -> bool:
        began = time.perf_counter()
        with copy() as taken, taken.mutated(mutation):
            status, said = taken.test(mutation.tests)
        seconds = f"{time.perf_counter() - began:.0f} s"
        verdict = VERDICTS.get(status, "NO TEST RAN")
        print(f"{verdict} ({seconds}): {mutation.file}: {mutation.fault}\n    {said}", flush=True)
        return status in (FAILED, None)

    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(cores) as workers:
        for number in range(cores):
            free.put(Copy(Path(directory, str(number))))
        if not all(list(workers.map(passes, selections(mutations)))):
            return False
        results = list(workers.map(noticed, mutations))
    print(f"{sum(results)} of {len(results)} mutations noticed")
    return all(results)


def main(names: list[str]) -> int:
    """Try the mutations of the named files."""
    paths = [MUTATIONS / f"{name}.toml" for name in names] or sorted(MUTATIONS.glob("*.toml"))
    return 0 if run([one for path in paths for one in read(path)]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
