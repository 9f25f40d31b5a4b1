from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ClassVar

import pytest

from tests.support.playout import PlayoutLine
from tests.support.stages import FakeTts, settle
from tests.support.tones import tone
from tests.support.workers import make_workers
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, ClockName, run_on
from voicepipe.core.frames import Notice
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech, Word
from voicepipe.runtime.notice_cache import NoticeCache
from voicepipe.runtime.notices import SpokenNotice

TEXTS = {"wait": "One moment.", "failed": "Sorry, again please."}
BYE = {"goodbye": "Time is up."}


class Service(FakeTts):
    """Speaks when it may, and knows what it is being asked for."""

    def __init__(self) -> None:
        super().__init__(self._speak)
        self.asked: list[str] = []
        self.most = 0
        self._under_way = 0
        self.may = asyncio.Event()

    async def _speak(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        self.asked.append(text)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            await self.may.wait()
            yield Speech(pcm=tone(300, self.rate, 0.1))
        finally:
            self._under_way -= 1


class OfThisMachine(Service):
    local: ClassVar[bool] = True


def _nobody(message: str) -> None:
    """Tells nobody."""


async def begun(voice: Service, first: dict[str, str] | None = None) -> NoticeCache:
    cache = NoticeCache()
    await cache.begin(TEXTS, first or {}, [voice], clock=Clock(), workers=make_workers(), warn=_nobody)
    return cache


def run(main: Callable[[], Coroutine[Any, Any, None]], clock: ClockName = "real") -> None:
    run_on(clock, main())


def test_a_service_is_not_waited_for_and_what_it_speaks_is_there_as_soon_as_it_is_spoken() -> None:
    async def main() -> None:
        voice = Service()
        cache = await begun(voice)
        assert len(cache) == 0
        voice.may.set()
        await cache.whole()
        assert list(cache) == ["wait", "failed"]
        assert cache["wait"].text == "One moment."
        await cache.stop()

    run(main)


def test_beside_calls_one_is_spoken_at_a_time_since_a_plan_may_allow_no_more_than_two() -> None:
    async def main() -> None:
        voice = Service()
        cache = await begun(voice)
        await settle()
        assert voice.asked == ["One moment."]
        voice.may.set()
        await cache.whole()
        assert voice.most == 1

    run(main)


def test_the_words_that_have_to_be_there_are_waited_for_of_a_service_too() -> None:
    async def main() -> None:
        voice = Service()
        beginning = asyncio.ensure_future(begun(voice, BYE))
        await settle()
        assert not beginning.done()
        voice.may.set()
        assert "goodbye" in await beginning

    run(main)


def test_a_voice_of_this_machine_has_spoken_before_the_first_call() -> None:
    async def main() -> None:
        voice = OfThisMachine()
        voice.may.set()
        assert {*await begun(voice, BYE)} == {*TEXTS, *BYE}

    run(main)


@pytest.mark.parametrize("local_first", [True, False])
def test_with_a_voice_of_this_machine_among_the_fallbacks_all_is_spoken_before(local_first: bool) -> None:
    async def main() -> None:
        voices = [OfThisMachine(), Service()] if local_first else [Service(), OfThisMachine()]
        for voice in voices:
            voice.may.set()
        cache = NoticeCache()
        await cache.begin(TEXTS, {}, voices, clock=Clock(), workers=make_workers(), warn=_nobody)
        assert {*cache} == {*TEXTS}

    run(main)


class Clerk:
    """Is told what is silent, and drops the first message."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, message: str) -> None:
        self.told.append(message)
        if len(self.told) == 1:
            raise OSError("no more room")


async def _no_voice(call: Call, text: str) -> AsyncIterator[Speech | Word]:
    raise ProviderError("no credit", provider="cloud", kind="authentication")
    yield Speech(pcm=tone(300, 16_000, 0.1))


def test_what_goes_wrong_beside_calls_is_raised_by_who_waits_for_all_of_it_and_warned_of_in_any_case() -> (
    None
):
    async def main() -> None:
        cache, clerk = NoticeCache(), Clerk()
        voice = FakeTts(_no_voice)
        await cache.begin(TEXTS, {}, [voice], clock=Clock(), workers=make_workers(), warn=clerk)
        for _ in range(2):
            with pytest.raises(OSError, match="no more room"):
                await cache.whole()
        await cache.stop()
        silent = "the notice 'wait' will be silent: cloud: no credit"
        assert clerk.told == [silent, "notices will be silent: no more room"]

    run(main)


def test_on_a_virtual_clock_each_call_finds_the_same() -> None:
    async def main() -> None:
        voice = Service()
        voice.may.set()
        assert {*await begun(voice)} == {*TEXTS}

    run(main, "simulated")


def test_who_stops_leaves_the_rest_unspoken_and_nobody_waiting() -> None:
    async def main() -> None:
        voice = Service()
        cache = await begun(voice)
        waiting = asyncio.ensure_future(cache.whole())
        await settle()
        await cache.stop()
        await waiting
        assert voice.asked == ["One moment."]
        assert len(cache) == 0

    run(main)


def test_without_a_voice_there_is_nothing_to_wait_for() -> None:
    async def main() -> None:
        cache = NoticeCache()
        await cache.begin(TEXTS, BYE, [], clock=Clock(), workers=make_workers(), warn=_nobody)
        await cache.whole()
        assert len(cache) == 0

    run(main)


def test_playout_speaks_a_notice_that_came_after_the_call_had_begun() -> None:
    async def main() -> None:
        spoken: dict[str, SpokenNotice] = {}
        line = PlayoutLine(notices=spoken)
        async with line.running():
            await settle()
            spoken["wait"] = SpokenNotice("One moment.", 16_000, tone(300, 16_000, 0.2))
            line.inbox.send_control(Notice(turn=line.live_turn(), name="wait", last=True))
            await line.clock.sleep(SECOND)
        assert line.heard() == {-1: 3200}

    run(main, "simulated")
