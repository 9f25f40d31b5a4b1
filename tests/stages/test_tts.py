from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.support.stages import Bench, FakeTts, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import AudioOut, EndOfAudio, EndOfText, Frame, Pcm, Text, TurnFailed, Word
from voicepipe.core.records import ProviderAttempt
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech
from voicepipe.stages.base import Agent
from voicepipe.stages.tts import Tts, TtsConfig

RATE = 24_000
BLOCK = RATE // 50


def loud(samples: int) -> Pcm:
    return (np.arange(samples) % 2 * 8000 + 4000).astype(np.int16)


class Voice:
    """Speaks each chunk as the given blocks; keeps the chunks."""

    def __init__(self, *events: Speech | Word | Exception) -> None:
        self.events = events or (Speech(pcm=loud(BLOCK)),)
        self.spoken: list[str] = []

    async def __call__(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        self.spoken.append(text)
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event


def bench(voice: Voice, **config: Any) -> Bench:
    return Bench(Tts(TtsConfig(**config), FakeTts(voice, rate=RATE), Agent()))


def texts(turn: int, *tokens: str, in_history: bool = True) -> list[Frame]:
    return [*(Text(turn=turn, text=t, in_history=in_history) for t in tokens), EndOfText(turn=turn)]


def audio(frames: list[Any]) -> Pcm:
    blocks = [frame.pcm for frame in frames if isinstance(frame, AudioOut)]
    return np.concatenate([np.zeros(0, np.int16), *blocks])


# ── chunks ───────────────────────────────────────────────────────────────────────────────────────


def test_a_sentence_is_spoken_while_the_model_still_writes_the_next() -> None:
    async def main() -> None:
        voice = Voice()
        on = bench(voice)
        turn = on.live_turn()
        async with on.running():
            for token in ("It", " is", " late", "."):
                await on.into.send(Text(turn=turn, text=token))
            await settle()
            assert voice.spoken == ["It is late."]
            for frame in texts(turn, " Good", " night", "."):
                await on.into.send(frame)
        assert voice.spoken == ["It is late.", "Good night."]
        sent = await on.sent()
        assert [type(frame) for frame in sent] == [AudioOut, AudioOut, EndOfAudio]
        assert [frame.segment.index for frame in sent[:2]] == [0, 1]

    run_on("simulated", main())


def test_where_chunks_end_is_configured() -> None:
    async def main(**chunk: str) -> list[str]:
        voice = Voice()
        on = bench(voice, chunk=chunk)
        await on.given(*texts(on.live_turn(), "Yes", " of course", " madam,", " it is late."))
        return voice.spoken

    assert run_on("simulated", main()) == ["Yes of course madam,", "it is late."]
    assert run_on("simulated", main(first="sentence")) == ["Yes of course madam, it is late."]


def test_a_phrase_is_spoken_with_a_comma_that_the_segment_does_not_have() -> None:
    async def main() -> None:
        voice = Voice()
        on = bench(voice)
        sent = await on.given(
            *texts(on.live_turn(), "It", " arrives", " today", " because", " I", " say so.")
        )
        assert voice.spoken == ["It arrives today,", "because I say so."]
        assert [frame.segment.text for frame in sent[:2]] == ["It arrives today", "because I say so."]

    run_on("simulated", main())


def test_phrases_are_those_of_the_agents_language() -> None:
    async def main(language: str) -> list[str]:
        voice = Voice()
        on = Bench(Tts(TtsConfig(), FakeTts(voice, rate=RATE), Agent(language=language)))
        tokens = ("Ihre", " Bestellung", " kommt", " am", " Freitag", ".")
        await on.given(*texts(on.live_turn(), *tokens))
        return voice.spoken

    assert run_on("simulated", main("de-AT")) == ["Ihre Bestellung kommt,", "am Freitag."]
    assert run_on("simulated", main("en")) == ["Ihre Bestellung kommt am Freitag."]


def test_markup_is_not_spoken_and_nothing_but_signs_neither() -> None:
    async def main() -> None:
        voice = Voice()
        on = bench(voice)
        sent = await on.given(*texts(on.live_turn(), "**Good** night. ", "!! 🎉"))
        assert voice.spoken == ["Good night."]
        assert isinstance(sent[-1], EndOfAudio)

    run_on("simulated", main())


def test_a_reply_without_a_word_has_an_end_all_the_same() -> None:
    async def main() -> None:
        on = bench(Voice())
        assert [type(frame) for frame in await on.given(EndOfText(turn=on.live_turn()))] == [EndOfAudio]

    run_on("simulated", main())


def test_a_new_reply_begins_anew_with_what_is_left_of_the_old_one_forgotten() -> None:
    async def main() -> None:
        voice = Voice()
        on = bench(voice)
        async with on.running():
            await on.into.send(Text(turn=on.live_turn(), text="I was about to"))
            await settle()
            on.turns.interrupt()
            for frame in texts(on.live_turn(), "Yes?"):
                await on.into.send(frame)
        assert voice.spoken == ["Yes?"]
        assert [frame.segment.index for frame in await on.sent() if isinstance(frame, AudioOut)] == [0]

    run_on("simulated", main())


def test_a_notice_is_marked_as_no_history() -> None:
    async def main() -> None:
        on = bench(Voice())
        sent = await on.given(*texts(on.live_turn(), "One moment.", in_history=False))
        assert not sent[0].segment.in_history

    run_on("simulated", main())


# ── audio ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sizes", [(BLOCK,), (10 * BLOCK + 7,), (1, 2, 3), (BLOCK - 1,) * 5, (5 * BLOCK, 1)])
def test_audio_of_any_block_size_goes_out_whole_in_frames_of_at_most_20_ms(sizes: tuple[int, ...]) -> None:
    async def main() -> None:
        pcm = loud(sum(sizes))
        blocks = np.split(pcm, np.cumsum(sizes)[:-1])
        on = bench(Voice(*(Speech(pcm=block) for block in blocks)))
        sent = await on.given(*texts(on.live_turn(), "Hello."))
        assert np.array_equal(audio(sent), pcm)
        assert all(0 < frame.pcm.size <= BLOCK for frame in sent[:-1])
        assert sent[0].segment.samples == sent[0].segment.made == len(pcm)

    run_on("simulated", main())


def test_the_silence_that_a_voice_begins_with_is_not_played() -> None:
    async def main() -> None:
        silence = np.zeros(RATE // 5, np.int16)
        on = bench(Voice(Speech(pcm=silence), Speech(pcm=loud(RATE))))
        sent = await on.given(*texts(on.live_turn(), "Hello."))
        segment = sent[0].segment
        assert len(audio(sent)) == segment.samples == RATE + RATE // 5 - segment.trimmed
        assert segment.trimmed == pytest.approx(RATE * 0.19, abs=RATE * 0.005)

    run_on("simulated", main())


def test_a_chunk_of_nothing_but_silence_is_a_short_one() -> None:
    async def main() -> None:
        on = bench(Voice(Speech(pcm=np.zeros(RATE // 10, np.int16))))
        sent = await on.given(*texts(on.live_turn(), "Hello."))
        assert 0 < len(audio(sent)) == sent[0].segment.samples <= RATE // 50

    run_on("simulated", main())


def test_the_words_of_the_voice_go_with_their_segment() -> None:
    async def main() -> None:
        word = Word(text="Hello", start_ms=0, end_ms=300)
        on = bench(Voice(word, Speech(pcm=loud(BLOCK))))
        sent = await on.given(*texts(on.live_turn(), "Hello."))
        assert sent[0].segment.words == [word]
        assert (sent[0].segment.text, sent[0].segment.rate) == ("Hello.", RATE)

    run_on("simulated", main())


def test_it_is_known_how_much_was_made_before_a_segment_is_complete() -> None:
    async def main() -> None:
        on = bench(Voice(Speech(pcm=loud(10 * BLOCK + 5)), Speech(pcm=loud(BLOCK))))
        async with on.running():
            for frame in texts(on.live_turn(), "Hello."):
                await on.into.send(frame)
            first = await anext(on.sink)
            assert first.segment.made >= 10 * BLOCK + 5

    run_on("simulated", main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_a_voice_that_fails_fails_the_turn_and_not_the_stage() -> None:
    async def main() -> None:
        error = ProviderError("no such voice", provider="fake-tts", kind="bad_request")
        on = bench(Voice(Speech(pcm=loud(BLOCK)), error))
        turn = on.live_turn()
        sent = await on.given(*texts(turn, "Hello."))
        assert [type(frame) for frame in sent][:1] == [AudioOut]
        (failure,) = (report for report in on.reports if isinstance(report, TurnFailed))
        assert (failure.turn, failure.stage, failure.error) == (turn, "tts", error)

    run_on("simulated", main())


def test_a_turn_that_dies_stops_the_voice() -> None:
    async def main() -> None:
        on = bench(Voice(*[Speech(pcm=loud(RATE))] * 3000))
        async with on.running():
            turn = on.live_turn()
            await on.into.send(Text(turn=turn, text="A very long story."))
            for _ in range(5):
                await anext(on.sink)
            on.turns.interrupt()
            await settle()
            assert [attempt.status for attempt in on.of(ProviderAttempt)] == ["cancelled"]

    run_on("simulated", main())
