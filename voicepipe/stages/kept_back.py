"""What the caller's silence would have cost: the audio that a provider wasn't given, counted and recorded."""

from __future__ import annotations

from voicepipe.core.frames import AudioIn
from voicepipe.core.records import NotSent
from voicepipe.providers.base import Provider
from voicepipe.stages.base import StageContext


class KeptBack:
    """Of one slot. ``note`` each frame that isn't sent, ``take`` what has come together."""

    def __init__(self, ctx: StageContext) -> None:
        self._ctx = ctx
        self._unsent = 0
        """In thousandths of a sample, of which a millisecond is a whole number at any rate."""
        self._rate = 1

    def note(self, frame: AudioIn) -> None:
        self._unsent += frame.pcm.size * 1000
        self._rate = frame.rate

    def send(self, samples: int) -> None:
        """The last ``samples`` are sent after all: speech began, and these lie before it. There may be fewer,
        since they may be the end of the speech before."""
        self._unsent = max(0, self._unsent - samples * 1000)

    def take(self) -> int:
        """Whole milliseconds since the last time."""
        ms, self._unsent = divmod(self._unsent, self._rate)
        return ms

    def record(self, provider: Provider, ms: int) -> None:
        """``provider`` wasn't given ``ms`` of silence; no record where nobody would have billed it."""
        ctx = self._ctx
        for unit, amount in provider.billed(ms).items():
            if amount:
                ctx.record(
                    NotSent(
                        at_ns=ctx.clock.now(),
                        slot=ctx.slot,
                        provider=provider.name,
                        model=getattr(provider.config, "model", None),
                        ms=ms,
                        unit=unit,
                        amount=amount,
                    )
                )
