"""
Remove secrets from responses that repeat them, before an error shows a response.

A server may spell a secret differently than the client sent it: JSON may write "/" as "\\/", HTML
"&" as "&amp;", a URL "+" as "%2B", and credentials are sent as base64. Responses are therefore
decoded first, and each character of a secret is matched in all of its spellings. Adjacent texts,
such as the values of headers, are searched as one text, because a secret may be split over them.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from runpod_sdk._headers import ResponseHeaders

CENSORED: Final = "[a secret]"
_SHORTEST_SECRET: Final = 8
"""Shorter secrets are not removed: their characters occur in most texts."""
_GAP: Final = r"""[\s\x00"',;+\[\]\\]{0,8}?"""
"""Matches the characters between two characters of an escaped or split secret."""
_OTHER_BEGINNINGS: Final = r"\\%&_+-"
"""What `_spellings` begin with, in a set of characters, where not with the character itself."""
_SECRET_PARAMETER: Final = re.compile(
    rb"""[?&][^=&#\s"\\]*(?:sig|token|secret|credential|password|key|hmac|auth)[^=&#\s"\\]*="""
    rb"""([^&#\s"\\]+)""",
    re.IGNORECASE,
)
"""Matches a URL's parameter, in JSON, that grants access to everyone with the URL."""
_URL_PASSWORD: Final = re.compile(rb"""://[^/?#@:\s"\\]*:([^/?#@\s"\\]+)@""")

Span = tuple[int, int]


class _Place(NamedTuple):
    """The place of a text in decoded JSON: a value, or the name of a member."""

    text: str
    holder: Any
    key: Any
    is_name: bool


class _Form(NamedTuple):
    """A text that tells a secret."""

    text: str
    gap: str
    """A pattern for what may be between two of its characters."""
    rest: str = ""
    """A pattern for what may follow."""


class Censor:
    """Finds secrets, and replaces them."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._pattern = _pattern(secrets)

    def text(self, text: str) -> str:
        """Return *text* without the secrets."""
        return _replaced(text, self._find([text])[0])

    def headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return *headers* without the secrets; the object itself if it contains none."""
        values = list(headers.values())
        found = self._find(values)
        if not any(found):
            return headers
        return ResponseHeaders(dict(zip(headers, map(_replaced, values, found), strict=True)))

    def json(self, value: Any) -> Any:
        """Return decoded JSON without the secrets; its lists and dicts are changed in place."""
        root = [value]
        places = list(_places(root))
        values = [place for place in places if not place.is_name]
        found = self._find([place.text for place in places])
        beside = iter(self._find([place.text for place in values]))
        renamed: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}
        for place, spans in zip(places, found, strict=True):
            shown = _replaced(place.text, spans if place.is_name else spans + next(beside))
            if shown == place.text:
                continue
            if place.is_name:
                renamed.setdefault(id(place.holder), (place.holder, {}))[1][place.text] = shown
            else:
                place.holder[place.key] = shown
        for holder, names in renamed.values():
            items = [(names.get(name, name), inner) for name, inner in holder.items()]
            holder.clear()
            holder.update(items)
        return root[0]

    def _find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of the secrets in each of the adjacent *texts*."""
        found: list[list[Span]] = [[] for _ in texts]
        if self._pattern is None:
            return found
        spans = [match.span() for match in self._pattern.finditer("".join(texts))]
        begin = which = 0
        for place, text in enumerate(texts):
            end = begin + len(text)
            while which < len(spans) and spans[which][0] < end:
                first, last = spans[which]
                found[place].append((max(first - begin, 0), min(last, end) - begin))
                if last > end:
                    break  # the secret continues in the next text
                which += 1
            begin = end
        return found


def url_secrets(content: bytes) -> tuple[str, ...]:
    """Return the signatures, tokens and passwords of the URLs in *content*, which is JSON."""
    found = [*_SECRET_PARAMETER.findall(content), *_URL_PASSWORD.findall(content)]
    return tuple({unquote(one.decode(errors="replace")) for one in found})


def _places(root: list[Any]) -> Iterator[_Place]:
    """Walk through decoded JSON in the order of its text, however deep it is nested."""
    pending: list[Any] = [_Place("", root, 0, is_name=False)]
    while pending:
        place = pending.pop()
        inner = place.text if place.is_name else place.holder[place.key]
        if isinstance(inner, str):
            yield place._replace(text=inner)
        elif isinstance(inner, list):
            pending += [
                _Place("", inner, key, is_name=False) for key in reversed(range(len(inner)))
            ]
        elif isinstance(inner, dict):
            for name in reversed(inner):
                pending.append(_Place("", inner, name, is_name=False))
                pending.append(_Place(name, inner, name, is_name=True))


def _replaced(text: str, spans: Sequence[Span]) -> str:
    """Return *text* with each of the *spans*, which may overlap, replaced by a marker."""
    parts: list[str] = []
    end = 0
    for first, last in sorted(spans):
        if first >= end:
            parts += [text[end:first], CENSORED]
        end = max(end, last)
    return "".join([*parts, text[end:]])


@lru_cache(maxsize=32)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    long = sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)
    forms = [form for secret in long for form in (_Form(secret, _GAP), *_in_base64(secret))]
    if not forms:
        return None
    # At most places of a text this is all that is looked at.
    first = re.escape("".join({form.text[0] for form in forms})) + _OTHER_BEGINNINGS
    return re.compile(f"(?=[{first}])(?:{'|'.join(map(_spelled, forms))})")


def _in_base64(secret: str) -> Iterator[_Form]:
    """Return a secret in base64, at each of its three possible alignments."""
    data = secret.encode(errors="surrogatepass")
    for offset in range(3):
        coded = b64encode(bytes(offset) + data).decode()
        begin, bits = (0, 2, 3)[offset], 8 * (offset + len(data))
        rest = r"[\w+/-]?" if bits % 6 else ""  # a digit that also encodes the next bytes
        yield _Form(coded[begin : bits // 6], r"\s{0,2}", rest)


def _spelled(form: _Form) -> str:
    return form.gap.join(map(_spellings, form.text)) + form.rest


@lru_cache
def _entities() -> dict[str, str]:
    """Return the names of HTML's entities, by their characters, as alternatives in a pattern."""
    from html.entities import codepoint2name

    named = {chr(code): f"|{name}" for code, name in codepoint2name.items()}
    return {"'": "|apos", **named}


