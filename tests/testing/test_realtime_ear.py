"""The scripted server's ear: the input buffer, turns that it finds, transcripts, and the idle time-out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from tests.support.realtime import sound
from tests.support.realtime_client import Client, kinds, talk
from voicepipe.testing.realtime_script import Heard, Reply
from voicepipe.testing.realtime_server import RealtimeServer

SILENCE = np.zeros(24 * 20, np.int16)


def session(**detection: Any) -> dict[str, Any]:
    vad = {"type": "server_vad", "create_response": False, **detection}
    return {
        "type": "realtime",
        "audio": {"input": {"turn_detection": vad, "transcription": {"model": "gpt-transcribe"}}},
    }


async def turn(caller: Client, before: int = 400, speech: int = 300, after: int = 600) -> None:
    """In frames of 20 ms, as a microphone gives them."""
    for frame in (*[SILENCE] * (before // 20), *[sound(20)] * (speech // 20), *[SILENCE] * (after // 20)):
        await caller.say(frame)


def test_a_turn_is_told_with_its_padding_and_its_silence_and_becomes_an_item() -> None:
    async def script(caller: Client) -> Any:
        await turn(caller)
        seen = await caller.until("conversation.item.input_audio_transcription.completed")
        return kinds(seen), seen

    names, seen = talk(script, RealtimeServer(heard=["hello"]), session())
    assert names == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    started, stopped, committed, *_, completed = seen
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 1200)
    assert len({event["item_id"] for event in (started, stopped, committed, completed)}) == 1
    assert completed["usage"]["seconds"] == pytest.approx(1.1)


def test_by_default_a_turn_is_answered_and_interrupts_the_answer_before_it() -> None:
    async def script(caller: Client) -> Any:
        await turn(caller)
        await caller.until("response.output_audio.delta")
        await turn(caller)
        first = (await caller.until("response.done"))[-1]["response"]
        second = (await caller.until("response.done"))[-1]["response"]
        return first["status"], first["status_details"]["reason"], second["status"]

    server = RealtimeServer(Reply(text=["A long", " story"], hold_after=1), Reply(text=["Yes?"]))
    assert talk(script, server, session(create_response=True)) == ("cancelled", "turn_detected", "completed")


def test_an_answer_that_may_not_be_interrupted_goes_on() -> None:
    async def script(caller: Client) -> Any:
        await caller.send("response.create")
        await caller.until("response.output_audio.delta")
        await turn(caller)
        await caller.until("conversation.item.done")
        server.go_on()
        return (await caller.until("response.done"))[-1]["response"]["status"]

    server = RealtimeServer(Reply(text=["A long", " story"], hold_after=1))
    assert talk(script, server, session(interrupt_response=False)) == "completed"


def test_less_than_a_tenth_of_a_second_is_no_utterance() -> None:
    async def script(caller: Client) -> Any:
        await caller.say(sound(80))
        error = await caller.refusal("input_audio_buffer.commit", event_id="c")
        committed = await caller.utterance(20)
        await caller.utterance(100)
        await caller.ask("input_audio_buffer.clear", "input_audio_buffer.cleared")
        empty = await caller.refusal("input_audio_buffer.commit")
        return error, committed["previous_item_id"], empty

    error, before, empty = talk(script)
    assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "c")
    assert "only has 80.00ms" in error["message"]
    assert before is None
    assert "only has 0.00ms" in empty["message"]


@pytest.mark.parametrize("heard", [Heard(failed=True), Heard(silent=True), Heard(text="", pieces=[])])
def test_a_transcript_may_fail_never_come_or_be_empty(heard: Heard) -> None:
    async def script(caller: Client) -> Any:
        await caller.utterance()
        await caller.message("after it")
        return server.sessions[0].conversation.items[0].wire["content"][0]["transcript"]

    server = RealtimeServer(heard=[heard])
    found = talk(script, server, {"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    assert not found


def test_the_idle_time_out_counts_the_callers_silence_after_what_was_said() -> None:
    async def script(caller: Client) -> Any:
        await caller.ask("response.create", "response.done")  # 240 ms of audio
        for _ in range(70):
            await caller.say(SILENCE)
        seen = await caller.until("conversation.item.done")
        for _ in range(70):
            await caller.say(SILENCE)
        await caller.send("conversation.item.retrieve", item_id=seen[0]["item_id"])
        return seen + await caller.until("conversation.item.retrieved")

    seen = talk(script, RealtimeServer(Reply(text=["Ann?"])), session(idle_timeout_ms=1000))
    assert kinds(seen)[:2] == ["input_audio_buffer.timeout_triggered", "input_audio_buffer.committed"]
    assert kinds(seen).count("input_audio_buffer.timeout_triggered") == 1  # once after each reply
    triggered = seen[0]
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (240, 1240)


def test_audio_that_is_not_base64_is_refused_and_half_a_sample_is_dropped() -> None:
    async def script(caller: Client) -> Any:
        error = await caller.refusal("input_audio_buffer.append", audio="?")
        await caller.send("input_audio_buffer.append", audio="AQAC")
        await caller.message("after it")
        return error["param"], [pcm.tolist() for pcm in server.sessions[0].ear.audio]

    server = RealtimeServer()
    assert talk(script, server) == ("audio", [[1]])
