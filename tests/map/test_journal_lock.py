"""A journal serves one map at a time, even if its files are copied, read or moved."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from runpod_sdk import Endpoint, Journal, JournalError, JournalStatus, Runpod
from tests.forking import Child, in_child, needs_fork, no_warning
from tests.map.opener import Opener

pytestmark = [needs_fork, no_warning]


class Jobs:
    """A service whose jobs end at once, but for those that hang."""

    def __init__(self) -> None:
        self.hanging: list[str] = []
        self.submitted: list[Any] = []
        self.output: Any = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/run"):
            number = json.loads(request.content)["input"]
            self.submitted.append(number)
            return httpx.Response(200, json={"id": f"job-{number}", "status": "IN_QUEUE"})
        job_id = request.url.path.rpartition("/")[2]
        status = "IN_PROGRESS" if job_id in self.hanging else "COMPLETED"
        return httpx.Response(200, json={"id": job_id, "status": status, "output": self.output})


@contextmanager
def service() -> Iterator[tuple[Jobs, Endpoint]]:
    jobs = Jobs()
    http = httpx.Client(transport=httpx.MockTransport(jobs))
    with Runpod("key", base_url="http://127.0.0.1:1/v2", http_client=http) as client:
        yield jobs, client.endpoint("ep")


@pytest.fixture(scope="module")
def another() -> Iterator[Opener]:
    """Another process."""
    with closing(Opener()) as another:
        yield another


SIX = "{'succeeded': 6}"


def copy(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))


def copy_wal(path: Path) -> None:
    shutil.copy(f"{path}-wal", path.with_name("copy-wal"))


def copy_all(path: Path) -> None:
    shutil.copytree(path.parent, path.parent.with_name("copies"))


def checksum(path: Path) -> None:
    for file in path.parent.iterdir():
        hashlib.sha256(file.read_bytes())


def look(path: Path) -> None:
    with pytest.raises(JournalError, match="in use"):
        Journal(path)


@pytest.mark.parametrize("read", [copy, copy_wal, copy_all, checksum, look])
def test_reading_it_keeps_it_locked(
    tmp_path: Path, another: Opener, read: Callable[[Path], None]
) -> None:
    """A process that copies its own journal still has it for itself."""
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "run.sqlite"
    with service() as (jobs, endpoint):
        results = endpoint.map(range(6), journal=path, concurrency=1)
        next(results)
        read(path)
        assert another.open(path).startswith(f"JournalError: {path} is in use")
        next(results)
        assert len(list(results)) == 4
    assert jobs.submitted == list(range(6))
    assert another.open(path) == SIX


def test_another_program_is_kept_out(tmp_path: Path, another: Opener) -> None:
    """From the next commit after a copy on."""
    path = tmp_path / "run.sqlite"
    with service() as (_, endpoint), Journal(path) as journal:
        list(endpoint.map(range(3), journal=journal))
        copy(path)
        list(endpoint.map(range(6), journal=journal))
        assert "database is locked" in another.read(path)
    assert another.open(path) == SIX


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_two_names(tmp_path: Path, another: Opener, link: Callable[[Path, Path], None]) -> None:
    """A journal is the same under another name."""
    path, other = tmp_path / "run.sqlite", tmp_path / "sub" / "other.sqlite"
    other.parent.mkdir()
    Journal(path).close()
    link(path, other)
    for first, second in ((path, other), (other, path)):
        with Journal(first):
            with pytest.raises(JournalError, match=f"{second.name} is in use"):
                Journal(second)
            copy(first)
            assert f"{second.name} is in use" in another.open(second)
    assert another.open(other) == "{}"


def replace(path: Path) -> None:
    Journal(path.with_name("new")).close()
    path.with_name("new").replace(path)


def lose_wal(path: Path) -> None:
    Path(f"{path}-wal").unlink()


@pytest.mark.parametrize(
    "lose",
    [Path.unlink, lambda path: path.rename(path.with_name("moved")), replace, lose_wal],
    ids=["deleted", "moved", "replaced", "without -wal"],
)
def test_nothing_is_sent_once_it_is_lost(tmp_path: Path, lose: Callable[[Path], object]) -> None:
    """The next start would not see what this one writes, so it sends nothing more."""
    path = tmp_path / "run.sqlite"
    with service() as (jobs, endpoint):
        results = endpoint.map(range(9), journal=path, concurrency=1)
        next(results)
        sent = len(jobs.submitted)
        lose(path)
        with pytest.raises(JournalError, match="was deleted, moved or replaced") as caught:
            list(results)
        assert str(path) in str(caught.value)
        assert len(jobs.submitted) <= sent + 1  # one may be beyond its intent


def test_of_many_at_once_one_gets_it(tmp_path: Path) -> None:
    """If several processes open a new journal at the same instant, exactly one gets it."""
    begin, told, end = os.pipe(), os.pipe(), os.pipe()

    def compete(path: Path) -> None:
        os.read(begin[0], 1)
        try:
            journal = Journal(path)
        except JournalError as error:
            os.write(told[1], b"refused" if "is in use" in str(error) else b"failed!")
        else:
            os.write(told[1], b"has it!")
            os.read(end[0], 1)
            journal.close()

    for attempt in range(4):
        path = tmp_path / f"{attempt}.sqlite"
        children = [Child(lambda path=path: compete(path)) for _ in range(4)]
        os.write(begin[1], b"." * 4)
        answers = sorted(os.read(told[0], 7) for _ in children)
        os.write(end[1], b".")
        assert answers == [b"has it!", b"refused", b"refused", b"refused"]
        assert {child.answer() for child in children} == {"None"}
    for descriptor in (*begin, *told, *end):
        os.close(descriptor)


def test_it_belongs_to_the_process_that_opened_it(tmp_path: Path) -> None:
    """A fork can't use it, and harms it neither by closing it nor by its end."""
    path = tmp_path / "run.sqlite"

    def leave(journal: Journal) -> None:
        with journal:
            pass
        del journal
        sys.exit(0)

    with service() as (jobs, endpoint), Journal(path) as journal:
        assert len(list(endpoint.map(range(3), journal=journal))) == 3
        uses: list[Callable[[], object]] = [
            lambda: journal.counts,
            journal.uncertain,
            lambda: journal.resolve(0, "skip"),
            lambda: list(endpoint.map(range(9), journal=journal)),
        ]
        for use in uses:
            answer = in_child(use)
            assert answer.startswith(f"JournalError: {path} was opened by another process")
            assert "open it in the process that uses it" in answer
        assert "SystemExit: 0" in in_child(lambda: leave(journal))
        assert len(list(endpoint.map(range(5), journal=journal))) == 5
    assert sorted(jobs.submitted) == list(range(5))
    with Journal(path) as journal:
        assert journal.counts == {JournalStatus.SUCCEEDED: 5}


