"""What servers have in common that speak as OpenAI's over HTTP: the key, the list of models, the errors."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

from voicepipe.testing.http import HttpServer, Request, whole


class Refusing(Protocol):
    """How an answer may be none. ``status`` other than 200: the request is refused with ``error`` and
    ``headers``; ``silent``: nothing is said until the client hangs up."""

    @property
    def status(self) -> int: ...
    @property
    def error(self) -> dict[str, Any]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def silent(self) -> bool: ...


class OpenAIHttpServer(HttpServer):
    """A subclass answers the requests for ``path``."""

    path: ClassVar[str]

    def __init__(self, *, models: Iterable[str] | None, key: str | None, owned_by: str = "voicepipe") -> None:
        """``models`` None: the list isn't offered (404). ``key``: what the client has to bring."""
        super().__init__()
        self._models = None if models is None else list(models)
        self._key = key
        self._owned_by = owned_by

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def posts(self) -> list[Request]:
        """The requests without those for the list of models."""
        return [request for request in self.requests if request.method == "POST"]

    @abstractmethod
    async def respond(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """As ``answer``, for what this server is there for."""

    async def answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        found = request.headers.get("authorization", "nothing")
        if self._key is not None and found != f"Bearer {self._key}":
            writer.write(whole(401, error(f"Incorrect API key provided: {found}", "invalid_api_key")))
        elif (request.method, request.path) == ("GET", "/v1/models") and self._models is not None:
            models = [
                {"id": id, "object": "model", "created": 0, "owned_by": self._owned_by} for id in self._models
            ]
            writer.write(whole(200, {"object": "list", "data": models}))
        elif (request.method, request.path) == ("POST", self.path):
            return await self.respond(request, reader, writer)
        else:
            writer.write(whole(404, error(f"no such path: {request.path}", None)))
        return True

    async def refused(
        self,
        given: Refusing,
        request: Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool | None:
        """What ``respond`` returns if ``given`` is no answer; None if it is one."""
        if given.silent:
            return await self.until_hung_up(request, reader)
        if given.status != 200:
            writer.write(whole(given.status, {"error": given.error}, headers=given.headers))
            return True
        return None


def error(message: str, code: str | None) -> dict[str, Any]:
    """The body of an answer that refuses a request."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def data(event: dict[str, Any]) -> bytes:
    """One event of a stream of them."""
    return f"data: {json.dumps(event)}\n\n".encode()
