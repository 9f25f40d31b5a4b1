from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.support.stages import Bench, settle
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import (
    Commit,
    Heard,
    Interrupt,
    PlaybackStarted,
    Segment,
    Shutdown,
    SpeechStarted,
    SpeechStopped,
    ToolWaiting,
    Transcript,
    TurnFailed,
    TypedText,
    UserTurn,
)
from voicepipe.core.messages import Message
from voicepipe.core.records import Failed, StateChanged, TurnBegan, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.stages.base import Agent
from voicepipe.stages.turn import TurnConfig, TurnStage

RATE = 16_000
HELLO = Segment(turn=1, index=0, text="Hello there my friend.", rate=RATE, samples=RATE)


class HastyClock(Clock):
    """Rings a microsecond too early, as real loops do within their clock's resolution."""

    def call_at(self, at_ns: int, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return super().call_at(at_ns - 1000, callback)


class Call(Bench):
    """The turn stage, with what the other stages would tell it."""

    def __init__(self, *, greeting: str | None = None, clock: Clock | None = None, **config: Any) -> None:
        super().__init__(TurnStage(TurnConfig(**config), None, Agent(greeting=greeting)), clock=clock)

    async def say(self, text: str, *, position: int = 0) -> None:
        """The caller says ``text``, and its transcript comes with the pause. Then time passes."""
        now = self.clock.now()
        start = SpeechStarted(position=position, audio_from=position, onset_ns=now, at_ns=now)
        await self.into.send(start)
        await self.clock.sleep(SECOND)
        await self.into.send(SpeechStopped(position=position + 1, offset_ns=now + SECOND, at_ns=now + SECOND))
        await self.into.send(
            Transcript(utterance=position, revision=0, text=text, final=True, at_ns=self.clock.now())
        )
        await self.clock.sleep(SECOND)

    async def type(self, text: str) -> None:
        await self.into.send(TypedText(text=text, at_ns=self.clock.now()))
        await settle()

    async def tell(self, upward: Any) -> None:
        self.inbox.send_control(upward)
        await settle()

    async def play(self, turn: int) -> None:
        await self.tell(PlaybackStarted(turn=turn, at_ns=self.clock.now()))

    async def hear(self, turn: int, samples: int = RATE, segment: Segment = HELLO) -> None:
        """Playout's last word on ``turn``."""
        now = self.clock.now()
        self.inbox.send_control(Heard(turn=turn, segment=segment, samples=samples, final=False, at_ns=now))
        await self.tell(Heard(turn=turn, segment=None, samples=0, final=True, at_ns=now))

    async def hang_up(self) -> None:
        await self.tell(Shutdown(reason="test"))

    def states(self) -> list[str]:
        return [record.state for record in self.of(StateChanged)]


def test_a_spoken_turn_is_begun_and_sent_on_once_the_silence_has_lasted() -> None:
    async def main() -> None:
        call = Call(min_silence="400ms")
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
        call = Call(greeting="Oak Street Clinic.")
        async with call.running():
            await settle()
            (turn,) = await call.sent()
            assert (turn.text, turn.say) == ("", "Oak Street Clinic.")
            await call.hear(1)
        assert call.states() == ["processing", "idle"]

    run_on("simulated", main())


def test_a_reply_that_was_played_to_its_end_is_completed() -> None:
    async def main() -> None:
        call = Call()
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


def test_speech_during_a_reply_kills_it_and_history_keeps_what_was_heard() -> None:
    async def main() -> None:
        call = Call()
        async with call.running():
            await call.type("hello")
            call.conversation.add_text(1, "Hello there my friend.")
            await call.play(1)
            await call.into.send(SpeechStarted(position=5, audio_from=5, onset_ns=0, at_ns=0))
            await settle()
            assert call.turns.live is None
            assert isinstance(call.broadcasts[-1], Interrupt)
            assert call.of(TurnEnded) == [], "playout hasn't told yet"
            await call.hear(1, RATE // 2)
            (ended,) = call.of(TurnEnded)
            assert (ended.status, ended.heard) == ("interrupted", "Hello there")
        assert call.conversation.history[-1] == Message(role="assistant", text="Hello there")

    run_on("simulated", main())


def test_a_turn_that_fails_is_over_with_its_error() -> None:
    async def main() -> None:
        call = Call()
        error = ProviderError("gone", provider="openai", kind="connection")
        async with call.running():
            await call.type("hello")
            await call.tell(TurnFailed(turn=1, stage="llm", error=error, at_ns=0))
            assert isinstance(call.broadcasts[-1], Interrupt)
            await call.hear(1, 0)
        (ended,) = call.of(TurnEnded)
        assert (ended.status, ended.error) == ("failed", "openai: gone")
        assert call.states() == ["processing", "idle"]

    run_on("simulated", main())


def test_a_failure_before_there_was_a_turn_is_recorded() -> None:
    async def main() -> None:
        call = Call()
        error = ProviderError("deaf", provider="whisper", kind="internal")
        async with call.running():
            await call.tell(TurnFailed(turn=None, stage="stt", error=error, at_ns=7))
        assert call.of(Failed) == [Failed(at_ns=7, stage="stt", error="whisper: deaf")]
        assert call.states() == []

    run_on("simulated", main())


def test_events_of_a_dead_turn_change_nothing() -> None:
    async def main() -> None:
        call = Call()
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
            await call.hear(2)

    run_on("simulated", main())


def test_a_pause_that_is_too_short_does_not_end_the_turn() -> None:
    async def main() -> None:
        call = Call(min_silence="2s")
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
        call = Call(clock=HastyClock())
        async with call.running():
            await call.say("hello")
            assert [turn.text for turn in await call.sent()] == ["hello"]
            await call.hear(1)

    run_on("simulated", main())


# ── what was heard comes late ────────────────────────────────────────────────────────────────────


async def interrupted_by_typing(call: Call) -> None:
    await call.type("first")
    call.conversation.add_text(1, "Hello there my friend.")
    await call.play(1)
    await call.sent()
    await call.type("second")


def test_the_next_turn_waits_to_learn_what_was_heard() -> None:
    async def main() -> None:
        call = Call()
        async with call.running():
            await interrupted_by_typing(call)
            assert call.turns.live == 2
            assert await call.sent() == []
            await call.clock.sleep(30 * MS)
            await call.hear(1, RATE // 2)
            assert [turn.text for turn in await call.sent()] == ["second"]
            asked = [message.text for message in call.conversation.messages(2)]
            assert asked == ["first", "Hello there", "second"]
            await call.hear(2)

    run_on("simulated", main())


def test_it_waits_at_most_100_ms_then_takes_the_estimate_which_a_later_report_corrects() -> None:
    async def main() -> None:
        call = Call()
        async with call.running():
            await interrupted_by_typing(call)
            call.conversation.add_heard(1, HELLO, RATE // 4)
            await call.clock.sleep(99 * MS)
            assert await call.sent() == []
            await call.clock.sleep(2 * MS)
            assert [turn.text for turn in await call.sent()] == ["second"]
            asked = [message.text for message in call.conversation.messages(2)]
            assert asked == ["first", "Hello", "second"]
            await call.hear(1, RATE // 2)
            asked = [message.text for message in call.conversation.messages(2)]
            assert asked == ["first", "Hello there", "second"]
            await call.hear(2)
        assert [(e.turn, e.status) for e in call.of(TurnEnded)] == [(1, "interrupted"), (2, "completed")]

    run_on("simulated", main())


def test_a_turn_that_dies_while_it_waits_is_never_sent() -> None:
    async def main() -> None:
        call = Call()
        async with call.running():
            await interrupted_by_typing(call)
            await call.type("third")
            await call.hear(1, 0)
            assert await call.sent() == []
            await call.hear(2, 0)
            assert [turn.text for turn in await call.sent()] == ["third"]
            await call.hear(3)

    run_on("simulated", main())


# ── the end of the call ──────────────────────────────────────────────────────────────────────────


def test_a_quiet_call_ends_at_once() -> None:
    async def main() -> None:
        call = Call()
        async with call.running() as stage:
            await call.hang_up()
            assert stage.done()

    run_on("simulated", main())


def test_hanging_up_during_a_reply_cuts_it_off_and_waits_for_what_was_heard() -> None:
    async def main() -> None:
        call = Call()
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
        call = Call()
        async with call.running() as stage:
            await call.type("hello")
            await call.hang_up()
            await call.clock.sleep(SECOND + MS)
            assert stage.done()
        assert [ended.status for ended in call.of(TurnEnded)] == ["interrupted"]

    run_on("simulated", main())


def test_after_the_hang_up_nothing_is_answered() -> None:
    async def main() -> None:
        call = Call()
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
        call = Call()
        task = asyncio.ensure_future(call.run())
        await interrupted_by_typing(call)
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
        call = Call()
        async with call.running():
            await call.tell(Commit(turn=1))
            await call.tell(Interrupt(turn=1))
        assert (call.records, call.broadcasts) == ([], [])

    run_on("simulated", main())
