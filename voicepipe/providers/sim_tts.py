"""TTS ``sim``: a hum for each word, as long as the word would be, with its times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from pydantic import Field

from voicepipe.core.calls import Call, Host
from voicepipe.core.frames import Word
from voicepipe.core.units import SECOND
from voicepipe.providers.base import Speech, TtsProvider
from voicepipe.providers.sim import Latency, Script, SimConfig, constant

if TYPE_CHECKING:
    from voicepipe.core.frames import Pcm

BLOCK_MS = 100
"""The most that one ``Speech`` holds: engines that stream give pieces of about this length."""

PITCH = (90, 180)
"""Hz: lowest and highest hum; each word has its own."""

HARMONICS = 12
"""Partials with the 1/n fall of a voice; at 16 kHz and above all of them are below half the rate."""

LEVEL = 0.125
"""RMS, of full scale: -18 dBFS, as loud as recorded speech."""

FADE_MS = 2

REMEMBERED = 512
"""Hums, 20 kB each at the usual pace: scripted replies have few words, and say them in call after call."""


class SimTtsConfig(SimConfig):
    rate: int = Field(24_000, ge=8_000, le=48_000, description="Samples per second.")
    speed: float = Field(2.5, gt=0, le=20, description="Words per second.")
    first_audio: Latency = Field(constant("80ms"), description="Until the first audio of a chunk.")
    realtime_factor: float = Field(
        0.1, ge=0, le=100, description="Seconds to make a second of audio; above 1 the voice can't keep up."
    )


class SimTts(TtsProvider):
    name = "sim"
    local = True
    Config = SimTtsConfig
    config: SimTtsConfig

    def __init__(self, config: SimTtsConfig, host: Host) -> None:
        super().__init__(config, host)
        self._script = Script("tts.sim", config)

    @property
    def rate(self) -> int:
        return self.config.rate

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        run = self._script.begin(call)
        call.add_usage("characters", len(text))
        await run.wait(self.config.first_audio)
        block = self.rate * BLOCK_MS // 1000
        words = text.split()
        edges = [round(n * self.rate / self.config.speed) for n in range(len(words) + 1)]
        for word, start, end in zip(words, edges[:-1], edges[1:], strict=True):
            await run.event()
            yield Word(text=word, start_ms=start * 1000 // self.rate, end_ms=end * 1000 // self.rate)
            pcm = hum(word, end - start, self.rate)
            for at in range(0, pcm.size, block):
                piece = pcm[at : at + block]
                if start + at:  # the first block was paid for by `first_audio`
                    making = self.config.realtime_factor * piece.size / self.rate
                    await call.clock.sleep(round(making * SECOND))
                await run.event()
                yield Speech(pcm=piece)
        await run.event()


@lru_cache(maxsize=REMEMBERED)
def hum(word: str, samples: int, rate: int) -> Pcm:
    """A voiced sound for ``word``, int16, shape ``(samples,)``: the same word is the same sound, which many
    replies share, so that it can't be written to."""
    import numpy as np  # noqa: PLC0415 - validating a pipeline doesn't need it

    low, high = PITCH
    period = rate // (low + crc32(word.encode()) % (high - low))
    phase = 2 * np.pi * np.arange(period) / period
    wave = sum((np.sin(n * phase) / n for n in range(1, HARMONICS + 1)), np.zeros(period))
    wave *= LEVEL / np.sqrt(np.mean(wave**2))
    sound = np.resize(wave, samples)
    fade = min(rate * FADE_MS // 1000, samples // 2)
    ramp = np.arange(1, fade + 1) / fade if fade else np.ones(0)
    sound[:fade] *= ramp
    sound[samples - fade :] *= ramp[::-1]
    pcm = np.round(sound * 32767).astype(np.int16)
    pcm.setflags(write=False)
    return pcm
