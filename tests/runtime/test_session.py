from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.call import FRAME, RATE, WORD_MS, Caller, Held, hear_captions
from tests.support.stages import FakeLlm, FakeStt, LoudIsSpeech, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    AudioIn,
    EndOfText,
    PlaybackStarted,
    SpeechStarted,
    SpeechStopped,
    Text,
    Transcript,
    TurnFailed,
    UserTurn,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.io import Line
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.records import (
    ProviderAttempt,
    StateChanged,
    Tapped,
    ToolFinished,
    TurnBegan,
    TurnEnded,
    Usage,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import AudioError, LinkClosed, ProviderError
from voicepipe.runtime.tools import ToolSet
from voicepipe.speech.tools import tool_spec
from voicepipe.stages.base import Agent, ProviderSlotConfig, Stage, StageContext
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.stt import Stt
from voicepipe.stages.vad import Vad, VadConfig

STORY = ["Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "king ", "who ", "slept."]
STORY_TEXT = "".join(STORY)


async def ask_for_a_story(caller: Caller) -> None:
    await caller.ask("tell me a story")


# ── the cascade ──────────────────────────────────────────────────────────────────────────────────


def test_a_question_is_answered() -> None:
    async def main() -> None:
        held = Held(["It ", "left ", "today."])
        await held.call(lambda caller: caller.ask("where is my order"))
        assert held.turns() == [("completed", "It left today.")]
        assert held.session.conversation.history == [
            Message(role="user", text="where is my order"),
            Message(role="assistant", text="It left today."),
        ]
        assert len(held.speaker.played()) == pytest.approx(3 * WORD_MS * RATE // 1000, abs=500)

    run_on("simulated", main())


def test_no_stage_waits_for_the_one_before_it_to_finish() -> None:
    async def main() -> None:
        held = Held(["Certainly, ", *STORY])
        await held.call(ask_for_a_story)
        times = {type(event): at for at, event in reversed(held.events)}
        # 1 s of speech, 500 ms of silence, 20 ms to the first clause, 10 ms to its first audio
        assert times[TurnBegan] == pytest.approx(1500 * MS, abs=32 * MS)
        assert times[PlaybackStarted] - times[TurnBegan] == 30 * MS
        assert times[EndOfText] - times[TurnBegan] == 220 * MS

    run_on("simulated", main())


def test_several_turns_are_one_conversation() -> None:
    async def two(caller: Caller) -> None:
        await caller.ask("hello")
        await caller.ask("and goodbye")

    async def main() -> None:
        held = Held(["Hello."], ["Bye."])
        await held.call(two)
        assert held.turns() == [("completed", "Hello."), ("completed", "Bye.")]
        assert [message.text for message in held.model.asked[1]] == ["hello", "Hello.", "and goodbye"]

    run_on("simulated", main())


def test_the_agent_greets_and_is_idle_only_after_that() -> None:
    async def main() -> None:
        held = Held(agent=Agent(greeting="Oak Street Clinic.", prompt="Be brief."))
        assert held.session.idle_since is None
        await held.call(Caller.listen)
        assert held.turns() == [("completed", "Oak Street Clinic.")]
        assert held.model.asked == []

    run_on("simulated", main())


def test_a_typed_line_is_answered_aloud() -> None:
    async def typing(caller: Caller) -> None:
        await caller.type("hello")
        await caller.listen()

    async def main() -> None:
        held = Held(["Hello."])
        await held.call(typing)
        assert held.turns() == [("completed", "Hello.")]

    run_on("simulated", main())


def test_the_same_call_gives_the_same_events_each_time() -> None:
    async def main() -> list[str]:
        held = Held(STORY)
        await held.call(ask_for_a_story)
        return [f"{at} {type(event).__name__}" for at, event in held.events]

    assert run_on("simulated", main()) == run_on("simulated", main())


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


def find_order(number: int) -> str:
    """Look an order up."""
    return f"order {number} has left"


def tool_call(name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(id="c1", name=name, arguments=arguments)


def test_a_tool_is_called_and_its_result_spoken() -> None:
    async def main() -> None:
        held = Held(
            ["One ", "moment.", tool_call("find_order", '{"number": 7}')],
            ["It ", "has ", "left."],
            tools=ToolSet(specs=(tool_spec(find_order),)),
        )
        await held.call(lambda caller: caller.ask("where is order seven"))
        assert held.turns() == [("completed", "One moment. It has left.")]
        assert [finished.result for finished in held.of(ToolFinished)] == ["order 7 has left"]
        assert held.model.asked[1][-1] == Message(role="tool", text="order 7 has left", tool_call_id="c1")

    run_on("simulated", main())


def test_the_model_can_end_the_call_and_is_heard_to_the_end() -> None:
    async def patient(caller: Caller) -> None:
        await caller.say("that was all, goodbye")
        await caller.silence(60)

    async def main() -> None:
        held = Held([tool_call("end_call")], ["Good ", "bye."], tools=ToolSet(builtins=("end_call",)))
        await held.call(patient)
        assert held.turns() == [("completed", "Good bye.")]
        assert held.session.clock.now() < 5 * SECOND

    run_on("simulated", main())


# ── interruption ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [0.9, 1.5, 2.7])
def test_of_an_interrupted_reply_history_keeps_only_what_was_heard(after: float) -> None:
    async def interrupting(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(0.6 + after)
        await caller.ask("stop")

    async def main() -> None:
        held = Held(STORY, ["Sorry."])
        silent: list[int] = []
        held.session.observe(
            lambda at, event: (
                silent.append(len(held.speaker.played())) if isinstance(event, TurnEnded) else None
            )
        )
        await held.call(interrupting)
        (status, heard), last = held.turns()
        words = silent[0] / (WORD_MS * RATE / 1000)
        assert status == "interrupted"
        assert STORY_TEXT.startswith(heard)
        assert abs(len(heard.split()) - words) <= 0.5 + 0.1
        assert last == ("completed", "Sorry.")
        told = [message.text for message in held.model.asked[1]]
        assert told == ["tell me a story", heard, "stop"]
        assert len(held.speaker.played()) - silent[0] == pytest.approx(WORD_MS * RATE // 1000, abs=200)

    run_on("simulated", main())


def test_the_model_stops_writing_when_it_is_interrupted() -> None:
    async def interrupting(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(0.55)
        await caller.ask("stop")

    async def main() -> None:
        held = Held(["word "] * 1000, ["Sorry."])
        await held.call(interrupting)
        statuses = [attempt.status for attempt in held.of(ProviderAttempt) if attempt.slot == "llm"]
        assert statuses == ["cancelled", "ok"]
        assert len(held.of(Text)) < 50
        assert sum(usage.amount for usage in held.of(Usage) if usage.slot == "llm") == 2

    run_on("simulated", main())


def test_a_typed_turn_waits_for_what_was_heard_of_the_reply_that_it_replaces() -> None:
    async def typing(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(2.5)
        await caller.type("stop")
        await caller.listen()

    async def main() -> None:
        held = Held(STORY, ["Sorry."])
        await held.call(typing)
        (status, heard), last = held.turns()
        assert (status, last) == ("interrupted", ("completed", "Sorry."))
        assert 1 <= len(heard.split()) <= 6
        assert [message.text for message in held.model.asked[1]] == ["tell me a story", heard, "stop"]

    run_on("simulated", main())


# ── the end of a call ────────────────────────────────────────────────────────────────────────────


async def others() -> set[str]:
    """The names of all other tasks that are left."""
    await settle()
    return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}


def test_a_caller_who_leaves_in_the_middle_of_a_reply_has_heard_only_a_part() -> None:
    async def leaving(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(2)

    async def main() -> None:
        held = Held(STORY)
        await held.call(leaving)
        ((status, heard),) = held.turns()
        assert status == "interrupted"
        assert 1 <= len(heard.split()) <= 5
        assert await others() == set()

    run_on("simulated", main())


def test_hanging_up_ends_the_call_from_anywhere() -> None:
    async def main() -> None:
        held = Held(STORY)
        held.session.clock.call_at(2500 * MS, lambda: held.session.hang_up("enough"))
        await held.call(lambda caller: caller.ask("tell me a story", 1.0))
        assert [status for status, _ in held.turns()] == ["interrupted"]
        assert held.session.clock.now() < 2600 * MS
        assert await others() == set()

    run_on("simulated", main())


def test_a_call_may_be_hung_up_before_it_begins() -> None:
    async def main() -> None:
        held = Held(agent=Agent(greeting="Hello."))
        held.session.hang_up("never mind")
        await held.call(lambda caller: caller.silence(60))
        assert held.session.clock.now() < SECOND

    run_on("simulated", main())


def test_a_quiet_call_that_is_to_end_after_the_reply_ends_at_once() -> None:
    async def main() -> None:
        held = Held()
        held.session.clock.call_at(SECOND, lambda: held.session.hang_up_after_reply("nothing to say"))
        await held.call(lambda caller: caller.silence(60))
        assert held.session.clock.now() == pytest.approx(SECOND, abs=20 * MS)

    run_on("simulated", main())


@pytest.mark.parametrize("at_ms", [10, 1300, 1550, 2000])
def test_a_call_that_is_cancelled_leaves_no_task_behind_and_no_turn_without_an_end(at_ms: int) -> None:
    async def main() -> None:
        held = Held(STORY)
        task = asyncio.ensure_future(held.call(ask_for_a_story))
        await held.session.clock.sleep(at_ms * MS)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert await others() == set()
        assert len(held.of(TurnEnded)) == len(held.of(TurnBegan))

    run_on("simulated", main())


def test_a_loudspeaker_that_hangs_does_not_keep_the_call_alive() -> None:
    async def leaving(caller: Caller) -> None:
        await caller.say("tell me a story")
        await caller.silence(3)

    async def main() -> None:
        held = Held(STORY)
        held.speaker.broken = True
        await held.call(leaving)
        assert held.turns() == [("interrupted", "")]
        assert held.session.clock.now() < 6 * SECOND
        assert await others() == set()

    run_on("simulated", main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_a_model_that_fails_fails_its_turn_and_the_call_goes_on() -> None:
    async def two(caller: Caller) -> None:
        await caller.ask("hello")
        await caller.ask("again")

    async def main() -> None:
        held = Held(["Hel", ProviderError("gone", provider="openai", kind="connection")], ["Hello."])
        await held.call(two)
        assert [turn.status for turn in held.of(TurnEnded)] == ["failed", "completed"]
        assert held.of(TurnEnded)[0].error == "openai: gone"
        assert len(held.of(TurnFailed)) == 1

    run_on("simulated", main())


class Broken(Llm):
    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        async for frame in inbox:
            if type(frame) is UserTurn:
                raise ZeroDivisionError("a bug")


class Deserter(Llm):
    async def run(self, ctx: StageContext, inbox: Inbox[UserTurn], out: Outlet[Text | EndOfText]) -> None:
        return


def llm(kind: type[Llm]) -> dict[str, Stage]:
    async def nobody(*_: Any) -> AsyncIterator[Any]:
        return
        yield

    return {"llm": kind(LlmConfig(), FakeLlm(nobody), Agent())}


def test_a_stage_that_raises_ends_the_call_with_that_exception_and_nothing_hangs() -> None:
    async def main() -> None:
        held = Held(stages=llm(Broken))
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await held.call(ask_for_a_story)
        assert await others() == set()
        assert [turn.status for turn in held.of(TurnEnded)] == ["interrupted"]

    run_on("simulated", main())


def test_a_stage_that_leaves_early_ends_the_call_at_the_first_frame_that_is_sent_to_it() -> None:
    async def main() -> None:
        held = Held(stages=llm(Deserter))
        with pytest.raises(LinkClosed, match="'llm' has left the call, but a UserTurn was sent to it"):
            await held.call(ask_for_a_story)
        assert await others() == set()

    run_on("simulated", main())


def test_a_microphone_that_fails_ends_the_call_with_its_error() -> None:
    async def unplugged(caller: Caller) -> None:
        await caller.silence(1)
        raise AudioError("the microphone has gone")

    async def main() -> None:
        with pytest.raises(AudioError, match="the microphone has gone"):
            await Held().call(unplugged)
        assert await others() == set()

    run_on("simulated", main())


def test_one_call_that_ends_badly_does_not_touch_another() -> None:
    async def main() -> None:
        good, bad = Held(["Fine."]), Held(stages=llm(Broken))
        results = await asyncio.gather(  # noqa: TID251 - two calls side by side, one of which fails
            good.call(ask_for_a_story), bad.call(ask_for_a_story), return_exceptions=True
        )
        assert [type(result).__name__ for result in results] == ["NoneType", "ZeroDivisionError"]
        assert good.turns() == [("completed", "Fine.")]

    run_on("simulated", main())


# ── live sources ─────────────────────────────────────────────────────────────────────────────────


class Burst:
    """A device that hands over two seconds of audio at once."""

    rate = RATE
    live: ClassVar[bool] = True

    async def run(self, out: Outlet[Any], line: Line) -> None:
        for number in range(100):
            await out.send(AudioIn(pcm=np.zeros(FRAME, np.int16), position=number * FRAME, rate=RATE))
        await settle(200)


@pytest.mark.parametrize(("clock", "all_of_it"), [("simulated", True), ("real", False)])
def test_what_a_live_source_gives_too_fast_is_dropped_only_on_the_real_clock(
    clock: Any, all_of_it: bool
) -> None:
    async def main() -> int:
        detector = LoudIsSpeech()
        held = Held(stages={"vad": Vad(VadConfig(), detector, Agent())})
        await held.session.run(Burst(), held.speaker)
        return len(detector.windows)

    windows = run_on(clock, main())
    assert (windows == 2 * RATE // 512) == all_of_it
    assert windows >= RATE // 512 - 1


# ── the log ──────────────────────────────────────────────────────────────────────────────────────


def test_observers_get_the_whole_story_in_order_and_no_audio() -> None:
    async def main() -> None:
        held = Held(["Hello."])
        await held.call(lambda caller: caller.ask("hi"))
        names = [type(event).__name__ for _, event in held.events]
        assert [name for name in names if name not in ("Usage", "ProviderAttempt")] == [
            "SpeechStarted",
            "StateChanged",
            "SpeechStopped",
            "StateChanged",
            "Transcript",
            "TurnBegan",
            "StateChanged",
            "ProviderBegan",
            "Text",
            "EndOfText",
            "ProviderBegan",
            "PlaybackStarted",
            "StateChanged",
            "Heard",
            "Heard",
            "TurnEnded",
            "StateChanged",
        ]
        times = [at for at, _ in held.events]
        assert times == sorted(times)
        assert [change.state for change in held.of(StateChanged)] == [
            "listening",
            "endpointing",
            "processing",
            "speaking",
            "idle",
        ]

    run_on("simulated", main())


def test_the_callers_side_may_write_to_the_log_and_knows_when_the_call_is_idle() -> None:
    async def main() -> None:
        held = Held(["Hello."])
        seen: list[int | None] = []

        async def asking(caller: Caller) -> None:
            seen.append(caller.line.idle_since)
            await caller.say("hi")
            seen.append(caller.line.idle_since)
            await caller.listen()
            seen.append(caller.line.idle_since)

        await held.call(asking)
        (ended,) = held.of(TurnEnded)
        assert seen == [0, None, ended.at_ns]

    run_on("simulated", main())


def test_what_a_tap_gives_goes_to_the_log_and_nowhere_else() -> None:
    async def shout(call: Call, audio: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for hypothesis in hear_captions(call, audio):
            yield type(hypothesis)(text=hypothesis.text.upper(), final=hypothesis.final)

    async def main() -> None:
        second = Stt(ProviderSlotConfig(), FakeStt(shout, captions=True), Agent())
        held = Held(["Hello."], stages={"stt/second": second})
        await held.call(lambda caller: caller.ask("hi"))
        (tapped,) = held.of(Tapped)
        assert (tapped.slot, tapped.frame.text) == ("stt/second", "HI")
        assert [transcript.text for transcript in held.of(Transcript)] == ["hi"]
        assert held.turns() == [("completed", "Hello.")]

    run_on("simulated", main())


def test_a_tap_that_hangs_does_not_hold_up_the_call() -> None:
    async def stuck(call: Call, audio: AsyncIterator[Any]) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield

    async def main() -> None:
        slow = Stt(ProviderSlotConfig(), FakeStt(stuck), Agent())
        held = Held(["Hello."], ["Bye."], stages={"stt/slow": slow})

        async def two(caller: Caller) -> None:
            await caller.ask("hi", 5)
            await caller.ask("bye", 20)

        await held.call(two)
        assert held.turns() == [("completed", "Hello."), ("completed", "Bye.")]

    run_on("simulated", main())


def test_every_stage_gets_each_control_frame_once() -> None:
    seen: list[str] = []

    class Listener(Vad):
        async def run(
            self, ctx: StageContext, inbox: Inbox[AudioIn], out: Outlet[SpeechStarted | SpeechStopped]
        ) -> None:
            async for frame in inbox:
                if type(frame) is not AudioIn:
                    seen.append(type(frame).__name__)

    async def typing(caller: Caller) -> None:
        await caller.type("one")
        await caller.silence(0.5)
        await caller.type("two")
        await caller.listen()

    async def main() -> None:
        listener = Listener(VadConfig(), LoudIsSpeech(), Agent())
        held = Held(STORY, ["Yes."], stages={"vad": listener})
        await held.call(typing)

    run_on("simulated", main())
    assert seen == ["Commit", "Interrupt", "Commit"]
