"""VAD: microphone audio → where speech began and ended. Plain calls, no thread and no task per frame.

A model that can judge several sessions' windows at once is given those that are complete in the same turn of
the event loop, and answers by a callback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from voicepipe.core.clock import Clock
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
from voicepipe.providers.base import BatchedVadStream, ProviderKind, VadStream
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

        def tell(decided: _Decided) -> None:
            # It may be decided in a callback, where nothing can be awaited: so it comes in here, in front.
            inbox.send_control(decided)

        async for frame in inbox:
            if type(frame) is AudioIn:
                if detector is None:
                    stream = self.provider.open(frame.rate)
                    detector = _Detector(self.config, stream, frame.rate, ctx.clock, tell)
                    inbox.listen(detector.push)
                detector.push(frame)
            elif isinstance(frame, _Decided):
                await out.send(frame)
        if detector is not None:
            detector.stop()
            async for frame in inbox:  # what was still decided
                await out.send(frame)


class _Detector:
    """Cuts frames into the model's windows and knows which sample was spoken when."""

    def __init__(
        self,
        config: VadConfig,
        stream: VadStream,
        rate: int,
        clock: Clock,
        tell: Callable[[_Decided], None],
    ) -> None:
        import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

        from voicepipe.audio.level import power_dbfs  # noqa: PLC0415 - likewise
        from voicepipe.speech.prosody import ProsodyTracker  # noqa: PLC0415 - likewise

        self._level = power_dbfs
        self._stream = stream
        self._batched = stream if isinstance(stream, BatchedVadStream) else None
        self._rate = rate
        self._clock = clock
        self._tell = tell
        self._window: Pcm = np.zeros(stream.window, np.int16)
        """Is being filled."""
        self._judged: Pcm = np.zeros(stream.window, np.int16)
        """Is being judged meanwhile, or was."""
        self._samples = np.zeros(stream.window, np.float64)
        self._parts = np.array_split(self._samples, PARTS)
        """Of ``_samples``, which are those that are judged."""
        self._filled = 0
        self._position = 0
        """Of the first sample of the window that is being filled."""
        self._heard = 0
        """How far the audio has come."""
        self._error: Exception | None = None
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

    def push(self, frame: AudioIn) -> None:
        """Raises what has gone wrong with a window since the last time."""
        if self._error is not None:
            raise self._error
        if frame.position != self._position + self._filled:
            # Frames were dropped: the window would join what doesn't belong together.
            self._position, self._filled = frame.position, 0
        pcm: np.ndarray[tuple[int, ...], np.dtype[np.int16]] = frame.pcm
        self._heard = frame.position + pcm.size
        size, taken = self._window.size, 0
        while taken < pcm.size:
            part = min(size - self._filled, pcm.size - taken)
            self._window[self._filled : self._filled + part] = pcm[taken : taken + part]
            self._filled += part
            taken += part
            if self._filled == size:
                self._judge()

    def stop(self) -> None:
        """The audio has come to its end."""
        if self._batched is not None:
            self._batched.settle()
        if self._error is not None:
            raise self._error
        if (last := self.endpointer.stop()) is not None:
            self._decide(last)

    def _judge(self) -> None:
        """The window is full."""
        if self._batched is not None:
            self._batched.settle()  # of the one before, which is needed no more
        self._window, self._judged = self._judged, self._window
        self._position += self._window.size
        self._filled = 0
        if self._batched is None:
            self._take(self._stream.probability(self._judged))
        else:
            self._batched.submit(self._judged, self._answer)

    def _answer(self, given: float | Exception) -> None:
        """Others wait for theirs: what goes wrong here is raised where it ends this call alone."""
        try:
            if isinstance(given, Exception):
                raise given
            self._take(given)
        except Exception as error:  # raised again by push()
            self._error = error

    def _take(self, probability: float) -> None:
        window, end = self._judged, self._position
        samples, level = self._samples, self._level
        samples[:] = window
        decision = self.endpointer.push(
            probability,
            level(float(samples @ samples) / window.size),
            end - window.size,
            end,
            [level(float(part @ part) / part.size) for part in self._parts]
            if self.endpointer.speaking
            else (),
        )
        if self.endpointer.speaking:
            self._prosody.push(window)
        if decision is not None:
            self._decide(decision)

    def _decide(self, decision: Decision) -> None:
        for decided in self._frames(decision, self._clock.now()):
            self._tell(decided)

    def _frames(self, decision: Decision, now: int) -> list[_Decided]:
        """``decision`` as frames, its sample position turned into the time it was spoken at."""
        position = decision.position
        spoken_ns = now - max(0, self._heard - position) * SECOND // self._rate
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
