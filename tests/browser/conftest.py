"""A browser, an endpoint that does as a job says, and what every test has to leave clean."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from runpod_sdk.local import LocalEndpoint, progress_update

from . import samples
from .webdriver import CHROMIUM, DRIVER, Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [
        name for name, path in (("chromium", CHROMIUM), ("chromedriver", DRIVER)) if not path
    ]
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            if missing:
                why = f"no {' and no '.join(missing)} here; scripts/browser can install them"
                item.add_marker(pytest.mark.skip(reason=why))


_failed: set[str] = set()


async def handler(job: dict[str, Any]) -> Any:
    """Do as the input says; give it back if it says nothing."""
    match job["input"]:
        case {"fail": text}:
            raise ValueError(text)
        case {"error": text}:
            return {"error": text}
        case {"fail_once": text}:
            if job["id"] not in _failed:
                _failed.add(job["id"])
                raise ValueError(text)
            return "at last"
        case {"hang": value}:
            progress_update(job, {"so far": value})
            await asyncio.Event().wait()
        case {"stream": values, **rest}:
            return streamed(values, rest.get("then"))
        case {"paint": count}:
            return {
                "images": [samples.text(samples.png(hue=40 * n)) for n in range(count)],
                "clip": "data:video/mp4;base64," + samples.text(bytes(60)),
                "sound": "data:audio/wav;base64," + samples.text(samples.wav()),
                "seed": 7,
            }
        case {"say": text}:
            print(f"print: {text}")
            print(f"to stderr: {text}", file=sys.stderr)
            logging.getLogger("worker.model").warning("logged: %s", text)
    return job["input"]


def streamed(values: list[Any], error: object) -> Iterator[Any]:
    """Yield *values*, then fail with *error*, if there is one."""
    yield from values
    if error is not None:
        raise RuntimeError(error)


_GO = """
return new Promise((done) => {
  if (location.hash === arguments[0]) return done();
  addEventListener("hashchange", () => done(), { once: true }); // after the page's own
  location.hash = arguments[0];
});
"""


class Watched:
    """An endpoint, a browser that shows its page, and requests of somebody else."""

    def __init__(self, browser: Browser, local: LocalEndpoint) -> None:
        self.browser = browser
        self.local = local
        self.http = httpx.Client(
            base_url=f"{local.base_url}/{local.endpoint_id}",
            headers={"authorization": f"Bearer {local.api_key}"},
            timeout=20,
            trust_env=False,
        )

    def show(self) -> None:
        """Load the page anew."""
        self.browser.open("about:blank")
        self.go()
        self.browser.sees("#live", "Live")

    def go(self, hash: str = "#/") -> None:
        """Go to a part of the page, as its links do; it is shown when this returns."""
        if self.browser.script("return location.href").startswith(self.local.page_url):
            self.browser.script(_GO, hash)
        else:
            self.browser.open(f"{self.local.page_url}{hash}")

    def run(self, input: Any, operation: str = "run") -> str:
        """Send a job, past the page."""
        return str(self.http.post(f"/{operation}", json={"input": input}).json()["id"])

    def row(self, job: str) -> str:
        """Name the row of a job in the list."""
        return f"#rows tr[data-id='{job}']"

    def listed(self) -> list[str]:
        """Give the ids in the list, from its top."""
        script = "return [...document.querySelectorAll('#rows tr')].map((row) => row.dataset.id)"
        found: list[str] = self.browser.script(script)
        return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("browser"))
    browser.open("about:blank")  # not the browser's own page, which asks for much
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    with LocalEndpoint(handler, workers=2) as local:
        yield local


@pytest.fixture
def watched(
    browser: Browser, endpoint: LocalEndpoint, request: pytest.FixtureRequest
) -> Iterator[Watched]:
    """
    Watch the page on a wide screen, and see that it goes wrong nowhere and asks nobody else.

    The mark `refused` says that a request is refused in the test, which a browser logs.
    """
    browser.log("browser")
    browser.requests()
    browser.screen(1280, 860)
    watched = Watched(browser, endpoint)
    watched.show()
    yield watched
    watched.http.close()
    faults = [entry["message"] for entry in browser.log("browser")]
    if request.node.get_closest_marker("refused"):
        faults = [fault for fault in faults if "Failed to load resource" not in fault]
    assert faults == []
    own = (endpoint.page_url, "about:", "data:", "blob:")
    assert [url for url in browser.requests() if not url.startswith(own)] == []
