from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from voicepipe.testing.http import Request, whole
from voicepipe.testing.openai_http import OpenAIHttpServer, data, error
from voicepipe.testing.openai_server import Reply


class Server(OpenAIHttpServer):
    path = "/v1/things"

    async def respond(self, request: Request, reader: Any, writer: asyncio.StreamWriter) -> bool:
        given = Reply(**request.json)
        if (over := await self.refused(given, request, reader, writer)) is not None:
            return over
        writer.write(whole(200, {"thing": 1}))
        return True


def ask(*requests: tuple[str, str, dict[str, Any]], key: str = "k", **options: Any) -> list[tuple[int, Any]]:
    """The status and the body of each answer, on one connection."""

    async def main() -> list[tuple[int, Any]]:
        answers = []
        async with Server(key="k", **{"models": ["a"], **options}) as server:
            host, port = server.origin.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            for method, path, body in requests:
                sent = json.dumps(body)
                head = f"{method} {path} HTTP/1.1\r\nAuthorization: Bearer {key}\r\n"
                writer.write(f"{head}Content-Length: {len(sent)}\r\n\r\n{sent}".encode())
                told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(told.partition("content-length: ")[2].partition("\r")[0])
                answers.append((int(told.split()[1]), json.loads(await reader.readexactly(length))))
            assert len(server.posts) == sum(method == "POST" for method, _, _ in requests)
            writer.close()
        return answers

    return asyncio.run(main())


def test_it_lists_its_models_and_answers_at_its_path() -> None:
    listed, answered, lost = ask(("GET", "/v1/models", {}), ("POST", "/v1/things", {}), ("POST", "/v1/x", {}))
    assert (listed[0], [model["id"] for model in listed[1]["data"]]) == (200, ["a"])
    assert answered == (200, {"thing": 1})
    assert lost == (404, error("no such path: /v1/x", None))


def test_without_the_key_or_models_there_is_nothing() -> None:
    assert ask(("POST", "/v1/things", {}), key="x")[0][0] == 401
    assert ask(("GET", "/v1/models", {}), models=None)[0][0] == 404


def test_an_answer_may_be_a_refusal() -> None:
    assert ask(("POST", "/v1/things", {"status": 429, "error": {"message": "slow"}})) == [
        (429, {"error": {"message": "slow"}})
    ]


@pytest.mark.parametrize("event", [{"type": "x"}, {}])
def test_an_event_of_a_stream_is_a_line_of_json(event: dict[str, Any]) -> None:
    assert json.loads(data(event).removeprefix(b"data: ")) == event
    assert data(event).endswith(b"\n\n")
