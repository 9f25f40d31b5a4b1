"""Which variants a comparison has, from a comparison file and from the command line, and their pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from voicepipe.compare.plan import Server, Variant
from voicepipe.config.comparison import (
    BASELINE,
    MAX_VARIANTS,
    Declared,
    VariantEntry,
    is_name,
)
from voicepipe.config.layers import Typed
from voicepipe.config.load import LoadedPipeline, load_pipeline
from voicepipe.config.slots import Code
from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node
from voicepipe.errors import ConfigError, ConfigErrors, GraphError, SetupError, UsageError
from voicepipe.runtime.graph import graph_of

OPENING, CLOSING, QUOTES = "[{(", "]})", "\"'"
EXAMPLE = "for example: --variant 'fast=stages.stt=faster-whisper/base.en,stages.tts=espeak'"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variant that isn't loaded yet. ``section`` is its heading, empty for the main part."""

    name: str
    what: str
    path: Path
    profile: str | None = None
    layers: tuple[Node, ...] = ()
    overrides: tuple[str | Typed, ...] = ()
    section: str = ""
    server: Server | None = None


@dataclass(slots=True)
class Loaded:
    """``refused``: variants that couldn't be loaded for want of a package → why."""

    variants: list[Variant] = field(default_factory=list)
    refused: dict[str, SetupError] = field(default_factory=dict)

    @property
    def baseline(self) -> LoadedPipeline:
        """The pipeline file as it is."""
        return self.variants[0].loaded


# ── what is asked for ────────────────────────────────────────────────────────────────────────────


def wanted(
    path: Path,
    *,
    declared: Declared | None = None,
    variants: Sequence[str] = (),
    vary: Sequence[str] = (),
    overrides: Sequence[str] = (),
    profiles: Sequence[str] = (),
) -> list[Wanted]:
    """The variants, the pipeline file at ``path`` as it is first.

    ``variants`` and ``vary`` are as they were typed; if there are any, they replace those of the main part of
    ``declared``. ``overrides`` hold for all. ``profiles`` are those of the file.

    Raises ``UsageError``, and ``ConfigErrors`` for an optional variant that isn't one.
    """
    found = [Wanted(BASELINE, path.name, path)]
    if variants or vary:
        own = {one.name: one for one in _declared_variants(declared, path)}
        found += [_typed(text, path, own, profiles) for text in variants]
        found += _matrix([_typed_values(text) for text in vary], path)
    elif declared is not None:
        found += _declared_variants(declared, path)
    if declared is not None:
        found += _of_sections(declared)
    _check_names(found)
    if declared is not None and not (variants or vary):
        _check_optional(declared, [one.name for one in found])
    return [replace(one, overrides=(*overrides, *one.overrides)) for one in found]


def _check_names(found: Sequence[Wanted]) -> None:
    seen: dict[str, Wanted] = {}
    for one in found:
        if one.name in seen:
            what = f"{seen[one.name].what} and {one.what}"
            raise UsageError(
                f"two variants are called '{one.name}': {what}",
                hint="name one by NAME=: --variant b=other.yaml",
            )
        seen[one.name] = one
    if len(found) > MAX_VARIANTS:
        raise UsageError(f"found {len(found)} variants, expected at most {MAX_VARIANTS}")


def _check_optional(declared: Declared, names: Sequence[str]) -> None:
    errors = []
    for index, name in enumerate(declared.file.optional):
        if name not in names[1:]:
            message = f"there is no variant '{name}'.{did_you_mean(name, names[1:])}"
            hint = f"there are: {', '.join(names[1:]) or 'none'}"
            errors.append(declared.place("optional", index).error(message, hint=hint))
    if errors:
        raise ConfigErrors(errors)


def _declared_variants(declared: Declared | None, path: Path) -> list[Wanted]:
    if declared is None:
        return []
    file = declared.file
    found = [_entry(declared, ("variants", name), name, entry, path) for name, entry in file.variants.items()]
    axes = [(name, declared.values(name)) for name in file.vary]
    return found + _matrix(
        [(name, [(text, (node,), ()) for text, node in values]) for name, values in axes], path
    )


