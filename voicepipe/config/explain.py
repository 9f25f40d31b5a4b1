"""What a pipeline came to, for ``voicepipe config``: as one file, or value by value with its origin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import SecretStr

from voicepipe.config.check import fields_of, leaves
from voicepipe.config.load import LoadedPipeline
from voicepipe.config.nodes import Node
from voicepipe.core.masking import MASK

_SECRET_NAME = re.compile(r"(?:^|[_-])(?:key|token|secret|password|authorization)$", re.IGNORECASE)

Path = tuple[str, ...]


def secret_paths(loaded: LoadedPipeline) -> set[Path]:
    """The keys that hold secrets: by their type where it is known, and by their names anywhere."""
    found = {path for path, _ in loaded.tree.walk() if path and _SECRET_NAME.search(path[-1])}
    for slot in loaded.slots:
        for name, field in fields_of(slot.provider.Config).items() if slot.provider else ():
            if SecretStr in set(leaves(field.annotation)):
                found.add(("stages", slot.key, name))
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


def resolved(loaded: LoadedPipeline) -> str:
    """One YAML file that says what the layers came to. Secrets and environment values are masked."""
    shown = _shown(loaded, loaded.tree, (), secret_paths(loaded))
    data = {key: shown[key] for key in ("voicepipe", "name", "agent", "stages") if key in shown}
    return yaml.safe_dump(_escaped(data), sort_keys=False, allow_unicode=True, width=100)


def _escaped(value: Any) -> Any:
    """A ``$`` that would begin a reference when the output is read again is doubled."""
    if isinstance(value, dict):
        return {key: _escaped(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_escaped(child) for child in value]
    return re.sub(r"\$(?=[${])", "$$", value) if isinstance(value, str) else value


def explain(loaded: LoadedPipeline) -> str:
    """Each value with the file and line that gave it, then what later layers did away with."""
    secrets = secret_paths(loaded)
    lines = list(_columns(_leaves(loaded, loaded.tree, (), secrets)))
    for slot in loaded.slots:
        if slot.key not in loaded.tree.map["stages"].map:
            lines.append(f"stages.{slot.key}: its defaults, since no layer mentions it")
    if loaded.dropped:
        lines += ["", "dropped:"]
        rows = []
        for one in loaded.dropped:
            value = json.dumps(_shown(loaded, one.node, one.path, secrets), ensure_ascii=False, default=str)
            origin = f"{one.node.place}  {one.reason}, at {one.by}"
            rows.append((f"  {'.'.join(one.path)}: {value}", origin))
        lines += _columns(iter(rows))
    return "\n".join(lines) + "\n"


def _leaves(loaded: LoadedPipeline, node: Node, path: Path, secrets: set[Path]) -> Iterator[tuple[str, str]]:
    """Rows of ``path: value`` and place."""
    for at, one in node.walk(path):
        if isinstance(one.value, dict | list) and one.value:
            continue
        value = json.dumps(_shown(loaded, one, at, secrets), ensure_ascii=False, default=str)
        yield f"{'.'.join(at)}: {value}", str(one.place)


def _columns(rows: Iterator[tuple[str, str]], widest: int = 60) -> Iterator[str]:
    """Left column padded to the longest, but long lines don't push the others out."""
    given = list(rows)
    width = max((len(left) for left, _ in given if len(left) <= widest), default=0)
    for left, right in given:
        yield f"{left:<{width}}  {right}"
