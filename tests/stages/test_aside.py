"""What the caller is told while their words are recovered, by the turn stage on its bench."""

from __future__ import annotations

from typing import Any

from tests.support.stages import settle
from tests.support.turn_bench import TurnBench
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    Commit,
    Heard,
    Interrupt,
    Notice,
    Recovered,
    Recovering,
    TurnFailed,
    UserTurn,
)
from voicepipe.core.records import DeadAir, Failed, TurnBegan, TurnEnded
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.speech.turn_rules import SOONER


async def told_to_wait(call: TurnBench) -> None:
    """The caller has spoken for a second, the recogniser is in trouble, and they have been told so."""
    await call.speak()
    await call.clock.sleep(SECOND)
    await call.pause()
    await call.tell(Recovering(turn=None, stage="stt", at_ns=call.clock.now()))
    await call.clock.sleep(1500 * MS)
    await settle()


def controls(call: TurnBench) -> list[tuple[str, int]]:
    return [(type(control).__name__, control.turn) for control in call.broadcasts]  # type: ignore[attr-defined]


def ends(call: TurnBench) -> list[tuple[int, str]]:
    return [(end.turn, end.status) for end in call.of(TurnEnded)]


def test_the_caller_is_asked_for_patience_in_a_turn_of_its_own() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await told_to_wait(call)
            commit, notice = call.broadcasts
            assert isinstance(commit, Commit)
            assert isinstance(notice, Notice)
            assert (notice.turn, notice.name, notice.last) == (1, "wait", True)
            assert [began.user for began in call.of(TurnBegan)] == [""]
            assert call.states()[-1] == "transcribing"
            await call.hear(1)
            assert ends(call) == [(1, "completed")]
            assert call.conversation.history == []

    run_on("simulated", main())


def test_dead_air_is_counted_from_its_end() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await told_to_wait(call)
            await call.play(1)
            await call.clock.sleep(SECOND)
            await call.hear(1)
            await call.clock.sleep(4 * SECOND - SOONER - 1)
            assert call.of(DeadAir) == []
            await call.clock.sleep(1)
            assert [record.turn for record in call.of(DeadAir)] == [None]
            assert call.states()[-1] == "error"
            await call.hear(2)

    run_on("simulated", main())


def test_words_that_come_meanwhile_are_answered_at_once() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await told_to_wait(call)
            await call.play(1)
            await call.tell(Recovered(turn=None, stage="stt", at_ns=call.clock.now()))
            await call.transcribe("where is my order")
            (turn,) = await call.sent()
            assert isinstance(turn, UserTurn)
            assert (turn.turn, turn.text) == (2, "where is my order")
            assert controls(call) == [("Commit", 1), ("Notice", 1), ("Interrupt", 1), ("Commit", 2)]
            assert ends(call) == [(1, "interrupted")]
            await call.play(2)
            await call.hear(2)
        assert ends(call) == [(1, "interrupted"), (2, "completed")]

    run_on("simulated", main())


def test_a_caller_who_goes_on_speaks_over_it() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await told_to_wait(call)
            await call.speak(position=99)
            assert isinstance(call.broadcasts[-1], Interrupt)
            assert call.states()[-1] == "listening"
            late = Heard(turn=1, segment=None, samples=0, final=True, at_ns=call.clock.now())
            await call.tell(late)
            assert call.states()[-1] == "listening"
            assert ends(call) == [(1, "interrupted")]

    run_on("simulated", main())


def test_words_that_are_lost_for_good_are_apologised_for_and_the_log_says_why() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await told_to_wait(call)
            error = ProviderError("gone", provider="stt", kind="connection")
            await call.tell(TurnFailed(turn=None, stage="stt", error=error, at_ns=call.clock.now()))
            await call.transcribe("")
            notice = call.broadcasts[-1]
            assert isinstance(notice, Notice)
            assert (notice.turn, notice.name) == (2, "not_heard")
            assert [record.stage for record in call.of(Failed)] == ["stt"]
            await call.hear(2)
        assert ends(call) == [(1, "interrupted"), (2, "completed")]

    run_on("simulated", main())


def test_the_end_of_the_call_ends_it() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await told_to_wait(call)
            await call.hang_up()
        assert ends(call) == [(1, "interrupted")]

    run_on("simulated", main())


def test_a_tap_in_trouble_is_nothing_to_the_caller() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.speak()
            await call.clock.sleep(SECOND)
            await call.pause()
            frames: list[Any] = [
                Recovering(turn=None, stage="stt/second", at_ns=call.clock.now()),
                TurnFailed(turn=None, stage="stt/second", error="gone", at_ns=call.clock.now()),
            ]
            for frame in frames:
                await call.tell(frame)
            await call.transcribe("")
            await call.clock.sleep(2 * SECOND)
            assert call.broadcasts == []
            assert [record.stage for record in call.of(Failed)] == ["stt/second"]

    run_on("simulated", main())
