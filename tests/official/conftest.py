"""All clients go through the script at once, each at an endpoint of its own in one server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .runner import Transcript, play
from .script import CLIENTS

Transcripts = Mapping[str, Transcript]


@pytest.fixture(scope="session")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transcripts]:
    for variable in ("RUNPOD_OFFICIAL_PYTHON", "RUNPOD_OFFICIAL_NODE", "RUNPOD_OFFICIAL_JS"):
        if variable not in os.environ:
            pytest.skip("scripts/official has the official clients and runs this")
    scratch = tmp_path_factory.mktemp("official")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.official.server", *CLIENTS],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        where = json.loads(server.stdout.readline())
        with ThreadPoolExecutor(len(CLIENTS)) as pool:
            plays = {name: pool.submit(play, name, where[name], scratch) for name in CLIENTS}
            yield {name: played.result() for name, played in plays.items()}
