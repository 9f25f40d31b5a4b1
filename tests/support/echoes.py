"""Rooms in which a microphone hears a loudspeaker, and the voices in them. All at 16 kHz."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.support.clips import CLIPS
from tests.support.hearing import FIXTURES
from voicepipe.audio.echo import EchoGate
from voicepipe.audio.level import rms_dbfs
from voicepipe.audio.pcm import FULL_SCALE, Pcm, amplitude, to_pcm
from voicepipe.audio.resample import Resampler, resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.calls import Call
from voicepipe.providers.base import ProviderConfig, Speech, TtsProvider, Word

RATE = 16_000
FRAME = RATE // 50
Wave = npt.NDArray[np.float64]
"""Samples in int16 units."""

SHIPPED = ("slt_set_a_timer_for_five_minutes", "slt_turn_on_the_kitchen_lights", "slt_what_time_is_it")
OTHERS = ("kal_what_is_the_weather_in_paris", "kal_turn_off_the_kitchen_lights", "kal_what_time_is_it")


@dataclass(frozen=True, kw_only=True)
class Room:
    """``echo_db``: how loud the echo is, against what is played. ``decay_ms``: in which it falls by 60 dB; 0
    is a few reflections only. ``overdriven``: the peak (int16 units) at which the loudspeaker is bent; small
    ones have no bass either. ``noise_dbfs``: what is heard besides, always."""

    echo_db: float = -20
    delay_ms: float = 120
    decay_ms: float = 0
    overdriven: float | None = None
    noise_dbfs: float = -65

    def path(self) -> Wave:
        """What a click sounds like at the microphone."""
        random = np.random.default_rng(1)
        if self.decay_ms:
            time = np.arange(round(self.decay_ms * RATE / 1000))
            path = random.normal(size=time.size) * 10 ** (-3 * time / time.size)
            path[0] = np.sqrt(np.sum(path**2))  # as much comes directly as from the walls
        else:
            path = np.zeros(800)
            path[[0, 61, 133, 290, 520, 790]] = (1, 0.45, -0.35, 0.25, 0.2, -0.12)
        path *= amplitude(self.echo_db) / np.sqrt(np.sum(path**2))
        return np.concatenate((np.zeros(round(self.delay_ms * RATE / 1000)), path)).astype(np.float64)

    def loudspeaker(self, played: Wave) -> Wave:
        """What becomes of ``played`` in the loudspeaker: distorted, then without bass."""
        if self.overdriven is None:
            return played
        bent = self.overdriven * np.tanh(played / self.overdriven)
        return bent - 0.9 * np.concatenate(([0.0], bent[:-1]))

    def noise(self, samples: int, seed: int = 2) -> Wave:
        scale = FULL_SCALE * amplitude(self.noise_dbfs)
        return np.random.default_rng(seed).normal(scale=scale, size=samples)

    def echo(self, played: Wave) -> Wave:
        """The echo of a whole clip, as long as it."""
        path, sound = self.path(), self.loudspeaker(played)
        size = 1 << (path.size + sound.size).bit_length()
        heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(path, size), size)[: played.size]
        if self.overdriven is not None:  # the loudness that was asked for, whatever the loudspeaker took away
            heard *= amplitude(self.echo_db) * np.sqrt(np.mean(played**2) / np.mean(heard**2))
        return heard


class Air:
    """The same room for a call: takes 20 ms that the loudspeaker plays, at ``rate``, and gives the echo."""

    def __init__(self, room: Room, rate: int) -> None:
        self._room = room
        self._path = room.path()
        self._resampler = Resampler(rate, RATE)
        self._past = np.zeros(self._path.size - 1)
        self._frames = 0

    def __call__(self, played: Pcm) -> Wave:
        sound = self._room.loudspeaker(self._resampler.process(played).astype(np.float64))
        self._past = np.concatenate((self._past, sound))
        echo = np.convolve(self._past, self._path, "valid")
        self._past = self._past[FRAME:]
        self._frames += 1
        return echo + self._room.noise(FRAME, self._frames)


def voice(names: tuple[str, ...], *, seconds: float, dbfs: float = -20, pause_s: float = 0.3) -> Wave:
    """Recorded speech, one clip after the other and again, at the given level."""
    parts: list[Wave] = []
    while sum(part.size for part in parts) < seconds * RATE:
        for name in names:
            wav = read_wav(path_of(name))
            parts += [at_level(resample(wav.pcm, wav.rate, RATE), dbfs), np.zeros(round(pause_s * RATE))]
    return np.concatenate(parts)[: round(seconds * RATE)]


def path_of(name: str) -> Path:
    """Of a clip, in the repository or beside it."""
    shared = CLIPS / f"{name}.wav"
    return shared if shared.exists() else FIXTURES / "commands" / f"{name}.wav"


def at_level(pcm: Pcm | Wave, dbfs: float) -> Wave:
    """``pcm`` with the RMS of its sounding frames (within 30 dB of the loudest) at ``dbfs``."""
    return pcm.astype(np.float64) * amplitude(dbfs - level_of(pcm))


def level_of(pcm: Pcm | Wave) -> float:
    """The RMS of the frames within 30 dB of the loudest, in dBFS."""
    powers = np.mean(
        np.square(pcm[: pcm.size // FRAME * FRAME].astype(np.float64)).reshape(-1, FRAME), axis=1
    )
    mean: float = np.mean(powers[powers > powers.max() / 1000])
    return float(10 * np.log10(mean / FULL_SCALE**2))


@dataclass(frozen=True)
class Gated:
    """What a gate made of a microphone: the samples, and which frames it let pass as they were."""

    pcm: Pcm
    passed: npt.NDArray[np.bool_]


def gated(played: Wave, heard: Wave, gate: EchoGate | None = None) -> Gated:
    """Feed a gate as a call does: what is played by a moment, then the frame that was heard then."""
    gate = gate or EchoGate(RATE)
    sound, microphone = to_pcm(played), to_pcm(heard)
    frames, passed = [], []
    for start in range(0, microphone.size - FRAME + 1, FRAME):
        block, frame = sound[start : start + FRAME], microphone[start : start + FRAME]
        if block.any():
            gate.play(block, start)
        frames.append(gate.hear(frame, start))
        passed.append(frames[-1] is frame)
    return Gated(np.concatenate(frames), np.array(passed))


def sounding(pcm: Wave, dbfs: float) -> npt.NDArray[np.bool_]:
    """Which frames are louder than ``dbfs``."""
    whole = pcm[: pcm.size // FRAME * FRAME].reshape(-1, FRAME)
    return np.array([rms_dbfs(to_pcm(frame)) > dbfs for frame in whole])


class RecordedVoiceConfig(ProviderConfig):
    clips: tuple[str, ...]


class RecordedVoice(TtsProvider):
    """A voice that says the same recordings whatever the text is, for as long as its words take."""

    name = "recorded"
    Config = RecordedVoiceConfig
    config: RecordedVoiceConfig

    @property
    def rate(self) -> int:
        return RATE

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        yield Speech(pcm=to_pcm(voice(self.config.clips, seconds=0.35 * len(text.split()))))
