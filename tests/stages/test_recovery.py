"""The stages of the cascade when a provider's call is made again, by the same one or by a fallback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np

from tests.support.lineups import Scripted, failure
from tests.support.stages import FRAME, Bench, FakeStt, FakeTools, FakeTts, counted, frames_of
from tests.support.tones import tone
from voicepipe.core.calls import Call
from voicepipe.core.clock import Clock, run_on
from voicepipe.core.frames import (
    AudioOut,
    EndOfText,
    Pcm,
    SpeechStarted,
    SpeechStopped,
    Text,
    TurnFailed,
    UserTurn,
    Word,
)
from voicepipe.core.messages import ToolCall
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.retries import RetryLimits
from voicepipe.core.units import SECOND
from voicepipe.providers.base import Hypothesis, Provider, Speech
from voicepipe.runtime.lineup import Lineup
from voicepipe.stages.base import Agent, Stage
from voicepipe.stages.llm import Llm, LlmConfig
from voicepipe.stages.stt import Stt, SttConfig
from voicepipe.stages.tts import Tts, TtsConfig


def bench(stage: type[Stage], config: Any, *providers: Provider, tools: FakeTools | None = None) -> Bench:
    clock = Clock()
    timeout = config.timeout
    lineup = Lineup(providers, clock=clock, deadlines=timeout, patience=timeout, limits=RetryLimits())
    return Bench(stage(config, providers[0], Agent()), clock=clock, lineup=lineup, tools=tools)


def failed(on: Bench) -> list[TurnFailed]:
    return [report for report in on.reports if isinstance(report, TurnFailed)]


# ── stt ──────────────────────────────────────────────────────────────────────────────────────────


def utterance(frames: int = 20) -> list[Any]:
    audio = frames_of(counted(frames * FRAME))
    start = SpeechStarted(position=0, audio_from=0, onset_ns=0, at_ns=0)
    return [*audio[:5], start, *audio[5:], SpeechStopped(position=frames * FRAME, offset_ns=0, at_ns=0)]


class Recogniser(FakeStt):
    """Tells ``partials`` along the audio; the first ``fails`` calls break after ``reads`` blocks."""

    def __init__(
        self, *, fails: int = 0, reads: int = 10, partials: Sequence[str] = (), rate: int = 16_000
    ) -> None:
        super().__init__(self._hear, rate=rate)
        self._fails, self._reads, self._partials = fails, reads, partials
        self.heard: list[Pcm] = []

    async def _hear(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        self._fails -= 1
        breaks, blocks, partials = self._fails >= 0, list[Pcm](), iter(self._partials)
        async for block in audio:
            blocks.append(block)
            if (partial := next(partials, None)) is not None:
                yield Hypothesis(text=partial, final=False)
            if breaks and len(blocks) == self._reads:
                raise failure()
        self.heard.append(np.concatenate(blocks))
        yield Hypothesis(text="where is it", final=True)


def test_an_utterance_is_heard_whole_by_the_call_that_takes_over() -> None:
    async def main() -> None:
        recogniser = Recogniser(fails=1)
        on = bench(Stt, SttConfig(), recogniser)
        sent = await on.given(*utterance())
        assert [(one.text, one.final) for one in sent] == [("where is it", True)]
        assert np.array_equal(recogniser.heard[0], counted(20 * FRAME))
        assert failed(on) == []

    run_on("simulated", main())


def test_a_fallback_hears_it_whole_too_at_its_own_rate() -> None:
    async def main() -> None:
        fallback = Recogniser(rate=8000)
        on = bench(Stt, SttConfig(), Recogniser(fails=9), fallback)
        sent = await on.given(*utterance())
        assert [(one.text, one.final) for one in sent] == [("where is it", True)]
        assert abs(len(fallback.heard[0]) - 10 * FRAME) < 64

    run_on("simulated", main())


def test_words_that_were_told_before_the_break_are_not_taken_back_while_they_are_heard_again() -> None:
    async def main() -> None:
        recogniser = Recogniser(fails=1, reads=6, partials=["where", "where is", "where is", "where is my"])
        on = bench(Stt, SttConfig(), recogniser)
        sent = await on.given(*utterance())
        assert [one.text for one in sent] == ["where", "where is", "where is my", "where is it"]
        assert [one.revision for one in sent] == [0, 1, 2, 3]

    run_on("simulated", main())


def test_a_recogniser_that_fails_after_its_final_words_has_done_its_work() -> None:
    async def main() -> None:
        async def hear(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
            async for _ in audio:
                pass
            yield Hypothesis(text="where is it", final=True)
            raise failure()

        on = bench(Stt, SttConfig(), FakeStt(hear))
        sent = await on.given(*utterance())
        assert [(one.text, one.final) for one in sent] == [("where is it", True)]
        assert len(on.of(ProviderAttempt)) == 1

    run_on("simulated", main())


def test_words_that_nobody_could_hear_are_told_to_be_lost_and_the_next_ones_are_heard() -> None:
    async def main() -> None:
        recogniser = Recogniser(fails=3)
        on = bench(Stt, SttConfig(), recogniser)
        sent = await on.given(*utterance(), *utterance())
        assert [(one.text, one.final) for one in sent] == [("", True), ("where is it", True)]
        assert len(failed(on)) == 1

    run_on("simulated", main())


def test_words_that_would_come_too_late_are_not_tried_again_and_the_next_ones_are_heard() -> None:
    async def main() -> None:
        left = ["hangs"]

        async def hear(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
            async for _ in audio:
                pass
            if left:
                left.pop()
                await asyncio.Event().wait()
            yield Hypothesis(text="where is it", final=True)

        on = bench(Stt, SttConfig(), FakeStt(hear))
        sent = await on.given(*utterance(), *utterance())
        assert [(one.text, one.final) for one in sent] == [("", True), ("where is it", True)]
        assert on.clock.now() == 5 * SECOND
        assert len(failed(on)) == 1

    run_on("simulated", main())


# ── llm ──────────────────────────────────────────────────────────────────────────────────────────


def words(sent: list[Any]) -> str:
    return "".join(frame.text for frame in sent if isinstance(frame, Text))


async def asked(on: Bench) -> list[Any]:
    return await on.given(UserTurn(turn=on.live_turn(), text="hello"))


def test_a_model_that_fails_before_its_first_word_is_asked_again() -> None:
    async def main() -> None:
        model = Scripted("a", [failure()], ["Hello."])
        on = bench(Llm, LlmConfig(), model)
        assert words(await asked(on)) == "Hello."
        assert on.conversation.said(1) == "Hello."
        assert model.asked[0] == model.asked[1]

    run_on("simulated", main())


def test_after_its_first_word_the_turn_has_failed_and_may_be_begun_anew() -> None:
    async def main() -> None:
        on = bench(Llm, LlmConfig(), Scripted("a", ["Hel", failure()]), Scripted("b"))
        assert words(await asked(on)) == "Hel"
        (report,) = failed(on)
        assert report.again

    run_on("simulated", main())


def test_a_failure_that_was_recovered_from_in_vain_is_not_tried_yet_another_time() -> None:
    async def main() -> None:
        on = bench(Llm, LlmConfig(), Scripted("a", *[[failure()]] * 3))
        await asked(on)
        (report,) = failed(on)
        assert not report.again

    run_on("simulated", main())


def test_tool_calls_of_an_attempt_that_failed_are_forgotten_and_results_survive_a_failure() -> None:
    async def main() -> None:
        call = ToolCall(id="c1", name="find", arguments="{}")
        model = Scripted("a", [call, failure()], [call], [failure()], ["Found."])
        tools = FakeTools(find="it")
        on = bench(Llm, LlmConfig(), model, tools=tools)
        assert words(await asked(on)).strip() == "Found."
        assert tools.calls == [call], "executed once"
        assert [message.role for message in model.asked[-1]] == ["user", "assistant", "tool"]

    run_on("simulated", main())


# ── tts ──────────────────────────────────────────────────────────────────────────────────────────


class Voice(FakeTts):
    """``gives``: what comes before the failure of each of its first calls."""

    def __init__(self, *gives: Sequence[Any], rate: int = 16_000) -> None:
        super().__init__(self._speak, rate=rate)
        self._gives = list(gives)
        self.spoken: list[str] = []

    async def _speak(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        self.spoken.append(text)
        if self._gives:
            for event in self._gives.pop(0):
                yield event
            raise failure()
        yield Word(text=text, start_ms=0, end_ms=100)
        yield Speech(pcm=tone(300, self.rate, 0.1))


async def spoken(on: Bench, text: str = "Hello there.") -> list[AudioOut]:
    turn = on.live_turn()
    sent = await on.given(Text(turn=turn, text=text), EndOfText(turn=turn))
    return [frame for frame in sent if isinstance(frame, AudioOut)]


EARLY_WORD = Word(text="Hel", start_ms=0, end_ms=50)


def test_a_voice_that_fails_before_its_first_sound_speaks_the_same_chunk_again() -> None:
    async def main() -> None:
        silence = Speech(pcm=np.zeros(1600, np.int16))
        on = bench(Tts, TtsConfig(), Voice([EARLY_WORD, silence]))
        frames = await spoken(on)
        segment = frames[0].segment
        assert [word.text for word in segment.words] == ["Hello there."]
        assert segment.samples == sum(len(frame.pcm) for frame in frames)
        assert segment.trimmed == 0
        assert failed(on) == []

    run_on("simulated", main())


def test_another_voice_speaks_it_at_its_own_rate_and_the_rest_of_the_reply_too() -> None:
    async def main() -> None:
        primary, fallback = Voice([], [], []), Voice(rate=24_000)
        on = bench(Tts, TtsConfig(), primary, fallback)
        frames = await spoken(on, "Hello there, my friend. It is late. Good night.")
        assert {frame.segment.rate for frame in frames} == {24_000}
        assert len(primary.spoken) == 2, "a connection is tried once more, and then no more"
        assert len(fallback.spoken) == 3
        assert all(len(frame.pcm) <= 480 for frame in frames)

    run_on("simulated", main())


def test_a_voice_that_breaks_off_in_a_word_does_not_begin_the_chunk_again() -> None:
    async def main() -> None:
        half = Speech(pcm=tone(300, 16_000, 0.1))
        voice = Voice([half])
        on = bench(Tts, TtsConfig(), voice, Voice())
        frames = await spoken(on)
        assert sum(len(frame.pcm) for frame in frames) == 1600
        assert voice.spoken == ["Hello there."]
        (report,) = failed(on)
        assert report.again

    run_on("simulated", main())
