"""Answers that aren't what the interface of their kind says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.contract_fakes import GoodLlm, GoodStt, GoodTts, examine
from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.messages import Message, TextDelta, ToolOffer
from voicepipe.providers.base import Hypothesis, Speech
from voicepipe.testing.contract import Broken

ONE_S = 16_000


def word(start_ms: int, end_ms: int, text: str = "word") -> Word:
    return Word(text=text, start_ms=start_ms, end_ms=end_ms)


def final(text: Any = "so", *words: Word) -> Hypothesis:
    return Hypothesis(text=text, final=True, words=words)


def hearing(*events: Any) -> type[GoodStt]:
    class Stt(GoodStt):
        async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Any]:
            async for _ in audio:
                pass
            for event in events:
                yield event

    return Stt


def speaking(*events: Any, hz: Any = ONE_S) -> type[GoodTts]:
    class Tts(GoodTts):
        rate = hz

        async def synthesize(self, call: Call, text: str) -> AsyncIterator[Any]:
            for event in events:
                yield event

    return Tts


def answering(*events: Any) -> type[GoodLlm]:
    class Llm(GoodLlm):
        async def generate(
            self, call: Call, messages: Sequence[Message], tools: Sequence[ToolOffer]
        ) -> AsyncIterator[Any]:
            for event in events:
                yield event

    return Llm


PARTIAL = Hypothesis(text="s", final=False)
LOUD = Speech(pcm=np.full(ONE_S, 1000, np.int16))

WRONG = [
    (hearing(), "0 final hypotheses"),
    (hearing(PARTIAL), "0 final hypotheses"),
    (hearing(final(), final()), "2 final hypotheses"),
    (hearing(final(), PARTIAL), "a hypothesis after the final one"),
    (hearing("so"), "'so', which is no Hypothesis"),
    (hearing(final(text=None)), "whose text is None"),
    (hearing(final("a", word(5, 2))), "a word that ends before it begins"),
    (hearing(final("a", word(-5, 2))), "a word that ends before it begins"),
    (hearing(final("a b", word(500, 600), word(100, 200))), "words out of order"),
    (hearing(final("a", word(900, 1200))), "1200 ms into 1000 ms of audio"),
    (hearing(final("a", word(0, 10, " "))), "a word without text"),
    (speaking(), "0 samples without a sound"),
    (speaking(Speech(pcm=np.zeros(ONE_S, np.int16))), "16000 samples without a sound"),
    (speaking(Speech(pcm=np.ones(ONE_S, np.float32))), "audio that is float32"),  # type: ignore[arg-type]
    (speaking(Speech(pcm=np.ones((ONE_S, 1), np.int16))), r"audio that is int16 of shape \(16000, 1\)"),
    (speaking(Speech(pcm=b"\x01\x01")), "audio that is bytes"),  # type: ignore[arg-type]
    (speaking(LOUD, hz=4000), "a rate of 4000"),
    (speaking(LOUD, hz=None), "a rate of None"),
    (speaking(LOUD, TextDelta(text="so")), "neither Speech nor Word"),
    (speaking(LOUD, word(900, 1200)), "1200 ms into 1000 ms of audio"),
    (speaking(LOUD, word(500, 600), word(100, 200)), "words out of order"),
    (answering(), "an answer without any text"),
    (answering(TextDelta(text=" ")), "an answer without any text"),
    (answering(TextDelta(text=None)), "a TextDelta whose text is None"),  # type: ignore[arg-type]
    (answering("so"), "neither TextDelta nor ToolCall"),
]


@pytest.mark.parametrize(("provider", "found"), WRONG, ids=[found for _, found in WRONG])
def test_what_is_not_an_answer_of_its_kind(provider: type[Any], found: str) -> None:
    with pytest.raises(Broken, match=found):
        examine("an_answer_is_what_the_interface_says", provider)


@pytest.mark.parametrize(
    "provider",
    [
        hearing(PARTIAL, PARTIAL, final("a b", word(0, 500), word(400, 1050))),
        hearing(final("")),
        speaking(word(0, 400), LOUD, word(400, 1050)),
        speaking(Speech(pcm=np.zeros(0, np.int16)), LOUD),
        answering(TextDelta(text=""), TextDelta(text="so")),
    ],
)
def test_what_is_one(provider: type[Any]) -> None:
    examine("an_answer_is_what_the_interface_says", provider)


def test_voices_may_vary_a_little_from_time_to_time() -> None:
    def varying(step: int) -> type[GoodTts]:
        class Varying(GoodTts):
            spoken = 0

            async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
                self.spoken += step
                yield word(0, 100, text)
                yield Speech(pcm=np.full(ONE_S + self.spoken, 1000, np.int16))

        return Varying

    examine("two_sessions_at_once_do_not_mix", varying(100))
    with pytest.raises(Broken, match=r"session 1 got .*about 24000 samples.*about 18000 samples"):
        examine("two_sessions_at_once_do_not_mix", varying(2000))


def test_audio_that_is_given_to_a_recogniser_can_not_be_written_to() -> None:
    class Writing(GoodStt):
        async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
            async for block in audio:
                block *= 2
            yield final()

    with pytest.raises(ValueError, match="read-only"):
        examine("an_answer_is_what_the_interface_says", Writing)


def test_who_reads_captions_is_given_them() -> None:
    class Reads(GoodStt):
        captions = True

        async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
            async for _ in audio:
                pass
            yield final(" ".join(call.captions))

    with pytest.raises(Broken, match="the same answer to both inputs, 'same'"):
        examine("two_sessions_at_once_do_not_mix", Reads, captions=("same", "same"))
    examine("two_sessions_at_once_do_not_mix", Reads)
