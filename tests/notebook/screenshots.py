"""
Make pictures of the executed notebook, for people to look at: light and dark, wide and narrow.

It may ask nothing of any host, and no output may be wider than its cell. One picture is what
docs/notebooks.md shows: some cells, by how they begin.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.browser.webdriver import Browser
from tests.notebook.jupyter import executed, page

WIDTHS = {"wide": 1440, "narrow": 420}
SHOWN = ("job.wait(", 'endpoint.run_sync(input={"number": 13}', "numbers = ")
SHOWN_WIDTH = 860


def look(browser: Browser, path: Path) -> int:
    """Open the page, see that it is whole, and return how high it is."""
    browser.open(path.as_uri())
    browser.element(".jp-Notebook")
    asked = [url for url in browser.requests() if not url.startswith(("data:", "file:"))]
    refused = [entry["message"] for entry in browser.log("browser")]
    assert not asked + refused, f"the page asks {asked + refused}"
    wide = browser.script("""
        return [...document.querySelectorAll(".jp-OutputArea-output")]
            .filter((output) => output.scrollWidth > output.clientWidth + 1)
            .map((output) => output.innerText.slice(0, 80));
    """)
    assert not wide, f"these outputs are wider than their cell: {wide}"
    return int(browser.script("return document.documentElement.scrollHeight"))


def picture(browser: Browser, html: Path, width: int, theme: str, target: Path) -> None:
    """Look at a page that is as wide as that, and make a picture of all of it."""
    browser.screen(width, 200, scheme=theme)
    browser.screen(width, look(browser, html), scheme=theme)
    browser.screenshot(target)


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    notebook = executed()
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(Path(folder))
        try:
            browser.open("about:blank")
            browser.requests()
            for theme in ("light", "dark"):
                path = Path(folder, f"{theme}.html")
                path.write_text(page(notebook, theme), encoding="utf-8")
                for name, width in WIDTHS.items():
                    target = directory / f"notebook-{name}-{theme}.png"
                    picture(browser, path, width, theme, target)
            notebook.cells = [cell for cell in notebook.cells if cell.source.startswith(SHOWN)]
            assert len(notebook.cells) == len(SHOWN)
            path.write_text(page(notebook, "light"), encoding="utf-8")
            picture(browser, path, SHOWN_WIDTH, "light", directory / "docs.png")
        finally:
            browser.close()
    print(directory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=None)
    chosen = parser.parse_args(sys.argv[1:]).directory
    main(chosen or Path(tempfile.mkdtemp(prefix="screenshots-")))