def _of_sections(declared: Declared) -> Iterator[Wanted]:
    for index, section in enumerate(declared.file.sections):
        for name, entry in section.variants.items():
            path = section.pipeline or declared.file.pipeline
            one = _entry(declared, ("sections", index, "variants", name), name, entry, path)
            yield replace(one, section=section.title, server=section.server)


def _entry(
    declared: Declared, at: tuple[str | int, ...], name: str, entry: VariantEntry, path: Path
) -> Wanted:
    parts = [
        *([entry.pipeline.name] if entry.pipeline else []),
        *([f"profile {entry.profile}"] if entry.profile else []),
        *(f"{key}={_shown(value)}" for key, value in entry.set.items()),
    ]
    what = ", ".join(parts) or path.name
    return Wanted(name, what, entry.pipeline or path, entry.profile, declared.layers(*at, "set"))


def _shown(value: object) -> str:
    """A value that is set, in short: of a slot the provider."""
    if isinstance(value, dict):
        rest = ", ".join(f"{key}: {_shown(one)}" for key, one in value.items())
        return f"{{{rest}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


# ── what was typed ───────────────────────────────────────────────────────────────────────────────


def _typed(text: str, path: Path, own: Mapping[str, Wanted], profiles: Sequence[str]) -> Wanted:
    """``NAME``, ``FILE``, ``NAME=FILE`` or ``NAME=PATH=VALUE,…``."""
    name, equals, rest = text.partition("=")
    if text in own:
        return own[text]
    if text in profiles:
        return Wanted(text, f"profile {text}", path, text)
    if not equals or Path(text).is_file():
        return _other_file(Path(text).stem, text, own, profiles)
    if not is_name(name):
        raise UsageError(
            f"--variant {text}: '{name}' can't be the name of a variant", hint=f"expected NAME=…; {EXAMPLE}"
        )
    parts = split_list(rest)
    if not rest.strip():
        raise UsageError(f"--variant {text}: nothing is said of '{name}'", hint=EXAMPLE)
    if len(parts) == 1 and "=" not in parts[0]:
        if rest in profiles:
            return Wanted(name, f"profile {rest}", path, rest)
        return _other_file(name, rest, own, profiles)
    for part in parts:
        if "=" not in part:
            raise UsageError(f"--variant {text}: expected PATH=VALUE, found '{part}'", hint=EXAMPLE)
    overrides = tuple(Typed(part, f"--variant {name}={part.partition('=')[0]}") for part in parts)
    return Wanted(name, ", ".join(parts), path, overrides=overrides)


def _other_file(name: str, text: str, own: Mapping[str, Wanted], profiles: Sequence[str]) -> Wanted:
    if Path(text).is_file():
        return Wanted(name, text, Path(text))
    known = [*own, *profiles]
    raise UsageError(
        f"--variant {text}: there is neither a variant nor a profile nor a file of that name."
        f"{did_you_mean(text, known)}",
        hint=f"there are: {', '.join(known) or 'none'}; {EXAMPLE}",
    )


_Value = tuple[str, tuple[Node, ...], tuple[Typed, ...]]
"""As text, with the layers or the overrides that set it."""


def _typed_values(text: str) -> tuple[str, list[_Value]]:
    path, equals, rest = text.partition("=")
    values = split_list(rest)
    if not equals or not path or not all(values):
        raise UsageError(
            f"--vary {text}: expected PATH=VALUE,VALUE", hint="for example: --vary stages.tts=piper,espeak"
        )
    for value in values:
        if value[0] in OPENING:
            raise UsageError(
                f"--vary {text}: expected values of one word each, found '{value}'",
                hint=f"a --variant can set a map; {EXAMPLE}",
            )
    typed = f"--vary {text}"
    return path, [(value.strip(QUOTES), (), (Typed(f"{path}={value}", typed),)) for value in values]


