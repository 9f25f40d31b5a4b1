"""What the trials of the interaction benchmark are made of, and how they are counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from benchmarks.interaction.report import wilson
from benchmarks.interaction.sounds import MS, RATE, Hesitation, Sound, Spoken, hesitate, phrase, sound
from benchmarks.interaction.trials import Plan
from benchmarks.mocks import MockStt, OracleStt, Told, tell, told
from tests.support.workers import make_workers
from voicepipe.core.calls import Call, Host
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS as MS_NS
from voicepipe.providers.base import Hypothesis


def three_words() -> Sound:
    """Words of 300 ms with 60 ms of silence between them."""
    tone = np.sin(2 * np.pi * 200 * np.arange(300 * MS) / RATE)
    gap = np.zeros(60 * MS)
    words = [
        Spoken(text, n * 360 * MS, (n * 360 + 300) * MS) for n, text in enumerate(("one", "two", "three"))
    ]
    return sound("three words", np.concatenate((tone, gap, tone, gap, tone)), words)


def pause_of(length_ms: int) -> Hesitation:
    pause = hesitate(three_words(), 1, length_ms * MS)
    assert pause is not None
    return pause


@pytest.mark.parametrize("length_ms", [100, 333, 500])
def test_a_pause_lasts_as_long_as_asked_with_the_silence_that_was_there(length_ms: int) -> None:
    pause = pause_of(length_ms)
    assert pause.end - pause.begin == length_ms * MS
    assert pause.begin == 300 * MS
    assert not pause.sound.samples[pause.begin : pause.end].any()
    assert np.abs(pause.sound.samples[pause.end : pause.end + 20 * MS]).max() > 0.05


def test_words_after_a_pause_are_said_later_and_those_before_are_not() -> None:
    whole, pause = three_words(), pause_of(400)
    later = 340 * MS
    assert [word.start for word in pause.sound.words] == [
        whole.words[0].start,
        whole.words[1].start + later,
        whole.words[2].start + later,
    ]
    assert pause.sound.end == whole.end + later


def test_a_pause_that_is_longer_already_is_left_alone() -> None:
    assert hesitate(three_words(), 1, 50 * MS) is None


def test_a_phrase_holds_its_words_and_their_places() -> None:
    part = phrase(three_words(), 1, 3)
    assert part.text == "two three"
    assert part.words[1].start - part.words[0].start == 360 * MS
    assert part.words[-1].end <= part.samples.size


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(400, 400, 0.9905, 1.0), (0, 400, 0.0, 0.0095), (50, 100, 0.4038, 0.5962)],
)
def test_shares_have_the_interval_of_wilson(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_what_is_drawn_for_a_call_comes_from_its_name_alone() -> None:
    first, again, other = (Plan("pause", column, 3).rng().random(4) for column in ("human", "human", "made"))
    assert list(first) == list(again)
    assert list(first) != list(other)


# ── the words that are told ──────────────────────────────────────────────────────────────────────

WORDS = [Told("where", 200 * MS_NS, False), Told("is", 300 * MS_NS, False), Told("it", 500 * MS_NS, True)]


def test_captions_tell_words_with_their_times() -> None:
    assert told([tell(WORDS[:2]), "", tell(WORDS[2:])]) == WORDS


def hear(stt: type[OracleStt] | type[MockStt], until_ms: int) -> list[tuple[float, str, bool]]:
    """When (ms) which words were known, of speech whose pause is noticed at ``until_ms``."""

    async def run() -> list[tuple[float, str, bool]]:
        clock, workers = Clock(), make_workers()
        call = Call(session="test", turn=None, clock=clock, workers=workers)

        async def audio() -> AsyncIterator[Pcm]:
            for end_ms in range(20, until_ms + 1, 20):
                await clock.sleep_until(end_ms * MS_NS)
                ending = [word for word in WORDS if end_ms - 20 < word.end_ns / MS_NS <= end_ms]
                call.captions.append(tell(ending))
                yield np.zeros(320, np.int16)

        known: list[tuple[float, Hypothesis]] = []
        async for hypothesis in stt(stt.Config(), Host(workers=workers, language="en")).transcribe(
            call, audio()
        ):
            known.append((clock.now() / MS_NS, hypothesis))
        return [(at, one.text, one.final) for at, one in known]

    return run_on("simulated", run())


def test_the_oracle_knows_each_word_300_ms_after_it_and_the_last_ones_finally_at_the_pause() -> None:
    assert hear(OracleStt, 700) == [
        (500, "where", False),
        (600, "where is", False),
        (800, "where is it", True),
    ]


def test_the_mock_knows_all_words_100_ms_after_the_last_whatever_the_vad_hears() -> None:
    assert hear(MockStt, 2000) == [(600, "where is it", True)]


def test_the_oracle_knows_no_word_that_nobody_said() -> None:
    async def no_audio() -> AsyncIterator[Pcm]:
        silence: list[Pcm] = []
        for pcm in silence:
            yield pcm

    async def run() -> list[str]:
        workers = make_workers()
        call = Call(session="test", turn=None, clock=Clock(), workers=workers)
        oracle = OracleStt(OracleStt.Config(), Host(workers=workers, language="en"))
        return [hypothesis.text async for hypothesis in oracle.transcribe(call, no_audio())]

    assert asyncio.run(run()) == [""]
