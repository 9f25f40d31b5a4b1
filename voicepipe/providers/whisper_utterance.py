"""One utterance that is decoded while it grows: what to decode when, and what to say of it.

The audio lies in windows of at most 30 s, what Whisper takes. A window that grows too long is cut where it
is quietest, and the part before the cut is decoded for good: no word timings are needed for that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from voicepipe.core.beside import Beside
from voicepipe.core.frames import UNRECOGNISED, Pcm
from voicepipe.core.units import SECOND
from voicepipe.providers.whisper_model import RATE, Clip
from voicepipe.speech.decode_gate import DecodeGate
from voicepipe.speech.local_agreement import LocalAgreement
from voicepipe.speech.plausible import joined
from voicepipe.speech.window import Window

SETTLED = RATE // 10
"""Silence after which speech may be over: longer than the closure before a plosive (40 to 90 ms)."""

CUT_FROM, CUT_AT, FULL = 16 * RATE, 24 * RATE, 28 * RATE
"""From 24 s on a window is cut where it is quietest after 16 s. At 28 s that can't wait any longer."""

PIECE = RATE
"""Larger blocks are taken in pieces, so that a window can't outgrow 30 s by one block."""

FRAME = RATE // 50

LEAD = 10 * FRAME
"""Of the silence before speech 200 ms are kept: soft consonants begin in it. More would fill the window,
tempt Whisper to put words into it, and make what is heard depend on the padding of the VAD."""

SHORTEST = RATE // 10
"""No word is shorter than 100 ms."""


@dataclass(slots=True)
class _Decode:
    """``end``: how much of the window it covers. ``closing``: it is the last one of that part."""

    end: int
    closing: bool
    text: str | None = None


class Utterance:
    """``text_of`` decodes a clip to what is believed of it: words, ``""`` or ``UNRECOGNISED``."""

    def __init__(
        self,
        text_of: Callable[[Clip], Awaitable[str]],
        gate: DecodeGate,
        *,
        partials: bool,
        keep_committed: bool,
    ) -> None:
        self._text_of = text_of
        self._gate = gate
        self._partials = partials
        self._keep_committed = keep_committed
        self._window = Window(RATE)
        self._agreement = LocalAgreement()
        self._settled = ""  # the text of the windows before
        self._beside: Beside[str] = Beside()
        self._decode = _Decode(end=0, closing=False, text="")
        self.partial = ""

    async def hear(self, block: Pcm) -> bool:
        """Take more audio; True if ``partial`` changed. Waits only for a window that is full."""
        before = self.partial
        for start in range(0, len(block), PIECE):
            self._window.add(block[start : start + PIECE])
            while self._beside.ready or (self._beside.busy and self._window.samples >= FULL):
                await self._collect()
                self._start_if_due()
            if not self._beside.busy:
                self._start_if_due()
        return self.partial != before

    async def finish(self) -> str:
        """The caller paused: the text of all that was heard."""
        if self._beside.busy and (self._decode.closing or self._covers_all()):
            await self._collect()
        await self._beside.stop()
        if self._covers_all() and self._decode.text is not None:
            return joined((self._settled, self._decode.text))
        if self._window.speech_end() == 0 or self._window.samples < SHORTEST:
            return self._settled
        keep = self._keep_committed and not self._agreement.contested
        # The last committed word may be the last one that was said, and a clip's prefix must not be all.
        prefix = "".join(self._agreement.committed[:-1]).strip() if keep else ""
        return joined((self._settled, await self._text_of(self._clip(self._window.samples, prefix))))

    async def close(self) -> None:
        await self._beside.stop()

    def _clip(self, end: int, prefix: str = "") -> Clip:
        return Clip(self._window.pcm(max(0, self._window.speech_start() - LEAD), end), prefix)

    def _covers_all(self) -> bool:
        """The last decode saw all of the speech and some silence after it."""
        return 0 < self._window.speech_end() <= self._decode.end - SETTLED

    def _start_if_due(self) -> None:
        window = self._window
        if window.speech_end() == 0:
            window.drop(max(0, window.samples - LEAD) // FRAME * FRAME)
            return
        if window.samples >= CUT_AT:
            end = window.quietest(CUT_FROM, window.samples)
            if window.speech_end(end) == 0:
                window.drop(end)
                return
            self._decode = _Decode(end=end, closing=True)
        elif self._partials and self._pays():
            self._decode = _Decode(end=window.samples, closing=False)
        else:
            return
        self._beside.start(self._run(self._clip(self._decode.end)))

    def _pays(self) -> bool:
        samples, speech_end = self._window.samples, self._window.speech_end()
        if self._covers_all():
            return False
        unheard_ns = (samples - self._decode.end) * SECOND // RATE
        return self._gate.pays(unheard_ns, settled=samples - speech_end >= SETTLED)

    async def _run(self, clip: Clip) -> str:
        return await self._text_of(clip)

    async def _collect(self) -> None:
        text = await self._beside.take()
        words = "" if text == UNRECOGNISED else text
        if self._decode.closing:
            self._window.drop(self._decode.end)
            self._settled = joined((self._settled, text))
            self._agreement = LocalAgreement()
            self._decode = _Decode(end=0, closing=False, text="")
        else:
            self._decode.text = text
            self._agreement.add(words)
        heard = (self._settled, self._agreement.text)
        self.partial = " ".join(piece for piece in heard if piece and piece != UNRECOGNISED)
