"""The JSON schema of a tool, inline or from a file, checked where it is written; and what follows from it.

A file's values keep their places in it, so that what is wrong with it is told as for any other file of the
user's. A tool that has no ``name`` is called after its schema's file, or after the last part of its address;
one that has no ``description`` takes that of its schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from voicepipe.config.paths import contained, label, read_text
from voicepipe.core import yaml12
from voicepipe.core.extras import installed
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node, Place, Source, plain
from voicepipe.errors import ConfigError
from voicepipe.speech.json_arguments import BadSchema, check_schema

_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""The names that OpenAI's API accepts; the other vendors' rules are no narrower."""


def with_schema(tool: Node, errors: list[ConfigError]) -> Node:
    """``tool``, a map with ``schema`` or ``http``, with the schema in its place; adds to ``errors``."""
    children = dict(tool.map)
    schema = children.get("schema")
    stem = None
    if schema is not None and isinstance(schema.value, str):
        stem = PurePosixPath(schema.value).stem if schema.shown is None else None
        children["schema"] = schema = _from_file(schema, errors) or Node({}, schema.place)
    if schema is not None and isinstance(schema.value, dict):
        found = list(_problems(schema))
        errors += found or _no_schema(schema)
        description = schema.value.get("description")
        if description is not None:
            children.setdefault("description", description)
    name = stem or _last_part(children.get("http"))
    if name is not None:
        children.setdefault("name", Node(name, tool.place, text=name))
    return replace(tool, value=children)


def _last_part(address: Node | None) -> str | None:
    """What an address calls the thing; an address from the environment isn't told to a model."""
    if address is None or not isinstance(address.value, str) or address.shown is not None:
        return None
    try:
        part = urlsplit(address.value).path.rpartition("/")[2]
    except ValueError:
        return None
    return part if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", part) else None


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


def _from_file(named: Node, errors: list[ConfigError]) -> Node | None:
    try:
        text = read_text(named)
        path = contained(named)
    except ConfigError as error:
        errors.append(error)
        return None
    source = Source(label(named), path.parent, named.place.source.top)
    if path.suffix != ".json":
        return yaml12.parse(text, source, errors)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        errors.append(Place(source, error.lineno, error.colno).error(f"not JSON: {error.msg}"))
        return None
    except (ValueError, RecursionError):
        errors.append(Place(source, 1, 1).error("a number or a nesting beyond all bounds"))
        return None
    # JSON is YAML, but for tabs between its tokens; inside of strings it has none.
    node = yaml12.parse(text.replace("\t", " "), source, errors)
    return None if node is None else _with_values(node, value)


def _with_values(node: Node, value: Any) -> Node:
    """``node`` with the values that a reader of JSON sees, which reads a pair of ``\\u`` as one character."""
    if isinstance(node.value, dict) and isinstance(value, dict) and node.value.keys() == value.keys():
        return replace(
            node, value={key: _with_values(child, value[key]) for key, child in node.value.items()}
        )
    if isinstance(node.value, list) and isinstance(value, list):
        pairs = zip(node.value, value, strict=True)
        return replace(node, value=[_with_values(child, one) for child, one in pairs])
    return replace(node, value=value, text=str(value)) if isinstance(value, str) else node


# ── what is wrong with it ────────────────────────────────────────────────────────────────────────


def _problems(schema: Node) -> Iterator[ConfigError]:
    """What can be said without the package that knows all of JSON schema."""
    kind = schema.map.get("type")
    if kind is not None and kind.value != "object":
        yield kind.place.error(f"arguments are an object: expected 'object', found '{kind.text}'")
    properties = schema.map.get("properties")
    names: tuple[str, ...] = ()
    if properties is not None:
        if not isinstance(properties.value, dict):
            yield properties.place.error(f"expected a map from names to schemas, found {properties.kind}")
            return
        names = tuple(properties.value)
        for name, one in properties.value.items():
            if not _PROPERTY.fullmatch(name):
                message = f"'{name}' can't be an argument's name: 1 to 64 of A-Z, a-z, 0-9, '_', '.' and '-'"
                yield properties.keys[name].error(message)
            if not isinstance(one.value, dict | bool):
                message = f"'{name}': expected a schema such as {{type: string}}, found {one.kind}"
                yield one.place.error(message)
    required = schema.map.get("required")
    if required is None or properties is None:
        return
    for one in required.value if isinstance(required.value, list) else ():
        if isinstance(one.value, str) and one.value not in names:
            message = f"'properties' has no '{one.value}'.{did_you_mean(one.value, names)}"
            yield one.place.error(message)


def _no_schema(schema: Node) -> list[ConfigError]:
    """What that package says of it; without the package, nothing: then the pipeline says what to install."""
    if not installed("jsonschema"):
        return []
    try:
        check_schema(plain(schema))
    except BadSchema as error:
        return [schema.place_of(error.path).error(f"this is no JSON schema: {error}")]
    return []
