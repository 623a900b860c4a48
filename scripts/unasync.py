"""
Write runpod_sdk/_sync from runpod_sdk/_async: the same methods and texts, without `await`.

    scripts/unasync.py [DIRECTORY]

Writes to DIRECTORY, else to runpod_sdk/_sync, whose files are replaced. The files still need
`ruff format`. scripts/generate calls this script, and compares with `--check`.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE, TARGET = ROOT / "runpod_sdk/_async", ROOT / "runpod_sdk/_sync"

# Sentences of the documentation that differ; each is in one line of the source.
SENTENCES = {
    "The async client: its methods and their documentation, which `_sync` is made from.": (
        "The client, made from `_async`: change it there."
    ),
    "An async client of RunPod's serverless endpoints, under asyncio, uvloop and trio.": (
        "A client of RunPod's serverless endpoints."
    ),
    "One client is enough for a process; each event loop gets its own connections. Close the": (
        "One client is enough for a process; many threads can call it at once. Close the"
    ),
    '            "aiohttp" uses aiohttp, the extra of that name, and needs asyncio.\n': "",
    "Tasks of the event loop do the work.": (
        "A background thread does the work. Use the iterator in one thread at a time."
    ),
    "inputs: An iterable of inputs; the async client takes an async iterable too. The": (
        "inputs: An iterable of inputs. The"
    ),
    "Use a stream in one task at": "Use a stream in one thread at",
    "Another task is waiting": "Another thread is waiting",
}

# Applied in this order, after the sentences.
REPLACEMENTS = [
    (r"\b_io\.task_runner\b", "_io.loop_thread"),
    (r"\bAsyncIO\b", "SyncIO"),
    (r"\baio\b", "sync"),
    (r"\b_async\b", "_sync"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\ban async (?=context|client)", "a "),
    (r"\bAn `Async(?=Job)", "A `"),
    (r"\ban `Async(?=Job|Results|Stream)", "a `"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__a(iter|next|enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\basync ", ""),
    (r"\bawait ", ""),
]


def unasync(source: str) -> tuple[str, set[str]]:
    """Return the sync form of *source*, and the sentences that were replaced in it."""
    found = {sentence for sentence in SENTENCES if sentence in source}
    for sentence in found:
        source = source.replace(sentence, SENTENCES[sentence])
    for pattern, replacement in REPLACEMENTS:
        source = re.sub(pattern, replacement, source)
    return source, found


def main(target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    found: set[str] = set()
    for path in sorted(SOURCE.glob("*.py")):
        text, sentences = unasync(path.read_text(encoding="utf-8"))
        found |= sentences
        header = f"# Made from _async/{path.name} by scripts/generate: change that file.\n"
        target.joinpath(path.name).write_text(header + text, encoding="utf-8")
    unused = SENTENCES.keys() - found
    if unused:
        sys.exit("no file has this sentence any more:\n" + "\n".join(sorted(unused)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else TARGET)
