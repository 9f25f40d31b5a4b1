"""The Deepgram of the tests refuses what the real one refuses, and says what it was told to say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from voicepipe.testing.deepgram_server import DeepgramServer, Refusal, Utterance

client = pytest.importorskip("websockets.asyncio.client", reason="needs the extra 'cloud'")
exceptions = pytest.importorskip("websockets.exceptions")

GOOD = "model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true"
SECOND = bytes(32_000)


async def connected(server: DeepgramServer, query: str = GOOD, path: str = "/listen", **headers: str) -> Any:
    return await client.connect(f"{server.base_url}{path}?{query}", additional_headers=headers, proxy=None)


async def told(socket: Any) -> list[dict[str, Any]]:
    return [json.loads(message) async for message in socket]


def talk(said: Utterance, *messages: bytes | str) -> list[dict[str, Any]]:
    """What the server says to ``messages``, with ``CloseStream`` after them."""

    async def main() -> list[dict[str, Any]]:
        async with DeepgramServer(said) as server:
            socket = await connected(server)
            for message in (*messages, '{"type": "CloseStream"}'):
                await socket.send(message)
            return await told(socket)

    return asyncio.run(main())


def transcript(result: dict[str, Any]) -> str:
    return str(result["channel"]["alternatives"][0]["transcript"])


def test_words_are_told_as_their_audio_passes_and_settled_by_finalize() -> None:
    said = Utterance(text="Hello there", to_ms=1000)
    first, second, last, metadata = talk(said, SECOND[:19200], SECOND[:12800], '{"type": "Finalize"}')
    assert [transcript(one) for one in (first, second, last)] == ["Hello", "Hello there", "Hello there"]
    assert [one["is_final"] for one in (first, second, last)] == [False, False, True]
    assert last["from_finalize"]
    assert [word["end"] for word in last["channel"]["alternatives"][0]["words"]] == [0.5, 1.0]
    assert (metadata["type"], metadata["duration"]) == ("Metadata", 1.0)


def test_the_end_of_speech_is_told_when_it_is_due() -> None:
    said = Utterance(text="Hello there", to_ms=400, speech_final_at_ms=700, ends_at_ms=900)
    messages = talk(said, *[SECOND[:3200]] * 10)
    (final,) = [one for one in messages if one.get("speech_final")]
    assert transcript(final) == "Hello there"
    (end,) = [one for one in messages if one["type"] == "UtteranceEnd"]
    assert end["last_word_end"] == 0.4


def test_finalize_may_stay_unanswered() -> None:
    messages = talk(Utterance(text="Hello", flush=False), SECOND[:1000], '{"type": "Finalize"}')
    assert [one["type"] for one in messages] == ["Metadata"]


def test_a_message_that_nobody_knows_is_a_schema_error() -> None:
    for message in ('{"type": "Sing"}', "nonsense", "[]"):
        error, _ = talk(Utterance(), message)
        assert (error["type"], error["variant"]) == ("Error", "SchemaError")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("encoding=linear16&sample_rate=16000", "model"),
        ("model=nova-3", "encoding"),
        (f"{GOOD}&utterance_end_ms=500", "at least 1000"),
        ("model=nova-3&encoding=linear16&sample_rate=16000&utterance_end_ms=1000", "interim_results"),
        (f"{GOOD}&endpointing=soon", "endpointing"),
        (GOOD.replace("nova-3", "nova-2") + "&keyterm=x", "keyterm"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(query: str, reason: str) -> None:
    async def main() -> None:
        async with DeepgramServer() as server:
            with pytest.raises(exceptions.InvalidStatus) as caught:
                await connected(server, query)
        assert caught.value.response.status_code == 400
        assert reason in json.loads(caught.value.response.body)["err_msg"]
        assert reason in caught.value.response.headers["dg-error"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({}, "/listen", 401),
        ({"Authorization": "Bearer right"}, "/listen", 401),
        ({"Authorization": "Token right"}, "/speak", 404),
    ],
)
def test_a_wrong_key_and_a_wrong_path_are_refused(headers: dict[str, str], path: str, status: int) -> None:
    async def main() -> None:
        async with DeepgramServer(key="right") as server:
            with pytest.raises(exceptions.InvalidStatus) as caught:
                await connected(server, path=path, **headers)
        assert caught.value.response.status_code == status

    asyncio.run(main())


def test_refusals_come_one_per_handshake() -> None:
    async def main() -> None:
        async with DeepgramServer(refusals=(Refusal(status=429, headers={"Retry-After": "7"}),)) as server:
            with pytest.raises(exceptions.InvalidStatus) as caught:
                await connected(server)
            assert caught.value.response.headers["Retry-After"] == "7"
            await (await connected(server)).close()
            assert server.handshakes == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("message", "code"), [(b"", 1008), (b"odd", 1008), (None, 1011)], ids=["empty", "half a sample", "none"]
)
def test_what_the_real_one_hangs_up_on_is_hung_up_on(message: bytes | None, code: int) -> None:
    async def main() -> int:
        async with DeepgramServer(idle_s=0.05 if message is None else 60) as server:
            socket = await connected(server)
            if message is not None:
                await socket.send(message)
            await told(socket)
            return int(socket.close_code)

    with pytest.raises(exceptions.ConnectionClosedError) as caught:
        asyncio.run(main())
    assert caught.value.rcvd.code == code


def test_the_address_of_a_server_that_was_not_started_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = DeepgramServer().base_url
