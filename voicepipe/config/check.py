"""Nodes of a pipeline file against their models, where an unknown key may be one that comes later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel

from voicepipe.config.later import NOT_AVAILABLE, planned
from voicepipe.core import check
from voicepipe.core.check import Path
from voicepipe.core.nodes import Node
from voicepipe.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def validate(
    model: type[M], node: Node, path: Path, errors: list[ConfigError], *, also: Iterable[str] = ()
) -> M | None:
    """``core.check.validate`` with the table of what comes later."""
    return check.validate(model, node, path, errors, also=also, refusal=_later)


def _later(path: Path) -> str | None:
    return NOT_AVAILABLE if planned(path) else None
