"""Arguments against a JSON schema that nobody here wrote: from a file, or from a server.

The validating is that of the package ``jsonschema`` (draft 2020-12 unless the schema says otherwise), with
what would reach outside of it taken away: no reference is ever fetched, and the regular expressions of a
schema that isn't trusted aren't applied, since one can be written to take hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from voicepipe.core.extras import require
from voicepipe.speech.arguments import MOST_PROBLEMS, Refused, cut, missing, unknown

EXTRA = "tools"
PURPOSE = "a tool with a JSON schema"

_MAPS_OF_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas", "patternProperties"})
_DATA = frozenset({"const", "default", "enum", "examples", "required", "dependentRequired"})
_REGULAR = frozenset({"pattern", "patternProperties"})
_SAYS_WHAT_ELSE = frozenset({"additionalProperties", "unevaluatedProperties"})
_BOOLEANS = {"true": True, "false": False}
_LONGEST = 200
"""Characters of one problem; what was found is repeated in it."""


class BySchema:
    """See ``Arguments``. Blocks for some 0.1 s when the first one is made, which imports the package.

    ``trusted`` False leaves the schema's regular expressions out. Raises ``ValueError`` for what is no
    schema, with the path to the place in its ``path``, and ``SetupError`` without the package.
    """

    def __init__(self, schema: Mapping[str, Any], *, trusted: bool = True) -> None:
        self._package = require("jsonschema", extra=EXTRA, purpose=PURPOSE)
        referencing = require("referencing", extra=EXTRA, purpose=PURPOSE)
        applied: Any = dict(schema) if trusted else without_patterns(dict(schema))
        check_schema(applied)
        kind = self._package.validators.validator_for(applied, default=self._package.Draft202012Validator)
        # An explicit registry: the default one would fetch what a "$ref" names from the network.
        self._validator = kind(applied, registry=referencing.Registry())
        properties = schema.get("properties")
        self._properties: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        fitted = {name: _fitted(value, self._properties.get(name)) for name, value in given.items()}
        try:
            errors = list(islice(self._validator.iter_errors(fitted), MOST_PROBLEMS))
        except RecursionError:
            raise Refused("the schema of the tool or the arguments are nested beyond all bounds") from None
        # Names first: a wrong name explains a missing one.
        errors.sort(key=lambda error: error.validator != "additionalProperties")
        problems = dict.fromkeys(problem for error in errors for problem in self._told(error))
        if problems:
            raise Refused("; ".join(islice(problems, MOST_PROBLEMS)))
        return fitted

    def _told(self, error: Any) -> Iterator[str]:
        inside = "".join(f"{part}." for part in error.absolute_path)
        if error.validator == "required" and isinstance(error.instance, dict):
            for name in error.validator_value:
                if name not in error.instance:
                    yield missing(f"{inside}{name}")
        elif error.validator == "additionalProperties" and error.validator_value is False:
            known = error.schema.get("properties", {})
            patterns = error.schema.get("patternProperties", {})
            for name in error.instance:
                if name not in known and not any(re.search(pattern, name) for pattern in patterns):
                    yield unknown(f"{inside}{name}", () if inside else known)
        else:
            what = f"argument '{cut(inside.removesuffix('.'), 80)}': " if inside else ""
            yield f"{what}{cut(error.message, _LONGEST)}"


class BadSchema(ValueError):
    """No JSON schema; ``path`` leads to what is wrong with it."""

    def __init__(self, problem: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(problem)
        self.path = path


def check_schema(schema: Any) -> None:
    """Raise ``BadSchema`` for what the package wouldn't take for a schema, or couldn't apply."""
    package = require("jsonschema", extra=EXTRA, purpose=PURPOSE)
    for path, reference in _references(schema):
        if not (isinstance(reference, str) and reference.startswith("#")):
            raise BadSchema(f"'$ref' refers to another document, found {reference!r}", path)
    kind = package.validators.validator_for(schema, default=package.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except package.SchemaError as error:
        raise BadSchema(cut(error.message, _LONGEST), tuple(error.absolute_path)) from None
    except RecursionError:
        raise BadSchema("nested beyond all bounds") from None
    for path, reference in _references(schema):
        if reference.startswith("#/") and "$id" not in schema and not _leads(schema, reference):
            raise BadSchema(f"'$ref' leads nowhere: {reference!r}", path)


def without_patterns(schema: Any) -> Any:
    """``schema`` without its regular expressions, and so never stricter than it is."""
    if isinstance(schema, list):
        return [without_patterns(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    dropped = _REGULAR | (_SAYS_WHAT_ELSE if "patternProperties" in schema else frozenset())
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in dropped:
            continue
        if key in _MAPS_OF_SCHEMAS and isinstance(value, dict):
            kept[key] = {name: without_patterns(inner) for name, inner in value.items()}
        else:
            kept[key] = value if key in _DATA else without_patterns(value)
    return kept


def _references(schema: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every reference in ``schema`` with the path to it."""
    pending = [(path, schema)]
    while pending:
        path, one = pending.pop()
        if isinstance(one, list):
            pending += [((*path, index), inner) for index, inner in enumerate(one)]
        elif isinstance(one, dict):
            for key, value in one.items():
                if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
                    yield (*path, key), value
                elif key in _MAPS_OF_SCHEMAS and isinstance(value, dict):
                    # The names in such a map are the author's own: one may well be "$ref".
                    pending += [((*path, key, name), inner) for name, inner in value.items()]
                elif key not in _DATA:
                    pending.append(((*path, key), value))


def _leads(schema: Any, reference: str) -> bool:
    """Whether a JSON pointer (RFC 6901) leads to something."""
    at = schema
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and name in at:
            at = at[name]
        elif isinstance(at, list) and name.isdecimal() and int(name) < len(at):
            at = at[int(name)]
        else:
            return False
    return True


def _fitted(value: Any, schema: Any) -> Any:
    """``value`` as the type that is wanted, where a model wrote it as another: models often do."""
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(value, str):
        text = value.strip()
        if wanted == "boolean":
            return _BOOLEANS.get(text.lower(), value)
        if wanted in ("integer", "number") and re.fullmatch(r"-?[0-9]{1,18}", text):
            return int(text)
        if wanted == "number" and re.fullmatch(r"-?[0-9]{1,18}\.[0-9]{1,18}", text):
            return float(text)
    elif wanted == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value
