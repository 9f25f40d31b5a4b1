"""How notices are spoken: ahead, once a process, with the pipeline's own voice, so that they are there when
it fails. When that is, `voicepipe.runtime.notice_cache` decides.

They belong to no session: what a cloud voice bills for them (their characters, each time a process starts)
is in no call's log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voicepipe.audio.level import SilenceTrimmer, first_audible
from voicepipe.core.calls import NO_SESSION, Call, Workers
from voicepipe.core.clock import Clock
from voicepipe.core.frames import Pcm
from voicepipe.core.units import SECOND, format_duration
from voicepipe.errors import ProviderError
from voicepipe.providers.base import Speech, Word
from voicepipe.speech.speakable import Speakable

PATIENCE = 10 * SECOND
"""How long a voice may take for one of them, from when it is asked; what waits for its turn isn't late.

A call is better begun without notices than not at all: a voice that was too late for one isn't asked for
those that wait.
"""

LONGEST = 20 * SECOND
"""Of one notice. A voice that goes on for longer babbles, and memory has to be bounded."""


class Voice(Protocol):
    """Who speaks the notices: a ``TtsProvider``, or what can do as much of it."""

    @property
    def name(self) -> str: ...

    @property
    def rate(self) -> int: ...

    @property
    def local(self) -> bool:
        """Whether its work is done on this machine."""

    def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]: ...


AT_ONCE = 2
"""How many are spoken at a time: the least that a vendor's plan allows (ElevenLabs, free of charge)."""


@dataclass(frozen=True, slots=True)
class SpokenNotice:
    """``pcm`` is int16 mono at ``rate`` Hz; it begins with its first sound, less 10 ms."""

    text: str
    rate: int
    pcm: Pcm


async def speak_notices(
    texts: Mapping[str, str],
    voices: Sequence[Voice],
    *,
    clock: Clock,
    workers: Workers,
    warn: Callable[[str], None] = lambda message: None,
    into: dict[str, SpokenNotice] | None = None,
    at_once: int = AT_ONCE,
) -> dict[str, SpokenNotice]:
    """Have the first of ``voices``, which have been started, speak ``texts`` (name → text); the next one
    speaks what it can't.

    ``into``: is given each one as soon as it is there. ``at_once``: so many are asked for at a time.

    A notice that can't be had is left out, and ``warn`` is told why. Each takes at most `PATIENCE` a voice.
    """
    spoken = {} if into is None else into
    problems: dict[str, str] = {}
    few = asyncio.Semaphore(at_once)
    for voice in voices:
        left = {name: text for name, text in texts.items() if name not in spoken}
        await _speak_all(left, voice, few, spoken, problems, clock=clock, workers=workers)
    for name, problem in problems.items():
        if name not in spoken:
            warn(f"the notice '{name}' will be silent: {problem}")
    return {name: spoken[name] for name in texts if name in spoken}


async def _speak_all(
    texts: Mapping[str, str],
    voice: Voice,
    few: asyncio.Semaphore,
    spoken: dict[str, SpokenNotice],
    problems: dict[str, str],
    *,
    clock: Clock,
    workers: Workers,
) -> None:
    """A ``few`` side by side. What was wrong with those that aren't ``spoken`` then goes to ``problems``."""

    hangs = False

    async def speak(name: str, text: str) -> None:
        nonlocal hangs
        try:
            async with few:
                if hangs:
                    raise TimeoutError
                async with asyncio.timeout(PATIENCE / SECOND):
                    call = Call(session=NO_SESSION, turn=None, clock=clock, workers=workers)
                    spoken[name] = await _speak(text, voice, call)
        # Whatever is wrong with the voice, most calls never need a notice, and those that do are told.
        except Exception as error:
            hangs = hangs or _late(error)
            why = f"it took more than {format_duration(PATIENCE)}" if _late(error) else str(error)
            problems.setdefault(name, why or type(error).__name__)

    async with asyncio.TaskGroup() as group:
        for name, text in texts.items():
            group.create_task(speak(name, text), name=f"notice {name}")


def _late(error: Exception) -> bool:
    return isinstance(error, TimeoutError) and not str(error)


async def _speak(text: str, voice: Voice, call: Call) -> SpokenNotice:
    speakable = Speakable()
    rate = voice.rate
    trimmer = SilenceTrimmer(rate)
    blocks: list[Pcm] = []
    left = LONGEST * rate // SECOND
    events = voice.synthesize(call, speakable.push(text) + speakable.flush())
    try:
        async for event in events:
            if isinstance(event, Speech):
                blocks.append(trimmer.process(event.pcm))
                left -= event.pcm.size
                if left < 0:
                    raise _useless(voice, f"the voice didn't end within {format_duration(LONGEST)} of audio")
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
    pcm = np.concatenate([*blocks, trimmer.flush()])
    if first_audible(pcm, rate) is None:
        raise _useless(voice, "the voice gave no sound")
    pcm.setflags(write=False)  # all calls share it
    return SpokenNotice(text, rate, pcm)


def _useless(voice: Voice, what: str) -> ProviderError:
    return ProviderError(what, provider=voice.name, kind="protocol", retryable=False)
