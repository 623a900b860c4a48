"""
Write the API document as Markdown pages: one for all, one for each operation, one of schemas.

`pages` is a pure function of the document; `scripts/docs.py` adds its pages to the site.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from scripts import contract_samples

Node = Mapping[str, Any]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
WEBHOOK = "webhook"


def pages(document: Node, calls: Mapping[str, list[str]]) -> dict[str, str]:
    """
    Return the text of each page, by its file name; *calls* names the Python of an operation.

    The names are those of cross-references, such as `runpod_sdk.Endpoint.run`.
    """
    read = Reader(document)
    found = {"index.md": _index(read), "schemas.md": _schemas(read)}
    for operation in operations(document):
        name = operation["operationId"]
        found[f"{name}.md"] = "\n\n".join(_operation(read, operation, calls.get(name, [])))
    found["SUMMARY.md"] = _summary(document)
    return {name: text.rstrip() + "\n" for name, text in found.items()}


def operations(document: Node) -> Iterator[dict[str, Any]]:
    """Yield each operation, webhooks last, with its `path` and its `method`."""
    paths = {**document["paths"], **document.get("webhooks", {})}
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                place = "" if path.startswith("/") else WEBHOOK
                yield {**item[method], "path": path, "method": method, "place": place}


class Reader:
    """The document, with resolved references."""

    def __init__(self, document: Node) -> None:
        self.document = document

    def follow(self, node: Node) -> Node:
        while "$ref" in node:
            found: Any = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def members(self, schema: Node) -> Iterator[tuple[str, Node, bool]]:
        """Yield the members of an object: the name, the schema, and whether it is required."""
        schema = self.follow(schema)
        for part in schema.get("allOf", ()):
            yield from self.members(part)
        for name, member in schema.get("properties", {}).items():
            yield name, member, name in schema.get("required", ())


# -- parts of a page


def text(node: Node, *, line: bool = False) -> str:
    """Return the description of *node* and the badges of its evidence; in one line if asked."""
    found = str(node.get("description", "")).strip()
    badges = " ".join(map(badge, node.get("x-evidence", ())))
    found = f"{found} {badges}".strip()
    return " ".join(found.split()) if line else found


def badge(entry: Node) -> str:
    """Return one piece of evidence: its badge, with its subject and sources as a tooltip."""
    said = "; ".join(filter(None, [entry.get("of", ""), ", ".join(entry.get("sources", ()))]))
    mark = entry["mark"]
    return f'<span class="mark {mark.split()[0]}" title="{escape(said)}">{mark}</span>'


def kind(schema: Node) -> str:
    """Name the type of *schema* in a few words, with links to the schemas that have names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](schemas.md#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    if "allOf" in schema:
        return " and ".join(kind(part) for part in schema["allOf"])
    types = schema.get("type", "any JSON")
    words = " or ".join([types] if isinstance(types, str) else types)
    if "items" in schema:
        words = words.replace("array", f"array of {kind(schema['items'])}")
    if "enum" in schema:
        words += ": " + ", ".join(f"`{value}`" for value in schema["enum"])
    limits = {"minimum": "at least {}", "maximum": "at most {}", "minLength": "at least {} long"}
    said = [limits[key].format(schema[key]) for key in limits if key in schema]
    if "format" in schema:
        said.insert(0, schema["format"])
    return f"{words} ({', '.join(said)})" if said else words


def table(heads: str, rows: list[list[str]]) -> str:
    lines = [f"| {heads} |", "|" + "---|" * (heads.count("|") + 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def described(name: str, said: list[str], what: str) -> str:
    """Return an entry of a list: a name, a short and a long description."""
    few = ", ".join(each for each in said if each)
    return f'`{name}`{{ .name }} <span class="type" markdown>{few}</span>\n\n:   {what}'


def members(read: Reader, schema: Node) -> str:
    """Return a list of the members of an object; empty for any other schema."""
    found = [
        described(name, [kind(member), "**required**" if needed else ""], text(member, line=True))
        for name, member, needed in read.members(schema)
    ]
    return "\n\n".join(found)


def parameter(node: Node) -> str:
    """Return the entry of a parameter of the path or the query, or of a header."""
    said = [kind(node["schema"]), f"in the {node['in']}" if "in" in node else "header"]
    said.append("**required**" if node.get("required") else "")
    said.append(f"such as `{node['example']}`" if "example" in node else "")
    return described(node["name"], said, text(node, line=True))


def example(read: Reader, name: str, node: Node, *, shown: bool) -> str:
    """Return an example as a block that opens and closes, open if it is to be *shown*."""
    node = read.follow(node)
    title = name.replace("_", " ") + (f": {node['summary']}" if "summary" in node else "")
    body = json.dumps(node["value"], indent=2, ensure_ascii=False)
    block = "\n".join(f"    {line}" for line in ["```json", *body.splitlines(), "```"])
    said = f"    {text(node, line=True)}\n\n" if "description" in node else ""
    return f'???{"+" if shown else ""} example "{title}"\n\n{said}{block}'


def sample(node: Node) -> str:
    """Return a code sample as a tab."""
    lines = [f"```{node['lang'].lower()}", *node["source"].rstrip().splitlines(), "```"]
    return f'=== "{node["label"]}"\n\n' + "\n".join(f"    {line}".rstrip() for line in lines)


def content(read: Reader, node: Node) -> Iterator[str]:
    """Yield the schemas and examples of a body; equal ones of several media types only once."""
    found: list[tuple[list[str], Node]] = []
    for media, body in node.get("content", {}).items():
        names = next((names for names, other in found if other == body), None)
        if names is None:
            found.append(([f"`{media}`"], body))
        else:
            names.append(f"`{media}`")
    for names, body in found:
        yield f"{' or '.join(names)}: {kind(body['schema'])}"
        examples = body.get("examples", {})
        if "example" in body:
            examples = {"example": {"value": body["example"]}, **examples}
        for number, (name, given) in enumerate(examples.items()):
            yield example(read, name, given, shown=number == 0)


# -- pages


def _signature(operation: Node) -> str:
    method, path = operation["method"], operation["path"]
    if operation["place"]:
        return f"`{method.upper()}`{{ .method .{method} }} to your webhook's URL"
    return f"`{method.upper()}`{{ .method .{method} }} `{path}`{{ .path }}"


def _operation(read: Reader, operation: Node, calls: list[str]) -> Iterator[str]:
    name = operation["operationId"]
    yield f"# {operation['summary']} {{ #{name} }}"
    level = operation.get("x-stability-level", "")
    said = f' <span class="mark {level}">{level}</span>' if level else ""
    yield f'<p class="operation" markdown>{_signature(operation)}{said}</p>'
    yield text(operation)
    by_name = [f"[`{call.removeprefix('runpod_sdk.')}`][{call}]" for call in calls]
    if not operation["place"]:
        low = f"`runpod_serverless_api.api.{operation['tags'][0]}.{name}`"
        yield f"In Python: {', '.join([*by_name, low])}."
    if parameters := [read.follow(each) for each in operation.get("parameters", ())]:
        yield "## Parameters"
        yield from map(parameter, parameters)
    if "requestBody" in operation:
        body = read.follow(operation["requestBody"])
        yield "## Body"
        yield text(body)
        for schema in (media["schema"] for media in body["content"].values()):
            yield members(read, schema)
        yield from content(read, body)
    if not operation["place"]:
        yield "## Examples"
        server = read.document["servers"][0]["url"]
        found = contract_samples.samples(operation, server, _first_example(read, operation))
        yield "\n\n".join(map(sample, found))
    yield "## Responses"
    for status, answer in operation["responses"].items():
        answer = read.follow(answer)
        yield f"### {status if status != 'default' else 'Any other'} {{ #{status} }}"
        yield text(answer)
        for header, node in answer.get("headers", {}).items():
            yield parameter({"name": header, **read.follow(node)})
        yield from content(read, answer)


def _first_example(read: Reader, operation: Node) -> Any | None:
    """Return the first example of an operation's body; None if it has no body."""
    for media in read.follow(operation.get("requestBody", {})).get("content", {}).values():
        for named in media.get("examples", {}).values():
            return read.follow(named)["value"]
    return None


def _schemas(read: Reader) -> str:
    parts = [
        "# Schemas",
        "The bodies of requests and responses, and their parts. A response may have other members:"
        " keep or ignore them. Treat null like absence, except in `output`.",
    ]
    for name, schema in read.document["components"]["schemas"].items():
        parts += [f"## {name} {{ #{name.lower()} }}", text(schema), members(read, schema)]
        if "properties" not in schema:
            parts.append(f"Type: {kind(schema)}.")
    return "\n\n".join(part for part in parts if part)


def _index(read: Reader) -> str:
    document, info = read.document, read.document["info"]
    parts = [f"# {info['title']}", info["summary"], text(info)]
    parts += ["## Base URL", *(f"`{each['url']}`: {text(each)}" for each in document["servers"])]
    parts += ["## Authentication"]
    parts += [text(each) for each in document["components"]["securitySchemes"].values()]
    for tag in document["tags"]:
        rows = [
            [f"[{each['summary']}]({each['operationId']}.md)", _signature(each)]
            for each in operations(document)
            if tag["name"] in each["tags"]
        ]
        parts += [f"## {tag['name'].capitalize()}", text(tag), table("operation | request", rows)]
    parts += [
        "## The document",
        f"These pages are generated from version {info['version']} of the document, in OpenAPI"
        f" {document['openapi']}; licence {info['license']['name']}. RunPod publishes no such"
        " document: it was written from RunPod's documentation, from the source of its clients and"
        " worker, and from recorded traffic, without access to the live service. A badge says how"
        " certain a statement is, and its tooltip names the source. See [Evidence](facts.md).",
    ]
    return "\n\n".join(parts)


def _summary(document: Node) -> str:
    sections: dict[str, list[dict[str, Any]]] = {}
    for each in operations(document):
        title = each["tags"][0].capitalize()
        sections.setdefault(title, []).append(each)
    lines = ["- [The API](index.md)"]
    for title, found in sections.items():
        lines.append(f"- {title}")
        lines += [f"    - [{each['summary']}]({each['operationId']}.md)" for each in found]
    return "\n".join([*lines, "- [Schemas](schemas.md)", "- [Evidence](facts.md)"])
