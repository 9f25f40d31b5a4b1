"""The audio of one utterance, which can be read again: a call that failed is made anew with all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from voicepipe.core.calls import Call
from voicepipe.core.frames import AudioIn, SpeechStarted, SpeechStopped
from voicepipe.core.inbox import Inbox
from voicepipe.core.units import SECOND
from voicepipe.providers.base import SttProvider
from voicepipe.stages.recent_audio import Piece, RecentAudio

if TYPE_CHECKING:
    from voicepipe.audio.resample import Resampler
    from voicepipe.core.frames import Pcm

AudioInbox = Inbox[AudioIn | SpeechStarted | SpeechStopped]


BEHIND = 3 * SECOND // 2
"""How late the news of an onset may be: what waits in the VAD's inbox, and half as much to spare.

That inbox holds 50 frames, which are 1 s if they are of 20 ms, as they are assumed to be; of longer ones it
holds more, and the beginning of an utterance could be lost behind a VAD that is so late.
"""

LONGEST = 60 * SECOND
"""Of an utterance, the most that is kept to be heard again: its end."""


class HeardAudio(RecentAudio):
    """The last seconds, whatever became of them, and which of their captions were taken.

    ``reach``: see ``StageContext.onset_reach``. A second of it is 45 kB, in each call.
    """

    def __init__(self, reach: int) -> None:
        super().__init__(reach + BEHIND)
        self._captioned = -1
        """Where the last piece began whose caption was taken."""

    def caption(self, piece: Piece) -> Piece:
        """With what is said in ``piece``, once: the padding of an utterance may reach into the one before."""
        position, pcm, caption = piece
        if caption is None:
            return piece
        if position <= self._captioned:
            return position, pcm, ""
        self._captioned = position
        return piece


class SpokenUtterance:
    """What is kept of before its onset was known, then the inbox up to the pause; at most ``LONGEST`` of it.

    One reader at a time takes what is new out of the inbox; each begins with what is kept.
    """

    def __init__(self, inbox: AudioInbox, start: SpeechStarted, recent: HeardAudio) -> None:
        self.id = start.position
        self.audio_from = start.audio_from
        self._inbox = inbox
        self._recent = recent
        self._kept = [recent.caption(piece) for piece in recent.since(start.audio_from)]
        self.begun = sum(pcm.size - self.skip(position) for position, pcm, _ in self._kept)
        """Samples of it that were there when its onset became known."""
        self._forgotten = 0
        """Pieces that were kept, and aren't any more."""
        self.stopped_ns: int | None = None
        """When the caller's pause was noticed."""
        self._stopped = False

    @property
    def rate(self) -> int:
        return self._recent.rate

    def skip(self, position: int) -> int:
        """Samples from ``position`` on that lie before the utterance."""
        return max(0, self.audio_from - position)

    def kept(self, index: int) -> tuple[int, Piece] | None:
        """Piece ``index``, or the first after it that is still there; None: not yet."""
        at = max(0, index - self._forgotten)
        return (self._forgotten + at, self._kept[at]) if at < len(self._kept) else None

    async def grow(self) -> bool:
        """Wait for the next piece; False if there is none: the caller has paused."""
        piece = await self._next()
        if piece is None:
            return False
        self._kept.append(self._recent.caption(piece))
        if self._kept[0][0] < piece[0] - LONGEST * self._recent.rate // SECOND:
            half = len(self._kept) // 2  # in one go, since a list's beginning is its dear end
            del self._kept[:half]
            self._forgotten += half
        return True

    async def skip_to_stop(self) -> None:
        """Pass over the rest of an utterance that nobody reads any more."""
        self._kept.clear()
        while await self._next() is not None:
            pass

    async def _next(self) -> Piece | None:
        while not self._stopped:
            item = await anext(self._inbox, None)
            if type(item) is AudioIn:
                return self._recent.push(item)  # the next utterance's padding may begin in here
            if type(item) is SpeechStopped:
                self.stopped_ns = item.at_ns
            self._stopped = item is None or type(item) is SpeechStopped
        return None


class Reading:
    """The utterance as one call of ``provider`` gets it: blocks at its rate, up to the pause.

    ``wait`` is told whether the provider waits for audio that isn't there yet: then it can't be late.
    """

    def __init__(
        self, utterance: SpokenUtterance, provider: SttProvider, call: Call, wait: Callable[[bool], None]
    ) -> None:
        self._utterance = utterance
        self._provider = provider
        self._call = call
        self._wait = wait
        self._index = 0
        self._samples = 0
        self._resampler: Resampler | None = None
        self._ended = False

    def __aiter__(self) -> Reading:
        return self

    async def __anext__(self) -> Pcm:
        if self._ended:
            raise StopAsyncIteration
        found = self._utterance.kept(self._index)
        while found is None:
            self._wait(True)
            try:
                more = await self._utterance.grow()
            finally:
                self._wait(False)
            if not more:
                return self._last()
            found = self._utterance.kept(self._index)
        index, (position, pcm, caption) = found
        ration, self._samples = self._call.ration, self._samples + pcm.size
        if (
            ration is not None
            and (heard_ms := self._samples * 1000 // self._utterance.rate) > ration.allowed_ms
        ):
            await ration.allow(heard_ms)
        self._index = index + 1
        if self._provider.captions and caption is not None:
            self._call.captions.append(caption)
        if self._resampler is None:
            from voicepipe.audio.resample import Resampler  # noqa: PLC0415 - needs NumPy

            self._resampler = Resampler(self._utterance.rate, self._provider.rate)
        if skip := self._utterance.skip(position):
            pcm = pcm[skip:]
        return self._resampler.process(pcm)

    def _last(self) -> Pcm:
        self._ended = True
        if self._resampler is None or not (tail := self._resampler.flush()).size:
            raise StopAsyncIteration
        return tail
