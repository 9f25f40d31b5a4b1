"""What all systems are measured with: a caller who speaks in real time, and an ear that hears the reply.

It runs in the environment of the system that is measured: the standard library and NumPy, nothing else.
All times are seconds of ``time.perf_counter``.
"""

from __future__ import annotations

import asyncio
import re
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.peers.feeder import FIRST, LAST, Arrived, Feeder
from benchmarks.peers.sounds import FRAME_S, OUTPUT_RATE, Clip, Pcm, audible

WINDOW = 512
"""Samples that Silero judges at a time, at 16 kHz."""

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

    @cached_property
    def tokens(self) -> list[str]:
        return re.findall(r"\s*\S+", self.reply)

    def seconds(self, text: str) -> float:
        """How long ``text`` takes to be said."""
        return len(text.split()) / self.words_per_second

    def until_audio(self, words: int) -> float:
        """From the request to the model until the first audio of a first piece of so many words."""
        return self.llm_first + (words - 1) * self.llm_token + self.tts_first


@dataclass
class Stretch:
    """A reply, or what is heard of it: when its first audible frame was handed over, and when it ends."""

    handed: float
    end: float


class Ear:
    """What the caller hears."""

    def __init__(self) -> None:
        self.stretches: list[Stretch] = []
        self.began = asyncio.Event()
        """Set with each stretch; who waits for the next one clears it."""

    def write(self, handed: float, start: float, pcm: Pcm) -> None:
        """``pcm`` was given to the transport at ``handed`` and sounds from ``start`` on."""
        if not audible(pcm):
            return
        end = start + pcm.size / OUTPUT_RATE
        if self.stretches and start <= self.stretches[-1].end + GAP_S:
            self.stretches[-1].end = max(end, self.stretches[-1].end)
        else:
            self.stretches.append(Stretch(handed, end))
            self.began.set()

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


class Windows:
    """How late the VAD is: from when a frame was handed over that completes a window until its result is
    there. The n-th result belongs to the n-th window, so whoever leaves out one stays late."""

    def __init__(self) -> None:
        self.late: list[float] = []
        """Seconds."""
        self._under_way: deque[float] = deque()
        self._open = 0
        """Samples of the window that isn't complete."""

    def came(self, samples: int, sent: float) -> None:
        self._open += samples
        if self._open >= WINDOW:
            self._open -= WINDOW
            self._under_way.append(sent)

    def done(self, now: float, counts: bool = True) -> None:
        """``counts``: False of one that was answered without being judged, which can't be late."""
        if self._under_way:
            sent = self._under_way.popleft()
            if counts:
                self.late.append(now - sent)

    def over(self, now: float) -> None:
        """Nothing more will come: what isn't done by then is at least so late."""
        while self._under_way:
            self.done(now)


class Agent(ABC):
    """A running session. One that is ``watched`` tells ``windows`` of each result of its VAD."""

    def __init__(self, watched: bool = False) -> None:
        self.ear = Ear()
        self.windows = Windows()
        self.watched = watched

    @abstractmethod
    def push(self, pcm: bytes, words: str = "", speech_end: float = 0.0) -> None:
        """A frame of int16, just read from the caller's socket.

        ``words``: with this frame an utterance is over, which ended at ``speech_end``. The final transcript
        is to come ``stt_final`` after that.
        """

    @abstractmethod
    async def close(self) -> None: ...


class Nobody(Agent):
    """Doesn't listen: what it costs to feed it is what feeding costs."""

    def push(self, pcm: bytes, words: str = "", speech_end: float = 0.0) -> None:
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
        """Start a session; it takes audio when this returns. ``watched``: it tells its ``windows``."""

    @abstractmethod
    def unavoidable(self) -> float:
        """Seconds from the end of speech to the first audio that the settings and the mocks alone take."""

    async def frames(self, count: int) -> float:
        """CPU seconds that ``count`` frames take through five pass-through stages."""
        raise NotImplementedError

    async def deployed(self, count: int, clip: str) -> list[float]:
        """Private MB of each of so many processes that hold one session, where that is how it is deployed."""
        raise NotImplementedError


@dataclass(frozen=True)
class Span:
    """When an utterance was heard."""

    onset: float
    end: float


class Caller:
    """Passes on to an agent what the feeder sends, in the callback that has read it from the caller's socket.

    This much of the feeding is the measured process's, as with frames that come from a network.
    """

    def __init__(self, agent: Agent, clip: Clip, feeder: Feeder) -> None:
        self.agent = agent
        self.fed_late: list[float] = []
        """How late the feeder itself was, in seconds."""
        self.missed = 0
        """Frames that didn't fit into the socket any more."""
        self._clip = clip
        self._number = 0
        self._said: asyncio.Future[Span] | None = None
        self._onset = 0.0
        self._line = feeder.line(self._pass_on)

    async def say(self, patience: float) -> Span | None:
        """The utterance, from the next frame on; None if it wasn't passed on within ``patience`` seconds."""
        self._said = asyncio.get_running_loop().create_future()
        self._line.say()
        try:
            return await asyncio.wait_for(self._said, self._clip.seconds + patience)
        except TimeoutError:
            return None

    async def heard_since(self, at: float, patience: float) -> Stretch | None:
        """The first reply that is begun after ``at``, None if there is none within ``patience`` seconds."""
        ear, end = self.agent.ear, time.perf_counter() + patience
        while (found := ear.since(at)) is None and (left := end - time.perf_counter()) > 0:
            ear.began.clear()
            try:
                await asyncio.wait_for(ear.began.wait(), left)
            except TimeoutError:
                break
        return found

    async def hang_up(self) -> None:
        self._line.close()
        await self.agent.close()

    def _pass_on(self, frame: Arrived) -> None:
        self.missed += frame.number - self._number - 1
        self._number = frame.number
        self.fed_late.append(frame.sent - frame.due)
        if self.agent.watched:
            self.agent.windows.came(len(frame.pcm) // 2, frame.sent)
        if frame.kind == FIRST:
            self._onset = frame.due - FRAME_S
        if frame.kind != LAST:
            self.agent.push(frame.pcm)
            return
        span = Span(self._onset, self._onset + self._clip.seconds)
        self.agent.push(frame.pcm, self._clip.words, span.end)
        if self._said is not None and not self._said.done():
            self._said.set_result(span)


def private_megabytes() -> float:
    """Memory that only this process has, and has written to, in MB of 2²⁰ bytes; Linux.

    Not what it has of files: 20 MB of a library become private when somebody else's process ends that had it
    open as well, and shared when one begins.
    """
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:")) / 1024
