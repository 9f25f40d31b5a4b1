from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.support.stages import settle
from tests.support.turn_bench import RATE, TurnBench
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import (
    Commit,
    Gain,
    Heard,
    Interrupt,
    Notice,
    Pause,
    PlaybackStarted,
    SpeechStarted,
    ToolWaiting,
    TurnFailed,
    UserTurn,
)
from voicepipe.core.messages import Message
from voicepipe.core.records import Failed, TurnBegan, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError


class HastyClock(Clock):
    """Rings a microsecond too early, as real loops do within their clock's resolution."""

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return super().call_at(at_ns - 1000, callback)


def test_a_spoken_turn_is_begun_and_sent_on_once_the_silence_has_lasted() -> None:
    async def main() -> None:
        call = TurnBench(min_silence="400ms")
        async with call.running():
            await call.say("where is my order")
            (turn,) = await call.sent()
            assert isinstance(turn, UserTurn)
            assert (turn.turn, turn.text, turn.say) == (1, "where is my order", None)
            assert call.turns.live == 1
            (began,) = call.of(TurnBegan)
            assert (began.user, began.end_of_speech_ns) == ("where is my order", SECOND)
            assert began.wait_over_ns == began.at_ns == 1400 * MS
            assert [type(control) for control in call.broadcasts] == [Commit]
            assert call.conversation.messages(1) == [Message(role="user", text="where is my order")]
            await call.hang_up()
            await call.hear(1)

    run_on("simulated", main())


def test_the_greeting_is_the_first_turn() -> None:
    async def main() -> None:
        call = TurnBench(greeting="Oak Street Clinic.")
        async with call.running():
            await settle()
            (turn,) = await call.sent()
            assert (turn.text, turn.say) == ("", "Oak Street Clinic.")
            await call.play(1)
            await call.hear(1)
        assert call.states() == ["processing", "speaking", "idle"]

    run_on("simulated", main())


def test_a_reply_that_was_played_to_its_end_is_completed() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            call.conversation.add_text(1, "Hello there my friend.")
            await call.play(1)
            await call.hear(1)
        (ended,) = call.of(TurnEnded)
        assert (ended.status, ended.said, ended.heard) == (
            "completed",
            "Hello there my friend.",
            "Hello there my friend.",
        )
        assert call.turns.live is None
        assert call.states() == ["processing", "speaking", "idle"]
        assert call.conversation.history[-1].text == "Hello there my friend."

    run_on("simulated", main())


def test_speech_during_a_reply_is_ducked_for_held_for_and_then_kills_it() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            call.conversation.add_text(1, "Hello there my friend.")
            await call.play(1)
            call.broadcasts.clear()
            await call.into.send(SpeechStarted(position=5, audio_from=5, onset_ns=0, at_ns=0))
            await call.clock.sleep_until(599 * MS)
            duck, pause = call.broadcasts
            assert isinstance(duck, Gain)
            assert (duck.turn, duck.db) == (1, -15.0)
            assert isinstance(pause, Pause)
            assert call.turns.live == 1
            await call.clock.sleep_until(601 * MS)
            assert isinstance(call.broadcasts[-1], Interrupt)
            assert call.turns.live is None
            assert call.of(TurnEnded) == [], "playout hasn't told yet"
            await call.hear(1, RATE // 2)
            (ended,) = call.of(TurnEnded)
            assert (ended.status, ended.heard) == ("interrupted", "Hello there")
        assert call.conversation.history[-1] == Message(role="assistant", text="Hello there")

    run_on("simulated", main())


def test_a_turn_that_fails_is_followed_by_an_apology_that_playout_alone_can_give() -> None:
    async def main() -> None:
        call = TurnBench()
        error = ProviderError("gone", provider="openai", kind="connection")
        async with call.running():
            await call.type("hello")
            await call.sent()
            await call.tell(TurnFailed(turn=1, stage="llm", error=error, at_ns=0))
            interrupt, commit, notice = call.broadcasts[-3:]
            assert isinstance(interrupt, Interrupt)
            assert isinstance(commit, Commit)
            assert isinstance(notice, Notice)
            assert (notice.turn, notice.name, notice.last) == (2, "failed", True)
            await call.hear(1, 0)
            await call.play(2)
            await call.tell(Heard(turn=2, segment=None, samples=0, final=True, at_ns=0))
            assert await call.sent() == []
        assert [(e.turn, e.status, e.error) for e in call.of(TurnEnded)] == [
            (1, "failed", "openai: gone"),
            (2, "completed", None),
        ]
        assert call.states() == ["processing", "error", "idle"]
        assert call.conversation.history == [Message(role="user", text="hello")]

    run_on("simulated", main())


def test_a_failure_before_there_was_a_turn_is_recorded() -> None:
    async def main() -> None:
        call = TurnBench()
        error = ProviderError("deaf", provider="whisper", kind="internal")
        async with call.running():
            await call.tell(TurnFailed(turn=None, stage="stt", error=error, at_ns=7))
        assert call.of(Failed) == [Failed(at_ns=7, stage="stt", error="whisper: deaf")]
        assert call.states() == []

    run_on("simulated", main())


def test_events_of_a_dead_turn_change_nothing() -> None:
    async def main() -> None:
        call = TurnBench()
        error = ProviderError("late", provider="openai", kind="connection")
        async with call.running():
            await call.type("first")
            await call.type("second")
            await call.hear(1, 0)
            for late in (
                PlaybackStarted(turn=1, at_ns=0),
                ToolWaiting(turn=1, on=("find",), at_ns=0),
                TurnFailed(turn=1, stage="llm", error=error, at_ns=0),
                Heard(turn=1, segment=None, samples=0, final=True, at_ns=0),
            ):
                await call.tell(late)
            assert call.turns.live == 2
            assert [(e.turn, e.status) for e in call.of(TurnEnded)] == [(1, "interrupted")]
            await call.play(2)
            await call.hear(2)

    run_on("simulated", main())


def test_a_pause_that_is_too_short_does_not_end_the_turn() -> None:
    async def main() -> None:
        call = TurnBench(min_silence="2s", max_wait="3s")
        async with call.running():
            await call.say("my number is")
            assert await call.sent() == []
            await call.say("four two", position=100)
            await call.clock.sleep(SECOND)
            assert [turn.text for turn in await call.sent()] == ["my number is four two"]
            await call.hear(1)

    run_on("simulated", main())


def test_a_timer_that_rings_a_little_early_still_ends_the_turn() -> None:
    """Nobody would ring again, and the caller would wait for ever."""

    async def main() -> None:
        call = TurnBench(clock=HastyClock())
        async with call.running():
            await call.say("hello")
            assert [turn.text for turn in await call.sent()] == ["hello"]
            await call.hear(1)

    run_on("simulated", main())
