"""STT ``pocketsphinx``: hears the sentences of a rules file, offline, in 0.05 of real time.

Its language model is made of the word pairs that the rules' sentence templates allow; the acoustic model and
the pronouncing dictionary (both US English) come with the package. Three things keep it honest:

* **Nothing is left of the utterance before.** The decoder subtracts a running mean from its features, by
  default a mean over all that it ever heard, so that the same clip gives another text the tenth time. Here
  the mean is estimated from the first second of each utterance, and decoding begins when that is there:
  166 of 175 test sentences right, 164 with the mean of all of it, 140 with the library's start value.
  Its noise reduction begins anew as well, so that every result is the same to the last bit.
* **Other speech is not made a command.** A hypothesis with a word pair that no template contains, or whose
  sounds fit the audio badly, is ``UNRECOGNISED``. Of 235 clips of other speech 9 in 10 were recognised as
  such. The rest, mostly single words, gave words of the grammar, seldom a sentence of it.
* **Noise is the empty string.**

Those sentences were spoken by five synthetic voices and in the clips at hand; a second pass at the end, over
all of the utterance, takes 40 ms (median). A voice with another accent than the model's fares much worse:
12 of 30 with a British one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import ClassVar

from pydantic import Field

from voicepipe.core.calls import Call, Host
from voicepipe.core.extras import missing
from voicepipe.core.frames import Pcm
from voicepipe.core.units import ConfigPath
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import Hypothesis, ProviderConfig, SttProvider
from voicepipe.providers.pocketsphinx_library import RATE, Decoder
from voicepipe.providers.pocketsphinx_model import Model, Utterance, judged, words_of

PIECE = RATE // 10
"""Audio that is decoded at a time, and so the cadence of partial results: 100 ms, 5 ms of work."""

LIMIT = 30 * RATE
"""Audio of one utterance that is decoded. The longest sentence of a rules file takes seconds."""

IDLE = 4
"""Decoders that are kept for the next utterance; more callers at once get new ones."""


class PocketSphinxConfig(ProviderConfig):
    rules: ConfigPath = Field(description="the rules file whose sentences are to be understood")


class PocketSphinx(SttProvider):
    name: ClassVar[str] = "pocketsphinx"
    local = True
    extra: ClassVar[str | None] = "quickstart"
    packages: ClassVar[tuple[str, ...]] = ("pocketsphinx", "hassil")
    Config: ClassVar[type[ProviderConfig]] = PocketSphinxConfig
    rate: ClassVar[int] = RATE
    config: PocketSphinxConfig

    def __init__(self, config: PocketSphinxConfig, host: Host) -> None:
        super().__init__(config, host)
        self._model: Model | None = None
        self._idle: list[Decoder] = []

    async def start(self) -> None:
        if not self.host.language.lower().startswith("en"):
            raise SetupError(
                f"pocketsphinx brings a model of English only, and agent.language is {self.host.language}",
                hint="use stt: faster-whisper/small",
            )
        self._model = await self.host.workers.call(partial(Model, self.config.rules))
        self._idle.append(await self.host.workers.call(self._model.decoder))

    async def close(self) -> None:
        self._idle.clear()
        self._model = None

    def check(self) -> list[str]:
        return missing(*self.packages, extra="quickstart")

    async def transcribe(self, call: Call, audio: AsyncIterator[Pcm]) -> AsyncIterator[Hypothesis]:
        if (model := self._model) is None:
            raise ProviderError("used before start() or after close()", provider=self.name, kind="internal")
        decoder = self._idle.pop() if self._idle else await call.workers.call(model.decoder)
        utterance = Utterance(decoder)
        samples, waiting, shown = 0, bytearray(), ""
        try:
            async for block in audio:
                samples += len(block)
                if samples <= LIMIT:
                    waiting += block.tobytes()
                if len(waiting) < 2 * PIECE:
                    continue
                piece, waiting = bytes(waiting), bytearray()
                words = words_of(await utterance.ask(call, utterance.hear, piece))
                text = " ".join(word.text for word in words)
                if text != shown and model.grammar.allows(text.split(), ended=False):
                    shown = text
                    yield Hypothesis(text=text, final=False, words=words)
            yield judged(await utterance.ask(call, utterance.finish, bytes(waiting)), model.grammar)
        finally:
            call.add_usage("audio_in_ms", samples * 1000 // self.rate)
            if not utterance.busy and self._model is model and len(self._idle) < IDLE:
                self._idle.append(decoder)
