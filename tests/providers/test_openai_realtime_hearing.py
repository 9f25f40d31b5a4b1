"""What a Realtime server makes of the caller's audio: utterances, their words, and turns that it finds."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.realtime import Bench, items, run, words
from tests.support.workers import make_call
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.openai_realtime_usage import CALLER_MS_PER_TOKEN
from voicepipe.providers.realtime_base import (
    CallerItem,
    CallerSilent,
    CallerStarted,
    CallerStopped,
    RealtimeSetup,
)
from voicepipe.testing.realtime_script import Heard, Reply

pytest.importorskip("openai", reason="needs the extra 'local'")
pytest.importorskip("websockets", reason="needs the extra 'realtime'")

FINDS = RealtimeSetup(instructions="Be brief.", finds_turns=True)


def final(text: str) -> Hypothesis:
    return Hypothesis(text=text, final=True)


def partial(text: str) -> Hypothesis:
    return Hypothesis(text=text, final=False)


async def say_and_hear(bench: Bench) -> tuple[list[Any], Any]:
    call = make_call()
    await bench.speak(400)
    return await bench.hear(call=call), call


def test_an_utterance_becomes_an_item_and_its_words_grow() -> None:
    events, call = run(say_and_hear, heard=["good morning"])
    assert events == [
        CallerItem(item_id="item_000001"),
        partial("good"),
        partial("good morning"),
        final("good morning"),
    ]
    assert call.model == "gpt-transcribe"
    assert call.usage == {("audio_in_ms", False): 400}


def test_words_that_the_recogniser_takes_back_are_not_in_the_final_ones() -> None:
    events, _ = run(say_and_hear, heard=[Heard(text="Good morning.", pieces=["good mourning"])])
    assert events[1:] == [partial("good mourning"), final("Good morning.")]


def test_a_transcript_that_is_billed_by_tokens_is_counted_in_tokens() -> None:
    usage = {
        "type": "tokens",
        "input_tokens": 44,
        "output_tokens": 5,
        "total_tokens": 49,
        "input_token_details": {"audio_tokens": 40, "text_tokens": 4},
    }
    _, call = run(say_and_hear, heard=[Heard(text="yes", usage=usage)])
    assert call.usage == {
        ("audio_tokens_in", False): 40,
        ("tokens_in", False): 4,
        ("tokens_out", False): 5,
    }


def test_without_transcription_the_caller_has_spoken_but_nobody_knows_the_words() -> None:
    events, call = run(say_and_hear, transcription="off")
    assert events == [CallerItem(item_id="item_000001"), final(UNRECOGNISED)]
    assert call.usage == {}
    assert call.model is None


def test_a_transcript_that_fails_is_speech_without_words_and_costs_nothing() -> None:
    events, call = run(say_and_hear, heard=[Heard(failed=True)])
    assert events == [CallerItem(item_id="item_000001"), final(UNRECOGNISED)]
    assert call.usage == {}


def test_a_transcript_that_is_not_waited_for_is_accounted_for_by_the_length_of_the_audio() -> None:
    async def script(bench: Bench) -> Any:
        call = make_call()
        await bench.speak(400)
        async with aclosing(bench.connection.hear(call)) as events:
            await anext(events)
        return call.usage

    assert run(script, heard=[Heard(silent=True)]) == {("audio_in_ms", True): 400}


def test_a_very_short_utterance_is_filled_up_with_silence_to_what_the_server_takes() -> None:
    async def script(bench: Bench) -> Any:
        await bench.speak(20)
        events = await bench.hear()
        return events, bench.server.sessions[0].conversation.items[0].audio_ms

    events, length = run(script, heard=["oh"])
    assert events[-1] == final("oh")
    assert length == 100


def test_without_any_audio_nothing_was_said_and_the_server_is_not_asked() -> None:
    async def script(bench: Bench) -> Any:
        await bench.speak(200)
        await bench.connection.clear()
        call = make_call()
        return await bench.hear(call=call), bench.server.kinds(), call.usage

    events, kinds, usage = run(script)
    assert events == [final("")]
    assert "input_audio_buffer.commit" not in kinds
    assert usage == {}


def test_utterances_one_after_the_other_have_items_and_words_of_their_own() -> None:
    async def script(bench: Bench) -> Any:
        first = await say_and_hear(bench)
        second = await say_and_hear(bench)
        return first[0][0], first[0][-1], second[0][0], second[0][-1], items(bench.server)

    assert run(script, heard=["one", "two"]) == (
        CallerItem(item_id="item_000001"),
        final("one"),
        CallerItem(item_id="item_000002"),
        final("two"),
        [("user", "one"), ("user", "two")],
    )


def test_what_the_model_hears_is_billed_with_its_reply_also_where_that_was_not_reported() -> None:
    async def script(bench: Bench) -> Any:
        await say_and_hear(bench)
        call = make_call()
        await bench.server.drop("freeze")
        async with aclosing(bench.connection.respond(call)) as events:
            task = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        return call.usage

    usage = run(script)
    assert usage["audio_tokens_in", True] == 400 // CALLER_MS_PER_TOKEN
    assert usage["tokens_in", True] > 0


# ── turns that the server finds ──────────────────────────────────────────────────────────────────


async def a_turn(bench: Bench, ms: int = 600) -> CallerStopped:
    """The caller speaks after 200 ms of silence, and is silent long enough."""
    told = len(bench.told)
    await bench.speak(200, loud=False)
    await bench.speak(ms)
    await bench.speak(700, loud=False)
    await bench.until_told(told + 2)
    stopped = bench.told[-1]
    assert isinstance(stopped, CallerStopped)
    return stopped


def test_the_server_tells_when_speech_began_and_ended_without_its_padding_and_silence() -> None:
    async def script(bench: Bench) -> Any:
        stopped = await a_turn(bench)
        return list(bench.told), await bench.hear(stopped.item_id)

    quick = {"type": "server_vad", "prefix_padding": "100ms", "silence_duration": "300ms"}
    told, events = run(script, setup=FINDS, heard=["good morning"], turn_detection=quick)
    assert told == [CallerStarted(audio_ms=200), CallerStopped(audio_ms=800, item_id="item_000001")]
    assert events[0] == CallerItem(item_id="item_000001")
    assert events[-1] == final("good morning")


def test_the_server_never_answers_unasked() -> None:
    async def script(bench: Bench) -> Any:
        stopped = await a_turn(bench)
        await bench.hear(stopped.item_id)
        session = bench.server.sessions[0]
        reply = words(await bench.respond())
        return reply, session.config["audio"]["input"]["turn_detection"], items(bench.server)

    reply, detection, conversation = run(script, Reply(text=["Hello."]), setup=FINDS, heard=["hi"])
    assert (detection["create_response"], detection["interrupt_response"]) == (False, False)
    assert reply == "Hello."
    assert conversation == [("user", "hi"), ("assistant", "Hello.")]


def test_the_words_of_a_turn_are_kept_until_they_are_asked_for_and_accounted_by_its_length() -> None:
    async def script(bench: Bench) -> Any:
        first = await a_turn(bench)
        second = await a_turn(bench)
        later, call = await bench.hear(second.item_id), make_call()
        async with aclosing(bench.connection.hear(call, second.item_id)) as events:
            await anext(events)
        return later[-1], (await bench.hear(first.item_id))[-1], call.usage

    second, first, usage = run(script, setup=FINDS, heard=["one", "two"])
    assert (first, second) == (final("one"), final("two"))
    assert usage == {("audio_in_ms", True): 600}


def test_an_utterance_may_be_ended_before_the_server_has_found_its_end() -> None:
    async def script(bench: Bench) -> Any:
        await bench.speak(400)
        await bench.until_told(1)
        return await bench.hear(), items(bench.server)

    events, conversation = run(script, setup=FINDS, heard=["stop"])
    assert events[-1] == final("stop")
    assert conversation == [("user", "stop")]


def test_an_utterance_that_the_server_has_just_ended_itself_is_the_one_that_is_heard() -> None:
    async def script(bench: Bench) -> Any:
        stopped = await a_turn(bench)
        await bench.connection.clear()
        events = await bench.hear()
        return stopped.item_id, events[0], events[-1]

    item_id, item, last = run(script, setup=FINDS, heard=["stop"])
    assert item == CallerItem(item_id=item_id)
    assert last == final("stop")


def test_the_idle_time_out_is_told_and_nothing_is_answered_to_it() -> None:
    async def script(bench: Bench) -> Any:
        await bench.respond()
        await bench.speak(1200, loud=False)
        await bench.until_told(1)
        return list(bench.told), words(await bench.respond())

    idle = {"type": "server_vad", "idle_timeout": "1s"}
    told, reply = run(
        script, Reply(text=["?"]), Reply(text=["Are you there?"]), setup=FINDS, turn_detection=idle
    )
    assert told == [CallerSilent()]
    assert reply == "Are you there?"


def test_a_model_that_decides_by_the_words_tells_its_own_times() -> None:
    semantic = {"type": "semantic_vad", "eagerness": "high"}

    async def script(bench: Bench) -> Any:
        await a_turn(bench)
        return list(bench.told)

    started, stopped = run(script, setup=FINDS, turn_detection=semantic)
    assert started == CallerStarted(audio_ms=0)
    assert stopped.audio_ms == 1200
