"""A comparison file: what ``voicepipe compare`` is to hold, written down.

It is a command line in YAML: it may name files anywhere, each relative to its own folder, and what it sets
for a variant is one more layer over that variant's pipeline file, with the places of its values.
The descriptions of the fields are what ``docs/comparison.md`` and the messages tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from voicepipe.config.layers import nested
from voicepipe.config.tool_models import Model
from voicepipe.core import yaml12
from voicepipe.core.check import validate
from voicepipe.core.clock import ClockName
from voicepipe.core.nodes import Node, Place, Source
from voicepipe.core.units import ConfigPath, Usd
from voicepipe.errors import ConfigError, ConfigErrors, UsageError

FORMAT_KEY = "voicepipe_compare"
IN_A_FOLDER = "compare.yaml"
"""The comparison file that stands for the folder it lies in."""

BASELINE = "default"
MAX_VARIANTS = 64
MAX_REPEAT = 1000
MAX_CONDITIONS = 100
MAX_SECTIONS = 16
MAX_VALUE = 60
"""Characters of a value of ``vary``, which becomes a part of a name."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
SetPath = Annotated[str, StringConstraints(pattern=r"^[^\s.]+(\.[^\s.]+)*$", max_length=200)]


def _values(given: tuple[Any, ...]) -> tuple[Any, ...]:
    if not given:
        raise ValueError("expected a list of values, found an empty one")
    for value in given:
        if isinstance(value, dict | list) or value is None:
            raise ValueError("expected values of one word each; a variant under 'variants' can set a map")
        if not 0 < len(str(value)) <= MAX_VALUE:
            raise ValueError(f"expected a value of 1 to {MAX_VALUE} characters, found '{value:.80}'")
    return given


Values = Annotated[tuple[Any, ...], AfterValidator(_values)]


class VariantEntry(Model):
    """A variant is a pipeline file, under one of its profiles, with something set."""

    pipeline: ConfigPath | None = Field(None, description="another pipeline file than the comparison's")
    profile: str | None = Field(None, min_length=1, description="a profile of that file")
    set: dict[SetPath, Any] = Field(
        default_factory=dict, description="values over the file's, by dotted path, as by `--set`"
    )


Variants = dict[Name, VariantEntry]


class Section(Model):
    """Variants that stand apart from the others: they have figures, but never enter the verdict."""

    title: str = Field(min_length=1, max_length=100, description="the heading of the section")
    pipeline: ConfigPath | None = Field(None, description="the pipeline file; that of the comparison if none")
    calls: tuple[ConfigPath, ...] = Field((), description="other calls than those of the comparison")
    clock: ClockName | None = Field(None, description="as in the comparison, for this section alone")
    server: Literal["realtime"] | None = Field(
        None,
        description="`realtime`: a scripted server on this computer answers the slot `realtime`, in place "
        "of the vendor",
    )
    variants: Variants = Field(
        min_length=1, description="by name; the first is what the others are held against"
    )


class ComparisonFile(Model):
    """The keys of a comparison file."""

    voicepipe_compare: Literal[1] = Field(description="the version of the file format")
    title: str | None = Field(None, min_length=1, max_length=200, description="the report's title")
    pipeline: ConfigPath = Field(description="the pipeline file; as it is, it is the variant `default`")
    calls: tuple[ConfigPath, ...] = Field(
        (), description="a list of folders, WAV files, conversation tests and recorded calls"
    )
    clock: ClockName | None = Field(
        None, description="on which the main part is held; found out if nothing is said"
    )
    repeat: int = Field(1, ge=1, le=MAX_REPEAT, description="how often each call is held on each variant")
    tools: Literal["stubs", "live"] = Field(
        "stubs", description="`stubs`: tools answer what `tool_results` says; `live`: they are executed"
    )
    history: Literal["free", "recorded"] = Field(
        "free", description="what the model is given of a recorded call: what it said, or the recording's"
    )
    variants: Variants = Field(default_factory=dict, description="by name, in the order of the report")
    vary: dict[SetPath, Values] = Field(
        default_factory=dict,
        description="values by dotted path: a variant for each of them, or for each combination",
    )
    optional: tuple[str, ...] = Field(
        (), description="variants that are left out where a package, a model or a key of theirs is missing"
    )
    sections: tuple[Section, ...] = Field(
        (), max_length=MAX_SECTIONS, description="variants that stand apart; see below"
    )
    fail_on: tuple[str, ...] = Field(
        (), max_length=MAX_CONDITIONS, description="conditions that have to hold, as by `--fail-on`"
    )
    max_usd: Usd | None = Field(None, description="a hard stop: no more calls once so much was spent")
    redact: bool = Field(False, description="whether the report is written without words and audio")
    audio: bool | None = Field(
        None, description="whether calls are recorded, to be listened to; if nothing is said, up to 200 are"
    )
    seed: int = Field(1, ge=0, lt=2**31, description="of the order of the calls, and of the intervals")


