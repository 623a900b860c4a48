"""
Find the breaking changes between two versions of an API document.

A client generated from the old document must keep working with a server of the new one, and code
written against the old client must compile with the new one. A response may get new members, and
a request new optional members. A request may accept more, and a response may promise more. Names in
generated code must not be removed. `RULES` lists the breaking changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from attrs import field, frozen

from scripts.contract_schema import (
    EXACT,
    FORMATS,
    LEAST,
    MOST,
    Node,
    flat,
    follow,
    operations,
    parameters,
    reference,
    within,
)

Direction = Literal["sent", "received"]

RULES: Mapping[str, str] = {
    "server": "a server is removed, or its variables change",
    "security-scheme": "a security scheme is removed, or its type, place or name changes",
    "operation-removed": "an operation or a webhook is removed, or gets another path or method",
    "operation-renamed": "an `operationId` changes",
    "operation-tag": "an operation loses its tag, which names its class in generated code",
    "operation-security": "an operation no longer accepts one of its security schemes",
    "parameter-removed": "a parameter is removed, or moves to another place such as the header",
    "parameter-style": "the `style` or `explode` of a parameter changes, or `schema` to `content`",
    "body-removed": "a request body is removed",
    "media-type-removed": "a media type of a body is removed",
    "response-removed": "the response of a status code is removed",
    "header-removed": "a response header is removed",
    "schema-removed": "a schema in `components` is removed or renamed",
    "member-removed": "a member of an object is removed or renamed",
    "member-hidden": "a sent member becomes `readOnly`, or a received one `writeOnly`",
    "required": "a parameter, a body or a member to send becomes required",
    "optional": "a received member or header is no longer required",
    "type": "a sent value loses a type, or a received value gains a type; null is a type",
    "format": "a `format` or content encoding changes",
    "value-removed": "a value of an `enum` or a `const` is removed",
    "value-added": "a closed `enum` that is received gets a value, or is opened",
    "values-closed": "an open value (an open `enum`, or any string) becomes a closed `enum`",
    "closed": "an object no longer accepts or keeps unknown members",
    "limit": "a limit of length, size or range becomes stricter for a sent value, or looser for a"
    " received value",
    "pattern": "a `pattern`, `multipleOf` or `uniqueItems` is added or changed for a sent value, or"
    " changed or removed for a received value",
    "default": "a `default` is added, changed or removed",
    "python": "a public Python name is removed, or can no longer be called or used as before",
}


@frozen(order=True)
class Change:
    """A breaking change: the changed element, the change, and the rule that found it."""

    name: str
    what: str
    rule: str = field(order=False)

    def __attrs_post_init__(self) -> None:
        if self.rule not in RULES:
            raise KeyError(self.rule)

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


def find(old: Node, new: Node) -> list[Change]:
    """List the breaking changes from one document to another, without repetitions."""
    return sorted(set(_Comparison(old, new).changes()))


@frozen
class _Comparison:
    old: Node
    new: Node
    _seen: set[tuple[str, str, str]] = field(factory=set)

    def changes(self) -> Iterator[Change]:
        yield from self._servers()
        yield from self._components()
        yield from self._operations("paths", "sent")
        yield from self._operations("webhooks", "received")

    def _servers(self) -> Iterator[Change]:
        after = {server["url"]: server for server in self.new.get("servers", ())}
        for server in self.old.get("servers", ()):
            if server["url"] not in after:
                yield Change("servers", f"{server['url']} is removed", "server")
            elif server.get("variables") != after[server["url"]].get("variables"):
                yield Change("servers", f"the variables of {server['url']} change", "server")

    def _components(self) -> Iterator[Change]:
        old, new = self.old.get("components", {}), self.new.get("components", {})
        for name, scheme in old.get("securitySchemes", {}).items():
            after = new.get("securitySchemes", {}).get(name)
            if after is None:
                yield Change(name, "the security scheme is removed", "security-scheme")
                continue
            for key in ("type", "scheme", "in", "name", "flows", "openIdConnectUrl"):
                if scheme.get(key) != after.get(key):
                    what = f"its {key} is {after.get(key)} instead of {scheme.get(key)}"
                    yield Change(name, what, "security-scheme")
        for name, schema in old.get("schemas", {}).items():
            if name not in new.get("schemas", {}):
                yield Change(name, "the schema is removed", "schema-removed")
            elif "enum" in schema:
                yield from _values_removed(name, schema, new["schemas"][name])

    def _operations(self, part: str, body: Direction) -> Iterator[Change]:
        after = dict(operations(self.new, part))
        for where, old in operations(self.old, part):
            name, new = old.get("operationId", where), after.get(where)
            if new is None:
                yield Change(name, f"{where} is removed", "operation-removed")
                continue
            if old.get("operationId") != new.get("operationId"):
                what = f"its operationId is {new.get('operationId')} instead of {name}"
                yield Change(name, what, "operation-renamed")
            for tag in old.get("tags", ()):
                if tag not in new.get("tags", ()):
                    yield Change(name, f"the tag {tag} is removed", "operation-tag")
            yield from self._security(name, old, new)
            yield from self._parameters(name, old, new)
            yield from self._request(name, old, new, body)
            yield from self._responses(name, old, new, "received" if body == "sent" else "sent")

    def _security(self, name: str, old: Node, new: Node) -> Iterator[Change]:
        before = old.get("security", self.old.get("security")) or [{}]
        after = new.get("security", self.new.get("security")) or [{}]
        for requirement in before:
            if not any(within(other, requirement) for other in after):
                what = f"it no longer accepts {' and '.join(requirement) or 'no credentials'}"
                yield Change(name, what, "operation-security")

    def _parameters(self, name: str, old: Node, new: Node) -> Iterator[Change]:
        before, after = parameters(self.old, old), parameters(self.new, new)
        for key in before.keys() - after.keys():
            yield Change(name, f"the parameter {key} is removed", "parameter-removed")
        for key, parameter in after.items():
            was = before.get(key, {})
            if parameter.get("required", False) and not was.get("required", False):
                yield Change(name, f"the parameter {key} becomes required", "required")
            if not was:
                continue
            for style in ("style", "explode", "allowReserved"):
                if was.get(style) != parameter.get(style):
                    what = f"the {style} of {key} is {parameter.get(style)}"
                    yield Change(name, what, "parameter-style")
            if ("content" in was) != ("content" in parameter):
                yield Change(name, f"{key} is encoded in another way", "parameter-style")
            yield from self._media("sent", f"{name} {key}", was, parameter)
            schemas = was.get("schema", {}), parameter.get("schema", {})
            yield from self._schema("sent", f"{name}.{parameter['name']}", *schemas)

    def _request(self, name: str, old: Node, new: Node, way: Direction) -> Iterator[Change]:
        before = follow(self.old, old.get("requestBody", {}))
        after = follow(self.new, new.get("requestBody", {}))
        if before and not after:
            yield Change(name, "the body is removed", "body-removed")
        required = before.get("required", False), after.get("required", False)
        if way == "sent" and required == (False, True):
            yield Change(name, "the body becomes required", "required")
        if after:
            yield from self._media(way, f"{name} body", before, after)

    def _responses(self, name: str, old: Node, new: Node, way: Direction) -> Iterator[Change]:
        for code, response in old.get("responses", {}).items():
            if code not in new.get("responses", {}):
                yield Change(name, f"the response {code} is removed", "response-removed")
                continue
            before = follow(self.old, response)
            after = follow(self.new, new["responses"][code])
            yield from self._media(way, f"{name} {code}", before, after)
            for header, was in before.get("headers", {}).items():
                if header not in after.get("headers", {}):
                    yield Change(f"{name} {code}", f"{header} is removed", "header-removed")
                    continue
                heads = follow(self.old, was), follow(self.new, after["headers"][header])
                if heads[0].get("required") and not heads[1].get("required"):
                    yield Change(f"{name} {code}", f"{header} becomes optional", "optional")
                schemas = [head.get("schema", {}) for head in heads]
                yield from self._schema(way, f"{name} {code} {header}", *schemas)

    def _media(self, way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
        for media, body in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield Change(name, f"{media} is removed", "media-type-removed")
            else:
                schemas = body.get("schema", {}), new["content"][media].get("schema", {})
                yield from self._schema(way, name, *schemas)

    def _schema(self, way: Direction, name: str, old: Any, new: Any) -> Iterator[Change]:
        was, now = reference(old), reference(new)
        if was and now:
            if (way, was, now) in self._seen:
                return
            self._seen.add((way, was, now))
        if was:
            name = was.rpartition("/")[2]
        before, after = flat(self.old, old), flat(self.new, new)
        yield from _types(way, name, before, after)
        yield from _values(way, name, before, after)
        yield from _limits(way, name, before, after)
        yield from _members(way, name, before, after)
        for key in before["properties"].keys() & after["properties"].keys():
            members = before["properties"][key], after["properties"][key]
            yield from self._schema(way, f"{name}.{key}", *members)
        for key, suffix in (("items", "[]"), ("additional", ".*")):
            if isinstance(before[key], dict) and isinstance(after[key], dict):
                yield from self._schema(way, f"{name}{suffix}", before[key], after[key])


def _types(way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
    received = way == "received"
    lost = (new["types"] - old["types"]) if received else (old["types"] - new["types"])
    if lost:
        what = "may now be" if received else "may no longer be"
        yield Change(name, f"it {what} {' or '.join(sorted(lost))}", "type")
    for key in FORMATS:
        if old[key] != new[key]:
            yield Change(name, f"its {key} is {new[key]} instead of {old[key]}", "format")
    if old["default"] != new["default"]:
        said = [
            json.dumps(value[0]) if value else "nothing"
            for value in (new["default"], old["default"])
        ]
        yield Change(name, f"its default is {said[0]} instead of {said[1]}", "default")


def _values_removed(name: str, old: Node, new: Node) -> Iterator[Change]:
    for value in old.get("enum", ()):
        if value not in new.get("enum", ()):
            yield Change(name, f"the value {value} is removed", "value-removed")


def _values(way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
    for value in sorted(old["values"] - new["values"]):
        yield Change(name, f"the value {value} is removed", "value-removed")
    if old["open"] and not new["open"]:
        values = ", ".join(sorted(new["values"]))
        yield Change(name, f"it may only be {values}", "values-closed")
    elif way == "received" and not old["open"]:
        added = sorted(new["values"] - old["values"])
        if new["open"] or added:
            what = "any value" if new["open"] else ", ".join(added)
            yield Change(name, f"it may now be {what}", "value-added")


def _limits(way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
    before, after = old["limits"], new["limits"]
    if way == "received":  # a looser limit there is a tighter limit in the other direction
        before, after = after, before
    for key, sign in (*((key, 1) for key in LEAST), *((key, -1) for key in MOST)):
        limit, was = after.get(key), before.get(key)
        if limit is not None and (was is None or sign * limit > sign * was):
            yield Change(name, _instead(key, old, new), "limit")
    for key in EXACT:
        if after.get(key) and after.get(key) != before.get(key):
            yield Change(name, _instead(key, old, new), "pattern")


def _instead(key: str, old: Node, new: Node) -> str:
    return f"its {key} is {new['limits'].get(key)} instead of {old['limits'].get(key)}"


def _members(way: Direction, name: str, old: Node, new: Node) -> Iterator[Change]:
    before, after = old["properties"], new["properties"]
    for key in before.keys() - after.keys():
        yield Change(f"{name}.{key}", "the member is removed", "member-removed")
    hidden = "readOnly" if way == "sent" else "writeOnly"
    for key in before.keys() & after.keys():
        if after[key].get(hidden) and not before[key].get(hidden):
            yield Change(f"{name}.{key}", f"the member becomes {hidden}", "member-hidden")
    if way == "received":
        for key in old["required"] - new["required"]:
            yield Change(f"{name}.{key}", "the member becomes optional", "optional")
    else:
        for key in new["required"] - old["required"]:
            yield Change(f"{name}.{key}", "the member becomes required", "required")
    if old["additional"] is True and new["additional"] is not True:
        what = "no other members" if new["additional"] is False else "other members of one type"
        yield Change(name, f"it has {what} now", "closed")
    elif isinstance(old["additional"], dict) and new["additional"] is False:
        yield Change(name, "it has no other members now", "closed")
