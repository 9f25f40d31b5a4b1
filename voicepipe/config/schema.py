"""The pipeline file as a JSON Schema (draft 2020-12), from the models of what is installed.

Editors take it by the file's first line: ``# yaml-language-server: $schema=./voicepipe.schema.json``.
It holds only what works. A slot is offered once for each provider, told apart by ``use``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from voicepipe.config.models import PipelineFile
from voicepipe.config.registry import Registry
from voicepipe.config.slots import FALLBACK
from voicepipe.config.tool_models import TOOL_FILE
from voicepipe.core.check import fields_of
from voicepipe.core.units import DURATION_PATTERN, format_duration
from voicepipe.stages.base import Stage

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OWN_CODE = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"
_FREE: Schema = {"^x-": {}}
_FROM_ENVIRONMENT: Schema = {"$ref": "#/$defs/from_environment"}
_BOUNDS = ("gt", "ge", "lt", "le", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def json_schema(registry: Registry | None = None) -> Schema:
    """The schema of a pipeline file in which every stage and provider of ``registry`` can be used."""
    registry = registry or Registry.installed()
    defs: Schema = {
        "from_environment": {
            "type": "string",
            "pattern": r"\$\{env:",
            "description": "${env:NAME}, ${env:NAME:-default} or ${env:NAME:?message}",
        }
    }
    top = _model(PipelineFile, "file", defs)
    _add_short_forms(defs["file.AgentConfig"])
    _add_test_files(top["properties"]["tests"], defs["file.ConversationTest"])
    stages: Schema = {"type": "object", "additionalProperties": False, "properties": {}}
    stages["patternProperties"] = dict(_FREE)
    for kind in registry.kinds:
        defs[f"stage.{kind}"] = _slot(registry, registry.stage(kind), kind, defs)
        slot = {"anyOf": [{"$ref": f"#/$defs/stage.{kind}"}, {"type": "null"}]}
        stages["properties"][kind] = slot
        stages["patternProperties"][f"^{_literally(kind)}/[^/]+$"] = slot
    defs["stages"] = stages
    agent, stages = {"$ref": "#/$defs/file.AgentConfig"}, {"$ref": "#/$defs/stages"}
    defs["profile"] = _object({"agent": agent, "stages": stages}, _FREE)
    properties = {
        **top["properties"],
        "agent": agent,
        "stages": stages,
        "extends": {"type": "string", "description": "a pipeline file that this one is laid over"},
        "profiles": {
            "type": "object",
            "description": "layers to be chosen by --profile NAME",
            "additionalProperties": {"anyOf": [{"$ref": "#/$defs/profile"}, {"type": "null"}]},
        },
    }
    return {
        "$schema": DIALECT,
        "title": "A voicepipe pipeline",
        **_object(properties, _FREE),
        "required": top["required"],
        "$defs": defs,
    }


def _literally(name: str) -> str:
    """``name`` in a regular expression. JavaScript, where editors run it, takes no escaped hyphen."""
    return re.escape(name).replace(r"\-", "-")


def _object(properties: Schema, patterns: Schema, required: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if patterns:
        schema["patternProperties"] = patterns
    if required:
        schema["required"] = list(required)
    return schema


def _slot(registry: Registry, stage: type[Stage], kind: str, defs: Schema) -> Schema:
    own = _model(stage.Config, kind, defs)["properties"]
    if stage.provider_kind is None:
        return _object(own, _FREE)
    if FALLBACK in own:
        defs[f"fallback.{kind}"] = {"anyOf": _providers(registry, stage.provider_kind, kind, {}, defs)}
        one: Schema = {"$ref": f"#/$defs/fallback.{kind}"}
        about = own[FALLBACK]["description"]
        own[FALLBACK] = {"description": about, "anyOf": [one, {"type": "array", "items": one}]}
    variants = _providers(registry, stage.provider_kind, kind, own, defs)
    # A layer may change keys of a slot whose provider another layer chose.
    variants.append({"type": "object", "properties": own, "not": {"required": ["use"]}})
    return {"anyOf": variants}


def _providers(registry: Registry, provider_kind: str, kind: str, own: Schema, defs: Schema) -> list[Schema]:
    """The ways to name a provider, alone or with its keys, beside which the keys ``own`` stand."""
    names = registry.provider_names(provider_kind)
    variants: list[Schema] = [
        {"enum": names},
        {"type": "string", "pattern": f"^({'|'.join(map(_literally, names))})/.+$"},
        {"type": "string", "pattern": OWN_CODE, "description": "own code: package.module:Class"},
        _FROM_ENVIRONMENT,
    ]
    for name in names:
        config = _model(registry.provider(provider_kind, name).Config, f"{kind}.{name}", defs)
        use = {"type": "string", "pattern": f"^{_literally(name)}(/.+)?$", "examples": [name]}
        required = tuple(key for key in config.get("required", ()) if key != "model")
        variants.append(_object({**config["properties"], **own, "use": use}, _FREE, ("use", *required)))
    own_code: Schema = {"type": "string", "pattern": OWN_CODE}
    for use in (own_code, _FROM_ENVIRONMENT):
        variants.append({"type": "object", "properties": {**own, "use": use}, "required": ["use"]})
    return variants


def _model(model: type[BaseModel], prefix: str, defs: Schema) -> Schema:
    """The schema of ``model``; the models inside it go to ``defs``, their names behind ``prefix``."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    for name, inner in schema.pop("$defs", {}).items():
        defs[f"{prefix}.{name}"] = _of_object(inner)
    result = _of_object(schema)
    result.setdefault("properties", {})
    assert set(result["properties"]) == set(fields_of(model))
    return result


