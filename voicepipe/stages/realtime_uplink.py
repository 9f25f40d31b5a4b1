"""The caller's audio on its way up to one connection of a fused model: in order, whatever happens beside it.

The server's buffer holds the audio of one utterance at a time. It is written to frame by frame as the
caller speaks, and in one go where an utterance has to be sent again, which others must not write into. The
caller's silence is written to it only where the server is to find the turns, or everything is wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from voicepipe.core.frames import AudioIn
from voicepipe.errors import ProviderError
from voicepipe.providers.realtime_base import RealtimeConnection
from voicepipe.stages.caller_audio import CallerAudio, Utterance
from voicepipe.stages.recent_audio import Piece

if TYPE_CHECKING:
    from voicepipe.audio.resample import Resampler


class Uplink:
    """To ``connection`` with this ``number``, which takes audio at ``rate`` Hz.

    ``missed``: the first sample that no connection was given; ``catch_up`` sends it, and what follows.
    ``whole``: all frames are appended, also those that belong to no utterance.
    """

    def __init__(
        self,
        connection: RealtimeConnection,
        number: int,
        audio: CallerAudio,
        *,
        rate: int,
        missed: int | None,
        whole: bool,
    ) -> None:
        self.connection = connection
        self.number = number
        self._audio = audio
        self._rate = rate
        self._missed = missed
        self._whole = whole
        self._floor = asyncio.Lock()
        """Held by who sends more than the next frame."""
        self._holds: Utterance | None = None
        """Whose audio the buffer was given last."""
        self._resampler: Resampler | None = None
        self._sent = 0
        """Samples so far, at the caller's rate."""
        self._ahead = 0
        """How far the position of the next sample is ahead of that."""

    @property
    def missed(self) -> int | None:
        """The first sample that the connection wasn't given, if there is one."""
        return self._missed

    @property
    def replaying(self) -> bool:
        """Audio is sent again; what the server hears in it isn't news."""
        return self._floor.locked()

    async def append(self, frame: AudioIn) -> None:
        """The next frame; who holds the floor sends it otherwise."""
        begun = self._whole or self._begun(self._audio.open)
        if begun and self._missed is None and not self._floor.locked():
            await self._send([(frame.position, frame.pcm, frame.caption)])
        elif self._missed is None:
            self._missed = frame.position

    async def begin(self, utterance: Utterance, before: Utterance | None) -> None:
        """From here on the audio belongs to ``utterance``, which also gets what was said of it already.

        ``before`` is the one before it: as long as its audio isn't placed, nothing may be thrown away.
        """
        if self._floor.locked():
            return  # who holds it begins the open utterance anew
        if before is not None and before.connection == self.number and not before.placed.is_set():
            if self._whole:  # then the buffer holds its beginning already
                utterance.displace(self.number)
            return
        async with self._floor:
            await self._upload(utterance)
            await self._catch_up()

    async def catch_up(self) -> None:
        """Send what was said while there was no connection."""
        async with self._floor:
            await self._catch_up()

    @asynccontextmanager
    async def alone(self, utterance: Utterance) -> AsyncIterator[None]:
        """All of ``utterance``, which is over, is in the buffer alone, and the body takes it from there."""
        async with self._floor:
            if not self._begun(utterance):
                missed = self._missed
                if (
                    self._audio.open is not None
                ):  # it's in the buffer as well, and is begun anew behind this one
                    self._audio.open.displace()
                await self._upload(utterance)
                self._missed = self._missed if missed is None else missed
            try:
                yield
            finally:
                await self._catch_up()

    async def _catch_up(self) -> None:
        while True:
            utterance, missed = self._audio.open, self._missed
            if utterance is not None and not self._begun(utterance):
                await self._upload(utterance)
            elif missed is not None:
                self._missed = None
                if self._whole or utterance is not None:
                    await self._send(self._audio.since(missed))
            else:
                return

    def _begun(self, utterance: Utterance | None) -> bool:
        return utterance is not None and utterance.connection == self.number

    async def _upload(self, utterance: Utterance) -> None:
        """All that there is of ``utterance``, in place of what the buffer holds."""
        if self._holds not in (None, utterance) and not self._holds.placed.is_set():
            self._holds.displace()
        self._holds = utterance
        utterance.displace(self.number)
        self._resampler = self._missed = None
        pieces = utterance.frames.since(0)
        try:
            await self.connection.clear()
        except ProviderError:
            return  # who reads the connection's events is told what has happened to it
        await self._send(pieces)

    async def _send(self, pieces: Sequence[Piece]) -> None:
        try:
            for position, pcm, _ in pieces:
                if self._resampler is None:
                    from voicepipe.audio.resample import Resampler  # noqa: PLC0415 - needs NumPy

                    self._resampler = Resampler(self._audio.rate, self._rate)
                self._ahead = position - self._sent
                self._sent += pcm.size
                await self.connection.append(self._resampler.process(pcm))
        except ProviderError:
            return  # as above

    def position(self, audio_ms: int, rate: int) -> int:
        """The sample at ``rate`` that was sent ``audio_ms`` after the first one."""
        return self._ahead + audio_ms * rate // 1000
