"""What the scripted server does with a client's events, and what it refuses as the real one does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

from tests.support.realtime_client import NO_VAD, Client, client, talk
from voicepipe.testing.realtime_script import Reply
from voicepipe.testing.realtime_server import RealtimeServer


def test_a_session_begins_with_the_vendors_defaults_and_echoes_what_is_changed() -> None:
    async def script(caller: Client) -> Any:
        update = {
            "type": "realtime",
            "instructions": "Be brief.",
            "output_modalities": ["text"],
            "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}},
        }
        return (await caller.ask("session.update", "session.updated", session=update))["session"]

    session = talk(script, session=None)
    assert (session["model"], session["instructions"]) == ("test-model", "Be brief.")
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.7,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    assert session["audio"]["output"]["voice"] == "marin"


@pytest.mark.parametrize(
    ("session", "text"),
    [
        ({"type": "transcription"}, "transcription session"),
        ({"type": "realtime", "model": "another"}, "model"),
        ({"type": "realtime", "output_modalities": ["text", "audio"]}, "modalities"),
        ({"type": "realtime", "max_output_tokens": 5000}, "max_output_tokens"),
        ({"type": "realtime", "tool_choice": {"type": "function", "name": "x"}}, "'x' not found"),
        ({"type": "realtime", "temperature": 0.8}, "Unknown parameter: 'session.temperature'"),
        ({"type": "realtime", "audio": {"input": {"format": {"type": "pcm16"}}}}, "format"),
        ({"type": "realtime", "audio": {"output": {"voice": "bob"}}}, "'alloy', 'ash'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(session: dict[str, Any], text: str) -> None:
    async def script(caller: Client) -> Any:
        return await caller.refusal("session.update", event_id="mine", session=session)

    error = talk(script)
    assert text in error["message"]
    assert (error["type"], error["event_id"]) == ("invalid_request_error", "mine")


def test_what_is_no_event_is_refused_and_the_connection_goes_on() -> None:
    async def script(caller: Client) -> Any:
        codes = []
        for text in ("{", "[]", '"x"', '{"type": "response.creat"}', '{"type": 5}', '{"type": "x", "y": 1}'):
            await caller.socket.send(text)
            codes.append((await caller.until("error"))[-1]["error"]["code"])
        missing = await caller.refusal("conversation.item.delete", event_id="7")
        webrtc = await caller.refusal("output_audio_buffer.clear")
        await caller.message("still here")
        return codes, missing, webrtc["message"]

    codes, missing, webrtc = talk(script)
    assert codes == ["invalid_json", *["invalid_value"] * 5]
    assert (missing["code"], missing["param"], missing["event_id"]) == (
        "missing_required_parameter",
        "item_id",
        "7",
    )
    assert "WebRTC" in webrtc


def test_only_one_response_writes_to_the_conversation_at_a_time() -> None:
    async def script(caller: Client) -> Any:
        await caller.send("response.create")
        await caller.until("response.content_part.added")
        error = await caller.refusal("response.create")
        aside = {"conversation": "none", "output_modalities": ["text"], "metadata": {"topic": "aside"}}
        await caller.send("response.create", response=aside)
        done = (await caller.until("response.done"))[-1]["response"]
        return error["code"], done["conversation_id"], done["metadata"]

    server = RealtimeServer(Reply(text=["Long"], hold_after=1), Reply(text=["Aside"]))
    assert talk(script, server) == ("conversation_already_has_active_response", None, {"topic": "aside"})


def test_a_response_is_cancelled_by_its_id_or_the_one_that_there_is() -> None:
    async def script(caller: Client) -> Any:
        found = []
        for named in (True, False):
            created = await caller.ask("response.create", "response.created")
            await caller.until("response.output_audio.delta")
            chosen = {"response_id": created["response"]["id"]} if named else {}
            done = await caller.ask("response.cancel", "response.done", **chosen)
            found.append((done["response"]["status"], done["response"]["status_details"]["reason"]))
        return found, (await caller.refusal("response.cancel"))["code"]

    server = RealtimeServer(*[Reply(text=["One", "two"], hold_after=1)] * 2)
    found, nothing = talk(script, server)
    assert found == [("cancelled", "client_cancelled")] * 2
    assert nothing == "response_cancel_not_active"


def test_a_voice_can_not_be_changed_once_it_was_heard() -> None:
    async def script(caller: Client) -> Any:
        voice = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
        await caller.ask("session.update", "session.updated", session=voice)
        await caller.ask("response.create", "response.done")
        await caller.message("after it")
        other = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
        return (await caller.refusal("session.update", session=other))["code"]

    assert talk(script, RealtimeServer(Reply(text=["Hi"]))) == "cannot_update_voice"


def test_the_whole_conversation_is_billed_again_and_what_is_known_is_cached() -> None:
    async def script(caller: Client) -> Any:
        usages = []
        for _ in range(2):
            await caller.utterance(1000)
            done = await caller.ask("response.create", "response.done")
            usages.append(done["response"]["usage"])
        return usages

    first, second = talk(script, RealtimeServer(*[Reply(text=["x" * 50])] * 2))
    assert first["input_token_details"]["audio_tokens"] == 10  # a second of the caller
    assert first["input_token_details"]["cached_tokens"] == 0
    assert first["output_token_details"] == {"text_tokens": 13, "audio_tokens": 60}  # three of the model
    assert second["input_token_details"]["audio_tokens"] == 10 + 60 + 10
    cached = second["input_token_details"]["cached_tokens_details"]
    assert (cached["audio_tokens"], cached["text_tokens"]) == (
        10,
        first["input_token_details"]["text_tokens"],
    )
    assert second["total_tokens"] == second["input_tokens"] + second["output_tokens"]


def test_an_item_is_retrieved_as_it_stands() -> None:
    async def script(caller: Client) -> Any:
        created = await caller.message("Tea")
        found = await caller.ask(
            "conversation.item.retrieve", "conversation.item.retrieved", item_id=created["item"]["id"]
        )
        gone = await caller.refusal("conversation.item.retrieve", item_id="x")
        return found["item"] == created["item"], gone["message"]

    same, gone = talk(script)
    assert same
    assert "'x' does not exist" in gone


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind() -> None:
    async def main() -> Any:
        async with RealtimeServer(Reply(text=["Long"] * 3, hold_after=1)) as server:
            async with client(server, NO_VAD) as caller:
                await caller.ask("response.create", "response.created")
            await server.alone()
            return server.sessions[0].responses

    assert asyncio.run(main()) == []
