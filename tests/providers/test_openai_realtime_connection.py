"""The ``openai`` realtime provider against the scripted server: how it begins, and the conversation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.realtime import WEATHER, Bench, begin_and_leave, items, run, words
from voicepipe.core.messages import Message, ToolCall
from voicepipe.providers.realtime_base import (
    RealtimeSetup,
)
from voicepipe.testing.realtime_script import Reply, Tool
from voicepipe.testing.realtime_wire import check_client_event, client_models

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")


def test_an_item_is_replaced_where_it_stands() -> None:
    async def script(bench: Bench) -> Any:
        await bench.connection.add(Message(role="user", text="one"))
        (text,) = await bench.respond()
        await bench.connection.add(Message(role="user", text="three"))
        new = await bench.connection.replace(text.item_id, Message(role="assistant", text="two, but short"))
        await bench.connection.delete(new + "-unknown")
        await bench.respond()
        return items(bench.server)

    setup = RealtimeSetup(instructions="", speaks=False)
    assert run(script, Reply(text=["two, and a long story"]), Reply(), setup=setup) == [
        ("user", "one"),
        ("assistant", "two, but short"),
        ("user", "three"),
    ]


# ── the beginning ────────────────────────────────────────────────────────────────────────────────


def test_a_connection_that_takes_over_is_told_the_history() -> None:
    history = [
        Message(role="user", text="Weather?", note="(This cut your last reply short.)"),
        Message(
            role="assistant",
            text="Let me look.",
            tool_calls=(ToolCall(id="toolu_" + "x" * 40, name="weather", arguments='{"city": "Oslo"}'),),
        ),
        Message(role="tool", text="clear", tool_call_id="toolu_" + "x" * 40),
        Message(role="system", text="The caller's name is Ann."),
    ]

    async def script(bench: Bench) -> Any:
        for message in history:
            await bench.connection.add(message)
        await bench.respond()
        return items(bench.server)

    setup = RealtimeSetup(instructions="Be brief.", tools=[WEATHER])
    assert run(script, Reply(), setup=setup) == [
        ("user", "(This cut your last reply short.) Weather?"),
        ("assistant", "Let me look."),
        ("function_call", ""),
        ("function_call_output", "clear"),
        ("system", "The caller's name is Ann."),
    ]


def test_what_was_said_before_is_put_before_what_has_been_heard_already() -> None:
    async def script(bench: Bench) -> Any:
        await bench.speak(200)
        heard, *_ = await bench.hear()
        for role, text in (("user", "Hello."), ("assistant", "Hi.")):
            message = Message(role=role, text=text)  # type: ignore[arg-type]
            await bench.connection.add(message, before=heard.item_id)
        await bench.connection.add(Message(role="user", text="And?"), before="unknown")
        await bench.respond()
        return items(bench.server)

    assert run(script, Reply(), heard=["Weather?"]) == [
        ("user", "Hello."),
        ("assistant", "Hi."),
        ("user", "Weather?"),
        ("user", "And?"),
    ]


def test_every_event_of_a_whole_session_is_one_of_the_vendors_models() -> None:
    async def script(bench: Bench) -> Any:
        await bench.speak(60)
        await bench.connection.clear()
        await bench.speak(200)
        await bench.hear()
        await begin_and_leave(bench)
        item = await begin_and_leave(bench)
        await bench.connection.truncate(item, 40)
        await bench.connection.add(Message(role="user", text="Weather in Malmö?"))
        (call,) = await bench.respond()
        new = await bench.connection.add(Message(role="tool", text="clear", tool_call_id=call.id))
        await bench.respond(say="Bye.", remember=False)
        await bench.connection.replace(new, Message(role="system", text="The line is bad."))
        await bench.respond()
        return list(bench.server.received)

    replies = (
        *(Reply(text=["Hello", " you"], hold_after=1) for _ in range(2)),
        Reply(tools=[Tool(name="weather")]),
        Reply(text=["Bye."]),
        Reply(text=["Clear."]),
    )
    sent = run(
        script,
        *replies,
        setup=RealtimeSetup(instructions="Be brief.", tools=[WEATHER], finds_turns=False),
        voice="marin",
        speed=1.1,
        noise_reduction="far_field",
        tool_choice="weather",
        max_output_tokens=300,
        truncation={"retention_ratio": 0.8, "tokens": 8000},
        reasoning_effort="low",
        transcription={"model": "gpt-transcribe", "keywords": ["Oak Street"], "prompt": "a clinic"},
    )
    for event in sent:
        check_client_event(event)
    kinds = {event["type"] for event in sent}
    for_other_sessions = {"conversation.item.retrieve", "output_audio_buffer.clear"}
    assert kinds == set(client_models()) - for_other_sessions
    assert len({event["event_id"] for event in sent if "event_id" in event}) == len(
        [event for event in sent if "event_id" in event]
    )


def test_a_server_that_answers_unasked_is_cancelled() -> None:
    async def script(bench: Bench) -> Any:
        bench.server.sessions[0].answer()
        cancelled = await bench.server.seen("response.cancel")
        return cancelled["response_id"], words(await bench.respond())

    unasked = Reply(text=["Did you", " know"], hold_after=1)
    assert run(script, unasked, Reply(text=["Yes?"])) == ("resp_000001", "Yes?")
