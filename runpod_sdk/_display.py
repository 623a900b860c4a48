"""
The `repr` of values in a line, and their HTML in a notebook.

Both have a maximum length, for any output. The HTML escapes everything that came from
the server, and loads nothing: images and sounds that the output contains as base64 are shown,
links stay text. No display sends a request.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from runpod_sdk.error_text import folded, last_frame, reason_of, traceback_of
from runpod_sdk.json_text import Repr, write
from runpod_sdk.media import Media, media_of, strings_of

if TYPE_CHECKING:
    from runpod_sdk.models import EndpointHealth, JobState
    from runpod_sdk.results import MapProgress

_LONGEST_VALUE: Final = 100
"""Characters of an output in a line."""
_LONGEST_WORD: Final = 80

_SHOWN_AS: Final = {"image": "img", "audio": "audio"}
"""Elements that show a file in a notebook, by `Media.kind`."""
_NAMES: Final = {"img": ("image", "images"), "audio": ("sound", "sounds")}
_LARGEST: Final = 4 * 2**20
_MOST: Final = 12
_LARGEST_TOGETHER: Final = 16 * 2**20
"""Characters of base64 in one file and in all, and the number of files."""
_STRINGS: Final = 10_000
"""Number of strings of an output that are searched for files."""
_TEXT: Final = 4_000
"""Characters of JSON in HTML."""

_GREEN, _RED, _BLUE, _GREY = "#1a7f37", "#cf222e", "#0969da", "#656d76"
"""White text is readable on each, and each is readable on white and on black."""
_COLOURS: Final = {
    "COMPLETED": _GREEN,
    "FAILED": _RED,
    "TIMED_OUT": _RED,
    "IN_PROGRESS": _BLUE,
}
_BOX: Final = (
    "border:1px solid #8886;border-radius:6px;padding:8px 12px;max-width:60em;font-size:90%;"
    "overflow-wrap:anywhere"
)
_PRE: Final = (
    "margin:6px 0 0;white-space:pre-wrap;max-height:24em;overflow:auto;"
    "font-family:var(--jp-code-font-family,monospace)"
)
_BADGE: Final = "padding:1px 7px;border-radius:9px;font-weight:600;color:#fff;background:"
_SIDE_BY_SIDE: Final = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:8px;margin:6px 0"
_LINE: Final = 72
"""Maximum characters of JSON in one line."""
_ROW: Final = "display:flex;flex-wrap:wrap;align-items:center;gap:4px 12px;font-size:90%"
_TRACK: Final = (
    "display:flex;flex:0 1 20em;min-width:8em;height:8px;border-radius:4px;overflow:hidden;"
    "background:#8884"
)
_BOLD: Final = "font-weight:600"
_FIGURES: Final = "font-variant-numeric:tabular-nums"

_short = Repr()
_short.maxlevel = 3
_short.maxstring = _short.maxother = _short.maxlong = 60
_short.maxdict = _short.maxlist = 4


def line_of_state(state: JobState[Any]) -> str:
    """Show a state in a line: `<JobState ID COMPLETED in 2.3 s, waited 0.2 s, output {…}>`."""
    return f"<JobState {_word(state.id)} {', '.join(_parts(state))}>"


def line_of_job(kind: str, job_id: str, endpoint_id: str, ends: list[JobState[Any]]) -> str:
    """Show a job in a line, with its end, if that was seen."""
    seen = f": {', '.join(_parts(ends[0]))}" if ends else ""
    return f"<{kind} {_word(job_id)} of endpoint {_word(endpoint_id)}{seen}>"


def line_of_endpoint(endpoint: Any) -> str:
    """Show an endpoint as it is made, with the types that it has."""
    kinds = {"input_type": endpoint.input_type, "output_type": endpoint.output_type}
    given = "".join(f", {name}={kind!r}" for name, kind in kinds.items() if kind is not None)
    return f"{type(endpoint).__name__}(client={endpoint.client!r}, id={endpoint.id!r}{given})"


def html_of_state(state: JobState[Any]) -> str:
    """Show a state in a notebook."""
    return _box(_rows_of(state))


def line_of_update(state: JobState[Any]) -> str:
    """Show in a line where a job is, without its output: `ID IN_PROGRESS, worker …`."""
    return f"{_word(state.id)} {', '.join(_parts(state, output=False))}"


def html_of_update(state: JobState[Any]) -> str:
    """Show in a notebook where a job is, without its output, which the cell may return."""
    rows = _heading_of(state)
    if state.error:
        rows.append(_pre(reason_of(state.error)))
    return _box(rows)


def _rows_of(state: JobState[Any]) -> list[str]:
    rows = _heading_of(state)
    if state.error:
        rows.append(_html_of_error(state.error))
    if state.has_output:
        rows.append(_html_of_output(state.to_dict().get("output")))
    return rows


def _heading_of(state: JobState[Any]) -> list[str]:
    """Show status, times, worker and progress."""
    colour = _COLOURS.get(state.status, _GREY)
    rows = [f"{_badge(_text(state.status), colour)} <code>{_text(state.id)}</code>"]
    facts = _facts(state)
    if state.execution_time is not None:
        facts.insert(0, f"ran {_seconds(state.execution_time)}")
    if facts:
        rows.append(f'<span style="opacity:.8">{_escaped(", ".join(facts))}</span>')
    if state.progress is not None:
        rows.append(f"progress{_pre(state.progress)}")
    return rows


def html_of_progress(
    words: tuple[str, str, str], finished: int, failed: int, total: int | None
) -> str:
    """Show the progress of a map in words, and as a bar if its total is known."""
    done, wrong, rest = map(_escaped, words)
    said = [done, *([_badge(wrong, _RED)] if wrong else []), rest]
    track = ""
    if total:
        parts = ((finished - failed, _GREEN), (failed, _RED))
        bar = "".join(
            f'<div style="width:{100 * count / total:.2f}%;background:{colour}"></div>'
            for count, colour in parts
        )
        track = f'<div style="{_TRACK}">{bar}</div>'
    return f'<div style="{_ROW}">{track}<div style="{_FIGURES}">{", ".join(said)}</div></div>'


def html_of_job(job_id: str, endpoint_id: str, ends: list[JobState[Any]]) -> str:
    """Show a job in a notebook, with its terminal state if that is known."""
    if ends:
        return html_of_state(ends[0])
    where = f"a job of endpoint <code>{_text(endpoint_id)}</code>"
    return _box(
        [f"<code>{_text(job_id)}</code>: {where}", "<code>.status()</code> returns its state"]
    )


def html_of_endpoint(endpoint: Any) -> str:
    """Show an endpoint in a notebook, with its input and output types."""
    rows = [f"endpoint <code>{_text(endpoint.id)}</code>"]
    kinds = {"input type": endpoint.input_type, "output type": endpoint.output_type}
    rows += [
        f"{name}: <code>{_text(getattr(kind, '__name__', None) or repr(kind))}</code>"
        for name, kind in kinds.items()
        if kind is not None
    ]
    rows.append("<code>.health()</code> returns its job and worker counts")
    return _box(rows)


def html_of_health(health: EndpointHealth) -> str:
    """Show an endpoint's counts in a notebook, with failures and unhealthy workers in red."""
    jobs, workers = health.jobs, health.workers
    rows = {
        "jobs": {
            "queued": (jobs.in_queue, _BLUE),
            "running": (jobs.in_progress, _BLUE),
            "completed": (jobs.completed, _GREEN),
            "failed": (jobs.failed, _RED),
            "retried": (jobs.retried, _GREY),
        },
        "workers": {
            "idle": (workers.idle, _GREEN),
            "running": (workers.running, _BLUE),
            "initializing": (workers.initializing, _GREY),
            "throttled": (workers.throttled, _RED),
            "unhealthy": (workers.unhealthy, _RED),
        },
    }
    return _box([_html_of_counts(name, counts) for name, counts in rows.items()])


