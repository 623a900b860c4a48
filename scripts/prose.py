"""
Find private dialect in the pages, and in the docstrings and messages of the package.

`python scripts/prose.py` checks the files of `OTHERS`, docs/ and runpod_sdk/. `python
scripts/prose.py FILE …` checks these files. Each finding is one line: file, line, rule, and the
sentence. The exit status is 1 if there is a finding. `--counts` prints a table of sentences and
findings instead.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]

OTHERS = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "openapi/README.md"),
    *("benchmarks/README.md", "examples/README.md", "openapi/languages/README.md"),
    *("released/README.md", "scripts/README.md", "openapi/runpod-serverless.yaml"),
)
"""Files outside docs/ that are checked: pages, and the API document's descriptions."""

LONGEST = 40
"""Words of a sentence."""

WORDS: dict[str, str] = {
    r"befall\w*|befell": "happens to, fails with",
    r"mend(?:s|ed|ing)?": "fix, correct",
    r"str(?:ikes|uck)": "is applied",
    r"mishaps?": "fault",
    r"ma[dk]es? good|making good|made good": "restores",
    r"tak(?:e|es|en|ing) (?:it |them |up )*again": "resume",
    r"g(?:o|oes|oing) on|went on|gone on": "continues, resumes",
    r"com(?:e|es) of|came of|becom(?:e|es) of|became of": "name the result",
    r"is had|are had|to be had|could not be had": "is available",
    r"in hand": "received, known",
    r"asks? after|asked after|asking after": "polls, reads the status of",
    r"tell(?:s|ing)?|told": "says, reports, returns",
    r"gives|gave|giving|give what": "returns, contains, passes",
    r"time is up|time was up|is up": "times out",
    r"in silence|without a word": "silently; without an error",
    r"(?:many|some|few|those) of (?:them|these|those)": "name them",
    r"surely|likewise|meanwhile|anew|hitherto|thereof|therein": "certainly, also, again",
    r"bought twice": "paid twice",
    r"pass(?:es|ed)? for": "is mistaken for",
    r"died?|dies|dying|death": "crashes, ends",
    r"ended badly|ends badly|bad end": "failed",
    r"ended well|ends well": "succeeded",
    r"believed?|believes": "accepted, trusted",
    r"as ever|so long as|for ever": "as before, while, forever",
    r"by itself|by themselves": "automatically, alone",
}
"""Rule 3: what the documentation of the field does not say, and what it says."""

PATTERNS: dict[str, str] = {
    r"\b(?:who|what|which)ever\b": "name the person or thing",
    r"\b(?:some|no|any|every)body\b": "name who",
    r"\bwhat there is\b|\bwhat (?:is|was|came) (?:left|there)\b": "name the thing",
    r"\b(?:those|ones|(?<!the )one) that\b|\b(?:the one|that|those) of\b": "repeat the noun",
    r"\bof (?:(?:your|our|its|their) own|yours|ours|theirs)(?=[.,;:)]| and\b| of\b|$)": (
        "your …, its own …"
    ),
    r"\b(?:is|are|was|were) to be\b|\bha(?:s|ve|d) to be\b": "use the imperative, or must",
    r"\bthe (?:same)(?=[.,;:]|$)": "name the thing",
    r"^(?:What(?! to do\b)|Who|Whom|That which)\b[^?]*$": "a clause is the subject: name the thing",
    r"^The \w+ of the \w+ of\b|\bthe \w+ of the \w+ of the\b": "use 's or a compound",
    r";[^;]*;": "more than one idea in a sentence",
}
"""Rules 1, 2, 4, 5 and 8."""

HEADING = re.compile(
    r"^(?:What|Who|How|Where|When|Why|If|And|Or|But|Not|No|By|With|Without|After|Before|In|On|At|"
    r"For|From|Of|To|Others?|More|It|They)\b|[?!.…]$",
    re.IGNORECASE,
)
"""Rule 6: headings are nouns or imperatives."""

HEADINGS_ALLOWED = re.compile(r"^(?:Why$|When to )|^(?:Next steps)$|^How to\b|^Coming from\b")

