"""What a fused model's server is told, so that it remembers the call as we do."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.fake_realtime import FakeConnection, FakeRealtime, OnTheLine, call
from tests.support.stages import RATE
from voicepipe.core.frames import AudioIn, Pcm, Segment
from voicepipe.core.messages import ToolCall
from voicepipe.speech.conversation import Conversation
from voicepipe.stages.caller_audio import Utterance
from voicepipe.stages.realtime_memory import MOST_AUDIO, MOST_UTTERANCES, Memory


def told(connection: FakeConnection) -> list[str]:
    """The conversation; an utterance is ``♪``."""
    return [what if isinstance(what, str) else "♪" for what in connection.conversation]


def asked(model: FakeRealtime) -> list[list[str]]:
    """The same at each request of the last connection for a reply."""
    return [[what if isinstance(what, str) else "♪" for what in items] for items in model.last.asked]


def tone(ms: int) -> Pcm:
    pcm: Pcm = (9000 * np.sin(np.arange(24 * ms) * 0.3)).astype(np.int16)
    return pcm


async def exchange(line: OnTheLine, ms: int = 200) -> int:
    """The caller says something and is answered."""
    turn = await line.ask(await line.say(ms))
    await line.over(turn)
    return turn


def test_what_needs_no_answer_is_taken_back_also_before_a_typed_turn() -> None:
    model = FakeRealtime(["Ten."], words=("uh-huh",))

    async def story(line: OnTheLine) -> None:
        await line.say(200)
        await line.silence(200)
        await line.over(await line.ask(typed="what time is it"))

    call(model, story)
    assert asked(model) == [["user: what time is it"]]


def test_what_begins_after_the_turn_belongs_to_the_next_one() -> None:
    model = FakeRealtime(["Ten."], ["Done."])

    async def story(line: OnTheLine) -> None:
        first = await line.say(200)
        await line.silence(200)
        second = await line.say(200)
        await line.silence(200)
        await line.over(await line.ask(first))
        await line.over(await line.ask(second))

    call(model, story)
    assert asked(model)[-1] == ["♪", "♪", "Ten."]


def test_the_words_of_a_turn_that_was_interrupted_before_it_was_asked_are_kept() -> None:
    model = FakeRealtime(["Both."])

    async def story(line: OnTheLine) -> None:
        first = await line.say(200)
        await line.silence(200)
        turns, conversation = line.bench.turns, line.bench.conversation
        turn = turns.prepare()  # a turn that the stage is never told of
        conversation.begin(turn, "turn on the light", (first,))
        turns.commit()
        conversation.commit(turn)
        line.end_turn(turn, completed=False)
        await exchange(line)

    call(model, story)
    assert asked(model) == [["♪", "♪"]]


def test_a_reply_during_which_the_connection_was_lost_is_told_to_the_next_one_in_its_place() -> None:
    model = FakeRealtime(["It is ten."], ["Done."], words=("what time is it", "light"))

    async def story(line: OnTheLine) -> None:
        turn = await line.ask(await line.say(200), text="what time is it")
        await line.silence(300)  # all of the reply has come; it is still being played
        model.last.lose()
        await line.silence(500)
        second = await line.say(200)
        await line.silence(300)
        line.end_turn(turn, completed=True)
        await line.over(await line.ask(second))

    call(model, story)
    assert asked(model) == [["user: what time is it", "assistant: It is ten.", "♪"]]


def test_an_utterance_that_was_answered_before_the_connection_was_lost_is_not_answered_again() -> None:
    model = FakeRealtime(["Ten."], ["Done."], words=("what time is it", "light"))
    model.words_take = 1.0  # its words are waited for when the connection is lost

    async def story(line: OnTheLine) -> None:
        await exchange(line)
        model.last.lose()
        await line.silence(2000)
        assert "♪" in told(model.last)
        await exchange(line)

    line = call(model, story)
    assert asked(model) == [["♪", "assistant: Ten.", "♪"]]
    assert line.finals[0] == "what time is it"


def test_an_utterance_whose_words_nobody_knows_is_sent_again_as_audio() -> None:
    model = FakeRealtime(["Ten."], words=("",))

    async def story(line: OnTheLine) -> None:
        utterance = await line.say(200)
        await line.silence(300)  # placed, and no words were found
        model.last.lose()
        await line.silence(300)
        await line.over(await line.ask(utterance))

    call(model, story)
    assert asked(model) == [["♪"]]


def test_an_utterance_whose_words_are_known_is_told_in_words() -> None:
    model = FakeRealtime(["Ten."], words=("what time is it",))

    async def story(line: OnTheLine) -> None:
        utterance = await line.say(200)
        await line.silence(300)
        model.last.lose()
        await line.silence(300)
        await line.over(await line.ask(utterance))

    call(model, story)
    assert asked(model) == [["user: what time is it"]]
    assert model.hears == 1


def test_the_items_of_a_reply_that_was_cut_off_are_cut_where_it_was_heard() -> None:
    model = FakeRealtime([tone(1000), "One. "], ["Done."])

    async def story(line: OnTheLine) -> None:
        turn = await line.ask(await line.say(200))
        while not (frames := await line.bench.sent()):
            await line.silence(100)
        segment = next(frame.segment for frame in frames if hasattr(frame, "segment"))
        segment.heard = 24_000 // 2
        line.end_turn(turn, completed=False)
        await exchange(line)

    call(model, story)
    assert asked(model)[-1] == ["♪", "One.  [500]", "♪"]


def test_a_reply_that_another_voice_spoke_is_replaced_by_what_was_heard() -> None:
    model = FakeRealtime(["One. Two. Three."], ["Done."])

    async def story(line: OnTheLine) -> None:
        turn = await line.ask(await line.say(200))
        await line.silence(200)
        segment = Segment(turn=turn, index=0, text="One. Two. Three.", rate=RATE, samples=3 * RATE)
        line.bench.conversation.add_heard(turn, segment, RATE)
        line.end_turn(turn, completed=False)
        await exchange(line)

    call(model, story, output="text")
    assert asked(model)[-1] == ["♪", "assistant: One.", "♪"]


def test_a_greeting_of_another_voice_needs_no_connection_and_is_remembered() -> None:
    model = FakeRealtime(["Ten."])
    model.connect_takes = 2.0

    async def story(line: OnTheLine) -> None:
        greeting = await line.ask(say="Hello there!")
        await line.over(greeting)
        assert not model.connections
        await line.silence(3000)
        await exchange(line)

    call(model, story, output="text")
    assert asked(model) == [["assistant: Hello there!", "♪"]]


def test_a_tool_that_answers_late_is_told_once_also_after_the_connection_was_lost() -> None:
    look = ToolCall(id="call_1", name="look", arguments="{}")
    model = FakeRealtime([look], ["Done."], ["Bye."])

    async def story(line: OnTheLine) -> None:
        gate: Any = line.bench.tools

        async def forever() -> str:
            await line.bench.clock.sleep(10**12)
            return ""

        gate.results["look"] = forever
        turn = await line.ask(await line.say(200), text="look")
        await line.silence(200)
        conversation = line.bench.conversation
        conversation.add_tool_result(turn, "call_1", "still running")
        line.end_turn(turn, completed=False)
        await line.silence(100)
        model.last.lose()
        await line.silence(500)
        assert told(model.last)[-1] == "tool: still running"
        conversation.add_tool_result(turn, "call_1", "ten o'clock")
        await exchange(line)
        await exchange(line)

    call(model, story)
    assert [what for what in asked(model)[-1] if what.startswith("tool")] == ["tool: ten o'clock"]


def test_a_caller_whom_nobody_answers_fills_no_memory() -> None:
    memory = Memory(Conversation(""), speaks=True, listen=lambda utterance: None)
    for number in range(3 * MOST_UTTERANCES):
        utterance = Utterance(number * RATE)
        utterance.frames.push(AudioIn(pcm=np.zeros(1, np.int16), position=number * RATE, rate=RATE))
        memory.note_utterance(utterance)
    assert len(memory.utterances) == MOST_UTTERANCES
    assert sum(len(utterance.frames) for utterance in memory.utterances.values()) == MOST_AUDIO
