"""The server in its own right, with messages that our provider would never send."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from voicepipe.testing.elevenlabs_server import MOST_CONTEXTS, ElevenLabsServer, Say

client = pytest.importorskip("websockets.asyncio.client", reason="needs the extra 'cloud'")
exceptions = pytest.importorskip("websockets.exceptions", reason="needs the extra 'cloud'")

PATH = "/v1/text-to-speech/v/multi-stream-input?output_format=pcm_8000"
SAID = ({"text": " ", "context_id": "a"}, {"text": "Hello you. ", "context_id": "a", "flush": True})


def exchange(*messages: dict[str, Any], path: str = PATH, says: tuple[Say, ...] = ()) -> list[dict[str, Any]]:
    """All that the server answers; it is asked to close in the end."""

    async def main() -> list[dict[str, Any]]:
        async with (
            ElevenLabsServer(*says) as server,
            client.connect(server.base_url + path, proxy=None) as socket,
        ):
            for message in (*messages, {"close_socket": True}):
                await socket.send(json.dumps(message))
            answers = []
            try:
                async with asyncio.timeout(10):
                    while True:
                        answers.append(json.loads(await socket.recv()))
            except exceptions.ConnectionClosed:
                return answers

    return asyncio.run(main())


def characters(answers: list[dict[str, Any]]) -> list[tuple[str, int]]:
    found = [answer["alignment"] for answer in answers if answer.get("alignment")]
    return [pair for one in found for pair in zip(one["chars"], one["charStartTimesMs"], strict=True)]


def test_each_message_of_audio_has_its_own_characters_if_they_are_asked_for() -> None:
    answers = exchange(*SAID, path=PATH + "&sync_alignment=true")
    assert len(answers) > 2
    text = "".join(character for character, _ in characters(answers))
    assert text == "Hello you. "
    assert all(0 <= start < 250 for _, start in characters(answers))


def test_otherwise_all_of_them_are_in_the_first() -> None:
    first, *others = exchange(*SAID)
    assert "".join(first["alignment"]["chars"]) == "Hello you. "
    assert first["alignment"]["charStartTimesMs"][-2] > 250
    assert all(answer["alignment"] is None for answer in others)


def test_a_context_that_is_only_flushed_has_no_final_message_and_one_that_is_closed_has() -> None:
    assert not [answer for answer in exchange(*SAID) if answer.get("isFinal")]
    closed = exchange(*SAID, {"context_id": "a", "close_context": True})
    assert closed[-1] == {"isFinal": True, "contextId": "a"}


def test_text_without_a_flush_is_not_spoken() -> None:
    assert exchange(SAID[0], {"text": "Hello. ", "context_id": "a"}) == []


def test_a_context_begins_with_a_space() -> None:
    (answer,) = exchange({"text": "Hello. ", "context_id": "a", "flush": True})
    assert answer["error"] == "invalid_message"


def test_there_are_five_contexts_at_most() -> None:
    opened = [{"text": " ", "context_id": str(number)} for number in range(MOST_CONTEXTS + 1)]
    assert exchange(*opened[:-1]) == []
    (answer,) = exchange(*opened)
    assert answer["error"] == "max_active_conversations"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/text-to-speech/v/stream-input?output_format=pcm_8000",
        PATH.replace("pcm_8000", "mp3_44100"),
        PATH + "&inactivity_timeout=300",
        PATH + "&model_id=eleven_v3",
    ],
)
def test_an_address_that_the_real_one_would_refuse_is_refused(path: str) -> None:
    with pytest.raises(exceptions.InvalidStatus):
        exchange(path=path)


def test_a_connection_on_which_nothing_is_said_is_closed() -> None:
    async def main() -> None:
        path = PATH + "&inactivity_timeout=0.02"
        async with ElevenLabsServer() as server, client.connect(server.base_url + path, proxy=None) as socket:
            answer = json.loads(await socket.recv())
            assert answer["error"] == "input_timeout_exceeded"
            with pytest.raises(exceptions.ConnectionClosed):
                await socket.recv()

    asyncio.run(main())
