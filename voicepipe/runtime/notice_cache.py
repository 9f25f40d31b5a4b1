"""The notices of a running pipeline: which voice speaks them, and what is there already.

A voice of this machine has spoken them before the first call: its work would be done on the cores that the
call needs. The answers of a service are only waited for, a second or two, and no caller need wait with us:
they come in while the first call goes on, which can hardly need one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from voicepipe.core.beside import Beside
from voicepipe.core.calls import Workers
from voicepipe.core.clock import Clock
from voicepipe.providers.base import TtsProvider
from voicepipe.providers.realtime_base import RealtimeProvider
from voicepipe.runtime.engines import Engines
from voicepipe.runtime.notices import AT_ONCE, SpokenNotice, Voice, speak_notices
from voicepipe.runtime.realtime_voice import RealtimeVoice

VOICE, FUSED = "tts", "realtime"
"""The slot whose voice speaks the notices, too."""


def voices_of(engines: Engines) -> list[Voice]:
    """Who can speak the notices, the one that is asked first in front."""
    voices: list[Voice] = [one for one in engines.working(VOICE) if isinstance(one, TtsProvider)]
    fused = engines.provider(FUSED)
    return voices or ([RealtimeVoice(fused)] if isinstance(fused, RealtimeProvider) else [])


class NoticeCache(Mapping[str, SpokenNotice]):
    """By name, those that have been spoken so far. ``begin`` once, ``stop`` in any case."""

    def __init__(self) -> None:
        self._spoken: dict[str, SpokenNotice] = {}
        self._rest: Beside[None] = Beside()

    def __getitem__(self, name: str) -> SpokenNotice:
        return self._spoken[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spoken)

    def __len__(self) -> int:
        return len(self._spoken)

    async def begin(
        self,
        texts: Mapping[str, str],
        first: Mapping[str, str],
        voices: Sequence[Voice],
        *,
        clock: Clock,
        workers: Workers,
        warn: Callable[[str], None],
    ) -> None:
        """Returns when calls can be held: ``first`` has been spoken by then, ``texts`` perhaps.

        They have on a virtual clock, on which a call must find the same each time.
        """

        async def speak(some: Mapping[str, str], at_once: int) -> None:
            await speak_notices(
                some, voices, clock=clock, workers=workers, warn=warn, into=self._spoken, at_once=at_once
            )

        async def rest() -> None:
            try:
                await speak(texts, AT_ONCE - 1)  # the call has to speak as well
            except Exception as error:  # perhaps nobody waits for the whole
                warn(f"notices will be silent: {str(error) or type(error).__name__}")
                raise

        of_this_machine = any(voice.local for voice in voices)  # a fallback of it may have to speak as well
        if voices and not of_this_machine and not clock.virtual:
            await speak(first, AT_ONCE)
            self._rest.start(rest())
        else:
            await speak({**texts, **first}, AT_ONCE)

    async def whole(self) -> None:
        """Once begun: wait until all have been spoken that can be, and raise what went wrong with that.

        A voice that fails isn't wrong: ``warn`` is told.
        """
        await self._rest.wait()

    async def stop(self) -> None:
        """Speak no more."""
        await self._rest.stop()
