"""``${env:NAME}`` in scalars, after parsing, so that a value can't inject YAML; and the ``.env`` file.

=========================  =====================================================================
``${env:NAME}``            the value; an error if NAME isn't set
``${env:NAME:-default}``   the default if NAME isn't set or is empty
``${env:NAME:?message}``   an error with this message if NAME isn't set or is empty
``$$``                     one ``$``
=========================  =====================================================================

The result is always text; the field that receives it types it. Whatever came from the environment is a
secret: a node shows ``MASK`` in its place, and ``Environment.mask`` hides it in any other text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from voicepipe.core.masking import MASK, mask_secrets
from voicepipe.core.nodes import Node, Place, Source
from voicepipe.errors import ConfigError

MAX_ENV_FILE_BYTES = 64 << 10

_TOKEN = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?", re.DOTALL)
_ENV_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


class Environment:
    """The environment of a pipeline: the process's, and below it the ``.env`` beside the top file.

    ``taken`` are the names that ``.env`` gave, since the process didn't set them. ``secrets`` are the
    values that a pipeline used so far.
    """

    def __init__(self, process: Mapping[str, str], env_file: Mapping[str, str] | None = None) -> None:
        env_file = env_file or {}
        self.values = {**env_file, **process}
        self.taken = tuple(name for name in env_file if name not in process)
        self.secrets: set[str] = set()

    def mask(self, text: str) -> str:
        """``text`` without the values that came from the environment."""
        return mask_secrets(text, self.secrets)

    def interpolate(self, node: Node, errors: list[ConfigError]) -> Node:
        """``node`` with every reference in its scalars replaced; problems are added to ``errors``."""
        if isinstance(node.value, dict):
            children = {key: self.interpolate(child, errors) for key, child in node.value.items()}
            return replace(node, value=children)
        if isinstance(node.value, list):
            return replace(node, value=[self.interpolate(child, errors) for child in node.value])
        if isinstance(node.value, str) and "$" in node.value and node.shown is None:
            return self._scalar(node, node.value, errors)
        return node

    def _scalar(self, node: Node, text: str, errors: list[ConfigError]) -> Node:
        parts: list[str] = []
        shown: list[str] = []
        end = 0
        for match in _TOKEN.finditer(text):
            literal = text[end : match.start()]
            end = match.end()
            value, visible = self._token(match, node.place, errors)
            parts += literal, value
            shown += literal, visible
        parts.append(text[end:])
        shown.append(text[end:])
        result = "".join(parts)
        return replace(node, value=result, text=result, shown="".join(shown))

    def _token(self, match: re.Match[str], place: Place, errors: list[ConfigError]) -> tuple[str, str]:
        """The value of a token, and what may be shown of it."""
        if match[0] == "$$":
            return "$", "$"
        reference = None if match[1] is None else _REFERENCE.fullmatch(match[1])
        if reference is None:
            hint = "write $$ for a dollar sign"
            if match[1] is not None and re.fullmatch(r"[A-Za-z_]\w*(:[-?].*)?", match[1]):
                hint = f"did you mean '${{env:{match[1]}}}'?"
            errors.append(place.error(f"expected '${{env:NAME}}', found '{match[0]}'", hint=hint))
            return "", ""
        name, operator, word = reference.groups()
        value = self.values.get(name)
        if value:
            self.secrets.add(value)
            return value, MASK
        if operator == "-":
            return word, word
        if operator == "?" or value is None:
            message = f"the environment variable {name} isn't set"
            hint = word or f"set it, or give a default: ${{env:{name}:-default}}"
            errors.append(place.error(message, hint=hint))
        return "", ""


def read_env_file(folder: Path, errors: list[ConfigError]) -> dict[str, str]:
    """The assignments of ``folder/.env``, none if there is no such file.

    Lines are ``NAME=value``, with an optional ``export``. ``'…'`` is taken as it is, in ``"…"`` a
    backslash escapes the next character, otherwise `` #`` begins a comment.
    """
    path = folder / ".env"
    if not path.is_file():
        return {}
    source = Source(str(path), folder, folder)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ENV_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        errors.append(ConfigError(f"can't read the file: {error}", path=source.label))
        return {}
    if len(data) > MAX_ENV_FILE_BYTES:
        errors.append(
            ConfigError(f"the file is larger than {MAX_ENV_FILE_BYTES // 1024} KiB", path=source.label)
        )
        return {}
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _ENV_LINE.fullmatch(stripped)
        value = None if match is None else _env_value(match[2])
        if match is None or value is None:
            errors.append(Place(source, number, 1).error("expected NAME=value, with quotes closed"))
        else:
            found[match[1]] = value
    return found


def _env_value(text: str) -> str | None:
    """What an assignment's right side means; None if a quote isn't closed."""
    if text[:1] == "'":
        match = re.fullmatch(r"'([^']*)'\s*(?:#.*)?", text)
        return match and match[1]
    if text[:1] == '"':
        match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', text)
        return match and re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match[1])
    return "" if text.startswith("#") else re.split(r"\s#", text, maxsplit=1)[0].rstrip()
