"""A Realtime model's replies: audio, words, calls of tools; and what happens to those that nobody wants."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.realtime import WEATHER, Bench, audio, begin_and_leave, items, run, sound, words
from tests.support.workers import make_call
from voicepipe.core.messages import Message, ToolCall
from voicepipe.errors import ProviderError
from voicepipe.providers.openai_realtime_mailbox import Mailbox
from voicepipe.providers.openai_realtime_reply import Reply
from voicepipe.providers.openai_realtime_usage import Context, Tally
from voicepipe.providers.realtime_base import (
    RealtimeSetup,
    ReplyAudio,
    ReplyText,
)
from voicepipe.providers.vendor_errors import broken_off
from voicepipe.testing.realtime_script import Asked, Tool, hum
from voicepipe.testing.realtime_script import Reply as Scripted

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")


# ── replies ──────────────────────────────────────────────────────────────────────────────────────


def test_a_reply_comes_as_words_and_the_very_samples_that_the_server_sent() -> None:
    events = run(lambda bench: bench.respond(), Scripted(text=["Hello,", " caller."]))
    assert words(events) == "Hello, caller."
    assert np.array_equal(audio(events), np.concatenate([hum("Hello,", 24_000), hum(" caller.", 24_000)]))
    assert len({event.item_id for event in events}) == 1


def test_audio_that_is_cut_within_samples_is_put_together() -> None:
    events = run(lambda bench: bench.respond(), Scripted(text=["Hello,", " caller."], odd_cuts=True))
    assert np.array_equal(audio(events), np.concatenate([hum("Hello,", 24_000), hum(" caller.", 24_000)]))


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_g711_goes_both_ways_at_the_rate_of_a_telephone_line(law: str) -> None:
    async def script(bench: Bench) -> Any:
        await bench.speak(200, rate=8000)
        await bench.hear()
        return await bench.respond(), np.concatenate(bench.server.sessions[0].ear.audio)

    events, heard = run(
        script, Scripted(text=["Hello,"]), input_format=law, output_format=law, transcription="off"
    )
    assert np.abs(audio(events) - hum("Hello,", 8000)).max() < 260  # half a step of the loudest segment there
    assert heard.shape == (1600,)
    assert np.abs(heard[:160] - sound(20, 8000)).max() < 260


def test_a_model_that_only_writes_gives_words_and_no_audio() -> None:
    silent = RealtimeSetup(instructions="", speaks=False)
    events = run(lambda bench: bench.respond(), Scripted(text=["Hello,", " caller."]), setup=silent)
    assert [type(event) for event in events] == [ReplyText, ReplyText]
    assert words(events) == "Hello, caller."


def test_tools_are_called_and_their_results_answered() -> None:
    async def script(bench: Bench) -> Any:
        await bench.connection.add(Message(role="user", text="What is the weather in Oslo?"))
        (call,) = await bench.respond()
        await bench.connection.add(Message(role="tool", text='{"sky": "clear"}', tool_call_id=call.id))
        return call, words(await bench.respond()), items(bench.server)

    call, reply, conversation = run(
        script,
        Scripted(tools=[Tool(name="weather", arguments=['{"city"', ': "Oslo"}'], id="call_1")]),
        Scripted(text=["Clear."]),
        setup=RealtimeSetup(instructions="", tools=[WEATHER]),
    )
    assert call == ToolCall(id="call_1", name="weather", arguments='{"city": "Oslo"}')
    assert reply == "Clear."
    assert conversation == [
        ("user", "What is the weather in Oslo?"),
        ("function_call", ""),
        ("function_call_output", '{"sky": "clear"}'),
        ("assistant", "Clear."),
    ]


def test_two_calls_beside_words_come_in_the_models_order() -> None:
    reply = Scripted(text=["Let me look."], tools=[Tool(name="a"), Tool(name="b")])
    events = run(lambda bench: bench.respond(), reply)
    assert words(events) == "Let me look."
    assert [event.name for event in events if isinstance(event, ToolCall)] == ["a", "b"]


def test_words_to_be_read_out_are_asked_for_without_the_conversation_and_without_tools() -> None:
    asked: list[Asked] = []

    def answer(each: Asked) -> Scripted:
        asked.append(each)
        return Scripted(text=["Good morning."])

    async def script(bench: Bench) -> Any:
        await bench.respond(say="Good morning.")
        await bench.respond(say="Still there?", remember=False)
        await bench.respond()
        return items(bench.server)

    conversation = run(script, answer=answer)
    first, second, third = (each.params for each in asked)
    assert first["instructions"].endswith("\n\nGood morning.")
    assert (first["input"], first["tool_choice"], first.get("conversation")) == ([], "none", None)
    assert (second["input"], second["conversation"]) == ([], "none")
    assert set(third) == {"metadata"}
    assert conversation == [("assistant", "Good morning."), ("assistant", "Good morning.")]


def test_a_reply_out_of_the_conversation_may_come_during_another_one() -> None:
    async def script(bench: Bench) -> Any:
        async with aclosing(bench.connection.respond(make_call())) as events:
            first = await anext(events)
            aside = words(await bench.respond(say="One moment.", remember=False))
            bench.server.go_on()
            return aside, words([first, *[event async for event in events]])

    replies = Scripted(text=["It is", " four."], hold_after=1), Scripted(text=["One", " moment."])
    assert run(script, *replies) == ("One moment.", "It is four.")


# ── cancelling and cutting ───────────────────────────────────────────────────────────────────────


def test_a_reply_that_nobody_wants_any_more_is_cancelled_and_its_rest_is_dropped() -> None:
    async def script(bench: Bench) -> Any:
        await begin_and_leave(bench)
        cancelled = await bench.server.seen("response.cancel")
        return cancelled, words(await bench.respond()), bench.server.sessions[0].responses

    held = Scripted(text=["I will", " tell", " you"], hold_after=2)
    cancelled, reply, under_way = run(script, held, Scripted(text=["Yes?"]))
    assert cancelled["response_id"] == "resp_000001"
    assert reply == "Yes?"
    assert under_way == []


def test_a_reply_that_is_left_before_it_begins_is_cancelled_as_well() -> None:
    async def script(bench: Bench) -> Any:
        call = make_call()
        events = bench.connection.respond(call)
        task = asyncio.ensure_future(anext(events))
        await bench.server.seen("response.create")
        task.cancel()
        await asyncio.wait([task])
        await events.aclose()
        await bench.server.seen("response.cancel")
        return words(await bench.respond())

    assert run(script, Scripted(text=["Never heard"], hold_after=0), Scripted(text=["Yes?"])) == "Yes?"


def test_what_was_heard_of_a_reply_is_never_said_to_be_longer_than_it_is() -> None:
    async def script(bench: Bench) -> Any:
        item_id = await begin_and_leave(bench)
        await bench.connection.truncate(item_id, 60)
        await bench.connection.truncate(item_id, 90_000)
        await bench.respond()
        cuts = [event for event in bench.server.received if event["type"] == "conversation.item.truncate"]
        return [cut["audio_end_ms"] for cut in cuts], bench.server.sessions[0].conversation.find(item_id)

    ends, item = run(script, Scripted(text=["Hello", " there"], hold_after=1), Scripted())
    assert ends == [60, 200]
    assert item.audio_ms == 60


def test_a_reply_without_audio_is_deleted_instead_of_cut() -> None:
    async def script(bench: Bench) -> Any:
        events = await bench.respond()
        await bench.connection.truncate(events[0].item_id, 0)
        await bench.respond()
        return items(bench.server)

    silent = RealtimeSetup(instructions="", speaks=False)
    assert run(script, Scripted(text=["Hello"]), Scripted(), setup=silent) == []


# ── replies of any shape ─────────────────────────────────────────────────────────────────────────

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["", "AAAA", "completed", "failed"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["type", "status", "call_id", "name", "arguments", "output", "usage"]), inner
        ),
    ),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [
                "response.created",
                "response.output_audio.delta",
                "response.output_text.delta",
                "response.output_item.done",
                "response.something.new",
                "response.done",
            ]
        )
    },
    optional=dict.fromkeys(("delta", "item_id", "item", "response"), VALUES),
)


@given(st.lists(EVENTS, max_size=12))
def test_a_reply_of_whatever_shape_ends_or_is_a_provider_error(events: list[dict[str, Any]]) -> None:
    async def main() -> None:
        box, call = Mailbox(), make_call()
        for event in events:
            box.put(event, 1)
        box.fail(lambda: broken_off("openai", "gone"))
        tally = Tally(call, Context(), with_context=True, asked=0)
        reply = Reply(box, tally, audio_format="pcm", rate=24_000, key=None, on_audio=lambda item, ms: None)
        came: list[Any] = []
        with contextlib.suppress(ProviderError):
            async for event in reply.events():
                came.append(event)
        assert all(isinstance(event, ReplyAudio | ReplyText | ToolCall) for event in came)
        assert all(amount > 0 for amount in call.usage.values())

    asyncio.run(main())
