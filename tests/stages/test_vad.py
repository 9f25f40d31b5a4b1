from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.clips import clip
from tests.support.stages import FRAME, RATE, Bench, LoudIsSpeech, frames_of
from tests.support.workers import make_host
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import run_on
from voicepipe.core.frames import (
    AudioIn,
    Commit,
    Pcm,
    Prosody,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
)
from voicepipe.core.ports import Ports
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.base import VadProvider
from voicepipe.providers.silero import Silero
from voicepipe.stages.base import Agent
from voicepipe.stages.vad import Vad, VadConfig


def speech(seconds: float, rate: int = RATE) -> Pcm:
    return np.full(round(seconds * rate), 8000, np.int16)


def silence(seconds: float, rate: int = RATE) -> Pcm:
    return np.zeros(round(seconds * rate), np.int16)


def stage(provider: VadProvider | None = None, **config: Any) -> Vad:
    return Vad(VadConfig(**config), provider or LoudIsSpeech(), Agent())


async def spoken(bench: Bench, *parts: Pcm, rate: int = RATE) -> list[Any]:
    """``parts`` in real time, each frame when its last sample has been spoken."""
    async with bench.running():
        for number, frame in enumerate(frames_of(np.concatenate(parts), rate)):
            await bench.clock.sleep_until((number + 1) * 20 * MS)
            await bench.into.send(frame)
    return await bench.sent()


def heard(*parts: Pcm, rate: int = RATE, **config: Any) -> list[Any]:
    async def main() -> list[Any]:
        return await spoken(Bench(stage(**config)), *parts, rate=rate)

    return run_on("simulated", main())


def test_speech_gives_its_start_the_first_sign_of_its_end_and_its_stop() -> None:
    kinds = [type(frame) for frame in heard(silence(0.512), speech(0.512), silence(0.512))]
    assert kinds == [SpeechStarted, Prosody, SpeechPaused, SpeechStopped]


