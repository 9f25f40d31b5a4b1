from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.support.stages import RATE, FakeTts, Synthesize
from tests.support.tones import tone
from tests.support.workers import make_host, make_workers
from voicepipe.audio.level import first_audible
from voicepipe.core.calls import NO_SESSION, Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.units import MS, SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech, TtsProvider, Word
from voicepipe.providers.sim import Failure
from voicepipe.providers.sim_tts import SimTts, SimTtsConfig
from voicepipe.runtime.notices import LONGEST, PATIENCE, SpokenNotice, speak_notices

TEXTS = {"wait": "One moment.", "failed": "Sorry, again please."}


class Spoken:
    """What came of it: the notices, the warnings, and how long it took."""

    def __init__(self, voice: Synthesize, texts: dict[str, str] | None = None) -> None:
        self.warnings: list[str] = []
        self.notices, self.took_ns = run_on("simulated", self._speak(voice, texts or TEXTS))

    async def _speak(self, voice: Synthesize, texts: dict[str, str]) -> tuple[dict[str, SpokenNotice], int]:
        clock = Clock()
        notices = await speak_notices(
            texts,
            [FakeTts(voice)],
            clock=clock,
            workers=make_workers(),
            warn=self.warnings.append,
        )
        return notices, clock.now()


async def hum(call: Call, text: str) -> AsyncIterator[Speech | Word]:
    """200 ms of silence and 100 ms of sound for each word, in two blocks, after 50 ms."""
    await call.clock.sleep(50 * MS)
    yield Word(text=text, start_ms=0, end_ms=100)
    yield Speech(pcm=np.zeros(RATE // 5, np.int16))
    for _ in text.split():
        yield Speech(pcm=tone(300, RATE, 0.1))


def test_each_notice_is_spoken_without_the_silence_that_the_voice_begins_with() -> None:
    spoken = Spoken(hum)
    assert {name: notice.text for name, notice in spoken.notices.items()} == TEXTS
    wait = spoken.notices["wait"]
    assert (wait.rate, wait.pcm.dtype) == (RATE, np.int16)
    assert first_audible(wait.pcm, wait.rate) == 0
    assert wait.pcm.size / RATE == pytest.approx(0.2, abs=0.011)
    assert not wait.pcm.flags.writeable
    assert spoken.warnings == []


def test_they_are_spoken_side_by_side_and_for_no_session() -> None:
    calls: list[Call] = []

    async def note(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        calls.append(call)
        async for event in hum(call, text):
            yield event

    assert Spoken(note).took_ns == 50 * MS
    assert [(call.session, call.turn) for call in calls] == [(NO_SESSION, None)] * 2


def test_no_more_than_two_at_a_time_are_asked_of_a_voice() -> None:
    under_way: list[str] = []
    most = []

    async def note(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        under_way.append(text)
        most.append(len(under_way))
        async for event in hum(call, text):
            yield event
        under_way.remove(text)

    spoken = Spoken(note, {str(number): f"This is number {number}." for number in range(5)})
    assert len(spoken.notices) == 5
    assert max(most) == 2
    assert spoken.took_ns == 3 * 50 * MS


def test_markup_in_a_text_is_not_read_out() -> None:
    asked: list[str] = []

    async def note(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        asked.append(text)
        yield Speech(pcm=tone(300, RATE, 0.1))

    Spoken(note, {"wait": "**One** moment! ⏳"})
    assert asked == ["One moment! "]


def test_no_texts_ask_for_nothing() -> None:
    async def fail(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        pytest.fail("the voice was asked")
        yield Speech(pcm=tone(300, RATE, 0.1))

    async def main() -> dict[str, SpokenNotice]:
        return await speak_notices({}, [FakeTts(fail)], clock=Clock(), workers=make_workers())

    assert asyncio.run(main()) == {}


def test_a_notice_that_waits_for_its_turn_is_not_late() -> None:
    async def slow(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        await call.clock.sleep(PATIENCE - SECOND)
        yield Speech(pcm=tone(300, RATE, 0.1))

    spoken = Spoken(slow, {str(number): f"This is number {number}." for number in range(5)})
    assert len(spoken.notices) == 5
    assert spoken.warnings == []
    assert spoken.took_ns == 3 * (PATIENCE - SECOND)


# ── voices that don't work ───────────────────────────────────────────────────────────────────────


async def only_wait(call: Call, text: str) -> AsyncIterator[Speech | Word]:
    if text != TEXTS["wait"]:
        raise ProviderError("no credit", provider="cloud", kind="authentication")
    yield Speech(pcm=tone(300, RATE, 0.1))


def test_a_notice_that_fails_leaves_the_others_alone() -> None:
    spoken = Spoken(only_wait)
    assert list(spoken.notices) == ["wait"]
    assert spoken.warnings == ["the notice 'failed' will be silent: cloud: no credit"]


def test_a_voice_with_a_bug_is_a_warning_too() -> None:
    async def stumble(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        raise IndexError
        yield Speech(pcm=tone(300, RATE, 0.1))

    spoken = Spoken(stumble, {"wait": "One moment."})
    assert spoken.notices == {}
    assert spoken.warnings == ["the notice 'wait' will be silent: IndexError"]


def test_a_voice_that_hangs_holds_the_start_up_for_a_bounded_time() -> None:
    closed: list[str] = []

    async def hang(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        try:
            if text == TEXTS["wait"]:
                yield Speech(pcm=tone(300, RATE, 0.1))
            else:
                await asyncio.Event().wait()
        finally:
            closed.append(text)

    spoken = Spoken(hang)
    assert spoken.took_ns == PATIENCE
    assert list(spoken.notices) == ["wait"]
    assert spoken.warnings == ["the notice 'failed' will be silent: it took more than 10s"]
    assert sorted(closed) == sorted(TEXTS.values())


def test_a_voice_that_was_too_late_for_one_is_not_asked_for_those_that_wait() -> None:
    asked: list[str] = []

    async def hang(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        asked.append(text)
        await asyncio.Event().wait()
        yield Speech(pcm=tone(300, RATE, 0.1))

    spoken = Spoken(hang, {f"{number}": f"Number {number}." for number in range(6)})
    assert spoken.took_ns == PATIENCE
    assert len(asked) == 2
    assert len(spoken.warnings) == 6


@pytest.mark.parametrize("level", [None, 0, 20])
def test_a_voice_without_a_sound_is_a_warning(level: int | None) -> None:
    async def whisper(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        if level is not None:
            yield Speech(pcm=np.full(RATE, level, np.int16))

    spoken = Spoken(whisper, {"wait": "One moment."})
    assert spoken.notices == {}
    assert spoken.warnings == ["the notice 'wait' will be silent: fake-tts: the voice gave no sound"]


def test_a_voice_without_an_end_is_left() -> None:
    made: list[int] = []

    async def babble(call: Call, text: str) -> AsyncIterator[Speech | Word]:
        while True:
            made.append(1)
            yield Speech(pcm=tone(300, RATE, 1.0))

    spoken = Spoken(babble, {"wait": "One moment."})
    assert spoken.notices == {}
    assert len(made) == LONGEST // SECOND + 1
    assert "didn't end within 20s of audio" in spoken.warnings[0]


# ── sim ──────────────────────────────────────────────────────────────────────────────────────────


async def sim_voice(config: SimTtsConfig, *, with_notices: bool) -> list[tuple[int, int]]:
    """How long after they were asked for a session's two first sentences begin, and their samples."""
    voice: TtsProvider = SimTts(config, make_host())
    if with_notices:
        notices = await speak_notices(TEXTS, [voice], clock=Clock(), workers=make_workers())
        assert notices.keys() == TEXTS.keys()
    clock, found = Clock(), []
    for _ in range(2):
        call = Call(session="s", turn=1, clock=clock, workers=make_workers())
        began, samples, first = clock.now(), 0, 0
        async for event in voice.synthesize(call, "Hello there."):
            first = first or clock.now() - began
            samples += event.pcm.size if isinstance(event, Speech) else 0
        found.append((first, samples))
    return found


def test_notices_dont_change_what_a_session_hears_from_the_simulated_voice() -> None:
    config = SimTtsConfig.model_validate({"first_audio": {"p50": "80ms", "p99": "300ms"}})
    without = run_on("simulated", sim_voice(config, with_notices=False))
    assert without[0] != without[1], "latencies come by chance"
    assert run_on("simulated", sim_voice(config, with_notices=True)) == without


def test_the_failures_of_the_simulated_voice_are_those_of_the_calls() -> None:
    config = SimTtsConfig(fail=Failure(kind="connection"))
    with pytest.raises(ProviderError, match="call 1 of the session fails"):
        run_on("simulated", sim_voice(config, with_notices=True))
