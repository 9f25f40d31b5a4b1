"""The keys of a pipeline file as tables, from the models that check it."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from voicepipe.config.comparison import ComparisonFile, Section, VariantEntry
from voicepipe.config.conversations import ConversationTest, StepExpectation, Totals, User
from voicepipe.config.models import AgentConfig, PipelineFile
from voicepipe.config.registry import PROVIDERS, STAGES, Registry
from voicepipe.config.tool_models import BuiltinTool, HttpTool, McpTool, PythonTool, SchemaTool
from voicepipe.core.check import fields_of, leaves
from voicepipe.core.conditions import DURATION_CONDITION_PATTERN, NUMBER_CONDITION_PATTERN
from voicepipe.core.units import DURATION_PATTERN, Duration, NameOrPath, RelativeToFile, format_duration
from voicepipe.providers.base import Provider
from voicepipe.providers.sim import Spread
from voicepipe.stages.base import StageConfig

Schema = Mapping[str, Any]

LONGEST_DEFAULT = 40
"""Characters; a longer one is a text of which the beginning tells enough."""

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
}
PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
_IS_DURATION = Duration.__metadata__[0]  # type: ignore[attr-defined]  # of every Annotated


@cache
def registry() -> Registry:
    """What voicepipe itself brings, whatever else is installed here."""
    points = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["entry-points"]
    return Registry(points[STAGES], points[PROVIDERS])


def top_level() -> str:
    """The keys of the file and of ``agent``; the layers' own keys have no model."""
    elsewhere = ("| `agent", "| `tests", "| `tool_results")
    top = [row for row in _rows(PipelineFile) if not row.startswith(elsewhere)]
    layers = [
        "| `agent` | map | – | who speaks; see below |",
        "| `stages` | map | required | the slots; see below |",
        "| `extends` | path | – | a pipeline file that this one is laid over |",
        "| `profiles` | map | – | layers to be chosen by `--profile NAME`, each with `agent` and `stages` |",
        "| `tests` | list | – | conversations for `voicepipe test`; see [tests](conversation-tests.md) |",
        "| `tool_results` | map | – | what tools answer in them |",
    ]
    agent = _table(row for row in _rows(AgentConfig) if not row.startswith("| `tools[]"))
    sections = ["### The file", "", *_table([*top, *layers]), "", "### `agent`", "", *agent, "", *_tools()]
    return "\n".join(sections)


def _tools() -> list[str]:
    """The keys of each kind of tool, those that most kinds share first."""
    shared = list(fields_of(PythonTool))[1:]
    lines = [
        "### `agent.tools`: every tool but the built-in ones",
        "",
        *_table(_rows(PythonTool, without=["python"])),
    ]
    for kind in (PythonTool, BuiltinTool, HttpTool, McpTool, SchemaTool):
        name = next(iter(fields_of(kind)))
        lines += ["", f"### `agent.tools`: `{name}`", "", *_table(_rows(kind, without=shared))]
    return [*lines, ""]


def test_keys() -> str:
    """The keys of a conversation test, of its steps and of what it expects, each in a table."""
    shared = {"steps", "expect"}
    parts: tuple[tuple[str, type[BaseModel], Iterable[str]], ...] = (
        ("A test", ConversationTest, shared),
        ("A step: `user`", User, ()),
        ("A step: `expect`", StepExpectation, ()),
        ("`expect` of a test", Totals, ()),
    )
    lines: list[str] = []
    for title, model, without in parts:
        lines += [f"### {title}", "", *_table(_rows(model, without=without)), ""]
    return "\n".join(lines)


def comparison_keys() -> str:
    """The keys of a comparison file, of its variants and of its sections, each in a table."""
    parts: tuple[tuple[str, type[BaseModel], Iterable[str]], ...] = (
        ("The keys", ComparisonFile, ("variants", "sections")),
        ("A variant: `variants.NAME`", VariantEntry, ()),
        ("A section: `sections[]`", Section, ("variants",)),
    )
    lines: list[str] = []
    for title, model, without in parts:
        kinds = {"variants": "map", "sections": "list"}
        others = [f"| `{one}` | {kinds[one]} | – | {fields_of(model)[one].description} |" for one in without]
        lines += [f"### {title}", "", *_table([*_rows(model, without=without), *others]), ""]
    return "\n".join(lines)


def slot_keys() -> str:
    """The keys of each kind of slot, those that all slots share first."""
    known = registry()
    shared = set(fields_of(StageConfig))
    lines = ["### Every slot", "", *_table(_rows(StageConfig))]
    for kind in _kinds(known):
        stage = known.stage(kind)
        rows = list(_rows(stage.Config, without=shared))
        lines += ["", f"### `{kind}`", ""]
        if stage.provider_kind is not None:
            names = ", ".join(f"`{name}`" for name in known.provider_names(stage.provider_kind))
            use = f"{names}, or own code: `package.module:Class`"
            rows.insert(0, f"| `use` | `provider[/model]` | required | {use} |")
        lines += _table(rows)
    return "\n".join([*lines, ""])


def provider_keys() -> str:
    """The keys of each provider."""
    known = registry()
    lines: list[str] = []
    for kind in _kinds(known):
        for name in known.provider_names(kind):
            provider = known.provider(kind, name)
            lines += [f"### `{kind}: {name}`", "", _about(provider), ""]
            rows = list(_rows(provider.Config))
            lines += [*(_table(rows) if rows else ["It has no keys."]), ""]
    return "\n".join(lines)