def test_speech_that_goes_on_after_the_first_sign_resumes() -> None:
    frames = heard(silence(0.512), speech(0.512), silence(0.096), speech(0.512), silence(0.512))
    signs = [type(frame) for frame in frames if not isinstance(frame, Prosody)]
    assert signs == [SpeechStarted, SpeechPaused, SpeechResumed, SpeechPaused, SpeechStopped]
    resumed = next(frame for frame in frames if isinstance(frame, SpeechResumed))
    assert abs(resumed.position - 1120 * RATE // 1000) <= 512


def test_the_first_sign_of_an_end_comes_64_ms_after_the_speech_and_says_where_that_was() -> None:
    frames = heard(silence(0.512), speech(0.512), silence(0.512))
    paused = next(frame for frame in frames if isinstance(frame, SpeechPaused))
    assert paused.position == 1024 * RATE // 1000
    assert 64 * MS <= paused.at_ns - paused.offset_ns <= 96 * MS
    prosody = next(frame for frame in frames if isinstance(frame, Prosody))
    assert (prosody.position, prosody.at_ns) == (paused.position, paused.at_ns)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_positions_and_times_are_those_of_the_speech_itself_not_of_the_decision(rate: int) -> None:
    start, *_, stop = heard(silence(1.024, rate), speech(1.024, rate), silence(0.512, rate), rate=rate)
    assert abs(start.position - 1.024 * rate) <= 512
    assert abs(stop.position - 2.048 * rate) <= 512
    for frame, spoken_ns in ((start, start.onset_ns), (stop, stop.offset_ns)):
        assert abs(spoken_ns - frame.position * SECOND // rate) <= 20 * MS
        assert frame.at_ns > spoken_ns


def test_a_recogniser_is_told_to_begin_before_the_speech() -> None:
    start = heard(silence(1.024), speech(0.512), prefix_padding="200ms")[0]
    assert start.audio_from == start.position - 200 * RATE // 1000


def test_padding_does_not_reach_back_beyond_the_beginning_of_the_call() -> None:
    start = heard(speech(0.512), prefix_padding="300ms")[0]
    assert (start.position, start.audio_from) == (0, 0)


def test_padding_does_not_reach_into_the_utterance_before() -> None:
    parts = silence(0.512), speech(0.512), silence(0.096), speech(0.512), silence(0.32)
    _, stop, start, _ = heard(*parts, hangover="40ms", prefix_padding="300ms")
    assert start.position - stop.position < 300 * RATE // 1000
    assert start.audio_from == stop.position


def test_a_click_is_no_speech() -> None:
    assert heard(silence(0.512), speech(0.02), silence(0.512), min_speech="64ms") == []


def test_a_caller_who_leaves_while_speaking_has_stopped() -> None:
    start, stop = heard(silence(0.512), speech(0.512))
    assert isinstance(start, SpeechStarted)
    assert isinstance(stop, SpeechStopped)
    assert stop.position == 1024 * RATE // 1000


@pytest.mark.parametrize("window", [100, 256, 320, 512, 1000])
def test_the_model_gets_all_audio_in_its_own_window_size(window: int) -> None:
    async def main() -> Pcm:
        provider = LoudIsSpeech(window)
        pcm = np.arange(50 * FRAME).astype(np.int16)
        await Bench(stage(provider)).given(*frames_of(pcm))
        assert provider.rates == [RATE], "one stream for the session"
        return np.concatenate(provider.windows)

    seen = run_on("simulated", main())
    assert np.array_equal(seen, np.arange(50 * FRAME).astype(np.int16)[: len(seen)])
    assert 50 * FRAME - len(seen) < window


def test_a_window_never_joins_audio_from_both_sides_of_a_gap() -> None:
    async def main() -> list[Pcm]:
        provider = LoudIsSpeech()
        before, after = np.full(FRAME, 1, np.int16), np.full(2 * FRAME, 2, np.int16)
        await Bench(stage(provider)).given(*frames_of(before), *frames_of(after, position=10 * FRAME))
        return provider.windows

    (window,) = run_on("simulated", main())
    assert set(window.tolist()) == {2}


def test_positions_are_right_after_a_gap() -> None:
    async def main() -> list[Any]:
        gap = 5 * RATE
        frames = frames_of(silence(0.32)) + frames_of(speech(0.64), position=gap)
        return await Bench(stage()).given(*frames)

    start, stop = run_on("simulated", main())
    assert (start.position, stop.position) == (5 * RATE, 5 * RATE + 640 * RATE // 1000)


@pytest.mark.parametrize("shift", [0, 128, 256, 384])
def test_the_tone_of_a_room_does_not_hold_up_the_end(shift: int) -> None:
    """Its estimate was 50 to 110 ms late, as late as the network: and so was the reply."""
    jfk = read_wav(clip("jfk.wav")).pcm
    room = jfk[round(2.2 * RATE) : round(3.2 * RATE)].astype(np.int32)
    said = jfk[round(8.1 * RATE) : round(10.44 * RATE)].astype(np.int32)
    end = RATE + shift + said.size
    audio = np.resize(room, RATE * 5)
    audio[RATE + shift : end] += said

    async def main() -> list[Any]:
        silero = Silero(Silero.Config(), make_host())
        await silero.start()
        return await spoken(Bench(stage(silero)), np.clip(audio, -32768, 32767).astype(np.int16))

    frames = run_on("simulated", main())
    paused, stop = [one for one in frames if isinstance(one, SpeechPaused | SpeechStopped)][-2:]
    assert isinstance(stop, SpeechStopped)
    assert abs(paused.position - end) <= RATE * 24 // 1000
    assert paused.position == stop.position
    assert paused.at_ns - end * SECOND // RATE <= 120 * MS


def test_control_is_passed_over() -> None:
    async def main() -> list[Any]:
        bench = Bench(stage())
        bench.inbox.send_control(Commit(turn=1))
        return await bench.given(*frames_of(silence(0.1)))

    assert run_on("simulated", main()) == []


def test_a_call_without_audio_opens_no_stream() -> None:
    async def main() -> None:
        provider = LoudIsSpeech()
        assert await Bench(stage(provider)).given() == []
        assert provider.rates == []

    run_on("simulated", main())


def test_ports_are_audio_in_and_decisions_out() -> None:
    gives = frozenset({SpeechStarted, SpeechPaused, SpeechResumed, SpeechStopped, Prosody})
    assert Vad.ports(VadConfig()) == Ports(frozenset({AudioIn}), gives)
