"""What a docstring says about a function and its parameters, for the model that calls it.

Reads the three styles in use: Google (``Args:``), NumPy (``Parameters`` underlined) and Sphinx
(``:param x:``). Written here since it is a page of code, while every library that does it would be one more
package in the base install. Text that fits no style is description, so that nothing is lost to the model.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable

_PARAMETERS = r"(?:Args|Arguments|Params|Parameters|Keyword Args|Keyword Arguments|Other Parameters)"
_OTHERS = r"(?:Returns?|Yields?|Raises|Warns?|Examples?|Notes?|References|See Also|Warnings?|Attributes|Todo)"
_SECTION = re.compile(rf"({_PARAMETERS}|{_OTHERS})(:?)\s*")
_UNDERLINE = re.compile(r"-{3,}\s*")
_SPHINX_FIELD = re.compile(r":(\w+)([^:]*):\s*(.*)")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:\s*(.*)")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")


def parse_docstring(docstring: str | None) -> tuple[str, dict[str, str]]:
    """The description, paragraphs separated by a line break, and the text of each parameter."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    description: list[str] = []
    parameters: dict[str, str] = {}
    while lines:
        if title := _section_title(lines):
            underlined = not lines[0].rstrip().endswith(":")
            body, lines = _section_body(lines[2:] if underlined else lines[1:], underlined=underlined)
            if re.fullmatch(_PARAMETERS, title):
                parameters |= _numpy(body) if underlined else _google(body)
        elif field := _SPHINX_FIELD.fullmatch(lines[0]):
            body, lines = _section_body(lines[1:], underlined=False)
            if field[1] in ("param", "parameter", "arg", "argument", "key") and field[2].split():
                parameters[field[2].split()[-1].lstrip("*")] = _joined([field[3], *body])
        else:
            description.append(lines.pop(0))
    paragraphs = re.split(r"\n\s*\n", "\n".join(description))
    return "\n".join(filter(None, (_joined(paragraph.split("\n")) for paragraph in paragraphs))), parameters


def _joined(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())


def _section_title(lines: list[str]) -> str | None:
    match = _SECTION.fullmatch(lines[0])
    underlined = len(lines) > 1 and _UNDERLINE.fullmatch(lines[1]) is not None
    return match[1] if match and bool(match[2]) != underlined else None


def _section_body(lines: list[str], *, underlined: bool) -> tuple[list[str], list[str]]:
    """The lines of a section and those behind it. It ends at the next title, or where the indent ends."""
    for place, line in enumerate(lines):
        ends = _section_title(lines[place:]) is not None if underlined else not line.startswith((" ", "\t"))
        if line.strip() and ends:
            return lines[:place], lines[place:]
    return lines, []


def _google(body: list[str]) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    indent = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
    current: list[str] = []
    for line in body:
        entry = _GOOGLE_ENTRY.fullmatch(line[indent:])
        if entry:
            current = texts[entry[1]] = [entry[2]]
        else:
            current.append(line)
    return {name: _joined(text) for name, text in texts.items()}


def _numpy(body: list[str]) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in body:
        entry = _NUMPY_ENTRY.fullmatch(line)
        if entry:
            current = []
            texts |= {name.strip(" *"): current for name in entry[1].split(",")}
        else:
            current.append(line)
    return {name: _joined(text) for name, text in texts.items()}
