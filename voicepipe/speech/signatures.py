"""A function's signature and docstring → the JSON schema that a model fills in, and its validation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from voicepipe.errors import ConfigError, UsageError
from voicepipe.speech.docstrings import parse_docstring

_NO_SINGLE_VALUE: dict[Any, str] = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only, but a model names its arguments",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of arguments, but a model has to be told which",
    inspect.Parameter.VAR_KEYWORD: "takes arguments of any name, but a model has to be told which",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """``names`` has the parameter behind each field of ``model``."""

    description: str
    schema: dict[str, Any]
    model: type[BaseModel]
    names: dict[str, str]


class _Schema(GenerateJsonSchema):
    # A default that has no JSON form is left out: the model needn't know it to leave the argument out.
    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - declared so by pydantic
        "skipped-choice",
        "non-serializable-default",
    }


def read_signature(fn: Callable[..., Any]) -> Signature:
    """Raises ``ConfigError`` with the place of ``fn`` for what a model can't fill in or be answered with."""
    _check_kind(fn)
    description, texts = parse_docstring(fn.__doc__)
    names: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for parameter, annotation in _parameters(fn):
        # Fields have names of their own: a parameter may well be called "copy", "schema" or "_x", which
        # pydantic keeps for itself.
        field_name = f"p{len(names)}"
        names[field_name] = parameter.name
        has_default = parameter.default is not inspect.Parameter.empty
        described = _described(annotation, parameter.name, texts.get(parameter.name))
        fields[field_name] = (described, parameter.default if has_default else ...)
    config = ConfigDict(extra="forbid", coerce_numbers_to_str=True, allow_inf_nan=False)
    try:
        model: type[BaseModel] = create_model(fn.__name__, __config__=config, **fields)
        schema = _untitled(model.model_json_schema(by_alias=True, schema_generator=_Schema))
    except Exception as error:  # a type may raise anything when it is asked for its schema
        fail(fn, f"its parameters have no JSON schema: {_first_sentence(error)}")
    schema.pop("description", None)
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    return Signature(description, schema, model, names)


def fail(fn: Callable[..., Any], problem: str, *, hint: str | None = None) -> NoReturn:
    """Raise a ``ConfigError`` at the place where ``fn`` is defined."""
    code = getattr(inspect.unwrap(fn), "__code__", None)
    raise ConfigError(
        f"tool {getattr(fn, '__name__', fn)}(): {problem}",
        path=code.co_filename if code else None,
        line=code.co_firstlineno if code else None,
        hint=hint,
    )


def _check_kind(fn: Callable[..., Any]) -> None:
    if not inspect.isfunction(fn) and not inspect.ismethod(fn):
        raise UsageError(
            f"a tool is a Python function, found {fn!r}",
            hint="Write '@tool' or '@tool(name=...)' above a 'def'.",
        )
    if fn.__name__ == "<lambda>":
        fail(fn, "a lambda has no name, no types and no docstring", hint="Write it as a 'def'.")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        fail(fn, "it yields, but a model is answered once", hint="Return the whole result.")


def _parameters(fn: Callable[..., Any]) -> Iterator[tuple[inspect.Parameter, Any]]:
    try:
        hints = get_type_hints(fn, include_extras=True)
    except Exception as error:  # an annotation may be any expression
        fail(fn, f"its annotations can't be evaluated: {_first_sentence(error)}")
    for parameter in inspect.signature(fn).parameters.values():
        if problem := _NO_SINGLE_VALUE.get(parameter.kind):
            fail(
                fn, f"parameter '{parameter.name}' {problem}", hint="Declare each argument by name and type."
            )
        if parameter.name not in hints:
            is_self = parameter.name in ("self", "cls")
            fail(
                fn,
                f"parameter '{parameter.name}' has no type",
                hint="Pass the method of an object instead: tools=[thing.method]."
                if is_self
                else f"Annotate it: '{parameter.name}: str'.",
            )
        try:
            TypeAdapter(hints[parameter.name]).json_schema(schema_generator=_Schema)
        except Exception as error:  # see read_signature
            fail(
                fn,
                f"parameter '{parameter.name}' has a type without a JSON schema: {_first_sentence(error)}",
                hint="Use str, int, float, bool, Literal, Enum, list, dict, a dataclass or a pydantic model.",
            )
        yield parameter, hints[parameter.name]


def _described(annotation: Any, name: str, text: str | None) -> Any:
    """Named for the model, and described by its ``Field``, else a string in ``Annotated``, else ``text``."""
    base, *extras = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    text = next((extra for extra in extras if isinstance(extra, str)), text)
    # In front, so that an explicit Field(description=...) behind it wins.
    return Annotated[(base, Field(alias=name, description=text or None), *extras)]


def _untitled(schema: Any) -> Any:
    """Without the titles that pydantic makes from names: they repeat them, and the model pays for each."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: _untitled(item) for name, item in value.items()}
        elif key in ("default", "const", "enum", "examples"):
            kept[key] = value
        elif key != "title":
            kept[key] = _untitled(value)
    return kept


def _first_sentence(error: Exception) -> str:
    """What is wrong; pydantic goes on with advice about its own configuration."""
    return (str(error).splitlines() or [type(error).__name__])[0].split(". ")[0]
