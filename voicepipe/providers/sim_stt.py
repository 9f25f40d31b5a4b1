"""STT ``sim``: hears what a scripted caller says (the captions of the audio), or a list of texts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from pydantic import Field

from voicepipe.core.calls import Call, Host
from voicepipe.core.frames import Pcm, Word
from voicepipe.providers.base import Hypothesis, SttProvider
from voicepipe.providers.sim import Latency, Script, SimConfig, constant


class SimSttConfig(SimConfig):
    texts: tuple[str, ...] = Field(
        ("Where is my order?",),
        min_length=1,
        description="What the caller says, turn by turn and then again, where the audio has no captions.",
    )
    partials: bool = Field(True, description="Whether words are told while the caller speaks.")
    words_per_second: float = Field(2.5, gt=0, le=20, description="How fast partials follow the audio.")
    final_after: Latency = Field(constant("100ms"), description="From the pause to the final transcript.")


class SimStt(SttProvider):
    name = "sim"
    local = True
    captions: ClassVar[bool] = True
    Config = SimSttConfig
    config: SimSttConfig

    def __init__(self, config: SimSttConfig, host: Host) -> None:
        super().__init__(config, host)
        self._script = Script("stt.sim", config)

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        run = self._script.begin(call)
        scripted = self.config.texts[(run.number - 1) % len(self.config.texts)].split()
        samples = shown = 0
        async for block in audio:
            samples += block.size
            call.set_usage("audio_in_ms", samples * 1000 // self.rate)
            words = " ".join(call.captions).split() if call.captions else scripted
            due = min(len(words), int(self.config.words_per_second * samples / self.rate))
            if self.config.partials and due > shown:
                shown = due
                await run.event()
                yield self._hypothesis(words[:due], samples, final=False)
        await run.wait(self.config.final_after)
        await run.event()
        words = " ".join(call.captions).split() if call.captions else scripted
        yield self._hypothesis(words if samples else (), samples, final=True)  # without audio nobody spoke

    def _hypothesis(self, words: Sequence[str], samples: int, *, final: bool) -> Hypothesis:
        """With word times at the configured rate, or faster if the audio is shorter than that."""
        length_ms = min(1000 / self.config.words_per_second, samples * 1000 / self.rate / max(1, len(words)))
        times = [round(n * length_ms) for n in range(len(words) + 1)]
        return Hypothesis(
            text=" ".join(words),
            final=final,
            words=tuple(
                Word(text=word, start_ms=start, end_ms=end)
                for word, start, end in zip(words, times[:-1], times[1:], strict=True)
            ),
        )
