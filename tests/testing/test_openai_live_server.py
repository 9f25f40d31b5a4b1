"""The transcription sessions of the tests refuse what the real ones refuse, and hear what they were told."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from voicepipe.testing.openai_live_server import OpenAILiveServer, Turn
from voicepipe.testing.realtime_script import Refusal

client = pytest.importorskip("websockets.asyncio.client", reason="needs the extra 'cloud'")
exceptions = pytest.importorskip("websockets.exceptions")
pytest.importorskip("openai", reason="needs the extra 'cloud'")

COMMIT = {"type": "input_audio_buffer.commit"}
WANTED = "?intent=transcription"


def setup(**changed: Any) -> dict[str, Any]:
    heard = {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "transcription": {"model": "gpt-live-transcribe"},
        "turn_detection": None,
        **changed,
    }
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}


def audio(ms: int) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(48 * ms)).decode()}


def talk(server: OpenAILiveServer, *events: dict[str, Any], answers: int) -> list[dict[str, Any]]:
    """The first ``answers`` events of the server, after ``session.created``."""

    async def main() -> list[dict[str, Any]]:
        async with server:
            url = server.base_url.replace("http", "ws")
            async with client.connect(f"{url}/realtime{WANTED}", proxy=None) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
                for event in events:
                    await socket.send(json.dumps(event))
                return [json.loads(await socket.recv()) for _ in range(answers)]

    return asyncio.run(main())


def test_a_turn_is_told_while_it_is_heard_and_completed_by_the_commit() -> None:
    server = OpenAILiveServer(Turn(deltas=["One", " two", " three"]))
    events = talk(server, setup(), audio(450), COMMIT, answers=6)
    kinds = [event["type"].rpartition(".")[2] for event in events]
    assert kinds == ["updated", "delta", "delta", "committed", "delta", "completed"]
    assert events[-1]["transcript"] == "One two three"
    assert events[-1]["usage"] == {"type": "duration", "seconds": 0.45}
    assert len({event["item_id"] for event in events[1:]}) == 1
    assert server.sessions[0].config == {"model": "gpt-live-transcribe"}
    assert server.sessions[0].audio == [bytes(48 * 450)]


def test_each_turn_is_an_item_of_its_own() -> None:
    server = OpenAILiveServer(otherwise=lambda first: Turn(deltas=[f"{len(first)} bytes"]))
    events = talk(server, audio(100), COMMIT, audio(200), COMMIT, answers=6)
    done = [event for event in events if event["type"].endswith("completed")]
    assert [event["transcript"] for event in done] == ["4800 bytes", "9600 bytes"]
    committed = [event for event in events if event["type"].endswith("committed")]
    assert committed[1]["previous_item_id"] == committed[0]["item_id"] == done[0]["item_id"]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([{"type": "input_audio_buffer.sing"}], "invalid_value"),
        ([setup(volume=11)], "unknown_parameter"),
        ([setup(format={"type": "audio/pcmu"})], "invalid_value"),
        ([setup(turn_detection={"type": "server_vad"})], "invalid_value"),
        ([setup(transcription={"model": "gpt-6-luna"})], "model_not_found"),
        ([{"type": "session.update", "session": {"type": "realtime"}}], "invalid_value"),
        ([{"type": "response.create"}], "invalid_value"),
        ([audio(50), COMMIT], "input_audio_buffer_commit_empty"),
        ([COMMIT], "input_audio_buffer_commit_empty"),
    ],
)
def test_what_the_real_one_refuses_is_refused(events: list[dict[str, Any]], code: str) -> None:
    (error,) = talk(OpenAILiveServer(), *events, answers=1)
    assert (error["type"], error["error"]["code"]) == ("error", code)


@pytest.mark.parametrize(
    ("server", "query", "status"),
    [
        (OpenAILiveServer(key="right"), WANTED, 401),
        (OpenAILiveServer(), "?model=gpt-realtime-2.1", 400),
        (OpenAILiveServer(refusals=[Refusal(status=429)]), WANTED, 429),
    ],
)
def test_a_handshake_may_be_refused(server: OpenAILiveServer, query: str, status: int) -> None:
    async def main() -> None:
        async with server:
            await client.connect(f"{server.base_url.replace('http', 'ws')}/realtime{query}", proxy=None)

    with pytest.raises(exceptions.InvalidStatus) as caught:
        asyncio.run(main())
    assert caught.value.response.status_code == status
