"""
Make pictures of the built site: light and dark, wide and narrow, for people to look at.

Pages are opened as files, without a server. None may ask anything of another host, nor be
wider than the screen, and the search has to find something.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.browser.webdriver import Browser

SCREENS = {"wide": (1280, 860), "narrow": (390, 844)}
PAGES = ("index", "tutorial", "what-happens-when", "from-runpod-python", "reference/endpoints")
CONTRACT = ("contract/index", "contract/run_job", "contract/schemas")


def look(browser: Browser, url: str) -> None:
    """Open a page, and see that it is whole."""
    browser.open(url)
    browser.element("article h1")
    wide = browser.script("return document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{url} is {wide} pixels wider than the screen"
    foreign = [asked for asked in browser.requests() if asked.startswith("http")]
    assert not foreign, f"{url} asks {foreign}"


def search(browser: Browser) -> None:
    """See that the search finds something; it stands in a shadow tree of its own."""
    browser.click(".md-search__button")
    found = """
        const hosts = [...document.querySelectorAll("*")].filter((each) => each.shadowRoot);
        return hosts.map((each) => each.shadowRoot.%s);
    """
    browser.until(
        lambda: browser.script(found % "activeElement?.tagName") == ["INPUT"], "no search"
    )
    for key in "stream":
        browser.press(key)
    hits = found % "querySelectorAll('a').length"
    browser.until(lambda: sum(browser.script(hits)), "the search finds nothing")


def main(site: Path, directory: Path, pages: list[str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            browser.open("about:blank")
            browser.requests()
            for screen, (width, height) in SCREENS.items():
                for scheme in ("light", "dark"):
                    browser.screen(width, height, scheme=scheme)
                    for page in pages:
                        look(browser, f"{site.absolute().as_uri()}/{page}.html")
                        name = page.replace("/", "-")
                        browser.screenshot(directory / f"{name}-{screen}-{scheme}.png")
            browser.screen(*SCREENS["wide"])
            look(browser, f"{site.absolute().as_uri()}/index.html")
            search(browser)
            browser.screenshot(directory / "search.png")
        finally:
            browser.close()
    print(directory)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("directory", nargs="?", type=Path, default=None)
    parser.add_argument("pages", nargs="*", default=[*PAGES, *CONTRACT])
    chosen = parser.parse_args(sys.argv[1:])
    main(
        chosen.site,
        chosen.directory or Path(tempfile.mkdtemp(prefix="screenshots-")),
        chosen.pages,
    )
