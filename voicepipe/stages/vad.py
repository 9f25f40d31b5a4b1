"""VAD: microphone audio → where speech began and ended. Plain calls, no thread and no task per frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from voicepipe.core.frames import (
    AudioIn,
    Prosody,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
)
from voicepipe.core.inbox import Inbox, Outlet
from voicepipe.core.units import MS, SECOND, Duration
from voicepipe.providers.base import ProviderKind, VadStream
from voicepipe.speech.endpointing import Decision, Endpointer, Paused, Resumed, Stopped
from voicepipe.stages.base import Stage, StageConfig, StageContext

if TYPE_CHECKING:
    import numpy as np

    from voicepipe.core.frames import Pcm


FIRST_SIGN = 60 * MS
"""Silence after which the speech may be over: two windows of 32 ms, longer than most plosives are silent."""

AGAIN = 600 * MS
"""For so long after an end the same caller is likely to go on: most pauses in a sentence are shorter."""

PARTS = 4
"""Of a window of 32 ms: the end of speech is found to 8 ms."""

_Decided = SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped | Prosody


class VadConfig(StageConfig):
    threshold: float = Field(0.5, gt=0, lt=1, description="probability from which a window is speech")
    prefix_padding: Duration = Field(300 * MS, ge=0, le=SECOND, description="audio kept before the onset")
    min_speech: Duration = Field(64 * MS, ge=0, le=SECOND, description="shorter bursts are noise")
    hangover: Duration = Field(160 * MS, ge=0, le=2 * SECOND, description="silence that is part of speech")


class Vad(Stage):
    kind: ClassVar[str] = "vad"
    provider_kind: ClassVar[ProviderKind | None] = "vad"
    Config: ClassVar[type[StageConfig]] = VadConfig
    config: VadConfig

    async def run(
        self,
        ctx: StageContext,
        inbox: Inbox[AudioIn],
        out: Outlet[SpeechStarted | SpeechPaused | SpeechResumed | SpeechStopped | Prosody],
    ) -> None:
        detector: _Detector | None = None
        async for frame in inbox:
            if type(frame) is not AudioIn:
                continue
            if detector is None:
                detector = _Detector(self.config, self.provider.open(frame.rate), frame.rate)
            for decision in detector.push(frame):
                for decided in detector.frames(decision, ctx.clock.now()):
                    await out.send(decided)
        if detector is not None and (last := detector.endpointer.stop()):
            for decided in detector.frames(last, ctx.clock.now()):
                await out.send(decided)


class _Detector:
    """Cuts frames into the model's windows and knows which sample was spoken when."""

    def __init__(self, config: VadConfig, stream: VadStream, rate: int) -> None:
        import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

        from voicepipe.audio.level import rms_dbfs  # noqa: PLC0415 - likewise
        from voicepipe.speech.prosody import ProsodyTracker  # noqa: PLC0415 - likewise

        self._level = rms_dbfs
        self._stream = stream
        self._rate = rate
        self._window: Pcm = np.zeros(stream.window, np.int16)
        self._parts = np.array_split(self._window, PARTS)
        self._filled = 0
        self._position = 0
        self._speech_end = 0
        self._prosody = ProsodyTracker(rate)
        self._padding = config.prefix_padding * rate // SECOND
        self.endpointer = Endpointer(
            threshold=config.threshold,
            min_speech=config.min_speech * rate // SECOND,
            hangover=config.hangover * rate // SECOND,
            first_sign=FIRST_SIGN * rate // SECOND,
            again=AGAIN * rate // SECOND,
        )

    def push(self, frame: AudioIn) -> list[Decision]:
        """Almost always empty: decisions are rare."""
        decisions: list[Decision] = []
        if frame.position != self._position + self._filled:
            # Frames were dropped: the window would join what doesn't belong together.
            self._position, self._filled = frame.position, 0
        pcm: np.ndarray[tuple[int, ...], np.dtype[np.int16]] = frame.pcm
        size, taken = self._window.size, 0
        while taken < pcm.size:
            part = min(size - self._filled, pcm.size - taken)
            self._window[self._filled : self._filled + part] = pcm[taken : taken + part]
            self._filled += part
            taken += part
            if self._filled == size:
                decision = self.endpointer.push(
                    self._stream.probability(self._window),
                    self._level(self._window),
                    self._position,
                    self._position + size,
                    [self._level(part) for part in self._parts] if self.endpointer.speaking else (),
                )
                if self.endpointer.speaking:
                    self._prosody.push(self._window)
                self._position += size
                self._filled = 0
                if decision is not None:
                    decisions.append(decision)
        return decisions

    def frames(self, decision: Decision, now: int) -> list[_Decided]:
        """``decision`` as frames, its sample position turned into the time it was spoken at."""
        position, heard = decision.position, self._position + self._filled
        spoken_ns = now - max(0, heard - position) * SECOND // self._rate
        if isinstance(decision, Paused):
            return [
                self._measured(position, now),
                SpeechPaused(position=position, offset_ns=spoken_ns, at_ns=now),
            ]
        if isinstance(decision, Resumed):
            return [SpeechResumed(position=position, at_ns=now)]
        if isinstance(decision, Stopped):
            self._speech_end = position
            self._prosody.reset()
            return [SpeechStopped(position=position, offset_ns=spoken_ns, at_ns=now)]
        return [
            SpeechStarted(
                position=position,
                # Not before the last word of the utterance before: it would be recognised twice.
                audio_from=max(self._speech_end, position - self._padding),
                onset_ns=spoken_ns,
                at_ns=now,
            )
        ]

    def _measured(self, position: int, now: int) -> Prosody:
        # Not the silence since: noise would be taken for the end of the voice.
        measures = self._prosody.measure(self._position - position)
        return Prosody(
            position=position,
            pitch_slope=measures.pitch_slope,
            pitch_height=measures.pitch_height,
            level_fall=measures.level_fall,
            voiced_ms=measures.voiced_ms,
            at_ns=now,
        )
