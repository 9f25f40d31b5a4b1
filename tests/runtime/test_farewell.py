from __future__ import annotations

import asyncio

from tests.support.call import WORD_MS, Caller, Held
from tests.support.stages import settle
from tests.support.tones import tone
from voicepipe.core.clock import run_on
from voicepipe.core.units import SECOND
from voicepipe.runtime.farewell import GOODBYE
from voicepipe.runtime.notices import SpokenNotice

BYE = SpokenNotice("The budget is spent.", 24_000, tone(300, 24_000, 1.5))


async def asks_and_waits(caller: Caller) -> None:
    await caller.say("tell me a story")
    await caller.silence(60)


def held(*words: str) -> Held:
    return Held(list(words), notices={GOODBYE: BYE})


def test_the_last_words_are_heard_to_their_end_and_then_the_call_is_over() -> None:
    async def main() -> None:
        one = held("Once ", "upon ", "a ", "time.")
        one.session.clock.call_at(8 * SECOND, lambda: one.session.part("enough"))
        await one.call(asks_and_waits)
        assert one.turns() == [("completed", "Once upon a time."), ("completed", "The budget is spent.")]
        assert one.session.clock.now() < 10 * SECOND
        sounds_s = one.speaker.played().size / one.speaker.rate
        assert 4 * WORD_MS / 1000 + 1.5 <= sounds_s < 4 * WORD_MS / 1000 + 1.6

    run_on("simulated", main())


def test_a_reply_that_is_under_way_is_cut_off_first() -> None:
    async def main() -> None:
        one = held(*(f"word{number} " for number in range(40)))
        one.session.clock.call_at(4 * SECOND, lambda: one.session.part("enough"))
        await one.call(asks_and_waits)
        (status, heard), last = one.turns()
        assert status == "interrupted"
        assert 1 <= len(heard.split()) < 10
        assert last == ("completed", "The budget is spent.")

    run_on("simulated", main())


def test_a_call_may_say_goodbye_before_it_began() -> None:
    async def main() -> None:
        one = held("Hello.")
        one.session.part("nothing is left")
        await one.call(asks_and_waits)
        assert one.turns() == [("completed", "The budget is spent.")]

    run_on("simulated", main())


def test_a_loudspeaker_that_hangs_is_not_waited_for() -> None:
    async def main() -> None:
        one = held("Hello.")
        one.speaker.broken = True
        one.session.clock.call_at(8 * SECOND, lambda: one.session.part("enough"))
        await one.call(asks_and_waits)
        assert one.turns()[-1] == ("interrupted", "")
        assert one.session.clock.now() < 12 * SECOND
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_on("simulated", main())


def test_without_a_sentence_the_call_just_ends() -> None:
    async def main() -> None:
        one = Held(["Hello."])
        one.session.clock.call_at(8 * SECOND, lambda: one.session.part("enough"))
        await one.call(asks_and_waits)
        assert one.turns() == [("completed", "Hello.")]

    run_on("simulated", main())


def test_who_is_hung_up_on_otherwise_hears_nothing_of_budgets() -> None:
    async def main() -> None:
        one = held("Hello.")
        one.session.clock.call_at(8 * SECOND, lambda: one.session.hang_up("the other side"))
        await one.call(asks_and_waits)
        assert one.turns() == [("completed", "Hello.")]

    run_on("simulated", main())