@dataclass(frozen=True, slots=True)
class Declared:
    """A comparison file that was read, with the places of what it says."""

    path: Path
    file: ComparisonFile
    root: Node

    @property
    def folder(self) -> Path:
        return self.path.parent

    def place(self, *path: str | int) -> Place:
        """Where what stands at ``path`` was written."""
        return self.root.place_of_key(path)

    def layers(self, *path: str | int) -> tuple[Node, ...]:
        """What ``set`` at ``path`` holds, each value as a layer. Raises ``ConfigError``."""
        found = self._node(path)
        if found is None or not isinstance(found.value, dict):
            return ()
        return tuple(nested(name, node, found.keys[name]) for name, node in found.value.items())

    def values(self, name: str) -> tuple[tuple[str, Node], ...]:
        """The values of ``vary`` at the dotted path ``name``: as text, and as a layer."""
        found = self._node(("vary", name))
        assert found is not None, "the model has it"
        assert isinstance(found.value, list), "the model has taken it"
        return tuple((str(node.text), nested(name, node, node.place)) for node in found.value)

    def _node(self, path: tuple[str | int, ...]) -> Node | None:
        node: Node | None = self.root
        for key in path:
            if node is not None and isinstance(node.value, dict):
                node = node.value.get(str(key))
            elif node is not None and isinstance(node.value, list) and isinstance(key, int):
                node = node.value[key]
        return node


def find_comparison(target: Path) -> Path | None:
    """The comparison file that ``target`` is, or holds; None if it is another file.

    Raises ``UsageError`` for a folder without one, and for what doesn't exist.
    """
    if target.is_dir():
        found = target / IN_A_FOLDER
        if not found.is_file():
            raise UsageError(
                f"there is no {IN_A_FOLDER} in the folder {target}",
                hint="name a pipeline file, or a comparison file; docs/comparison.md tells how to write one",
            )
        return found
    if not target.is_file():
        raise UsageError(
            f"there is no file '{target}'",
            hint="expected a pipeline file, a comparison file, or a folder that holds a compare.yaml",
        )
    root = yaml12.read(target, _source(target), [])
    is_one = root is not None and isinstance(root.value, dict) and FORMAT_KEY in root.value
    return target if is_one else None


def read_comparison(path: Path) -> Declared:
    """Read and check the comparison file. Raises ``ConfigErrors`` with all its problems at once.

    The pipelines that it names aren't looked at.
    """
    errors: list[ConfigError] = []
    root = yaml12.read(path, _source(path), errors)
    if root is not None and not isinstance(root.value, dict):
        found = "an empty file" if root.value is None else root.kind
        errors.append(root.place.error(f"expected a map that begins with '{FORMAT_KEY}: 1', found {found}"))
    if root is None or not isinstance(root.value, dict):
        raise ConfigErrors(errors)
    root = replace(root, value={key: node for key, node in root.value.items() if not key.startswith("x-")})
    file = validate(ComparisonFile, root, (), errors)
    if file is not None:
        declared = Declared(path, file, root)
        errors += _problems(declared)
        if not errors:
            return declared
    raise ConfigErrors(sorted(errors, key=lambda error: (error.line or 0, error.column or 0)))


def _source(path: Path) -> Source:
    folder = path.parent.resolve()
    return Source(str(path), folder, folder)


def _problems(declared: Declared) -> Iterator[ConfigError]:
    """What the models of the single keys can't see."""
    file, place = declared.file, declared.place
    where: dict[str, Place] = {}
    groups = [("variants",), *(("sections", index, "variants") for index in range(len(file.sections)))]
    for group, variants in zip(
        groups, (file.variants, *(one.variants for one in file.sections)), strict=True
    ):
        for name, entry in variants.items():
            at = place(*group, name)
            if name in where:
                yield at.error(f"'{name}' is the name of the variant at {where[name]}, too")
            elif name == BASELINE:
                yield at.error(f"'{BASELINE}' is the name of the file itself; choose another one")
            where.setdefault(name, at)
            yield from _unset(declared, (*group, name), entry)
    for path in file.vary:
        try:
            declared.values(path)
        except ConfigError as error:
            yield error


def _unset(declared: Declared, path: tuple[str | int, ...], entry: VariantEntry) -> Iterator[ConfigError]:
    try:
        declared.layers(*path, "set")
    except ConfigError as error:
        yield error
    if path[0] == "variants" and not entry.model_fields_set:
        message = "nothing is different here from the comparison's pipeline"
        yield declared.place(*path).error(
            message, hint="give it a 'profile', a 'pipeline', or something to 'set'"
        )


def is_name(text: str) -> bool:
    """Whether a variant may be called so."""
    return re.fullmatch(NAME, text) is not None
