"""The utterance on a simulated clock, with a recogniser that hears a number for each second of speech."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import numpy as np

from tests.support.hearing import blocks, silence
from voicepipe.audio.pcm import Pcm
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import UNRECOGNISED
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.whisper_model import RATE, Clip
from voicepipe.providers.whisper_utterance import Utterance
from voicepipe.speech.decode_gate import DecodeGate
from voicepipe.speech.window import Window


def _speech(seconds: float) -> Pcm:
    return np.random.default_rng(3).integers(-8000, 8000, round(seconds * RATE), dtype=np.int16)


class Recogniser:
    """Hears "w1 w2 …": a word for each whole second of a clip's sound. ``cost_ns`` is what it takes."""

    def __init__(self, cost_ns: int = 50 * MS, *, known: bool = True) -> None:
        self.clock = Clock()
        self.cost_ns = cost_ns
        self.clips: list[Clip] = []
        self.finished = 0
        self.gate = DecodeGate(500 * MS)
        if known:
            self.gate.measured(cost_ns)

    async def text_of(self, clip: Clip) -> str:
        self.clips.append(clip)
        await self.clock.sleep(self.cost_ns)
        self.finished += 1
        window = Window(RATE)
        window.add(clip.pcm)
        return " ".join(f"w{number}" for number in range(1, window.speech_end() // RATE + 1))

    def utterance(self, *, partials: bool = True, keep_committed: bool = False) -> Utterance:
        return Utterance(self.text_of, self.gate, partials=partials, keep_committed=keep_committed)

    async def speak(self, utterance: Utterance, pcm: Pcm) -> list[str]:
        """Speak at the pace of speech; the partial results."""
        return [
            utterance.partial async for block in blocks(pcm, RATE, self.clock) if await utterance.hear(block)
        ]

    async def seconds_to_finish(self, utterance: Utterance) -> tuple[str, float]:
        began = self.clock.now()
        text = await utterance.finish()
        await utterance.close()
        return text, (self.clock.now() - began) / SECOND


def _run(main: Coroutine[Any, Any, None]) -> None:
    run_on("simulated", main)


def test_partial_results_follow_what_successive_decodes_agree_on() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        partials = await recogniser.speak(recogniser.utterance(), _speech(4.5))
        assert partials == ["w1", "w1 w2", "w1 w2 w3"]

    _run(main())


def test_when_the_caller_has_been_silent_for_a_moment_the_pause_costs_nothing() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        utterance = recogniser.utterance()
        await recogniser.speak(utterance, np.concatenate((_speech(3.2), silence(0.3, RATE))))
        decodes = len(recogniser.clips)
        assert await recogniser.seconds_to_finish(utterance) == ("w1 w2 w3", 0.0)
        assert len(recogniser.clips) == decodes

    _run(main())


def test_a_decode_under_way_that_covers_all_of_the_speech_is_waited_for() -> None:
    async def main() -> None:
        recogniser = Recogniser(cost_ns=400 * MS)
        utterance = recogniser.utterance()
        await recogniser.speak(utterance, np.concatenate((_speech(2.3), silence(0.3, RATE))))
        text, seconds = await recogniser.seconds_to_finish(utterance)
        assert text == "w1 w2"
        assert 0 < seconds < 0.4
        assert recogniser.finished == len(recogniser.clips)

    _run(main())


def test_a_decode_under_way_that_lacks_the_last_words_is_discarded() -> None:
    async def main() -> None:
        recogniser = Recogniser(cost_ns=400 * MS)
        utterance = recogniser.utterance()
        await recogniser.speak(utterance, _speech(1.9))  # the second decode began at 1.6 s
        assert await recogniser.seconds_to_finish(utterance) == ("w1", 0.4)
        assert recogniser.finished == len(recogniser.clips) - 1

    _run(main())


def test_a_recogniser_that_is_too_slow_is_asked_only_once_at_the_pause() -> None:
    async def main() -> None:
        recogniser = Recogniser(cost_ns=2 * SECOND)
        utterance = recogniser.utterance()
        pcm = np.concatenate((_speech(3.1), silence(0.3, RATE)))
        assert await recogniser.speak(utterance, pcm) == []
        assert await recogniser.seconds_to_finish(utterance) == ("w1 w2 w3", 2.0)
        assert len(recogniser.clips) == 1

    _run(main())


def test_without_partials_everything_is_decoded_once() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        utterance = recogniser.utterance(partials=False)
        assert await recogniser.speak(utterance, _speech(3.1)) == []
        assert (await recogniser.seconds_to_finish(utterance))[0] == "w1 w2 w3"
        assert len(recogniser.clips) == 1

    _run(main())


def test_the_tail_is_decoded_after_all_but_the_last_word_that_was_committed() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        utterance = recogniser.utterance(keep_committed=True)
        await recogniser.speak(utterance, _speech(3.1))
        await utterance.finish()
        assert utterance.partial == "w1 w2"
        assert recogniser.clips[-1].prefix == "w1"

    _run(main())


def test_committed_words_that_the_last_hypothesis_contradicts_are_not_kept() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        said = iter(["stop", "stop", "turn on"])

        async def text_of(clip: Clip) -> str:
            recogniser.clips.append(clip)
            return next(said, "turn on the lights")

        utterance = Utterance(text_of, recogniser.gate, partials=True, keep_committed=True)
        assert await recogniser.speak(utterance, _speech(1.9)) == ["stop"]
        assert await utterance.finish() == "turn on the lights"
        assert recogniser.clips[-1].prefix == ""

    _run(main())


def test_silence_is_never_decoded() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        for pcm in (silence(0, RATE), silence(2, RATE), silence(100, RATE), _speech(2) // 1000):
            utterance = recogniser.utterance()
            assert await recogniser.speak(utterance, pcm) == []
            assert await utterance.finish() == ""
        assert recogniser.clips == []

    _run(main())


def test_a_click_is_too_short_for_a_word() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        utterance = recogniser.utterance()
        await recogniser.speak(utterance, _speech(0.06))
        assert await utterance.finish() == ""
        assert recogniser.clips == []

    _run(main())


def test_a_long_utterance_is_cut_where_the_caller_breathes() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        utterance = recogniser.utterance()
        pcm = np.concatenate((_speech(20), silence(0.4, RATE), _speech(15.3)))
        partials = await recogniser.speak(utterance, pcm)
        first = " ".join(f"w{number}" for number in range(1, 21))
        second = " ".join(f"w{number}" for number in range(1, 16))
        assert first in partials
        assert await utterance.finish() == f"{first} {second}"
        assert max(len(clip.pcm) for clip in recogniser.clips) <= 30 * RATE

    _run(main())


def test_without_a_breath_no_clip_grows_beyond_what_the_model_takes() -> None:
    async def main() -> None:
        recogniser = Recogniser(cost_ns=6 * SECOND, known=False)
        utterance = recogniser.utterance()
        await utterance.hear(_speech(100))
        text = await utterance.finish()
        assert max(len(clip.pcm) for clip in recogniser.clips) <= 30 * RATE
        assert sum(len(clip.pcm) for clip in recogniser.clips) == 100 * RATE
        assert 90 <= len(text.split()) <= 100

    _run(main())


def test_words_are_kept_when_a_later_window_was_not_recognised() -> None:
    async def main() -> None:
        recogniser = Recogniser()
        answers = iter(["hello", UNRECOGNISED])

        async def text_of(clip: Clip) -> str:
            return next(answers)

        utterance = Utterance(text_of, recogniser.gate, partials=False, keep_committed=False)
        await recogniser.speak(utterance, _speech(27))
        assert await utterance.finish() == "hello"

    _run(main())


def test_speech_that_is_not_recognised_gives_no_partial_result() -> None:
    async def main() -> None:
        recogniser = Recogniser()

        async def text_of(clip: Clip) -> str:
            return UNRECOGNISED

        utterance = Utterance(text_of, recogniser.gate, partials=True, keep_committed=False)
        assert await recogniser.speak(utterance, _speech(3)) == []
        assert await utterance.finish() == UNRECOGNISED

    _run(main())
