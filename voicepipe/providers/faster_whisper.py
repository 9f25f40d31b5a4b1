"""Speech to text by faster-whisper: a Whisper model on this computer, with results while the caller speaks.

Whisper answers for whole recordings. Here it is asked repeatedly about what there is so far, as often as
its measured cost allows (``DecodeGate``), and partial results are what two successive answers agree on
(``LocalAgreement``). At the pause

* nothing is decoded if a decode that covers all of the speech is there or under way: when the caller falls
  silent one is begun at once, long before the pause is certain;
* otherwise the audio that no earlier window has settled is decoded once.

The whole of a window is decoded then, rather than what follows the committed words: the encoder's work,
most of the cost, is the same for any audio up to 30 s, and a committed word may be wrong, because it was
guessed from a part of the sentence. ``final: tail`` keeps the committed words, unless the last hypothesis
contradicts them, and has the model decode only what follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from voicepipe.core.calls import Batcher, Call, Host
from voicepipe.core.clock import Clock
from voicepipe.core.cores import cores
from voicepipe.core.extras import install_command, installed
from voicepipe.core.frames import Pcm
from voicepipe.core.units import MS, Duration, ModelRef
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Hypothesis, ProviderConfig, SttProvider
from voicepipe.providers.whisper_files import locate, present_models
from voicepipe.speech.decode_gate import DecodeGate
from voicepipe.speech.plausible import believed

if TYPE_CHECKING:  # validating a pipeline file needs this module, but not NumPy
    from voicepipe.providers.whisper_model import Clip, Decoded, WhisperBatch


class FasterWhisperConfig(ProviderConfig):
    model: ModelRef = Field("base.en", description="a name such as base.en, or the folder of a model")
    language: str | None = Field(None, description="'en', 'de'; otherwise that of agent.language")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if there is one")
    compute_type: str | None = Field(None, description="int8 on a CPU and float16 on a GPU unless given")
    threads: int = Field(0, ge=0, le=256, description="of the CPU; 0: all cores it may use, at most four")
    beam_size: int = Field(1, ge=1, le=16, description="hypotheses that are pursued side by side")
    initial_prompt: str | None = Field(None, max_length=800, description="text in the style to be expected")
    hotwords: str | None = Field(None, max_length=800, description="words to be expected, such as names")
    partials: bool = Field(True, description="results while the caller speaks")
    cadence: Duration = Field(500 * MS, description="between partial decodes, at least")
    final: Literal["whole", "tail"] = Field("whole", description="what is decoded at the pause")
    min_logprob: float = Field(-1.0, le=0, description="mean log probability under which words are guesses")
    max_no_speech: float = Field(0.6, ge=0, le=1, description="under that, noise above it is not speech")
    max_batch: int | None = Field(
        None, ge=1, le=64, description="utterances decoded at a time; 1 on a CPU and 8 on a GPU unless given"
    )


class FasterWhisper(SttProvider):
    name = "faster-whisper"
    local = True
    extra = "local"
    packages = ("faster_whisper",)
    Config = FasterWhisperConfig
    config: FasterWhisperConfig

    def __init__(self, config: FasterWhisperConfig, host: Host) -> None:
        super().__init__(config, host)
        self._model: WhisperBatch | None = None
        self._batcher: Batcher[Clip, Decoded] | None = None
        self._gate = DecodeGate(config.cadence)

    async def start(self) -> None:
        from voicepipe.providers.whisper_model import SILENCE  # noqa: PLC0415 - as above

        model = await self.host.workers.call(self._load)
        # On a CPU eight at once take as long as one after the other, and all wait for the last one.
        at_once = self.config.max_batch or (1 if model.device == "cpu" else 8)
        batcher = self.host.workers.batcher(model.decode, max_batch=at_once)
        self._model, self._batcher = model, batcher
        clock = Clock()
        for _ in range(2):  # the first one is slower than any later one
            self._gate.cost_ns = None
            await self._decode(clock, SILENCE)

    def _load(self) -> WhisperBatch:
        from voicepipe.providers.whisper_model import DecodeOptions, WhisperBatch  # noqa: PLC0415 - as above

        config = self.config
        model = WhisperBatch(
            locate(config.model),
            device=config.device,
            compute_type=config.compute_type,
            threads=config.threads or min(4, cores()),
            progress=self.host.progress,
        )
        options = DecodeOptions(
            beam_size=config.beam_size, initial_prompt=config.initial_prompt, hotwords=config.hotwords
        )
        model.configure(config.language or self.host.language.partition("-")[0].lower(), options)
        return model

    async def close(self) -> None:
        model, self._model, self._batcher = self._model, None, None
        if model is not None:
            await self.host.workers.call(model.close)

    def check(self) -> list[str]:
        if not installed("faster_whisper"):
            return [f"the package 'faster-whisper' is not installed: {install_command('local')}"]
        try:
            locate(self.config.model)
        except SetupError as error:
            return [str(error)]
        return []

    def found(self) -> list[str]:
        return present_models() if installed("faster_whisper") else []

    async def pull(self) -> None:
        self.host.progress(f"faster-whisper: fetching {self.config.model}, unless it is here already")
        folder = await self.host.workers.call(partial(locate, self.config.model, download=True))
        self.host.progress(f"faster-whisper: {self.config.model} is in {folder}")

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        from voicepipe.providers.whisper_utterance import Utterance  # noqa: PLC0415 - as above

        utterance = Utterance(
            partial(self._text, call.clock),
            self._gate,
            partials=self.config.partials,
            keep_committed=self.config.final == "tail",
        )
        samples = 0
        try:
            async for block in audio:
                samples += len(block)
                if await utterance.hear(block):
                    yield Hypothesis(text=utterance.partial, final=False)
            yield Hypothesis(text=await utterance.finish(), final=True)
        finally:
            call.add_usage("audio_in_ms", samples * 1000 // self.rate)
            await utterance.close()

    async def _decode(self, clock: Clock, clip: Clip) -> Decoded:
        if self._batcher is None:
            raise ProviderError("used before start() or after close()", provider=self.name, kind="internal")
        began = clock.now()
        self._gate.under_way += 1
        try:
            decoded = await self._batcher.submit(clip)
        except (RuntimeError, ValueError, MemoryError) as error:  # what the engine raises
            raise ProviderError(str(error), provider=self.name, kind="internal") from error
        finally:
            self._gate.under_way -= 1
        self._gate.measured(clock.now() - began)
        return decoded

    async def _text(self, clock: Clock, clip: Clip) -> str:
        decoded = await self._decode(clock, clip)
        return believed(
            decoded.text,
            mean_logprob=decoded.mean_logprob,
            no_speech=decoded.no_speech,
            min_logprob=self.config.min_logprob,
            max_no_speech=self.config.max_no_speech,
        )
