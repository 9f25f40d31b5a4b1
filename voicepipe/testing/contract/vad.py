"""What a voice activity detector promises."""

from __future__ import annotations

from typing import Any

import numpy as np

from voicepipe.core.frames import Pcm
from voicepipe.testing.contract.bench import Bench
from voicepipe.testing.contract.promise import expect, promise

RATES = (8_000, 16_000)
SECONDS = 2
SEED = 7


def judged(stream: Any, pcm: Pcm) -> list[float]:
    """The probabilities of the windows of ``pcm``, which are read-only."""
    return [stream.probability(window) for window in windows(stream, pcm)]


def windows(stream: Any, pcm: Pcm) -> list[Pcm]:
    found = [pcm[at : at + stream.window] for at in range(0, len(pcm) - stream.window + 1, stream.window)]
    for window in found:
        window.flags.writeable = False
    return found


def silence(rate: int) -> Pcm:
    return np.zeros(SECONDS * rate, np.int16)


def sounds(bench: Bench, rate: int) -> dict[str, Pcm]:
    """What may come in, from nothing at all to more than fits."""
    noise = np.random.default_rng(SEED).normal(0, 3000, SECONDS * rate).clip(-32768, 32767)
    clipped = np.where(np.arange(SECONDS * rate) // 40 % 2, 32767, -32768)
    return {
        "silence": silence(rate),
        "noise": noise.astype(np.int16),
        "a clipped square wave": clipped.astype(np.int16),
        "speech": bench.subject.speech(rate)[0],
    }


@promise("vad")
async def a_probability_lies_between_0_and_1(bench: Bench) -> None:
    """For any audio at 8000 and 16,000 Hz ``probability`` is a number from 0 to 1."""
    async with bench.started() as started:
        for rate in RATES:
            for name, pcm in sounds(bench, rate).items():
                stream = started.provider.open(rate)
                fits = type(stream.window) is int and 0 < stream.window <= rate // 10
                expect(fits, f"a window of {stream.window!r} samples, expected at most 100 ms")
                wrong = [p for p in judged(stream, pcm) if not (isinstance(p, float) and 0 <= p <= 1)]
                expect(not wrong, f"{wrong[:3]} for {name} at {rate} Hz")


@promise("vad")
async def speech_is_told_from_silence(bench: Bench) -> None:
    """Speech has windows above one half; digital silence, before and after it, has none in the end."""
    async with bench.started() as started:
        for rate in RATES:
            stream, quiet = started.provider.open(rate), silence(rate)
            before = judged(stream, quiet)
            speech = judged(stream, bench.subject.speech(rate)[0])
            after = judged(stream, quiet)
            expect(before[-1] < 0.5, f"{before[-1]} for silence at {rate} Hz")
            expect(max(speech) > 0.5, f"at most {max(speech)} for speech at {rate} Hz")
            expect(after[-1] < 0.5, f"{after[-1]} for silence after speech at {rate} Hz")


@promise("vad")
async def each_stream_has_a_memory_of_its_own(bench: Bench) -> None:
    """One instance serves many sessions: streams used in turns say what they say used one by one."""
    rate = RATES[-1]
    first, second = bench.subject.speech(rate)
    async with bench.started() as started:
        alone = [judged(started.provider.open(rate), pcm) for pcm in (first, second)]
        streams = [started.provider.open(rate) for _ in range(2)]
        together: list[list[float]] = [[], []]
        pairs = zip(windows(streams[0], first), windows(streams[1], second), strict=False)
        for pair in pairs:
            for stream, said, window in zip(streams, together, pair, strict=True):
                said.append(stream.probability(window))
        for number, (separate, beside) in enumerate(zip(alone, together, strict=True), start=1):
            expect(separate[: len(beside)] == beside, f"stream {number} differs when another is used as well")
