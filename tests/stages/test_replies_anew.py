"""Replies that break off before anything of them was heard are begun anew, once."""

from __future__ import annotations

import pytest

from tests.support.turn_bench import HELLO, RATE, TurnBench
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Heard, Interrupt, Notice, PlaybackStarted, PlaybackStopped, TurnFailed
from voicepipe.core.messages import Message, ToolCall
from voicepipe.core.records import TurnBegan, TurnEnded
from voicepipe.errors import ProviderError


async def breaks_off(call: TurnBench, turn: int, *, again: bool = True) -> None:
    error = ProviderError("the connection was lost", provider="openai", kind="connection")
    await call.tell(TurnFailed(turn=turn, stage="llm", error=error, again=again, at_ns=call.clock.now()))


def ends(call: TurnBench) -> list[tuple[int, str]]:
    return [(end.turn, end.status) for end in call.of(TurnEnded)]


def apologised(call: TurnBench) -> bool:
    return any(isinstance(control, Notice) for control in call.broadcasts)


def test_the_same_turn_is_asked_once_more_as_if_nothing_had_been() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.say("where is my order")
            call.conversation.add_text(1, "It left")
            await call.sent()
            await breaks_off(call, 1)
            (turn,) = await call.sent()
            assert (turn.turn, turn.text) == (2, "where is my order")
            assert not apologised(call)
            assert isinstance(call.broadcasts[-2], Interrupt)
            assert call.conversation.messages(2) == [Message(role="user", text="where is my order")]
            (end,) = call.of(TurnEnded)
            assert (end.turn, end.status, end.said, end.heard) == (1, "discarded", "It left", "")
            assert "the connection was lost" in end.error
            first, second = call.of(TurnBegan)
            assert (first.end_of_speech_ns, first.user) == (second.end_of_speech_ns, second.user)
            await call.play(2)
            await call.hear(2)
        assert ends(call) == [(1, "discarded"), (2, "completed")]

    run_on("simulated", main())


def test_the_second_time_it_is_apologised_for() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            await breaks_off(call, 1)
            await breaks_off(call, 2)
            assert apologised(call)
            await call.hear(2, 0)
            await call.hear(3)
        assert ends(call) == [(1, "discarded"), (2, "failed"), (3, "completed")]

    run_on("simulated", main())


def test_the_next_turn_of_the_caller_may_be_begun_anew_again() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            await breaks_off(call, 1)
            await call.play(2)
            await call.hear(2)
            await call.type("hello again")
            await breaks_off(call, 3)
            assert not apologised(call)
            await call.play(4)
            await call.hear(4)

    run_on("simulated", main())


def test_a_greeting_is_begun_anew_with_its_words() -> None:
    async def main() -> None:
        call = TurnBench(greeting="Hello there.")
        async with call.running():
            await call.clock.sleep(1)
            await call.sent()
            await breaks_off(call, 1)
            (turn,) = await call.sent()
            assert (turn.turn, turn.say) == (2, "Hello there.")
            await call.play(2)
            await call.hear(2)

    run_on("simulated", main())


def test_what_was_tried_often_enough_already_is_not_begun_anew() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            await breaks_off(call, 1, again=False)
            assert apologised(call)
            await call.hear(1, 0)
            await call.hear(2)

    run_on("simulated", main())


def test_a_reply_that_has_called_a_tool_is_not_begun_anew() -> None:
    """It may have had effects, and would have them twice."""

    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("book it")
            call.conversation.add_tool_calls(1, [ToolCall(id="c1", name="book", arguments="{}")])
            await breaks_off(call, 1)
            assert apologised(call)
            await call.hear(1, 0)
            await call.hear(2)

    run_on("simulated", main())


@pytest.mark.parametrize("dry", [False, True])
def test_a_reply_that_was_heard_is_not_begun_anew(dry: bool) -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            call.conversation.add_text(1, HELLO.text)
            await call.play(1)
            if dry:
                now = call.clock.now()
                await call.tell(Heard(turn=1, segment=HELLO, samples=RATE // 2, final=False, at_ns=now))
                await call.tell(PlaybackStopped(turn=1, at_ns=now))
            await breaks_off(call, 1)
            assert apologised(call)
            await call.hear(1)
            await call.hear(2)
        assert ends(call) == [(1, "failed"), (2, "completed")]

    run_on("simulated", main())


def test_a_notice_that_was_heard_is_not_the_reply() -> None:
    async def main() -> None:
        call = TurnBench()
        async with call.running():
            await call.type("hello")
            now = call.clock.now()
            await call.tell(PlaybackStarted(turn=1, at_ns=now, filler=True))
            await call.tell(PlaybackStopped(turn=1, at_ns=now))
            await breaks_off(call, 1)
            assert not apologised(call)
            await call.play(2)
            await call.hear(2)

    run_on("simulated", main())
