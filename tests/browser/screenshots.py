"""Make pictures of the page: light and dark, wide and narrow, for people to look at."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from runpod_sdk.local import LocalEndpoint

from .conftest import Watched, handler
from .webdriver import Browser

SCREENS = {"wide": (1280, 860), "narrow": (390, 844)}
INPUT = {"prompt": "A watercolour of a fox in the snow", "steps": 28, "guidance": 7.5}


def fill(watched: Watched) -> dict[str, str]:
    """Send jobs of each kind; give the parts of the page that are worth a picture, by name."""
    for seed in range(6):
        watched.run({**INPUT, "seed": seed}, "runsync")
    long = {**INPUT, "tiles": [{"x": n, "y": n * n, "tags": ["snow", None]} for n in range(40)]}
    done = watched.run(long, "runsync")
    failed = watched.run({"fail": "CUDA out of memory: tried to allocate 2.50 GiB"}, "runsync")
    watched.http.post(f"/cancel/{watched.run({'hang': 'a job to be cancelled'})}")
    running = watched.run({"hang": {"step": 12, "of": 28}, **INPUT})
    for seed in range(4):
        watched.run({"hang": seed})
    return {
        "list": "#/",
        "new": "#/new",
        "completed": f"#/jobs/{done}",
        "failed": f"#/jobs/{failed}",
        "running": f"#/jobs/{running}",
        "reference": "#/reference",
        "operation": "#/reference/run_job_sync",
    }


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as profile,
        LocalEndpoint(handler, workers=2, endpoint_id="4x8k2m9q7v1c3z") as local,
    ):
        browser = Browser(Path(profile))
        watched = Watched(browser, local)
        try:
            parts = fill(watched)
            for screen, (width, height) in SCREENS.items():
                for scheme in ("light", "dark"):
                    browser.screen(width, height, scheme=scheme)
                    for name, hash in parts.items():
                        watched.show()
                        watched.go(hash)
                        if "reference" in hash:
                            browser.element(".operation")
                        elif "/jobs/" in hash:
                            browser.sees("#job .badge", " " if name == "running" else "ed")
                        browser.screenshot(directory / f"{name}-{screen}-{scheme}.png")
        finally:
            watched.http.close()
            browser.close()
    print(directory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=None)
    chosen = parser.parse_args(sys.argv[1:]).directory
    main(chosen if chosen is not None else Path(tempfile.mkdtemp(prefix="screenshots-")))
