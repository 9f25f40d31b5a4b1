"""What all systems are measured with: a caller who speaks in real time, and an ear that hears the reply.

It runs in the environment of the system that is measured: the standard library and NumPy, nothing else.
All times are seconds of ``time.perf_counter``; audio is int16 mono, 16 kHz in and 24 kHz out.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
import wave
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]

RATE, OUTPUT_RATE = 16_000, 24_000
FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1000
FRAME_S = FRAME_MS / 1000

ROOM_DBFS = -60
"""Noise behind the caller: a room is never digitally silent, and a gate must not win by that."""

AUDIBLE_DBFS = -50
GAP_S = 0.1
"""Silence that parts one reply from the next."""


@dataclass(frozen=True)
class Mocks:
    """The engines of the architecture's "Definitions of measures"; delays in seconds."""

    reply: str
    stt_final: float
    llm_first: float
    llm_token: float
    tts_first: float
    words_per_second: float
    tts_speed: float
    tts_block: float

    @property
    def tokens(self) -> list[str]:
        return re.findall(r"\s*\S+", self.reply)

    def seconds(self, text: str) -> float:
        """How long ``text`` takes to be said."""
        return len(text.split()) / self.words_per_second

    def until_audio(self, words: int) -> float:
        """From the request to the model until the first audio of a first piece of so many words."""
        return self.llm_first + (words - 1) * self.llm_token + self.tts_first


@dataclass(frozen=True)
class Clip:
    """One utterance, from the first to the last of its frames above −35 dBFS. ``seconds`` long."""

    frames: list[Pcm]
    words: str
    seconds: float

    @classmethod
    def read(cls, path: str, words: str) -> Clip:
        with wave.open(path) as file:
            pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        whole = np.concatenate((pcm, np.zeros(-pcm.size % FRAME, np.int16)))
        return cls([whole[at : at + FRAME] for at in range(0, whole.size, FRAME)], words, pcm.size / RATE)


def room() -> list[Pcm]:
    """A second of noise, in frames."""
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (ROOM_DBFS / 20), RATE)
    return list(np.round(noise).astype(np.int16).reshape(-1, FRAME))


def hum(seconds: float) -> Pcm:
    """A voice without pauses, −18 dBFS."""
    at = np.arange(round(seconds * OUTPUT_RATE)) / OUTPUT_RATE
    return np.asarray(np.sin(2 * np.pi * 120 * at) * 32768 * 10 ** (-15 / 20), np.int16)


def audible(pcm: Pcm) -> bool:
    if pcm.size == 0:
        return False
    samples = pcm.astype(np.float32)
    return math.sqrt(float(samples @ samples) / pcm.size) > 32768 * 10 ** (AUDIBLE_DBFS / 20)


@dataclass
class Stretch:
    """A reply, or what is heard of it: when its first audible frame was handed over, and when it ends."""

    handed: float
    end: float


class Ear:
    """What the caller hears."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []

    def write(self, handed: float, start: float, pcm: Pcm) -> None:
        """``pcm`` was given to the transport at ``handed`` and sounds from ``start`` on."""
        if not audible(pcm):
            return
        end = start + pcm.size / OUTPUT_RATE
        if self.stretches and start <= self.stretches[-1].end + GAP_S:
            self.stretches[-1].end = max(end, self.stretches[-1].end)
        else:
            self.stretches.append(Stretch(handed, end))

    def cut(self, at: float) -> None:
        """What hasn't sounded by then never will."""
        if self.stretches:
            last = self.stretches[-1]
            last.end = min(last.end, max(at, last.handed))

    def since(self, at: float) -> Stretch | None:
        """The first reply that was begun after ``at``."""
        return next((one for one in self.stretches if one.handed > at), None)

    def during(self, at: float) -> Stretch | None:
        """The reply that was being heard at ``at``."""
        return next((one for one in self.stretches if one.handed <= at <= one.end), None)


class Agent(ABC):
    """A running session. ``late`` has how late the VAD was done with each frame or window, in seconds."""

    def __init__(self) -> None:
        self.ear = Ear()
        self.late: list[float] = []

    @abstractmethod
    async def push(self, pcm: Pcm, due: float, words: str = "", speech_end: float = 0.0) -> None:
        """A frame whose last sample was due at ``due``.

        ``words``: with this frame an utterance is over, which ended at ``speech_end``. The final transcript
        is to come ``stt_final`` after that.
        """

    @abstractmethod
    async def close(self) -> None: ...


class Nobody(Agent):
    """Doesn't listen: what it costs to feed it is what feeding costs."""

    async def push(self, pcm: Pcm, due: float, words: str = "", speech_end: float = 0.0) -> None:
        return

    async def close(self) -> None:
        return


class System(ABC):
    """A framework in one of its settings."""

    mocks: Mocks
    setting: str

    def __init__(self, setting: str, mocks: Mocks) -> None:
        self.setting = setting
        self.mocks = mocks

    @abstractmethod
    async def open(self, watched: bool = False) -> Agent:
        """Start a session; it takes audio when this returns. ``watched``: fill ``late``."""

    @abstractmethod
    def unavoidable(self) -> float:
        """Seconds from the end of speech to the first audio that the settings and the mocks alone take."""

    async def frames(self, count: int) -> float:
        """CPU seconds that ``count`` frames take through five pass-through stages."""
        raise NotImplementedError

    async def deployed(self, count: int) -> list[float]:
        """Private MB of each of so many processes that hold one session, where that is how it is deployed."""
        raise NotImplementedError


@dataclass(frozen=True)
class Span:
    """When an utterance was heard."""

    onset: float
    end: float


class Caller:
    """Feeds an agent a frame each 20 ms, when its last sample would have been spoken."""

    def __init__(self, agent: Agent, clip: Clip) -> None:
        self.agent = agent
        self.fed_late: list[float] = []
        """How late this feeder itself was, in seconds."""
        self._clip = clip
        self._room = room()
        self._began = time.perf_counter()
        self._sent = 0

    async def say(self) -> Span:
        began, clip = self._due(), self._clip
        *most, last = clip.frames
        for pcm in most:
            await self._send(pcm, None)
        await self._send(last, began + clip.seconds)
        return Span(began, began + clip.seconds)

    async def listen(self, seconds: float) -> None:
        await self.until(lambda: False, seconds)

    async def until(self, condition: Callable[[], bool], patience: float) -> bool:
        end = self._due() + patience
        while not condition():
            if self._due() >= end:
                return False
            await self._send(self._room[self._sent % len(self._room)], None)
        return True

    async def _send(self, pcm: Pcm, speech_end: float | None) -> None:
        self._sent += 1
        due = self._due()
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        self.fed_late.append(time.perf_counter() - due)
        if speech_end is None:
            await self.agent.push(pcm, due)
        else:
            await self.agent.push(pcm, due, self._clip.words, speech_end)

    def _due(self) -> float:
        """When the last sample of what was sent so far was spoken."""
        return self._began + self._sent * FRAME_S


def private_megabytes() -> float:
    """Memory that only this process has, in MB of 2²⁰ bytes; Linux."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024
