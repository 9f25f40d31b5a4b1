"""The ``elevenlabs`` voice against a real WebSocket server on loopback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.support.voices_behind_servers import (
    SECRET,
    TEXT,
    audio,
    cancelled_after,
    elevenlabs_voice,
    said,
    words,
)
from tests.support.workers import make_call, until
from voicepipe.providers.base import Speech, Word
from voicepipe.testing.elevenlabs_server import ElevenLabsServer, Say
from voicepipe.testing.speech import hums

pytest.importorskip("websockets", reason="needs the extra 'cloud'")


def spoken(say: Say | None = None, text: str = TEXT, **config: Any) -> list[Speech | Word]:
    async def main() -> list[Speech | Word]:
        async with (
            ElevenLabsServer(always=say) as server,
            elevenlabs_voice(server.base_url, **config) as voice,
        ):
            return await said(voice, text)

    return asyncio.run(main())


# ── what is said ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rate", [8000, 16000, 24000])
def test_the_audio_is_the_servers_and_the_words_have_its_times(rate: int) -> None:
    events = spoken(rate=rate)
    expected = asyncio.run(hums(TEXT, rate))
    np.testing.assert_array_equal(audio(events), expected.pcm)
    found = words(events)
    assert [word.text for word in found] == TEXT.split()
    for word, true in zip(found, expected.words, strict=True):
        assert abs(word.start_ms - true.start_ms) <= 1
        assert true.end_ms - 71 <= word.end_ms <= true.end_ms + 1  # without the mark at its end


@pytest.mark.parametrize("message_ms", [20, 97, 10_000])
def test_times_are_the_same_however_the_server_portions_its_audio(message_ms: int) -> None:
    found, usual = words(spoken(Say(message_ms=message_ms))), words(spoken())
    assert [word.text for word in found] == [word.text for word in usual]
    for word, other in zip(found, usual, strict=True):
        assert abs(word.start_ms - other.start_ms) <= 2
        assert abs(word.end_ms - other.end_ms) <= 2


def test_a_word_comes_before_the_audio_in_which_it_ends() -> None:
    samples = 0
    for event in spoken(Say(message_ms=40)):
        if isinstance(event, Speech):
            samples += event.pcm.size
        else:
            assert event.end_ms > samples * 1000 / 24_000 - 40


@pytest.mark.parametrize("fault", ["untimed", "garbled_times"])
def test_speech_whose_times_are_missing_or_odd_is_spoken_without_words(fault: Any) -> None:
    events = spoken(Say(fault=fault))
    np.testing.assert_array_equal(audio(events), asyncio.run(hums(TEXT, 24_000)).pcm)
    assert words(events) == []


def test_a_chunk_is_asked_for_as_the_protocol_wants_it() -> None:
    async def main() -> None:
        async with (
            ElevenLabsServer() as server,
            elevenlabs_voice(server.base_url, stability=0.4, speed=1.1, api_key=SECRET) as voice,
        ):
            await said(voice, "One.")
            await said(voice, "Two.\n")
            connection = server.connections[0]
            assert connection.headers["xi-api-key"] == SECRET
            assert "authorization" not in connection.headers
            first, second = (message["context_id"] for message in connection.messages[::3])
            assert first != second
            assert connection.messages == [
                message
                for id, text in ((first, "One. "), (second, "Two. "))
                for message in (
                    {"text": " ", "context_id": id, "voice_settings": {"stability": 0.4, "speed": 1.1}},
                    {"text": text, "context_id": id, "flush": True},
                    {"context_id": id, "close_context": True},
                )
            ]

    asyncio.run(main())


def test_audio_comes_while_the_server_still_speaks() -> None:
    async def main() -> None:
        async with (
            ElevenLabsServer(Say(fault="stall", after_ms=250)) as server,
            elevenlabs_voice(server.base_url) as voice,
        ):
            events = voice.synthesize(make_call(), TEXT)
            while not isinstance(await anext(events), Speech):
                pass
            await events.aclose()  # type: ignore[attr-defined] # it is a generator

    asyncio.run(main())


def test_a_long_text_is_spoken_in_pieces_whose_words_follow_each_other() -> None:
    async def main() -> None:
        text = "This is one of very many sentences, all alike. " * 25
        async with ElevenLabsServer(always=Say(message_ms=5000)) as server:
            async with elevenlabs_voice(server.base_url, rate=8000) as voice:
                call = make_call()
                events = await said(voice, text, call)
            assert len(server.contexts) == 3
            assert all(len(context.text) <= 501 for context in server.contexts)
            found = words(events)
            assert [word.text for word in found] == text.split()
            assert all(before.start_ms <= after.start_ms for before, after in pairwise(found))
            length_ms = audio(events).size / 8
            assert length_ms - 500 < found[-1].end_ms <= length_ms
            assert call.usage == {("characters", False): len(text)}

    asyncio.run(main())


def test_half_a_minute_may_come_in_one_message() -> None:
    text = "This sentence is one of many. " * 15
    events = spoken(Say(message_ms=60_000), text)
    assert audio(events).size > 20 * 24_000
    assert len(words(events)) == len(text.split())


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_to_say_asks_for_nothing(text: str) -> None:
    async def main() -> None:
        async with ElevenLabsServer() as server, elevenlabs_voice(server.base_url) as voice:
            call = make_call()
            assert await said(voice, text, call) == []
            assert (server.contexts, call.usage) == ([], {})

    asyncio.run(main())


# ── connections ──────────────────────────────────────────────────────────────────────────────────


def test_chunks_one_after_the_other_share_the_connection_that_start_opened() -> None:
    async def main() -> None:
        async with ElevenLabsServer() as server, elevenlabs_voice(server.base_url) as voice:
            assert server.handshakes == 1
            for text in ("One.", "Two.", "Three."):
                await said(voice, text)
            assert server.handshakes == 1

    asyncio.run(main())


def test_chunks_at_the_same_time_have_connections_of_their_own() -> None:
    async def main() -> None:
        async with ElevenLabsServer() as server, elevenlabs_voice(server.base_url) as voice:
            texts = [f"This is number {number}." for number in range(4)]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(said(voice, text)) for text in texts]
            for text, task in zip(texts, tasks, strict=True):
                np.testing.assert_array_equal(audio(task.result()), (await hums(text, 24_000)).pcm)
            assert len({id(context.connection) for context in server.contexts}) == 4
            await said(voice)
            assert server.handshakes == 4

    asyncio.run(main())


def test_a_chunk_that_is_left_is_cut_off_and_a_fresh_connection_waits_for_the_next() -> None:
    async def main() -> None:
        says = [Say(fault="stall", after_ms=500), Say()]
        async with ElevenLabsServer(*says) as server, elevenlabs_voice(server.base_url) as voice:
            call = make_call()
            await cancelled_after(voice, 1, call)
            async with asyncio.timeout(10):
                await server.connections[0].closed.wait()
            await until(lambda: server.handshakes == 2)
            assert call.usage == {("characters", False): len(TEXT)}
            await until(lambda: voice._pool.size == 1)
            assert audio(await said(voice)).size
            assert (server.handshakes, server.open) == (2, 1)

    asyncio.run(main())


def test_many_chunks_that_are_left_at_the_same_time_get_in_nobodys_way() -> None:
    async def main() -> None:
        stalls = [Say(fault="stall", after_ms=500)] * 12
        async with ElevenLabsServer(*stalls) as server, elevenlabs_voice(server.base_url) as voice:
            for _ in range(3):
                async with asyncio.TaskGroup() as group:
                    for _ in range(4):
                        group.create_task(cancelled_after(voice, 1, make_call()))
            assert audio(await said(voice)).size
            await until(lambda: server.open <= 2)

    asyncio.run(main())


def test_a_connection_that_the_server_has_closed_meanwhile_is_replaced() -> None:
    async def main() -> None:
        async with ElevenLabsServer(Say()) as server, elevenlabs_voice(server.base_url) as voice:
            await said(voice)
            server.connections[0].hang_up()
            await server.connections[0].closed.wait()
            assert audio(await said(voice)).size
            assert server.handshakes == 2

    asyncio.run(main())


def test_a_connection_answers_while_its_audio_waits_to_be_played() -> None:
    """Playing takes longer than speaking: an unanswered ping would end the connection in the middle."""

    async def main() -> None:
        text = "This sentence is one of many. " * 16
        async with (
            ElevenLabsServer(always=Say(message_ms=20)) as server,
            elevenlabs_voice(server.base_url) as voice,
        ):
            events = voice.synthesize(make_call(), text)
            await anext(events)
            await until(lambda: server.contexts[0].done)
            (pooled,) = voice._pool._lent
            async with asyncio.timeout(10):
                await (await pooled.socket.ping())
            rest = [event async for event in events]
            assert len(words(rest)) == len(text.split())

    asyncio.run(main())


def test_closing_leaves_no_connection() -> None:
    async def main() -> None:
        async with ElevenLabsServer(Say(fault="stall", after_ms=500), Say()) as server:
            async with elevenlabs_voice(server.base_url) as voice:
                await cancelled_after(voice, 1, make_call())
                await said(voice)
            await until(lambda: server.open == 0)

    asyncio.run(main())


def test_importing_the_provider_imports_neither_websockets_nor_numpy() -> None:
    code = (
        "import sys, voicepipe.providers.elevenlabs;"
        "print([name for name in ('websockets', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert found.stdout.strip() == "[]"