def _html_of_counts(name: str, counts: dict[str, tuple[int | None, str]]) -> str:
    known = ((word, count, colour) for word, (count, colour) in counts.items() if count is not None)
    shown = [
        f"<span>{_badge(f'{count:,}', colour if count else _GREY)} {word}</span>"
        for word, count, colour in known
    ]
    heading = f'<span style="{_BOLD}">{name}</span>'
    return f'<div style="{_ROW};margin:2px 0">{heading}{"".join(shown) or "unknown"}</div>'


def html_of_result(
    name: str, asked: Any, state: JobState[Any] | None, error: Exception | None
) -> str:
    """Show the result of one of many jobs: its input, if that is known, and state or error."""
    heading = f'<span style="{_BOLD}">{_escaped(name)}</span>'
    if asked is not None:
        heading += f" <code>{_escaped(_value(asked))}</code>"
    if state is None:
        words = "" if error is None else f"{type(error).__name__}: {error}"
        return _box([heading, _pre(words)])
    return _box([heading, *_rows_of(state)])


def line_of_results(kind: str, action: str, progress: MapProgress, in_flight: int) -> str:
    """Show the results of many jobs in a line: how many were read, and how many jobs run."""
    return f"<{kind} of {action}: {', '.join(_counts_of(progress, in_flight))}>"


