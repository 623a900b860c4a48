"""
The little of WebDriver that the tests of the page need, over httpx.

https://www.w3.org/TR/webdriver2/ is what chromedriver speaks; `cdp` is its own way to the
DevTools protocol, which emulates screens and the preferences of people.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which something that must happen is taken not to; no test waits for it to pass."""

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

_ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
    # One process for all pages, not two for each test.
    *("--disable-site-isolation-trials", "--process-per-site", "--renderer-process-limit=1"),
]
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A headless Chromium with an empty profile of its own, in *folder*; ended by `close`."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        assert DRIVER is not None
        self._process = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            self._http = httpx.Client(base_url=self._address(), timeout=60, trust_env=False)
            options = {
                "binary": CHROMIUM,
                "args": [*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"],
            }
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            body = {"capabilities": {"alwaysMatch": wanted}}
            answer = self._http.post("/session", json=body).json()["value"]
            assert "sessionId" in answer, answer
            self._session = f"/session/{answer['sessionId']}"
        except BaseException:
            self._process.kill()
            raise

    def _address(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "started successfully on port" in line:
                return f"http://127.0.0.1:{line.rstrip().rstrip('.').rpartition(' ')[2]}"
        raise AssertionError("chromedriver did not start")

    def close(self) -> None:
        try:
            self._http.delete(self._session)
        finally:
            self._http.close()
            self._process.terminate()
            self._process.communicate()

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        response = self._http.post(f"{self._session}{path}", json=body)
        value = response.json()["value"]
        assert response.status_code == 200, value
        return value

    def open(self, url: str) -> None:
        self._post("/url", {"url": url})

    def script(self, text: str, *arguments: Any) -> Any:
        """Run *text*, the body of a function, in the page, and give what it returns."""
        return self._post("/execute/sync", {"script": text, "args": list(arguments)})

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Take what was logged since the last time: `browser` or `performance`."""
        entries: list[dict[str, Any]] = self._post("/se/log", {"type": kind})
        return entries

    def requests(self) -> list[str]:
        """Take the URLs that the page has asked for since the last time."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    # -- what people do

    def element(self, selector: str) -> str:
        """Wait for an element that can be seen, and give its id."""
        found = self.until(
            lambda: self.script(f"{_FIND} return found", selector), f"there is no {selector}"
        )
        return str(found[_ELEMENT])

    def click(self, selector: str) -> None:
        self._post(f"/element/{self.element(selector)}/click", {})

    def write(self, selector: str, text: str) -> None:
        """Write *text* instead of what is in a field."""
        element = self.element(selector)
        self._post(f"/element/{element}/clear", {})
        self._post(f"/element/{element}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Press keys together, by their characters; where the focus is."""
        downs = [{"type": "keyDown", "value": key} for key in keys]
        ups = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._post("/actions", {"actions": [{"type": "key", "id": "k", "actions": downs + ups}]})

    # -- what people see

    def text(self, selector: str) -> str:
        """Give the text of what can be seen of the first such element, as it is rendered."""
        return str(self.script(f"{_FIND} return found ? found.innerText : ''", selector))

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)"
        found: list[str] = self.script(script, selector)
        return found

    def sees(self, selector: str, text: str) -> None:
        """Wait until *text* is in what can be seen of an element."""
        self.until(lambda: text in self.text(selector), f"{text!r} is not in {selector}")

    def until(self, found: Callable[[], T], otherwise: str) -> T:
        patience = time.monotonic() + PATIENCE
        while not (value := found()):
            assert time.monotonic() < patience, otherwise
            time.sleep(0.03)
        return value

    # -- screens

    def screen(self, width: int, height: int, *, scheme: str = "light") -> None:
        """
        Emulate a screen of that size, and what its owner prefers: `light` or `dark`, no motion.

        So a colour is never looked at while it changes.
        """
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wishes.items()]
        self.cdp("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path) -> None:
        data = self.cdp("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


_FIND = """
const first = document.querySelector(arguments[0]);
const found = first && first.checkVisibility() ? first : null;
"""