DOCSTRING = re.compile(r"^(?:What|Who|That|The same|As|One that|Somebody|Nobody|Do as)\b")
"""Rule 9: a docstring begins with an imperative or a noun."""


MESSAGE = re.compile(
    r"^(?!SELECT|PRAGMA|INSERT|DELETE|UPDATE|[a-z-]+:\S).*[a-z]{2} [a-z]{2,} [a-z]{2}"
)
"""A string literal that people read: three words, and neither SQL nor CSS."""


@dataclass(frozen=True)
class Sentence:
    """A sentence, heading or table cell, without code."""

    line: int
    text: str
    kind: str


@dataclass(frozen=True)
class Finding:
    """A sentence that breaks a rule."""

    path: Path
    sentence: Sentence
    advice: str

    def __str__(self) -> str:
        path = self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path
        return f"{path}:{self.sentence.line}: {self.advice}: {self.sentence.text}"


def page_sentences(text: str) -> Iterator[Sentence]:
    """Split a Markdown page into sentences, headings and table cells; leave code out."""
    for start, block in _blocks(text):
        if block.startswith("#"):
            yield Sentence(start, _plain(block.lstrip("# ")), "heading")
        elif block.startswith("|"):
            for number, row in enumerate(block.splitlines()):
                if not re.fullmatch(r"[|\s:-]+", row):
                    cells = re.split(r"(?<!\\)\|", row.strip("| "))
                    for cell in cells:
                        yield from _sentences(start + number, cell, "cell")
        else:
            yield from _sentences(start, block, "text")


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """
    Yield each paragraph, list item, table and heading with its first line's number.

    Code is left out, and tables that a script writes.
    """
    fenced, generated, start, lines = False, False, 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        stripped = line.strip()
        generated = stripped.startswith("<!-- written by") or (
            generated and not stripped.startswith("<!-- end")
        )
        if stripped.startswith("```"):
            fenced = not fenced
            stripped = ""
        elif fenced or generated or stripped.startswith(("<!--", "<div", "</div", "![")):
            stripped = ""
        table = stripped.startswith("|")
        begins = re.match(r"#+ |[-*] |\d+\. ", stripped)
        if lines and (not stripped or begins or table != lines[0].startswith("|")):
            yield start, "\n".join(lines)
            lines = []
        if stripped:
            if not lines:
                start = number
            lines.append(re.sub(r"^(?:[-*]|\d+\.) ", "", stripped))
            if stripped.startswith("#"):
                yield start, stripped
                lines = []


def _plain(text: str) -> str:
    """Replace code by a word that no rule knows, and links by their texts."""
    text = re.sub(r"(`+)(.+?)\1", "CODE", text, flags=re.DOTALL)
    text = re.sub(r"\[([^]]*)\](?:\([^)]*\)|\[[^]]*\])", r"\1", text)
    text = re.sub(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)", "", text)
    return " ".join(text.split())


def _sentences(line: int, text: str, kind: str) -> Iterator[Sentence]:
    for part in re.split(r"(?<=[\w)\"\'][.?!])\s+(?=[\w`\"(])", _plain(text)):
        if re.search(r"[a-z]{2}", part):
            yield Sentence(line, part, kind)


def document_sentences(source: str) -> Iterator[Sentence]:
    """Split the descriptions and summaries of the API document into sentences."""
    todo = [yaml.compose(source, getattr(yaml, "CSafeLoader", yaml.SafeLoader))]
    while todo:
        node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value in ("description", "summary") and isinstance(value, yaml.ScalarNode):
                    yield from _sentences(value.start_mark.line + 1, value.value, "text")
                todo.append(value)
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value


def docstring_sentences(source: str) -> Iterator[Sentence]:
    """Split the docstrings of public names, those of attributes too, into sentences."""
    for line, text in _docstrings(ast.parse(source)):
        first = True
        drawn = re.sub(
            r"(?m)^.*[─│].*$|^.*\S {3,}\S.*$|^ {12,}\S.*$", "", text
        )  # a tree, a drawn table
        body = re.sub(r"(?m)^ {4,}>>>.*$|^```.*?^```", "", drawn, flags=re.DOTALL)
        for paragraph in re.split(r"\n\s*\n|\n(?= *\w+: | *- )|\n(?=Args:|Raises:|Returns:)", body):
            for sentence in _sentences(line, paragraph, "text"):
                yield Sentence(line, sentence.text, "docstring" if first else "text")
                first = False


