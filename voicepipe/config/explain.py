"""What a pipeline came to, for ``voicepipe config``: as one file, or value by value with its origin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import yaml
from pydantic import SecretStr

from voicepipe.config.load import LoadedPipeline
from voicepipe.core.check import fields_of, leaves
from voicepipe.core.masking import MASK, is_secret_name
from voicepipe.core.nodes import Node

Path = tuple[str, ...]


def secret_paths(loaded: LoadedPipeline) -> set[Path]:
    """The keys that hold secrets: by their type, and where nobody declares one, by their names.

    Those that a later layer dropped included.
    """
    nodes = chain(loaded.tree.walk(), *(one.node.walk(one.path) for one in loaded.dropped))
    found = {path for path, _ in nodes if path and is_secret_name(path[-1])}
    for slot in loaded.slots:
        for filling in slot.fillings:
            of_slot = fields_of(slot.stage.Config) if filling.path == ("stages", slot.key) else {}
            declared = {**fields_of(filling.provider.Config), **of_slot} if filling.provider else {}
            for name, field in declared.items():
                if SecretStr in set(leaves(field.annotation)):
                    found.add((*filling.path, name))
                else:
                    found.discard((*filling.path, name))
    return found


def _shown(loaded: LoadedPipeline, node: Node, path: Path, secrets: set[Path]) -> Any:
    if isinstance(node.value, dict):
        return {key: _shown(loaded, child, (*path, key), secrets) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_shown(loaded, child, (*path, str(index)), secrets) for index, child in enumerate(node.value)]
    if node.shown is not None:
        return node.shown
    if path in secrets and node.value:
        return MASK
    return loaded.environment.mask(node.value) if isinstance(node.value, str) else node.value


def resolved_data(loaded: LoadedPipeline) -> dict[str, Any]:
    """What the layers came to, as a pipeline file would say it. Secrets and environment values are masked."""
    shown = _shown(loaded, loaded.tree, (), secret_paths(loaded))
    return {key: _escaped(shown[key]) for key in ("voicepipe", "name", "agent", "stages") if key in shown}


def resolved(loaded: LoadedPipeline) -> str:
    """``resolved_data`` as YAML."""
    return yaml.safe_dump(resolved_data(loaded), sort_keys=False, allow_unicode=True, width=100)


def _escaped(value: Any) -> Any:
    """A ``$`` that would begin a reference when the output is read again is doubled."""
    if isinstance(value, dict):
        return {key: _escaped(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_escaped(child) for child in value]
    return re.sub(r"\$(?=[${])", "$$", value) if isinstance(value, str) else value


def explained(loaded: LoadedPipeline) -> dict[str, list[dict[str, Any]]]:
    """``values``: each with the place that gave it. ``dropped``: what later layers did away with.

    The place of a slot that no layer mentions is None.
    """
    secrets = secret_paths(loaded)
    values = [
        {"path": ".".join(at), "value": _shown(loaded, one, at, secrets), "at": str(one.place)}
        for at, one in loaded.tree.walk()
        if not (isinstance(one.value, dict | list) and one.value)
    ]
    for slot in loaded.slots:
        if slot.key not in loaded.tree.map["stages"].map:
            values.append({"path": f"stages.{slot.key}", "value": {}, "at": None})
    dropped = [
        {
            "path": ".".join(one.path),
            "value": _shown(loaded, one.node, one.path, secrets),
            "at": str(one.node.place),
            "reason": one.reason,
            "by": str(one.by),
        }
        for one in loaded.dropped
    ]
    return {"values": values, "dropped": dropped}


def explain(loaded: LoadedPipeline) -> str:
    """``explained``, for people."""
    data = explained(loaded)
    lines = list(_columns([(_row(one), one["at"]) for one in data["values"] if one["at"]]))
    for one in data["values"]:
        if not one["at"]:
            lines.append(f"{one['path']}: its defaults, since no layer mentions it")
    if data["dropped"]:
        lines += ["", "dropped:", *(f"  {line}" for line in _dropped_lines(data["dropped"]))]
    return "\n".join(lines) + "\n"


def dropped_lines(loaded: LoadedPipeline) -> list[str]:
    """What later layers did away with, a line each; secrets are masked."""
    return _dropped_lines(explained(loaded)["dropped"])


def _dropped_lines(dropped: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(_columns([(_row(one), f"{one['at']}  {one['reason']}, at {one['by']}") for one in dropped]))


def _row(one: Mapping[str, Any]) -> str:
    return f"{one['path']}: {json.dumps(one['value'], ensure_ascii=False, default=str)}"


def _columns(rows: Sequence[tuple[str, str]], widest: int = 60) -> Iterator[str]:
    """Left column padded to the longest, but long lines don't push the others out."""
    width = max((len(left) for left, _ in rows if len(left) <= widest), default=0)
    for left, right in rows:
        yield f"{left:<{width}}  {right}"
