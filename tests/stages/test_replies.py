from __future__ import annotations

from typing import Any

from tests.support.turn_bench import HELLO, RATE, TurnBench
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    Commit,
    Discard,
    Heard,
    ProviderBegan,
    Repeat,
    ToolWaiting,
    TurnFailed,
)
from voicepipe.core.messages import Message
from voicepipe.core.records import (
    TurnBegan,
    TurnDrafted,
    TurnEnded,
)
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError

# ── drafts ───────────────────────────────────────────────────────────────────────────────────────


def drafting(**config: Any) -> TurnBench:
    return TurnBench(speculate=["stt", "llm", "tts"], **config)


def test_a_draft_is_answered_before_the_turn_is_over_and_becomes_it() -> None:
    async def main() -> None:
        call = drafting()
        async with call.running():
            await call.pause_after("where is my order")
            (turn,) = await call.sent()
            assert (turn.turn, turn.text) == (1, "where is my order")
            assert (call.turns.draft, call.turns.live) == (1, None)
            assert [record.user for record in call.of(TurnDrafted)] == ["where is my order"]
            assert call.of(TurnBegan) == []
            assert call.conversation.history == []
            await call.clock.sleep(SECOND)
            assert await call.sent() == [], "it isn't asked twice"
            assert (call.turns.draft, call.turns.live) == (None, 1)
            (began,) = call.of(TurnBegan)
            assert (began.turn, began.end_of_speech_ns, began.wait_over_ns) == (1, SECOND, 1500 * MS)
            assert [type(control) for control in call.broadcasts] == [Commit]
            await call.play(1)
            await call.hear(1)
        assert [(e.turn, e.status) for e in call.of(TurnEnded)] == [(1, "completed")]

    run_on("simulated", main())


def test_the_words_that_were_heard_in_the_end_are_those_that_history_keeps() -> None:
    async def main() -> None:
        call = drafting()
        async with call.running():
            await call.pause_after("where is it", final=False)
            await call.transcribe("Where is it?")
            await call.clock.sleep(SECOND)
            assert [turn.text for turn in await call.sent()] == ["where is it"]
            assert call.conversation.history == [Message(role="user", text="Where is it?")]
            await call.play(1)
            await call.hear(1)

    run_on("simulated", main())


def test_a_caller_who_goes_on_has_the_draft_dropped_and_recorded_as_waste() -> None:
    async def main() -> None:
        call = drafting()
        async with call.running():
            await call.pause_after("my number is")
            call.conversation.add_text(1, "What is")
            await call.speak(position=99)
            assert (call.turns.draft, call.turns.live) == (None, None)
            assert [type(control) for control in call.broadcasts] == [Discard]
            (ended,) = call.of(TurnEnded)
            assert (ended.turn, ended.status, ended.said, ended.heard) == (1, "discarded", "What is", "")
            assert call.conversation.history == []
            assert await call.sent() == []

    run_on("simulated", main())


def test_other_words_replace_the_draft() -> None:
    async def main() -> None:
        call = drafting()
        async with call.running():
            await call.pause_after("where is", final=False)
            await call.transcribe("where is it")
            assert [turn.text for turn in await call.sent()] == ["where is it"], "the first one is dead"
            assert [(e.turn, e.status) for e in call.of(TurnEnded)] == [(1, "discarded")]
            await call.clock.sleep(SECOND)
            assert call.turns.live == 2
            await call.play(2)
            await call.hear(2)
        assert [e.turn for e in call.of(TurnEnded)] == [1, 2]

    run_on("simulated", main())


def test_what_happened_to_a_draft_the_policy_hears_of_at_its_commit() -> None:
    async def main() -> None:
        call = drafting()
        async with call.running():
            await call.pause_after("book it")
            await call.tell(ProviderBegan(turn=1, stage="llm", asked_ns=0, at_ns=call.clock.now()))
            await call.tell(ToolWaiting(turn=1, on=("book",), at_ns=call.clock.now()))
            assert call.states()[-1] == "endpointing"
            await call.clock.sleep(SECOND)
            assert call.states()[-1] == "waiting_for_tool"
            await call.tell(ToolWaiting(turn=1, on=(), at_ns=call.clock.now()))
            await call.play(1)
            await call.hear(1)

    run_on("simulated", main())


def test_a_draft_that_fails_is_tried_once_more_as_a_turn() -> None:
    async def main() -> None:
        call = drafting()
        error = ProviderError("gone", provider="openai", kind="connection")
        async with call.running():
            await call.pause_after("hello")
            await call.sent()
            await call.tell(TurnFailed(turn=1, stage="llm", error=error, at_ns=0))
            (ended,) = call.of(TurnEnded)
            assert (ended.status, ended.error) == ("discarded", "openai: gone")
            await call.clock.sleep(SECOND)
            assert [(turn.turn, turn.text) for turn in await call.sent()] == [(2, "hello")]
            await call.play(2)
            await call.hear(2)
        assert [e.status for e in call.of(TurnEnded)] == ["discarded", "completed"]

    run_on("simulated", main())


def test_a_call_that_ends_with_a_draft_has_it_discarded() -> None:
    async def main() -> None:
        call = drafting()
        async with call.running() as stage:
            await call.pause_after("hello")
            await call.hang_up()
            assert stage.done()
        assert [(e.turn, e.status) for e in call.of(TurnEnded)] == [(1, "discarded")]

    run_on("simulated", main())


# ── repeats ──────────────────────────────────────────────────────────────────────────────────────


def test_a_repeat_says_the_last_reply_s_words_and_isn_t_remembered_again() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            await call.sent()
            call.conversation.add_text(1, "Hello there my friend.")
            await call.play(1)
            await call.hear(1)
            before = list(call.conversation.history)
            await call.tell(Repeat(at_ns=call.clock.now()))
            (turn,) = await call.sent()
            assert (turn.text, turn.say, turn.in_history) == ("", "Hello there my friend.", False)
            await call.play(2)
            await call.tell(Heard(turn=2, segment=None, samples=0, final=True, at_ns=0))
            assert call.conversation.history == before

    run_on("simulated", main())


def test_where_nothing_was_said_nothing_is_repeated() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.tell(Repeat(at_ns=0))
            assert await call.sent() == []
        assert call.of(TurnBegan) == []

    run_on("simulated", main())


# ── what was heard comes late ────────────────────────────────────────────────────────────────────


def test_the_next_turn_waits_to_learn_what_was_heard() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.interrupted_by_typing()
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
        call = TurnBench()
        async with call.running():
            await call.interrupted_by_typing()
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
            await call.play(2)
            await call.hear(2)
        assert [(e.turn, e.status) for e in call.of(TurnEnded)] == [(1, "interrupted"), (2, "completed")]

    run_on("simulated", main())


def test_a_turn_that_dies_while_it_waits_is_never_sent() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.interrupted_by_typing()
            await call.type("third")
            await call.hear(1, 0)
            assert await call.sent() == []
            await call.hear(2, 0)
            assert [turn.text for turn in await call.sent()] == ["third"]
            await call.hear(3)

    run_on("simulated", main())
