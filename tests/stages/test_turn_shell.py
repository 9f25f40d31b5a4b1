from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.turn_bench import RATE, TurnBench
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    Commit,
    Gain,
    Heard,
    Interrupt,
    Notice,
    Pause,
    PlaybackStopped,
    ProviderBegan,
    Resume,
    Segment,
    Skip,
    ToolWaiting,
)
from voicepipe.core.records import (
    DeadAir,
    SpeechIgnored,
    TurnBegan,
    TurnEnded,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.speech.turn_rules import SOONER

# ── a sound while the agent speaks ───────────────────────────────────────────────────────────────


async def spoken_to(call: TurnBench, reply: str = "Hello there my friend.") -> None:
    """A reply is being spoken, and has been for a while."""
    await call.type("hello")
    call.conversation.add_text(1, reply)
    await call.sent()
    await call.play(1)
    await call.clock.sleep(SECOND)
    call.broadcasts.clear()


def test_a_backchannel_is_ducked_for_held_for_and_recorded_as_ignored_with_the_pause_it_cost() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await spoken_to(call)
            await call.speak(position=7)
            await call.clock.sleep(400 * MS)
            await call.pause()
            await call.transcribe("uh-huh", position=7)
            assert [type(control) for control in call.broadcasts] == [Gain, Pause, Resume]
            (ignored,) = call.of(SpeechIgnored)
            assert (ignored.turn, ignored.utterance, ignored.text, ignored.reason, ignored.paused_ns) == (
                *(1, 7, "uh-huh", "backchannel"),
                200 * MS,
            )
            assert call.turns.live == 1
            await call.hear(1)
        assert [e.status for e in call.of(TurnEnded)] == ["completed"]

    run_on("simulated", main())


def test_a_sound_that_was_only_ducked_for_cost_no_pause() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await spoken_to(call)
            await call.speak(position=7)
            await call.clock.sleep(100 * MS)
            await call.pause()
            await call.transcribe("", position=7)
            (ignored,) = call.of(SpeechIgnored)
            assert (ignored.reason, ignored.paused_ns) == ("no_words", 0)
            await call.hear(1)

    run_on("simulated", main())


@pytest.mark.parametrize(
    ("said", "heard", "answer"),
    [
        ("Shall I book it?", 1.0, True),
        ("Shall I book it?", 0.5, True),
        ("I have found something for you on Thursday, shall I book it?", 0.2, False),
        ("I have booked it.", 1.0, False),
    ],
)
def test_a_yes_is_an_answer_once_a_question_has_nearly_been_asked(
    said: str, heard: float, answer: bool
) -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await spoken_to(call, said)
            words = Segment(turn=1, index=0, text=said, rate=RATE, samples=RATE)
            now = call.clock.now()
            await call.tell(Heard(turn=1, segment=words, samples=round(heard * RATE), final=False, at_ns=now))
            await call.speak(position=7)
            await call.clock.sleep(250 * MS)
            await call.pause()
            await call.transcribe("yes", position=7)
            assert (call.turns.live is None) == answer
            await call.hang_up()
            await call.hear(1, 0)

    run_on("simulated", main())


# ── dead air ─────────────────────────────────────────────────────────────────────────────────────


async def begun(call: TurnBench) -> str:
    await call.tell(ProviderBegan(turn=1, stage="llm", asked_ns=0, at_ns=call.clock.now()))
    return "tts"


async def working(call: TurnBench) -> str:
    await call.tell(ToolWaiting(turn=1, on=("find", "book"), at_ns=call.clock.now()))
    return "tool find, book"


async def asked(call: TurnBench) -> str:
    return "llm"


async def dry(call: TurnBench) -> str:
    await call.play(1)
    await call.tell(PlaybackStopped(turn=1, at_ns=call.clock.now()))
    return "tts"


@pytest.mark.parametrize("happens", [asked, begun, working, dry])
def test_a_silent_reply_asks_for_patience_and_the_log_says_which_stage_is_at_fault(
    happens: Callable[[TurnBench], Any],
) -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            fault = await happens(call)
            silent = 4 * SECOND - SOONER
            await call.clock.sleep(silent)
            assert call.of(DeadAir) == [DeadAir(at_ns=silent, turn=1, stage=fault, silent_ns=silent)]
            notice = call.broadcasts[-1]
            assert isinstance(notice, Notice)
            assert (notice.turn, notice.name, notice.last) == (1, "wait", False)
            await call.hang_up()
            await call.hear(1, 0)

    run_on("simulated", main())


def test_a_reply_that_stays_silent_fails_and_is_apologised_for() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            await call.clock.sleep(17 * SECOND)
            notice = call.broadcasts[-1]
            assert isinstance(notice, Notice)
            assert (notice.turn, notice.name, notice.last) == (2, "failed", True)
            await call.hear(1, 0)
            (failed,) = call.of(TurnEnded)
            assert (failed.status, failed.error) == ("failed", "llm gave nothing to be heard")
            await call.clock.sleep(5 * SECOND)
            assert call.states()[-1] == "idle"
            await call.hear(2, 0)
        assert [e.turn for e in call.of(TurnEnded)] == [1, 2]

    run_on("simulated", main())


def test_words_that_never_come_are_apologised_for() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.speak(position=0)
            await call.clock.sleep(SECOND)
            await call.pause()
            await call.clock.sleep(5 * SECOND)
            notice = call.broadcasts[-1]
            assert isinstance(notice, Notice)
            assert (notice.turn, notice.name, notice.last) == (1, "not_heard", True)
            assert [(record.turn, record.stage) for record in call.of(DeadAir)] == [(None, "stt")]
            await call.play(1)
            await call.tell(Heard(turn=1, segment=None, samples=0, final=True, at_ns=0))
            assert call.states()[-1] == "idle"

    run_on("simulated", main())


def test_skipping_leaves_the_call_idle() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await spoken_to(call)
            await call.tell(Skip(turn=1, at_ns=call.clock.now()))
            assert call.states()[-1] == "idle"
            await call.hear(1, RATE // 2)
        assert [(e.status, e.heard) for e in call.of(TurnEnded)] == [("interrupted", "Hello there")]

    run_on("simulated", main())


# ── the end of the call ──────────────────────────────────────────────────────────────────────────


def test_a_quiet_call_ends_at_once() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running() as stage:
            await call.hang_up()
            assert stage.done()

    run_on("simulated", main())


def test_hanging_up_during_a_reply_cuts_it_off_and_waits_for_what_was_heard() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running() as stage:
            await call.type("hello")
            call.conversation.add_text(1, "Hello there my friend.")
            await call.play(1)
            await call.hang_up()
            assert isinstance(call.broadcasts[-1], Interrupt)
            assert not stage.done()
            await call.hear(1, RATE // 2)
            assert stage.done()
        (ended,) = call.of(TurnEnded)
        assert (ended.status, ended.heard) == ("interrupted", "Hello there")

    run_on("simulated", main())


def test_a_loudspeaker_that_tells_nothing_does_not_keep_the_call_alive() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running() as stage:
            await call.type("hello")
            await call.hang_up()
            await call.clock.sleep(SECOND + MS)
            assert stage.done()
        assert [ended.status for ended in call.of(TurnEnded)] == ["interrupted"]

    run_on("simulated", main())


def test_after_the_hang_up_nothing_is_answered() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            await call.sent()
            await call.hang_up()
            await call.type("are you there?")
            await call.say("hello?")
            assert await call.sent() == []
        assert len(call.of(TurnBegan)) == 1

    run_on("simulated", main())


def test_a_stage_that_is_cancelled_leaves_no_turn_without_its_end() -> None:
    async def main() -> None:
        call = TurnBench()
        task = asyncio.ensure_future(call.run())
        await call.interrupted_by_typing()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert sorted((e.turn, e.status) for e in call.of(TurnEnded)) == [
            (1, "interrupted"),
            (2, "interrupted"),
        ]

    run_on("simulated", main())


def test_frames_that_carry_nothing_for_the_policy_are_passed_over() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.tell(Commit(turn=1))
            await call.tell(Interrupt(turn=1))
        assert (call.records, call.broadcasts) == ([], [])

    run_on("simulated", main())
