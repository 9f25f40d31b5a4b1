"""Short forms of the agent's keys → the long ones that the models know, and prompt files → their text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from voicepipe.config.models import ANY_PROVIDER
from voicepipe.config.paths import contained, label, read_text
from voicepipe.config.tool_schemas import with_schema
from voicepipe.core.nodes import Node, Place, Source
from voicepipe.errors import ConfigError


def long_form(agent: Node, errors: list[ConfigError]) -> Node:
    """``agent``, a map, with every key in its long form; problems are added to ``errors``."""
    children = dict(agent.map)
    for key, turn in _FORMS.items():
        if key in children:
            try:
                children[key] = turn(children[key])
            except ConfigError as error:
                errors.append(error)
                children[key] = Node("", children[key].place, text="")
    if "tools" in children:
        children["tools"] = _tools(children["tools"], errors)
    return replace(agent, value=children)


def _under(key: str) -> Callable[[Node], Node]:
    """A bare text stands for a map with this one key."""

    def turn(node: Node) -> Node:
        if isinstance(node.value, dict | list):
            return node
        return Node({key: node}, node.place, keys={key: node.place})

    return turn


def _tools(node: Node, errors: list[ConfigError]) -> Node:
    if not isinstance(node.value, list):
        return node
    return replace(node, value=[_tool(item, errors) for item in node.value])


def _tool(item: Node, errors: list[ConfigError]) -> Node:
    if isinstance(item.value, str):
        return _python(item)
    if isinstance(item.value, dict) and ("schema" in item.value or "http" in item.value):
        return with_schema(item, errors)
    return item


def _prompt(node: Node) -> Node:
    if not isinstance(node.value, dict):
        return node
    file = node.value.get("file")
    if file is None or len(node.value) > 1 or not isinstance(file.value, str) or not file.value:
        raise node.place.error("expected the prompt as text, or as {file: PATH}")
    text = read_text(file)
    source = Source(label(file), contained(file).parent, file.place.source.top)
    return Node(text, Place(source, 1, 1), text=text)


_python = _under("python")
_FORMS: dict[str, Callable[[Node], Node]] = {
    "greeting": _under("say"),
    "voice": _under(ANY_PROVIDER),
    "prompt": _prompt,
}
