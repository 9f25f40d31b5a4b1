"""The events of the Realtime protocol, checked with the vendor's own models.

Protocol: https://developers.openai.com/api/reference/resources/realtime/client-events and
/server-events; the models are those of ``openai.types.realtime``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from voicepipe.core.extras import require


class Refused(Exception):
    """What the server answers with an ``error`` event; the connection stays open."""

    def __init__(self, message: str, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message)
        self.error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}


@cache
def client_models() -> dict[str, type[BaseModel]]:
    """The model of each type of client event."""
    return _models("RealtimeClientEvent")


@cache
def server_models() -> dict[str, type[BaseModel]]:
    return _models("RealtimeServerEvent")


def _models(name: str) -> dict[str, type[BaseModel]]:
    types = require("openai.types.realtime", extra="local", purpose="the scripted Realtime server")
    union, *_ = get_args(getattr(types, name))  # it is annotated with its discriminator
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(union)}


def check_client_event(event: Any) -> None:
    """Raise ``Refused`` for what isn't a client event, down to fields that nobody knows."""
    kind = event.get("type") if isinstance(event, dict) else None
    model = client_models().get(kind) if isinstance(kind, str) else None
    if model is None:
        raise Refused(f"Invalid value: '{kind}'.", param="type")
    try:
        parsed = model.model_validate(event, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
        raise Refused(f"{where}: {first['msg']}.", code, where) from None
    for unknown in _unknown(parsed, ""):
        raise Refused(f"Unknown parameter: '{unknown}'.", "unknown_parameter", unknown)


def check_server_event(event: dict[str, Any]) -> None:
    """Raise ``ValidationError`` or ``KeyError`` for what the real server wouldn't send."""
    server_models()[event["type"]].model_validate(event, strict=True)


def _unknown(value: Any, path: str) -> Iterator[str]:
    """The paths of the fields that the models don't have."""
    if isinstance(value, BaseModel):
        for name in value.model_extra or ():
            yield f"{path}{name}"
        for name in value.model_fields_set - set(value.model_extra or ()):
            yield from _unknown(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _unknown(part, f"{path}{index}.")