def _of_object(schema: Mapping[str, Any]) -> Schema:
    """A model's schema as users meet it: units, values from the environment, no titles."""
    result = {key: value for key, value in schema.items() if key not in ("title", "description")}
    if "properties" in result:
        result["properties"] = {key: _property(value) for key, value in result["properties"].items()}
    return result


def _property(schema: Mapping[str, Any]) -> Schema:
    result = {key: value for key, value in schema.items() if key != "title"}
    forms = [_value(form) for form in result.pop("anyOf", [])] or [_value(result)]
    about: Schema = {key: result[key] for key in ("description", "default") if key in result}
    default = about.get("default")
    if default is None or isinstance(default, dict | list):
        about.pop("default", None)
    elif any(form.get("pattern") == DURATION_PATTERN for form in forms) and isinstance(default, int):
        about["default"] = format_duration(default)
    if any(_is_narrow(form) for form in forms):
        forms.append(_FROM_ENVIRONMENT)
    return {**about, **forms[0]} if len(forms) == 1 else {**about, "anyOf": forms}


def _value(schema: Mapping[str, Any]) -> Schema:
    form = {key: value for key, value in schema.items() if key not in ("title", "description", "default")}
    if form.get("pattern") == DURATION_PATTERN:  # its bounds are in nanoseconds, but it is written as text
        form = {key: value for key, value in form.items() if key not in _BOUNDS}
    if "patternProperties" in form:  # a map whose keys are names
        form["additionalProperties"] = False
    return form


def _is_narrow(form: Schema) -> bool:
    """Whether a reference to the environment, which is text, wouldn't fit by itself."""
    return form.get("type") in ("number", "integer", "boolean") or "enum" in form or "pattern" in form


def _add_test_files(tests: Schema, test: Schema) -> None:
    """In place of a test there may stand the path of a file that holds some."""
    tests["items"] = {"anyOf": [{"type": "string"}, tests["items"]]}
    test["patternProperties"] = dict(_FREE)


def _add_short_forms(agent: Schema) -> None:
    """What ``forms.py`` turns into the long forms, and ``null``, which deletes what another layer says."""
    properties = agent["properties"]
    text: Schema = {"type": "string"}
    file = _object({"file": text}, {}, ("file",))
    tool_file: Schema = {"type": "string", "pattern": TOOL_FILE}
    properties["prompt"] = {"description": properties["prompt"]["description"], "anyOf": [text, file]}
    for key in ("greeting", "voice"):
        forms = properties[key].pop("anyOf", None) or [_value(properties[key])]
        properties[key] = {"description": properties[key]["description"], "anyOf": [text, *forms]}
    items = properties["tools"]["items"]
    properties["tools"]["items"] = {"anyOf": [tool_file, *items["oneOf"]]}
    for schema in properties.values():
        forms = schema.pop("anyOf", None) or [_value(schema)]
        about = {key: schema[key] for key in ("description", "default") if key in schema}
        schema.clear()
        schema.update(about, anyOf=[*forms, {"type": "null"}])
    agent["patternProperties"] = dict(_FREE)
