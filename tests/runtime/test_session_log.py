from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.call import FRAME, RATE, Caller, Held, hear_captions
from tests.support.stages import FakeStt, LoudIsSpeech, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    AudioIn,
    Prosody,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    Transcript,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.io import Line
from voicepipe.core.records import (
    StateChanged,
    Tapped,
    TurnEnded,
)
from voicepipe.stages.base import Agent, ProviderSlotConfig, StageContext
from voicepipe.stages.stt import Stt
from voicepipe.stages.vad import Vad, VadConfig

STORY = ["Once ", "upon ", "a ", "time ", "there ", "was ", "a ", "king ", "who ", "slept."]
STORY_TEXT = "".join(STORY)


async def ask_for_a_story(caller: Caller) -> None:
    await caller.ask("tell me a story")


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
        assert [name for name in names if name not in ("ProviderAttempt", "CallerLevel")] == [
            "SpeechStarted",
            "StateChanged",
            "Prosody",
            "SpeechPaused",
            "StateChanged",
            "SpeechStopped",
            "Transcript",
            "TurnBegan",
            "StateChanged",
            "ProviderBegan",
            "Text",
            "EndOfText",
            "ProviderBegan",
            "VoiceAudible",
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
            self,
            ctx: StageContext,
            inbox: Inbox[AudioIn],
            out: Outlet[SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped | Prosody],
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
