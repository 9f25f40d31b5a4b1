"""Paths that users write: relative to the file they stand in, and what may be read from where."""

from __future__ import annotations

import os
from pathlib import Path

from voicepipe.core.nodes import Node
from voicepipe.errors import ConfigError

MAX_TEXT_BYTES = 256 << 10
"""A prompt of this size is some 60,000 tokens already."""


def relative_to_file(text: str, node: Node) -> Path:
    """``text`` as an absolute path, taken relative to the file that ``node`` stands in; ``~`` is home."""
    return Path(node.place.source.folder, Path(text).expanduser()).absolute()


def label(node: Node) -> str:
    """The file that ``node`` names, as the user would say it: relative to the label of the file it is in."""
    source = node.place.source
    beside = Path(source.label).parent if source.top is not None else Path()
    return os.path.normpath(beside / str(node.value))


def contained(node: Node) -> Path:
    """The file that ``node`` names, links resolved, if it may be read from where it is named.

    Raises ``ConfigError`` for a URL and for what lies outside the top file's folder.
    """
    text = str(node.value)
    if "://" in text:
        raise node.place.error(f"expected a path, found the address '{text}'", hint="save it as a file")
    path = relative_to_file(text, node).resolve()
    top = node.place.source.top
    if top is not None and not path.is_relative_to(top):
        raise node.place.error(
            f"'{text}' is outside the pipeline's folder",
            hint=f"it may only read inside {top}",
        )
    return path


def read_text(node: Node) -> str:
    """The text of the file that ``node`` names; raises ``ConfigError``."""
    path = contained(node)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TEXT_BYTES + 1)
        if len(data) > MAX_TEXT_BYTES:
            raise node.place.error(f"'{node.value}' is larger than {MAX_TEXT_BYTES // 1024} KiB")
        return data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            f"can't read '{node.value}': {reason}",
            path=node.place.source.label,
            line=node.place.line,
            column=node.place.column,
        ) from None
    except UnicodeDecodeError:
        raise node.place.error(f"'{node.value}' isn't UTF-8 text") from None