def split_list(text: str) -> list[str]:
    """``text`` at its commas, but for those inside of brackets and quotes; without spaces around the parts.

    >>> split_list("stages.llm={use: sim, first_token: 1s},stages.tts=espeak")
    ['stages.llm={use: sim, first_token: 1s}', 'stages.tts=espeak']
    """
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in QUOTES and (depth or parts[-1].rstrip().endswith("=") or not parts[-1].strip()):
            quote = character  # one inside of a word is an apostrophe
        elif character in OPENING:
            depth += 1
        elif character in CLOSING:
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            parts.append("")
            continue
        parts[-1] += character
    return [part.strip() for part in parts]


def _matrix(axes: Sequence[tuple[str, Sequence[_Value]]], path: Path) -> list[Wanted]:
    """A variant for each combination of the values of ``axes``."""
    if not axes:
        return []
    names = [name.split(".")[-1] for name, _ in axes]
    if len(set(names)) < len(names):
        names = [name.removeprefix("stages.") for name, _ in axes]
    count = 1
    for _, values in axes:
        count *= len(values)
    if count >= MAX_VARIANTS:
        raise UsageError(f"'vary' makes {count} variants, expected at most {MAX_VARIANTS - 1}")
    found = []
    for chosen in product(*(values for _, values in axes)):
        found.append(
            Wanted(
                ",".join(f"{name}={text}" for name, (text, _, _) in zip(names, chosen, strict=True)),
                ", ".join(f"{at}={text}" for (at, _), (text, _, _) in zip(axes, chosen, strict=True)),
                path,
                layers=tuple(layer for _, layers, _ in chosen for layer in layers),
                overrides=tuple(one for _, _, overrides in chosen for one in overrides),
            )
        )
    return found


# ── loading ──────────────────────────────────────────────────────────────────────────────────────


def load_all(found: Sequence[Wanted], *, code: Code) -> Loaded:
    """Load the pipelines of all variants; their clocks are to be chosen yet.

    Raises ``ConfigErrors`` with the problems of all of them, each with its variant's name. What is wrong with
    the first one, on which the others stand, is raised as it is: ``ConfigErrors``, ``GraphError``,
    ``SetupError``.
    """
    result = Loaded()
    problems: list[ConfigError] = []
    for one in found:
        try:
            loaded = _load(one, code)
        except ConfigErrors as error:
            if one.name == BASELINE:
                raise
            problems += [_of_variant(one.name, problem) for problem in error.errors]
        except GraphError as error:
            if one.name == BASELINE:
                raise
            problems.append(ConfigError(f"variant '{one.name}': {error.message}", hint=error.hint))
        except SetupError as error:
            if one.name == BASELINE:
                raise
            result.refused[one.name] = error
        else:
            result.variants.append(_variant(one, loaded, code))
    if problems:
        raise ConfigErrors(problems)
    return result


def _load(one: Wanted, code: Code) -> LoadedPipeline:
    loaded = load_pipeline(
        one.path, profile=one.profile, layers=one.layers, overrides=one.overrides, code=code
    )
    graph_of(loaded)
    return loaded


def _of_variant(name: str, problem: ConfigError) -> ConfigError:
    return ConfigError(
        f"variant '{name}': {problem.message}",
        path=problem.path,
        line=problem.line,
        column=problem.column,
        hint=problem.hint,
    )


def _variant(one: Wanted, loaded: LoadedPipeline, code: Code) -> Variant:
    has_slot = any(slot.kind == one.server for slot in loaded.slots)
    return Variant(
        name=one.name,
        what=one.what,
        path=one.path,
        profile=one.profile,
        overrides=one.overrides,
        loaded=loaded,
        clock="real",
        section=one.section,
        server=one.server if has_slot else None,
        layers=one.layers,
        code=code,
    )