def message_sentences(source: str) -> Iterator[Sentence]:
    """Return the texts of errors, warnings and log records: string literals of several words."""
    tree = ast.parse(source)
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in texts | parts or not isinstance(node, ast.JoinedStr | ast.Constant):
            continue
        values = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(
            str(value.value) if isinstance(value, ast.Constant) else "CODE" for value in values
        )
        if MESSAGE.search(text) and "\n" not in text:
            yield from _sentences(node.lineno, text, "cell")


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    yield from _of(tree)
    todo: list[ast.Module | ast.ClassDef] = [tree]
    while todo:
        node = todo.pop()
        after: ast.stmt | None = None
        bodies = [node.body]
        for child in node.body:
            if isinstance(child, ast.FunctionDef) and child.name == "__init__":
                bodies.append(child.body)
        for body in bodies:
            for child in body:
                if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    if not child.name.startswith("_"):
                        yield from _of(child)
                    if isinstance(child, ast.ClassDef):
                        todo.append(child)
                elif _is_text(child) and isinstance(after, ast.Assign | ast.AnnAssign):
                    target = after.targets[0] if isinstance(after, ast.Assign) else after.target
                    name = ast.unparse(target).removeprefix("self.")
                    if not name.startswith("_"):
                        yield child.lineno, _text(child)
                after = child


def _of(
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[tuple[int, str]]:
    if node.body and (doc := ast.get_docstring(node)):
        yield node.body[0].lineno, doc


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(node: ast.stmt) -> str:
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Constant)
    return str(node.value.value)


def faults(sentence: Sentence) -> Iterator[str]:
    """Yield the advice of each rule that *sentence* breaks."""
    text = sentence.text
    if sentence.kind == "heading":
        if HEADING.search(text) and not HEADINGS_ALLOWED.search(text):
            yield "a heading is a noun or an imperative"
        return
    for words, instead in WORDS.items():
        if found := re.search(rf"\b(?:{words})\b", text, re.IGNORECASE):
            yield f"{found[0]!r}, better {instead!r}"
    for pattern, advice in PATTERNS.items():
        if sentence.kind == "cell" and pattern.startswith(";"):
            continue
        if re.search(pattern, text, 0 if pattern.startswith("^") else re.IGNORECASE):
            yield advice
    if sentence.kind == "docstring" and DOCSTRING.search(text):
        yield "a docstring begins with an imperative or a noun"
    if sentence.kind != "cell" and len(text.split()) > LONGEST:
        yield f"more than {LONGEST} words"


def sentences(path: Path) -> list[Sentence]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        return list(document_sentences(source))
    if path.suffix != ".py":
        return list(page_sentences(source))
    return [*docstring_sentences(source), *message_sentences(source)]


def check(path: Path) -> list[Finding]:
    """List what is wrong in a page, or in the docstrings of a module."""
    return [Finding(path, each, advice) for each in sentences(path) for advice in faults(each)]


def checked_files() -> list[Path]:
    package = ROOT / "runpod_sdk"
    modules = [path for path in sorted(package.rglob("*.py")) if path.parent.name != "_sync"]
    docs = ROOT / "docs"
    pages = {*docs.glob("*.md"), *docs.glob("recipes/*.md"), *(ROOT / name for name in OTHERS)}
    return [*sorted(pages - {docs / "SUMMARY.md"}), *modules]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--counts", action="store_true")
    chosen = parser.parse_args()
    files = [path.resolve() for path in chosen.files] or checked_files()
    if chosen.counts:
        for path in files:
            every = sentences(path)
            marked = sum(any(faults(each)) for each in every)
            print(f"{path.relative_to(ROOT)} | {len(every)} | {marked}")
        return
    found = [finding for path in files for finding in check(path)]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