def _kinds(known: Registry) -> list[str]:
    """In the order in which audio passes them; others behind."""
    order = ("vad", "turn", "stt", "llm", "tts")
    return sorted(known.kinds, key=lambda kind: (order.index(kind) if kind in order else len(order), kind))


def _about(provider: type[Provider]) -> str:
    module = sys.modules[provider.__module__]
    in_it = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
    alone = sum(isinstance(one, type) and issubclass(one, Provider) for one in in_it) == 1
    summary = ((module if alone else provider).__doc__ or "").partition("\n\n")[0]
    facts = [f"Extra: `{provider.extra}`." if provider.extra else "Needs no further package."]
    if provider.keys:
        facts.append(f"Reads {', '.join(f'`{key}`' for key in provider.keys)}.")
    if provider.clock == "real":
        facts.append("Runs on the real clock only.")
    return " ".join([_plain(summary).rstrip(".") + ".", *facts])


def _table(rows: Iterable[str]) -> list[str]:
    return ["| key | type | default | |", "|---|---|---|---|", *rows]


def _rows(model: type[BaseModel], prefix: str = "", without: Iterable[str] = ()) -> Iterator[str]:
    """A row for each key of ``model``, and behind it those of the maps that it holds."""
    schemas = model.model_json_schema(by_alias=True)
    for name, field in fields_of(model).items():
        if name in without:
            continue
        if not field.description:
            raise ValueError(f"{model.__module__}.{model.__name__}.{name} has no description")
        key = f"{prefix}{name}"
        kind = _type(schemas["properties"][name], field, schemas.get("$defs", {}))
        yield f"| `{key}` | {kind} | {_default(field)} | {_sentence(field.description)} |"
        for place, inner in _inside(field.annotation):
            yield from _rows(inner, f"{key}{place}.")


def _inside(annotation: Any, place: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """The models that stand in a field, each with what leads there: nothing, ``[]`` or ``.NAME``."""
    for leaf in leaves(annotation):
        if isinstance(leaf, type) and issubclass(leaf, BaseModel):
            yield place, leaf
        arguments = get_args(leaf)
        if get_origin(leaf) is tuple:
            yield from _inside(arguments[0], f"{place}[]")
        elif get_origin(leaf) is dict:
            yield from _inside(arguments[1], f"{place}.NAME")


def _type(schema: Schema, field: FieldInfo, defs: Schema) -> str:
    marker = next((one for one in _metadata(field) if isinstance(one, RelativeToFile)), None)
    if marker is not None:
        kind = "name or path" if isinstance(marker, NameOrPath) else "path"
    else:
        kind = _kind(schema, defs)
    limits = _limits(field)
    return f"{kind}, {limits}" if limits else kind


def _kind(schema: Schema, defs: Schema) -> str:
    if "$ref" in schema:
        return _kind(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema or "oneOf" in schema:
        forms = (_kind(form, defs) for form in schema.get("anyOf") or schema["oneOf"])
        return " or ".join(dict.fromkeys(form for form in forms if form != "null"))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{choice}`" for choice in schema.get("enum", [schema.get("const")]))
    if schema.get("pattern") == DURATION_PATTERN:
        return "duration"
    if schema.get("pattern") in (DURATION_CONDITION_PATTERN, NUMBER_CONDITION_PATTERN):
        return "condition"
    if schema.get("format") == "password":
        return "secret text"
    if schema.get("format") == "path":
        return "path"
    if schema.get("type") == "array":
        return f"list of {_plural(_kind(schema['items'], defs))}"
    if schema.get("type") == "object":
        return "map"
    return _TYPES.get(schema.get("type", ""), str(schema.get("type", "anything")))


def _plural(kind: str) -> str:
    plurals = {kind: f"{kind}s" for kind in ("text", "map", "number", "whole number")}
    return " or ".join(plurals.get(one, one) for one in kind.split(" or "))


def _metadata(field: FieldInfo) -> Iterator[Any]:
    """Of the field, and of the members of its union."""
    yield from field.metadata
    pending = [field.annotation]
    while pending:
        one = pending.pop()
        yield from getattr(one, "__metadata__", ())
        pending += get_args(one)


def _limits(field: FieldInfo) -> str:
    low, high = "", ""
    in_time = _IS_DURATION in list(_metadata(field))

    def shown(bound: Any) -> str:
        return format_duration(bound) if in_time else str(bound)

    for bound in field.metadata:
        match bound:
            case annotated_types.Ge():
                low = f"from {shown(bound.ge)}"
            case annotated_types.Gt():
                low = f"above {shown(bound.gt)}"
            case annotated_types.Le():
                high = f"to {shown(bound.le)}"
            case annotated_types.Lt():
                high = f"below {shown(bound.lt)}"
    if low.startswith("from") and high.startswith("to"):
        return f"{low} {high}"
    return ", ".join(filter(None, (low, f"up {high}" if high.startswith("to") else high)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Spread):
        return f"`{format_duration(value.p50)}`" if value.p50 == value.p99 else "–"
    if value is None or isinstance(value, BaseModel) or value in ((), "", {}):
        return "–"
    if isinstance(value, tuple):
        return "built in" if isinstance(value[0], BaseModel) else f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if _IS_DURATION in list(_metadata(field)):
        return f"`{format_duration(value)}`"
    shown = str(value)
    return f"`{shown if len(shown) <= LONGEST_DEFAULT else shown[:LONGEST_DEFAULT] + '…'}`"


def _sentence(description: str) -> str:
    """In one style: no capital at the beginning unless it is a name, no full stop."""
    text = _plain(description).rstrip(".").replace("|", "\\|")
    return text[0].lower() + text[1:] if re.match(r"[A-Z][a-z']* ", text) else text


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