ENDS = """
import os, sys
from runpod_sdk import Journal
from runpod_sdk.journal import Journal
journal = Journal(sys.argv[1])
journal._take("ep")
journal.counts
if os.fork() == 0:
    sys.exit()  # not by os._exit: all that Python has is torn down
os.wait()
print(os.path.exists(sys.argv[1] + "-wal"))
"""


def test_the_end_of_a_fork_leaves_its_files(tmp_path: Path) -> None:
    """SQLite would copy and delete the `-wal` that the parent writes to."""
    command = [sys.executable, "-W", "ignore", "-c", ENDS, str(tmp_path / "run.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_fork_does_not_keep_it_locked(tmp_path: Path, another: Opener) -> None:
    """Its parent is killed; what it has copied of the parent's files locks nothing."""
    path = tmp_path / "run.sqlite"
    ready, end = os.pipe(), os.pipe()
    parent = os.fork()
    if parent == 0:
        journal = Journal(path)
        if os.fork() == 0:
            os.close(end[1])
            os.write(ready[1], b".")
            os.read(end[0], 1)  # until the test has ended, whatever that says
            os._exit(0)
        os.read(ready[0], 1)
        os.kill(os.getpid(), signal.SIGKILL)
        journal.close()
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(parent, 0)[1]) == -signal.SIGKILL
        assert another.open(path) == "{}"
    finally:
        for descriptor in (*ready, *end):
            os.close(descriptor)


def crashed(path: Path) -> None:
    """Leave a journal as a process does that is killed while it maps, after two results."""

    def work() -> None:
        with service() as (jobs, endpoint):
            jobs.hanging.append("job-2")
            results = endpoint.map(range(6), journal=path, concurrency=1)
            next(results)
            next(results)
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == ""


def test_a_journal_without_its_wal_is_refused(tmp_path: Path) -> None:
    """The file alone does not know what was sent last, and would have it sent again."""
    path = tmp_path / "run.sqlite"
    crashed(path)
    moved = tmp_path / "moved.sqlite"
    shutil.copy(path, moved)
    with pytest.raises(
        JournalError, match=r"moved.sqlite is incomplete without .*moved.sqlite-wal"
    ):
        Journal(moved)
    with pytest.raises(JournalError, match="restore that file"):  # also the second time
        Journal(moved)
    shutil.copy(f"{path}-wal", f"{moved}-wal")
    for whole in (path, moved):
        with Journal(whole) as journal:
            assert journal.counts[JournalStatus.SUCCEEDED] == 2
    assert not Path(f"{path}-wal").exists()
    shutil.copy(path, tmp_path / "closed.sqlite")
    with Journal(tmp_path / "closed.sqlite") as journal:
        assert journal.counts[JournalStatus.SUCCEEDED] == 2


def test_who_looks_into_a_crashed_journal_does_not_break_it(tmp_path: Path) -> None:
    """SQLite's own tools copy the `-wal` into the file and delete it, as they should."""
    path = tmp_path / "run.sqlite"
    crashed(path)
    file = sqlite3.connect(path)
    assert file.execute("SELECT count(*) FROM inputs WHERE status = 'succeeded'").fetchone() == (2,)
    file.close()
    assert not Path(f"{path}-wal").exists()
    with Journal(path) as journal:
        assert journal.counts[JournalStatus.SUCCEEDED] == 2


def test_the_wal_stays_small_and_needed(tmp_path: Path) -> None:
    """It is copied into the file when it is large; the file alone is refused after that too."""
    path, alone = tmp_path / "run.sqlite", tmp_path / "alone.sqlite"
    with service() as (jobs, endpoint):
        jobs.output = "x" * 1_000_000
        largest = 0
        for result in endpoint.map(range(16), journal=path, concurrency=1):
            assert result.output == jobs.output
            largest = max(largest, Path(f"{path}-wal").stat().st_size)
            shutil.copy(path, alone)
            with pytest.raises(JournalError, match=r"incomplete|damaged"):  # the copy may be torn
                Journal(alone)
    assert largest < 7_000_000
    with Journal(path) as journal:
        assert journal.counts == {JournalStatus.SUCCEEDED: 16}


def test_a_journal_that_nobody_closed(tmp_path: Path) -> None:
    """It is free again once nothing refers to it."""
    path = tmp_path / "run.sqlite"
    for _ in range(3):
        assert Journal(path).counts == {}
    before = len(os.listdir("/dev/fd"))
    for _ in range(5):
        with pytest.raises(JournalError):
            Journal(tmp_path)
        Journal(path).close()
    assert len(os.listdir("/dev/fd")) <= before


@pytest.mark.skipif(sys.platform != "linux", reason="others have no flock beside SQLite's locks")
@pytest.mark.parametrize("platform", ["linux", "old kernel"])
def test_without_such_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """`flock` does as well; where not even that is offered, the journal is refused."""
    import fcntl

    path = tmp_path / "run.sqlite"
    with closing(Opener(platform)) as first, closing(Opener(platform)) as second:
        assert first.hold(path) == "{}"
        assert first.copy(path) == "None"
        assert "is in use" in second.open(path)
        first.release()
        assert second.hold(path) == "{}"

    def no_flock(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.delattr(fcntl, "F_OFD_SETLK", raising=False)
    monkeypatch.setattr(fcntl, "flock", no_flock)
    with pytest.raises(JournalError, match="cannot be read or written: Operation not supported"):
        Journal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there SQLite's locks are not dropped")
def test_a_platform_with_posix_locks_only(tmp_path: Path) -> None:
    """After a copy, another map may get the journal; the first one then sends nothing more."""
    path = tmp_path / "run.sqlite"
    with closing(Opener("otherbsd")) as another, service() as (jobs, endpoint):
        with pytest.MonkeyPatch.context() as patch:
            patch.delattr("fcntl.F_OFD_SETLK", raising=False)
            patch.setattr(sys, "platform", "otherbsd")
            journal = Journal(path)
        with journal:
            list(endpoint.map(range(3), journal=journal))
            assert "is in use" in another.open(path)
            copy(path)
            assert another.hold(path) == "{'succeeded': 3}"
            with pytest.raises(JournalError, match="in use"):
                list(endpoint.map(range(9), journal=journal))
            assert sorted(jobs.submitted) == [0, 1, 2]
            another.release()
