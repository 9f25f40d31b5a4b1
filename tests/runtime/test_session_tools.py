"""Calls in which a tool takes its time, as the caller and the history know them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.call import RATE, WORD_MS, Answer, Caller, Held, hum
from tests.support.stages import FakeTts
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import PlaybackStarted
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.records import ToolFinished, ToolStarted, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError
from voicepipe.providers.base import Speech, Word
from voicepipe.runtime.tools import SAY_AFTER, ToolSet
from voicepipe.speech.tools import ToolSpec, tool, tool_spec
from voicepipe.stages.base import Agent, Stage
from voicepipe.stages.tts import Tts, TtsConfig
from voicepipe.stages.turn import TurnConfig, TurnStage

FIND = ToolCall(id="c1", name="find", arguments="{}")


class Finding:
    """A tool that takes ``seconds``, and when it was executed and cancelled."""

    def __init__(self, seconds: float, *, words: str | None = "Let me look.", **options: Any) -> None:
        self.began: list[int] = []
        self.cancelled: list[int] = []

        async def find() -> str:
            """Find it."""
            loop = asyncio.get_running_loop()
            self.began.append(round(loop.time() * 1000))
            try:
                await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                self.cancelled.append(round(loop.time() * 1000))
                raise
            return "it has left"

        self.spec: ToolSpec = replace(tool_spec(tool(**options)(find)), say_while_running=words)

    @property
    def tools(self) -> ToolSet:
        return ToolSet(specs=(self.spec,))


def hold(*answers: Answer, tools: ToolSet, **stages: Stage) -> Held:
    """A call in which a turn is over after half a second, whatever its words are."""
    config = TurnConfig.model_validate({"strategy": "silence", "min_silence": "500ms"})
    turn = TurnStage(config, None, Agent())
    return Held(*answers, tools=tools, stages={"turn": turn, **stages})


def one_result_each(held: Held) -> bool:
    started = [(event.turn, event.call_id) for event in held.of(ToolStarted)]
    finished = [(event.turn, event.call_id) for event in held.of(ToolFinished)]
    return len(set(started)) == len(started) and sorted(started) == sorted(finished)


def test_the_wait_is_filled_and_the_filler_is_heard_but_is_neither_said_nor_remembered() -> None:
    async def main() -> None:
        spoken: list[str] = []

        async def listening(call: Call, text: str) -> AsyncIterator[Speech | Word]:
            spoken.append(text)
            async for event in hum(call, text):
                yield event

        held = hold(
            [FIND],
            ["It ", "has ", "left."],
            tools=Finding(3).tools,
            tts=Tts(TtsConfig(), FakeTts(listening, rate=24_000), Agent()),
        )
        await held.call(lambda caller: caller.ask("where is it"))
        assert spoken == ["Let me look.", "It has left."]  # neither runs into the other
        (ended,) = held.of(TurnEnded)
        assert (ended.status, ended.said) == ("completed", "It has left.")
        assert held.session.conversation.history[-1] == Message(role="assistant", text="It has left.")
        assert held.session.conversation.remembered(ended.turn) == "It has left."
        assert len(held.speaker.played()) >= 6 * WORD_MS * RATE // 1000 * 0.95
        (started,) = held.of(ToolStarted)
        begun = min(event.at_ns for event in held.of(PlaybackStarted))
        assert started.at_ns + SAY_AFTER <= begun <= started.at_ns + SAY_AFTER + 100 * MS

    run_on("simulated", main())


def test_a_filler_that_is_being_spoken_is_not_cut_off_by_the_result() -> None:
    async def main() -> None:
        held = hold([FIND], ["Left."], tools=Finding(0.4).tools)
        await held.call(lambda caller: caller.ask("where is it"))
        assert held.of(TurnEnded)[0].status == "completed"
        assert len(held.speaker.played()) >= 4 * WORD_MS * RATE // 1000 * 0.95

    run_on("simulated", main())


def test_a_filler_is_interrupted_like_any_speech_and_the_tool_with_it() -> None:
    async def interrupting(caller: Caller) -> None:
        await caller.say("where is it")
        await caller.silence(1.3)  # the filler is being spoken
        await caller.ask("never mind that")

    async def main() -> None:
        finding = Finding(60, side_effect=False, words="One moment please, let me look that up for you now.")
        held = hold([FIND], ["Fine."], tools=finding.tools)
        await held.call(interrupting)
        first, second = held.of(TurnEnded)
        assert (first.status, first.said) == ("interrupted", "")
        assert first.heard.startswith("One moment")
        assert len(first.heard.split()) < 10
        assert (second.status, second.said) == ("completed", "Fine.")
        assert len(finding.began) == len(finding.cancelled) == 1
        assert one_result_each(held)
        history = held.session.conversation.history
        assert [message.role for message in history] == ["user", "assistant", "tool", "user", "assistant"]
        assert [message.text for message in history if message.role == "assistant"] == ["", "Fine."]

    run_on("simulated", main())


def test_what_may_not_be_cancelled_is_executed_once_although_the_caller_asks_again() -> None:
    async def impatient(caller: Caller) -> None:
        await caller.say("book it please")
        await caller.silence(1.5)
        await caller.ask("i said book it please")

    async def main() -> None:
        finding = Finding(6, timeout="30s")
        held = hold([FIND], [FIND], ["Done ", "now."], tools=finding.tools)
        await held.call(impatient)
        assert len(finding.began) == 1
        assert finding.cancelled == []
        assert [event.joined for event in held.of(ToolStarted)] == [False, True]
        assert [event.result for event in held.of(ToolFinished)] == ["it has left"] * 2
        assert one_result_each(held)
        assert held.turns()[-1][0] == "completed"
        assert "still running" in held.model.asked[1][2].text
        answers = [m.text for m in held.session.conversation.history if m.role == "tool"]
        assert answers == ["it has left", "it has left"]

    run_on("simulated", main())


def test_a_caller_who_hangs_up_leaves_no_tool_behind_and_each_has_its_result() -> None:
    async def leaving(caller: Caller) -> None:
        await caller.say("book it please")
        await caller.silence(2.0)

    async def main() -> None:
        finding = Finding(3600, timeout="1h")
        held = hold([FIND], tools=finding.tools)
        await held.call(leaving)
        assert len(finding.began) == len(finding.cancelled) == 1
        assert one_result_each(held)
        assert held.session.clock.now() < 10 * SECOND
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_on("simulated", main())


class Unplugged(Caller):
    """Doesn't hang up, and its line fails when it is told to leave."""

    async def run(self, out: Any, line: Any) -> None:
        try:
            await super().run(out, line)
        except asyncio.CancelledError:
            raise AudioError("the line has gone") from None


