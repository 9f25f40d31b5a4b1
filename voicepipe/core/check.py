"""A node against a pydantic model: the field types the value, and every problem is told at its place.

pydantic sees plain values, but not before each scalar was fitted to its field: a number where text is
wanted is the text that was written (``4.10``, not 4.1), and a path becomes absolute, taken from the file
that holds it.
"""

from __future__ import annotations

import pathlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from voicepipe.core.names import did_you_mean
from voicepipe.core.nodes import Node
from voicepipe.core.units import Duration, RelativeToFile, format_duration
from voicepipe.errors import ConfigError

M = TypeVar("M", bound=BaseModel)
Path = tuple[str, ...]
Refusal = Callable[[Path], str | None]
"""What to say of the unknown key or choice at the end of a path, if more is known than that it is unknown."""

MAX_SHOWN = 60
"""Characters of a found value in a message."""


def validate(
    model: type[M],
    node: Node,
    path: Path,
    errors: list[ConfigError],
    *,
    also: Iterable[str] = (),
    refusal: Refusal = lambda path: None,
) -> M | None:
    """``node``, which stands at ``path``, as a ``model``; all problems are added to ``errors``.

    ``also`` are keys that are valid beside the model's, for "did you mean".
    """
    try:
        return model.model_validate(_fitted(model, node))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=True):
            problem = _Problem(model, node, path, detail, refusal)
            if not problem.is_consequence:
                errors.append(problem.told(tuple(also)))
    return None


# ── fitting values to fields ─────────────────────────────────────────────────────────────────────


