"""Whether what a model wrote is what a tool takes: by a function's types, or by a JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from voicepipe.core.names import did_you_mean

MOST_PROBLEMS = 8
"""Told at once; a model that got more wrong than these gets the rest wrong again."""


class Refused(ValueError):
    """The arguments don't fit; the text says why, to the model."""


class Arguments(Protocol):
    """What one tool takes."""

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments to call the tool with. Raises ``Refused``.

        Numbers and booleans that come as strings are converted, and so are numbers where text is wanted.
        """
        ...


@dataclass(frozen=True, slots=True)
class ByTypes:
    """The arguments of a Python function; ``names`` has the parameter behind each field of ``model``."""

    model: type[BaseModel]
    names: Mapping[str, str]

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Arguments``; defaults are filled in."""
        try:
            values = self.model.model_validate(dict(given))
        except ValidationError as error:
            raise Refused("; ".join(self._problems(error))) from None
        return {name: getattr(values, field_name) for field_name, name in self.names.items()}

    def _problems(self, error: ValidationError) -> Iterator[str]:
        problems = error.errors(include_url=False, include_context=False)
        # Names first: a wrong name explains a missing one.
        for problem in sorted(problems, key=lambda one: one["type"] != "extra_forbidden")[:MOST_PROBLEMS]:
            place = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "missing":
                yield missing(place)
            elif problem["type"] == "extra_forbidden":
                yield unknown(place, self.names.values() if len(problem["loc"]) == 1 else ())
            else:
                yield f"argument '{place}': {problem['msg']}, found {shown(problem['input'])}"


def missing(name: str) -> str:
    return f"argument '{cut(name, 80)}' is missing"


def unknown(name: str, known: Any) -> str:
    return f"there is no argument '{cut(name, 80)}'.{did_you_mean(name, known)}".removesuffix(".")


def outline(schema: Any) -> str:
    """A type in a few words, for a message."""
    if not isinstance(schema, Mapping):
        return "any"
    if isinstance(schema.get("enum"), list):
        return "one of " + ", ".join(shown(value) for value in schema["enum"])
    if isinstance(schema.get("anyOf"), list):
        return " or ".join(outline(option) for option in schema["anyOf"])
    if "const" in schema:
        return shown(schema["const"])
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        return f"array of {outline(schema['items'])}"
    if isinstance(schema.get("type"), list):
        return " or ".join(map(str, schema["type"]))
    return str(schema.get("type") or str(schema.get("$ref", "any")).rpartition("/")[2])


def shown(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False, default=repr), 80)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