def html_of_results(action: str, progress: MapProgress, in_flight: int) -> str:
    """Show the results of many jobs in a notebook, as the progress of reading them."""
    done, *rest = _counts_of(progress, in_flight)
    failed = rest.pop(0) if progress.failed else ""
    words = done, failed, ", ".join([*rest, action])
    return html_of_progress(words, progress.finished, progress.failed, progress.total)


def _counts_of(progress: MapProgress, in_flight: int) -> list[str]:
    of = "" if progress.total is None else f"/{progress.total}"
    failed = [f"{progress.failed} failed"] if progress.failed else []
    return [f"{progress.finished}{of} results read", *failed, f"{in_flight} jobs in flight"]


def _parts(state: JobState[Any], *, output: bool = True) -> list[str]:
    took = "" if state.execution_time is None else f" in {_seconds(state.execution_time)}"
    parts = [f"{_word(state.status)}{took}", *_facts(state)]
    if state.progress is not None:
        parts.append(f"progress {_value(state.progress)}")
    if state.error:
        parts.append(f"error {_value(reason_of(state.error))}")
    if state.has_output and output:
        parts.append(f"output {_value(state.output)}")
    return parts


def _facts(state: JobState[Any]) -> list[str]:
    facts: list[str] = []
    if state.delay_time is not None:
        facts.append(f"waited {_seconds(state.delay_time)}")
    if state.worker_id:
        facts.append(f"worker {_word(state.worker_id)}")
    if state.retries:
        facts.append(f"retries {state.retries}")
    return facts


def _seconds(length: timedelta) -> str:
    total = length.total_seconds()
    return f"{total:.1f} s" if total >= 1 else f"{total * 1000:.0f} ms"


def _value(value: Any) -> str:
    """Show any value in part of a line."""
    return _cut(" ".join(_short.repr(_smaller(value)).split()), _LONGEST_VALUE)


def _word(text: str) -> str:
    """Show a server's text that should be a word."""
    text = str(text)
    return _cut(text if text.isprintable() else repr(text[:_LONGEST_WORD]), _LONGEST_WORD)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _box(rows: list[str]) -> str:
    return f'<div style="{_BOX}">{"".join(f"<div>{row}</div>" for row in rows)}</div>'


def _text(text: str) -> str:
    return _escaped(_cut(str(text), 200))


def _escaped(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())  # half a surrogate pair is no text