@lru_cache(maxsize=256)
def _spellings(character: str) -> str:
    """Return a pattern for *character*: literal, or escaped, even twice."""
    code = ord(character)
    units = character.encode("utf-16-be", "surrogatepass")
    octets = character.encode(errors="surrogatepass")
    entity = _entities().get(character, "")
    forms = [
        re.escape(character),
        "".join(rf"\\\\*u(?i:{units[n : n + 2].hex()})" for n in range(0, len(units), 2)),
        "".join(rf"\\\\*x(?i:{octet:02x})" for octet in octets),
        "".join(rf"%(?:25)*(?i:{octet:02x})" for octet in octets),
        rf"&(?:amp;)*(?:#0*{code}|#[xX]0*(?i:{code:x}){entity});",
    ]
    if (short := json.dumps(character)[1:-1])[0] == "\\" and short[1] in "bfnrt":
        forms.append(rf"\\\\*{short[1]}")
    if character in "+/":  # in the base64 of URLs
        forms.append("-" if character == "+" else "_")
    if character == " ":
        forms.append(r"\+")
    return f"(?:{'|'.join(forms)})"


def censored_headers(headers: Mapping[str, str], secrets: tuple[str, ...]) -> Mapping[str, str]:
    """Return *headers* without *secrets*."""
    return Censor(secrets).headers(headers)
