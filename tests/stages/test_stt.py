from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stages import FRAME, RATE, Bench, FakeStt, counted, frames_of, settle
from voicepipe.core.calls import Call
from voicepipe.core.clock import run_on
from voicepipe.core.frames import AudioIn, Pcm, SpeechStarted, SpeechStopped, Transcript, TurnFailed
from voicepipe.core.ports import Ports
from voicepipe.core.records import ProviderAttempt
from voicepipe.core.units import SECOND
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Hypothesis
from voicepipe.stages.base import Agent, ProviderSlotConfig
from voicepipe.stages.stt import Stt


def stage(provider: FakeStt, **config: Any) -> Stt:
    return Stt(ProviderSlotConfig(**config), provider, Agent())


def started(position: int, audio_from: int | None = None) -> SpeechStarted:
    begin = position if audio_from is None else audio_from
    return SpeechStarted(position=position, audio_from=begin, onset_ns=0, at_ns=0)


def stopped(position: int) -> SpeechStopped:
    return SpeechStopped(position=position, offset_ns=0, at_ns=0)


class Ear:
    """Keeps the audio of each utterance and answers with its number."""

    def __init__(self) -> None:
        self.heard: list[Pcm] = []

    async def __call__(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        blocks = [np.zeros(0, np.int16)]
        async for block in audio:
            blocks.append(block)
        self.heard.append(np.concatenate(blocks))
        yield Hypothesis(text=f"utterance {len(self.heard)}", final=True)


def texts(frames: list[Any]) -> list[tuple[str, bool]]:
    return [(frame.text, frame.final) for frame in frames]


# ── which audio ──────────────────────────────────────────────────────────────────────────────────


def test_an_utterance_is_transcribed_from_its_padding_to_the_pause() -> None:
    async def main() -> None:
        ear = Ear()
        frames = frames_of(counted(30 * FRAME))
        order = [*frames[:12], started(10 * FRAME, 8 * FRAME + 100), *frames[12:20], stopped(18 * FRAME)]
        sent = await Bench(stage(FakeStt(ear))).given(*order, *frames[20:])
        assert texts(sent) == [("utterance 1", True)]
        assert sent[0].utterance == 10 * FRAME
        (heard,) = ear.heard
        assert np.array_equal(heard, counted(20 * FRAME)[8 * FRAME + 100 :])

    run_on("simulated", main())


@given(st.data())
def test_no_sample_is_lost_or_doubled_between_the_ring_and_the_inbox(data: st.DataObject) -> None:
    """Each utterance's audio runs from where the VAD said to the frame before its stop."""
    total = 120
    frames = frames_of(counted(total * FRAME))
    order: list[Any] = []
    expected: list[tuple[int, int]] = []
    sent, stop = 0, 0
    while sent < total and data.draw(st.booleans(), label="another"):
        lead = data.draw(st.integers(1, 20), label="frames before the decision")
        order += frames[sent : sent + lead]
        sent = min(total, sent + lead)
        begin = data.draw(st.integers(max(0, stop, (sent - 60) * FRAME), sent * FRAME), label="audio_from")
        length = data.draw(st.integers(0, 30), label="frames of speech")
        order += [started(begin + 1, begin), *frames[sent : sent + length]]
        sent = min(total, sent + length)
        order.append(stopped(sent * FRAME))
        expected.append((begin, sent * FRAME))
        stop = sent * FRAME - data.draw(st.integers(0, 8), label="hangover") * FRAME

    async def main() -> None:
        ear = Ear()
        await Bench(stage(FakeStt(ear))).given(*order, *frames[sent:])
        assert len(ear.heard) == len(expected)
        for heard, (begin, end) in zip(ear.heard, expected, strict=True):
            assert np.array_equal(heard, counted(total * FRAME)[begin:end])

    run_on("simulated", main())


def test_the_padding_of_the_next_utterance_may_begin_inside_the_one_before() -> None:
    """The frames of the hangover were read by the first utterance, but belong to the second one, too."""

    async def main() -> None:
        ear = Ear()
        frames = frames_of(counted(40 * FRAME))
        order = [
            *(*frames[:5], started(0), *frames[5:20], stopped(12 * FRAME)),
            *(*frames[20:24], started(22 * FRAME, 12 * FRAME), *frames[24:40], stopped(40 * FRAME)),
        ]
        await Bench(stage(FakeStt(ear))).given(*order)
        assert np.array_equal(ear.heard[1], counted(40 * FRAME)[12 * FRAME :])

    run_on("simulated", main())


def test_the_ring_holds_the_longest_padding_and_not_the_whole_call() -> None:
    async def main() -> None:
        ear = Ear()
        frames = frames_of(counted(60 * RATE))
        await Bench(stage(FakeStt(ear))).given(*frames, started(59 * RATE, 0), stopped(60 * RATE))
        (heard,) = ear.heard
        assert 3 * RATE <= len(heard) <= 5 * RATE
        assert heard[-1] == counted(60 * RATE)[-1]

    run_on("simulated", main())


def test_audio_is_resampled_to_what_the_provider_wants() -> None:
    async def main() -> None:
        ear = Ear()
        frames = frames_of(np.zeros(8000, np.int16), rate=8000)
        await Bench(stage(FakeStt(ear, rate=16_000))).given(
            *frames[:10], started(0), *frames[10:], stopped(8000)
        )
        assert len(ear.heard[0]) == pytest.approx(16_000, abs=64)

    run_on("simulated", main())


def test_captions_are_given_only_to_providers_that_ask_for_them() -> None:
    async def main(captions: bool) -> list[str]:
        seen: list[str] = []

        async def transcribe(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
            async for _ in audio:
                pass
            seen.extend(call.captions)
            yield Hypothesis(text="", final=True)

        frames = frames_of(np.zeros(5 * FRAME, np.int16), caption="where is my order")
        await Bench(stage(FakeStt(transcribe, captions=captions))).given(*frames, started(0), stopped(1600))
        return seen

    assert run_on("simulated", main(True)) == ["where is my order"]
    assert run_on("simulated", main(False)) == []


# ── which transcripts ────────────────────────────────────────────────────────────────────────────


async def partials(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
    for text in ("where", "where", "where is"):
        yield Hypothesis(text=text, final=False)
    async for _ in audio:
        pass
    yield Hypothesis(text="where is", final=True)


def one_utterance(frames: int = 10) -> list[Any]:
    audio = frames_of(counted(frames * FRAME))
    return [*audio[: frames // 2], started(0), *audio[frames // 2 :], stopped(frames * FRAME)]


def test_partials_go_out_as_they_come_numbered_and_without_repetition() -> None:
    async def main() -> None:
        sent = await Bench(stage(FakeStt(partials))).given(*one_utterance())
        assert texts(sent) == [("where", False), ("where is", False), ("where is", True)]
        assert [frame.revision for frame in sent] == [0, 1, 2]

    run_on("simulated", main())


def test_a_partial_goes_out_while_the_caller_still_speaks() -> None:
    async def main() -> None:
        bench = Bench(stage(FakeStt(partials)))
        async with bench.running():
            for frame in one_utterance()[:-1]:
                await bench.into.send(frame)
            await settle(50)
            assert texts(await bench.sent()) == [("where", False), ("where is", False)]
            await bench.into.send(stopped(10 * FRAME))

    run_on("simulated", main())


def test_nothing_goes_out_after_a_final_transcript() -> None:
    async def talkative(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for _ in audio:
            pass
        for text, final in (("yes", True), ("yes no", False), ("no", True)):
            yield Hypothesis(text=text, final=final)

    async def main() -> None:
        assert texts(await Bench(stage(FakeStt(talkative))).given(*one_utterance())) == [("yes", True)]

    run_on("simulated", main())


def test_a_provider_that_never_says_final_gets_an_empty_final_transcript() -> None:
    async def undecided(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for _ in audio:
            pass
        yield Hypothesis(text="may", final=False)

    async def main() -> None:
        sent = await Bench(stage(FakeStt(undecided))).given(*one_utterance())
        assert texts(sent) == [("may", False), ("", True)]

    run_on("simulated", main())


def test_a_provider_that_returns_early_does_not_take_the_next_utterance_for_the_rest() -> None:
    async def hasty(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        await anext(audio)
        yield Hypothesis(text="hm", final=True)

    async def main() -> None:
        frames = frames_of(counted(40 * FRAME))
        order = [
            *(*frames[:5], started(0), *frames[5:20], stopped(18 * FRAME)),
            *(*frames[20:25], started(22 * FRAME), *frames[25:40], stopped(40 * FRAME)),
        ]
        sent = await Bench(stage(FakeStt(hasty))).given(*order)
        assert [(frame.utterance, frame.text) for frame in sent] == [(0, "hm"), (22 * FRAME, "hm")]

    run_on("simulated", main())


def test_a_provider_that_hears_nothing_at_all_is_asked_again_for_the_next_utterance() -> None:
    async def deaf(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        return
        yield Hypothesis(text="", final=True)

    async def main() -> None:
        sent = await Bench(stage(FakeStt(deaf))).given(
            *one_utterance(), started(9 * FRAME), stopped(10 * FRAME)
        )
        assert texts(sent) == [("", True), ("", True)]

    run_on("simulated", main())


def test_a_caller_who_leaves_while_speaking_is_transcribed_up_to_there() -> None:
    async def main() -> None:
        ear = Ear()
        sent = await Bench(stage(FakeStt(ear))).given(*one_utterance()[:-1])
        assert texts(sent) == [("utterance 1", True)]
        assert len(ear.heard[0]) == 10 * FRAME

    run_on("simulated", main())


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def failing(error: Exception, *, after: int = 0) -> FakeStt:
    async def transcribe(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        call.add_usage("audio_in_ms", 20)
        for _ in range(after):
            await anext(audio)
        raise error
        yield Hypothesis(text="", final=True)

    return FakeStt(transcribe)


@pytest.mark.parametrize("after", [0, 3, 8])
def test_a_provider_that_fails_is_reported_and_the_policy_gets_its_empty_transcript(after: int) -> None:
    async def main() -> None:
        error = ProviderError("the server has gone", provider="fake-stt", kind="connection")
        bench = Bench(stage(failing(error, after=after)))
        sent = await bench.given(*one_utterance())
        assert texts(sent) == [("", True)]
        (report,) = bench.reports
        assert isinstance(report, TurnFailed)
        assert (report.turn, report.stage, report.error) == (None, "stt", error)
        (attempt,) = bench.of(ProviderAttempt)
        assert (attempt.status, [used.amount for used in attempt.usage]) == ("failed", [20])

    run_on("simulated", main())


def test_any_other_exception_ends_the_stage() -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await Bench(stage(failing(ZeroDivisionError()))).run_alone(*one_utterance())

    run_on("simulated", main())


def test_a_slow_final_decode_does_not_lose_the_next_utterance() -> None:
    heard: list[Pcm] = []

    async def slow(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        heard.append(np.concatenate([block async for block in audio]))
        await call.clock.sleep(3 * SECOND)
        yield Hypothesis(text="slow", final=True)

    async def main() -> None:
        frames = frames_of(counted(4 * RATE))
        bench = Bench(stage(FakeStt(slow)), live=True)
        async with bench.running():
            for number, frame in enumerate(frames):
                await bench.clock.sleep_until((number + 1) * SECOND // 50)
                await bench.into.send(frame)
                if number in (10, 70):
                    await bench.into.send(started((number - 5) * FRAME, (number - 5) * FRAME))
                elif number in (60, 120):
                    await bench.into.send(stopped((number - 8) * FRAME))
        assert texts(await bench.sent()) == [("slow", True), ("slow", True)]
        assert np.array_equal(heard[1], counted(4 * RATE)[65 * FRAME : 121 * FRAME])

    run_on("simulated", main())


def test_a_provider_that_hangs_after_the_pause_meets_its_deadline() -> None:
    async def hanging(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        async for _ in audio:
            pass
        await asyncio.Event().wait()
        yield Hypothesis(text="", final=True)

    async def main() -> None:
        bench = Bench(stage(FakeStt(hanging), timeout={"first": "2s"}))
        assert texts(await bench.given(*one_utterance())) == [("", True)]
        assert bench.reports[0].error.kind == "timeout"
        assert bench.clock.now() == 2 * SECOND

    run_on("simulated", main())


def test_a_provider_that_stops_reading_while_the_caller_speaks_meets_its_deadline() -> None:
    """Its inbox would fill up, and the whole call with it."""

    async def stuck(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        await anext(audio)
        await asyncio.Event().wait()
        yield Hypothesis(text="", final=True)

    async def main() -> None:
        bench = Bench(stage(FakeStt(stuck), timeout={"first": "2s"}))
        frames = frames_of(np.zeros(30 * RATE, np.int16))
        sent = await bench.given(*frames[:10], started(0), *frames[10:], stopped(30 * RATE))
        assert texts(sent) == [("", True)]
        assert bench.reports[0].error.kind == "timeout"

    run_on("simulated", main())


def test_a_long_utterance_is_no_time_out() -> None:
    async def main() -> None:
        ear = Ear()
        bench = Bench(stage(FakeStt(ear), timeout={"first": "1s", "gap": "1s", "total": "2s"}))
        async with bench.running():
            await bench.into.send(started(0))
            for number, frame in enumerate(frames_of(counted(90 * RATE))):
                await bench.clock.sleep_until((number + 1) * SECOND // 50)
                await bench.into.send(frame)
            await bench.into.send(stopped(90 * RATE))
        assert texts(await bench.sent()) == [("utterance 1", True)]
        assert len(ear.heard[0]) == 90 * RATE

    run_on("simulated", main())


def test_a_provider_may_read_its_audio_in_a_task_of_its_own_and_leave_it_behind() -> None:
    async def reading_beside(call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        reading = asyncio.ensure_future(anext(audio))
        try:
            await reading
            reading = asyncio.ensure_future(anext(audio))
            yield Hypothesis(text="enough", final=True)
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def main() -> None:
        bench = Bench(stage(FakeStt(reading_beside)))
        sent = await bench.given(*one_utterance(), started(9 * FRAME), stopped(10 * FRAME))
        assert texts(sent) == [("enough", True), ("enough", True)]

    run_on("simulated", main())


def test_ports_are_audio_and_decisions_in_and_transcripts_out() -> None:
    takes = frozenset({AudioIn, SpeechStarted, SpeechStopped})
    assert Stt.ports(ProviderSlotConfig()) == Ports(takes, frozenset({Transcript}))
