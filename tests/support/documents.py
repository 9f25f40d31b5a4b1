"""Documents taken apart: fenced blocks, the files that they show, headings and links."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docs.generate import ROOT, documents
from docs.reference import PYPROJECT
from voicepipe.config.registry import PROVIDERS, STAGES, Registry

WRONG = "<!-- wrong on purpose -->"
"""Stands above an example that is to be refused."""

_FILE = re.compile(r"# ([\w.-]+\.(?:py|yaml))\n")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced piece of a document. ``above`` is the line before it."""

    document: Path
    number: int
    language: str
    code: str
    above: str

    @property
    def file(self) -> str | None:
        """The name of the file that it shows, from its first line."""
        match = _FILE.match(self.code)
        return match[1] if match else None

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}, block {self.number}"


def blocks(document: Path, *languages: str) -> list[Block]:
    """The blocks of ``document`` in one of ``languages``, or all of them."""
    found: list[Block] = []
    language, above, code = None, "", list[str]()
    for line in document.read_text(encoding="utf-8").splitlines():
        if language is None and line.startswith("```"):
            language, code = line[3:].strip(), []
        elif language is not None and line == "```":
            text = "".join(f"{one}\n" for one in code)
            found.append(Block(document, len(found) + 1, language, text, above))
            language, above = None, ""
        elif language is not None:
            code.append(line)
        else:
            above = line
    assert language is None, f"{document} ends inside a block"
    return [block for block in found if not languages or block.language in languages]


def all_blocks(*languages: str) -> list[Block]:
    return [block for document in documents() for block in blocks(document, *languages)]


def unpack(document: Path, folder: Path) -> None:
    """Write the files that ``document`` shows to ``folder``."""
    for block in blocks(document, "python", "yaml"):
        if block.file is not None:
            (folder / block.file).write_text(block.code, encoding="utf-8")


def registry_with(document: Path) -> Registry:
    """voicepipe's own stages and providers, and those that ``document`` registers."""
    points: dict[str, dict[str, str]] = {STAGES: {}, PROVIDERS: {}}
    for text in (PYPROJECT.read_text(encoding="utf-8"), *(block.code for block in blocks(document, "toml"))):
        found: dict[str, Any] = tomllib.loads(text)["project"]["entry-points"]
        for group, entries in found.items():
            points.setdefault(group, {}).update(entries)
    return Registry(points[STAGES], points[PROVIDERS])


def prose(document: Path) -> str:
    """The text without its blocks."""
    return re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(document: Path) -> list[str]:
    return _LINK.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {_NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-") for heading in headings}