async def booking(caller: Caller) -> None:
    await caller.say("book it please")
    await caller.silence(3600)


def test_a_line_that_fails_as_the_call_ends_breaks_no_booking_off() -> None:
    async def main() -> None:
        finding = Finding(6, timeout="30s")
        held = hold([FIND], tools=finding.tools)
        held.session.clock.call_at(4 * SECOND, lambda: held.session.hang_up("enough"))
        with pytest.raises(AudioError, match="the line has gone"):
            await held.session.run(Unplugged(booking), held.speaker)
        assert (len(finding.began), finding.cancelled) == (1, [])
        assert [event.result for event in held.of(ToolFinished)] == ["it has left"]

    run_on("simulated", main())


def test_a_call_that_is_cancelled_waits_for_no_booking() -> None:
    async def main() -> None:
        finding = Finding(6, timeout="30s")
        held = hold([FIND], tools=finding.tools)
        task = asyncio.ensure_future(held.call(booking))
        await held.session.clock.sleep(4 * SECOND)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert finding.cancelled == [4000]
        assert one_result_each(held)

    run_on("simulated", main())


def test_no_booking_is_waited_for_beyond_the_longest_time_of_a_call() -> None:
    async def main() -> None:
        finding = Finding(3600, timeout="1h")
        held = hold([FIND], tools=finding.tools)
        held.session.limit(None, 6 * SECOND)
        await held.call(booking)
        assert len(finding.began) == len(finding.cancelled) == 1
        assert held.session.clock.now() <= 6 * SECOND
        assert one_result_each(held)

    run_on("simulated", main())


def test_a_tool_that_never_returns_is_given_up_and_the_caller_hears_of_it() -> None:
    async def main() -> None:
        finding = Finding(3600, timeout="6s")
        held = hold([FIND], ["Sorry, ", "that ", "failed."], tools=finding.tools)
        await held.call(lambda caller: caller.ask("where is it"))
        (finished,) = held.of(ToolFinished)
        assert finished.error
        assert "no answer within 6s" in finished.result
        assert held.of(TurnEnded)[-1].said == "Sorry, that failed."
        assert held.model.asked[-1][-1].text == finished.result

    run_on("simulated", main())
