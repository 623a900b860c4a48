"""Make pictures of the page with a mixed load: light and dark, wide and narrow, to look at."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from runpod_sdk.local import Limits, LocalEndpoint

from . import samples
from .conftest import Watched, handler
from .webdriver import Browser

SCREENS = {"wide": (1440, 900), "middle": (1024, 768), "narrow": (420, 860)}
WORKERS, JOBS, ENDPOINT = 24, 2_000, "4x8k2m9q7v1c3z"
INPUT = {"prompt": "A watercolour of a fox in the snow", "steps": 28, "guidance": 7.5}
NOWHERE = "http://127.0.0.1:9/"
"""A webhook that nobody accepts."""


def fill(watched: Watched) -> dict[str, str]:
    """Send jobs of each kind; give the parts of the page that are worth a picture, by name."""

    def post(path: str, body: Any = None) -> Any:
        return watched.http.post(path, content=None if body is None else json.dumps(body)).json()

    def sync(input: Any, **members: Any) -> str:
        return str(post("/runsync", {"input": input, **members})["id"])

    for seed in range(JOBS):
        post("/run", {"input": {**INPUT, "seed": seed}})
    for seed in range(15):
        watched.run({"hang": {"step": seed, "of": 28}, **INPUT})
    sync({"say": "loading the model"})
    painted = sync({"paint": 5})
    long = sync(
        {**INPUT, "tiles": [{"x": n, "y": n * n, "tags": ["snow", None]} for n in range(40)]}
    )
    picture = {"image": samples.text(samples.png(640, 400, hue=3)), "strength": 0.6}
    pictured = sync({**INPUT, **picture})
    failed = sync({"fail": "CUDA out of memory: tried to allocate 2.50 GiB"}, webhook=NOWHERE)
    stopped = sync({"stream": ["a", "b", "c"], "then": "the tokenizer has no such token"})
    retried = sync({"fail_once": "the model is not loaded yet"})
    post(f"/retry/{retried}")
    post(f"/cancel/{watched.run({'hang': 'a job to be cancelled'})}")
    streamed = sync({"stream": [f"token {n} " for n in range(30)]})
    said = sync({"say": "28 steps in 3.2 s"})
    running = watched.run({"hang": {"step": 12, "of": 28}, **INPUT})
    (worker,) = {watched.http.get(f"/status/{said}").json()["workerId"]}
    return {
        "list": "#/",
        "new": "#/new",
        "completed": f"#/jobs/{long}",
        "painted": f"#/jobs/{painted}",
        "pictured": f"#/jobs/{pictured}",
        "failed": f"#/jobs/{failed}",
        "failed-generator": f"#/jobs/{stopped}",
        "retried": f"#/jobs/{retried}",
        "streamed": f"#/jobs/{streamed}",
        "said": f"#/jobs/{said}",
        "running": f"#/jobs/{running}",
        "found": "#/?status=FAILED&text=tokenizer",
        "workers": "#/workers",
        "worker": f"#/workers/{worker}",
        "reference": "#/reference",
        "operation": "#/reference/run_job_sync",
    }


def main(directory: Path, only: list[str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    limits = Limits(webhook_retry_delays=(0.5, 0.5), sync_retention=3600)
    with (
        tempfile.TemporaryDirectory() as profile,
        LocalEndpoint(
            handler, workers=WORKERS, endpoint_id="4x8k2m9q7v1c3z", limits=limits
        ) as local,
    ):
        browser = Browser(Path(profile))
        watched = Watched(browser, local)
        try:
            parts = fill(watched)
            for screen, (width, height) in SCREENS.items():
                for scheme in ("light", "dark"):
                    browser.screen(width, height, scheme=scheme)
                    for name, hash in parts.items():
                        if only and name not in only:
                            continue
                        watched.show()
                        watched.go(hash)
                        if "reference" in hash:
                            browser.element(".operation")
                        elif "/jobs/" in hash:
                            browser.sees("#job .badge", " " if name == "running" else "ed")
                        time.sleep(0.5)  # for pictures to load
                        browser.screenshot(directory / f"{name}-{screen}-{scheme}.png")
        finally:
            watched.http.close()
            browser.close()
    print(directory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=None)
    parser.add_argument("parts", nargs="*", help="parts of the page; all by default")
    chosen = parser.parse_args(sys.argv[1:])
    where = chosen.directory or Path(tempfile.mkdtemp(prefix="screenshots-"))
    main(where, chosen.parts)