def leaves(annotation: Any) -> Iterator[Any]:
    """The members of unions, without ``Annotated``."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from leaves(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from leaves(member)
    else:
        yield annotation


def _marker(annotation: Any, metadata: Sequence[Any] = ()) -> RelativeToFile | None:
    """The marker of a path, on the field or on a member of its union."""
    for one in metadata:
        if isinstance(one, RelativeToFile):
            return one
    origin = get_origin(annotation)
    if origin is Annotated:
        return _marker(get_args(annotation)[0], get_args(annotation)[1:])
    if origin in (Union, types.UnionType):
        return next((found for member in get_args(annotation) if (found := _marker(member))), None)
    return None


def fields_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of ``model`` by the names that users write."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [leaf for leaf in leaves(annotation) if isinstance(leaf, type) and issubclass(leaf, BaseModel)]


def _is_meant(model: type[BaseModel], given: Mapping[str, Node]) -> bool:
    """Of several forms, the one whose first key is there, with a value that it may have."""
    name, field = next(iter(fields_of(model).items()), (None, None))
    if name is None or field is None or name not in given:
        return False
    return get_origin(field.annotation) is not Literal or given[name].text in get_args(field.annotation)


def _below(annotation: Any, key: str | int) -> tuple[Any, Sequence[Any]]:
    """The annotation and metadata of what stands at ``key`` under ``annotation``; ``Any`` if unknown."""
    for model in _models(annotation):
        field = fields_of(model).get(str(key))
        if field is not None:
            return field.annotation, field.metadata
    for leaf in leaves(annotation):
        arguments = get_args(leaf)
        if get_origin(leaf) in (dict, Mapping) and isinstance(key, str):
            return arguments[1], ()
        if get_origin(leaf) in (list, tuple, Sequence) and isinstance(key, int):
            return arguments[0], ()
    return Any, ()


def _fitted(annotation: Any, node: Node, metadata: Sequence[Any] = ()) -> Any:
    if isinstance(node.value, dict):
        return {key: _fitted(*_at(annotation, key, child)) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_fitted(*_at(annotation, index, child)) for index, child in enumerate(node.value)]
    value: Any = node.value
    taken = {type(choice) for leaf in leaves(annotation) for choice in _choices(leaf)}
    # What was written decides where text is wanted. So it does for true and false where they aren't
    # wanted: pydantic by itself would take them for 1 and 0.
    if not taken & {type(value), object} and (str in taken or isinstance(value, bool)):
        value = node.text
    marker = _marker(annotation, metadata)
    if marker is not None and isinstance(value, str) and value:
        value = marker.resolve(value, node.place.source.folder)
    return value


def _at(annotation: Any, key: str | int, child: Node) -> tuple[Any, Node, Sequence[Any]]:
    below, metadata = _below(annotation, key)
    return below, child, metadata


def _choices(leaf: Any) -> Iterator[Any]:
    """A value of each type that ``leaf`` takes as it is; a bare ``object()`` for anything."""
    if get_origin(leaf) is Literal:
        yield from get_args(leaf)
    elif leaf in (str, SecretStr, pathlib.Path):
        yield ""
    elif leaf in (bool, int, float):
        yield leaf()
    elif leaf is Any or leaf is object:
        yield object()


# ── problems ─────────────────────────────────────────────────────────────────────────────────────

_EXPECTED = {
    "string_type": "text",
    "path_type": "a path",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a map",
    "model_type": "a map",
    "list_type": "a list",
    "tuple_type": "a list",
    "url_parsing": "an address such as https://example.org",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_IS_DURATION = get_args(Duration)[1]


class _Problem:
    """One of pydantic's complaints, in our words, at the place that it is about."""

    def __init__(
        self, root: type[BaseModel], node: Node, path: Path, detail: ErrorDetails, refusal: Refusal
    ) -> None:
        self._detail = detail
        self._refusal = refusal
        self._context: Mapping[str, Any] = detail.get("ctx", {})
        self._annotation: Any = root
        self._metadata: Sequence[Any] = ()
        self._node, self._path, self._root = node, path, path
        self._place = node.place
        self._hint: str | None = None
        self._locate()

    def _locate(self) -> None:
        """Follow the location as far as the file goes; the rest are names of pydantic's own."""
        for segment in self._detail["loc"]:
            node, key = self._node, str(segment)
            if isinstance(node.value, dict) and key in node.value:
                if self._detail["type"] == "extra_forbidden" and segment == self._detail["loc"][-1]:
                    self._place = node.keys[key]
                    return
                self._descend(key, node.value[key])
                self._place = node.keys[key] if self._detail["loc"][-1] == "[key]" else self._node.place
            elif isinstance(node.value, list) and isinstance(segment, int):
                self._descend(segment, node.value[segment])
                self._place = self._node.place

    def _descend(self, key: str | int, child: Node) -> None:
        if _models(self._annotation):
            self._hint = self._about(str(key))
        self._annotation, self._metadata = _below(self._annotation, key)
        self._node, self._path = child, (*self._path, str(key))

    def _about(self, key: str) -> str | None:
        models = _models(self._annotation)
        field = next((found for model in models if (found := fields_of(model).get(key))), None)
        return f"{key}: {field.description}" if field and field.description else None

    @property
    def is_consequence(self) -> bool:
        """pydantic doesn't count entries that it has complained of, and then also complains of too few."""
        value, least = self._node.value, self._context.get("min_length", 0)
        return self._detail["type"] == "too_short" and isinstance(value, dict | list) and len(value) >= least

    def told(self, also: Sequence[str]) -> ConfigError:
        kind, key = self._detail["type"], str(self._detail["loc"][-1]) if self._detail["loc"] else ""
        match kind:
            case "extra_forbidden":
                return self._unknown_key(key, also)
            case "missing":
                message, self._hint = f"'{key}' is missing", self._about(key)
            case "literal_error":
                return self._wrong_choice()
            case "union_tag_not_found":
                return self._no_form()
            case "value_error" | "assertion_error":
                message = str(self._context["error"])
            case "string_pattern_mismatch" if key == "[key]":
                message = f"'{self._path[-1]}' can't be a name here"
            case "string_pattern_mismatch":
                message = f"{self._found()} isn't of the expected form"
            case "too_short":
                context = self._context
                message = f"expected at least {context['min_length']} entry, found {context['actual_length']}"
            case "string_too_short":
                message = "expected some text, found nothing"
            case "string_too_long":
                message = f"expected at most {self._context['max_length']} characters, found more"
            case _ if kind in _EXPECTED:
                message = f"expected {_EXPECTED[kind]}, found {self._found()}"
            case _ if kind in _LIMITS:
                name, words = _LIMITS[kind]
                limit = self._context[name]
                shown = format_duration(limit) if self._is_duration() else limit
                message = f"expected {words} {shown}, found {self._found()}"
            case _:
                message = f"{self._detail['msg'].removeprefix('Input ')}, found {self._found()}"
        return self._place.error(message, hint=self._hint)

    def _is_duration(self) -> bool:
        """Also where it may be left out: ``Duration | None`` keeps what it is with its alternative."""
        alternatives = [get_args(one) for one in get_args(self._annotation)]
        return _IS_DURATION in self._metadata or any(_IS_DURATION in one for one in alternatives)

    def _found(self) -> str:
        if not isinstance(self._node.value, str | int | float):
            return self._node.kind
        text = self._node.text if self._node.shown is None else self._node.shown
        return f"'{text if text is None or len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + '…'}'"

    def _unknown_key(self, key: str, also: Sequence[str]) -> ConfigError:
        if refused := self._refusal((*self._path, key)):
            return self._place.error(f"'{key}': {refused}")
        models, given = _models(self._annotation), self._node.map
        meant = [model for model in models if _is_meant(model, given)] or models
        known = {name for model in meant for name in fields_of(model)}
        if self._path == self._root:
            known |= set(also)
        return self._place.error(
            f"unknown key '{key}'.{did_you_mean(key, known)}", hint=f"known here: {', '.join(sorted(known))}"
        )

    def _wrong_choice(self) -> ConfigError:
        value = str(self._node.text)
        if refused := self._refusal((*self._path, value)):
            return self._place.error(f"'{value}': {refused}")
        choices = [str(choice) for leaf in leaves(self._annotation) for choice in get_args(leaf)]
        return self._place.error(
            f"expected {self._context['expected']}, found {self._found()}.{did_you_mean(value, choices)}"
        )

    def _no_form(self) -> ConfigError:
        """A map that could be one of several models, but has the key of none of them."""
        keys = self._node.keys if isinstance(self._node.value, dict) else {}
        for key, place in keys.items():
            if refused := self._refusal((*self._path, key)):
                return place.error(f"'{key}': {refused}")
        *forms, last = [f"'{next(iter(fields_of(model)))}'" for model in _models(self._annotation)]
        found = f"one with {', '.join(keys)}" if keys else self._found()
        return self._place.error(f"expected a map with {', '.join(forms)} or {last}, found {found}")