def _pre(value: Any) -> str:
    """Show JSON, or its beginning."""
    small = _smaller(value)
    shown = small if isinstance(small, str) else _laid_out(small)
    return f'<pre style="{_PRE}">{_escaped(_cut(shown, _TEXT))}</pre>'


def _laid_out(value: Any, indent: int = 0) -> str:
    """Format JSON with as much in each line as fits."""
    text = write(value, ensure_ascii=False, default=_value)
    if len(text) + indent <= _LINE or not isinstance(value, dict | list):
        return text
    inner, end = " " * (indent + 2), " " * indent
    if isinstance(value, list):
        lines = [_laid_out(item, indent + 2) for item in value]
        return "[\n" + ",\n".join(f"{inner}{line}" for line in lines) + f"\n{end}]"
    lines = [
        f"{write(key, ensure_ascii=False)}: {_laid_out(item, indent + 2)}"
        for key, item in value.items()
    ]
    return "{\n" + ",\n".join(f"{inner}{line}" for line in lines) + f"\n{end}}}"


def _html_of_error(error: str) -> str:
    """Show the reason of a failure, the last frame of the handler, and the whole traceback."""
    reason, traceback = reason_of(error), traceback_of(error)
    if traceback is None:
        rest = "" if reason == error else _more("more", error)
        return _pre(reason) + rest
    frame = last_frame(traceback)
    shown = _pre(reason) + (_pre(frame) if frame else "") + _more("traceback", folded(traceback))
    return (
        shown
        if folded(traceback) == traceback.strip("\n")
        else shown + _more("whole traceback", traceback)
    )


def _more(name: str, text: str) -> str:
    return f"<details><summary>{name}</summary>{_pre(text)}</details>"


def _badge(text: str, colour: str) -> str:
    return f'<span style="{_BADGE}{colour}">{text}</span>'


def _html_of_output(output: Any) -> str:
    shown: list[str] = []
    left_out: Counter[str] = Counter()
    room = _LARGEST_TOGETHER
    for path, text in islice(strings_of(output), _STRINGS):
        if (media := media_of(text)) is None or (kind := _SHOWN_AS.get(media.kind or "")) is None:
            continue
        if len(shown) >= _MOST or len(text) > min(_LARGEST, room):
            left_out[kind] += 1
            continue
        shown.append(_element(kind, media, ".".join(path)))
        room -= len(text)
    files = f'<div style="{_SIDE_BY_SIDE}">{"".join(shown)}</div>' if shown else ""
    if left_out:
        names = (f"{count} more {_NAMES[kind][count > 1]}" for kind, count in left_out.items())
        files += f"{', '.join(names)}: <code>.save_output(directory)</code> saves all files"
    return files + _pre(output)


def _element(kind: str, media: Media, name: str) -> str:
    source = f"data:{media.type};base64,{media.base64}"  # of a fixed set, and checked
    style = "display:block;max-width:100%;max-height:36em"
    if kind == "img":
        return f'<img src="{source}" alt="{_text(name)}" style="{style}">'
    return f'<audio controls src="{source}" style="{style}"></audio>'


def _smaller(value: Any, depth: int = 0) -> Any:
    """Shorten *value* for display: files become descriptions, long values are cut."""
    if isinstance(value, str):
        media = media_of(value)
        return _cut(value, _TEXT) if media is None else f"({media.type}, {media.size} bytes)"
    if isinstance(value, dict):
        if depth > 6:
            return "{…}"
        small = {key: _smaller(inner, depth + 1) for key, inner in islice(value.items(), 40)}
        return small if len(value) <= 40 else {**small, "…": f"{len(value) - 40} more"}
    if isinstance(value, list):
        if depth > 6:
            return "[…]"
        small_list = [_smaller(inner, depth + 1) for inner in value[:20]]
        return small_list if len(value) <= 20 else [*small_list, f"… {len(value) - 20} more"]
    return value
