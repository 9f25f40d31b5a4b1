"""TTS ``piper``: neural voices on this computer, by piper-tts (GPL-3) and onnxruntime.

Piper speaks a sentence at a time and answers when it is complete. So that the first audio doesn't wait for
a long sentence, the text is given to it in pieces of at most `PIECE` characters.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from voicepipe.core.calls import Call, Emit
from voicepipe.core.extras import missing, require
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.names import did_you_mean
from voicepipe.core.units import NameOrPath, RelativeToFile
from voicepipe.errors import ProviderError, SetupError
from voicepipe.providers.base import ProviderConfig, Speech, TtsProvider
from voicepipe.providers.piper_voices import (
    COLLECTION,
    check_url,
    download,
    is_path,
    missing_files,
    models_folder,
    present_voices,
    voice_file,
)
from voicepipe.speech.pieces import harmless, pieces

PIECE = 100
"""Characters: about 7 s of speech, which a medium voice makes in 0.3 to 1 s on one core."""


class VoiceRef(NameOrPath):
    """A file that ends in ``.onnx`` is a path, also without a slash."""

    def resolve(self, value: str, folder: Path) -> str:
        if value.endswith(".onnx"):
            return RelativeToFile.resolve(self, value, folder)
        return super().resolve(value, folder)


class PiperConfig(ProviderConfig):
    model: Annotated[str, VoiceRef()] | None = Field(None, description="the voice, as in `piper/NAME`")
    voice: Annotated[str, VoiceRef()] | None = Field(
        None, description="`en_US-lessac-medium`, or the path of an .onnx file; default: `agent.voice`"
    )
    speaker: int | str | None = Field(None, description="of a voice with several: number or name")
    speed: float = Field(1.0, ge=0.25, le=4, description="1 is the voice's own")
    volume: float = Field(1.0, ge=0, le=2, description="1 is full scale; above, peaks are clipped")
    noise: float | None = Field(None, ge=0, le=2, description="variation of the sound; 0: always the same")
    noise_width: float | None = Field(None, ge=0, le=2, description="variation of the lengths of sounds")
    url: Annotated[str, AfterValidator(check_url)] = Field(
        COLLECTION, description="where `voicepipe pull` finds voices.json and the voices"
    )


class Piper(TtsProvider):
    """Tells no words: Piper's voices don't say when they begin."""

    name = "piper"
    local = True
    extra = "local"
    packages = ("piper", "onnxruntime")
    Config = PiperConfig
    config: PiperConfig

    @property
    def rate(self) -> int:
        return self._rate

    def check(self) -> list[str]:
        problems = missing("piper", extra="local")
        try:
            self._find()
        except SetupError as error:
            problems.append(str(error))
        return problems

    def found(self) -> list[str]:
        return present_voices(models_folder(self.host.env))

    async def pull(self) -> None:
        """Fetch the voice, if it is a name and isn't there yet."""
        name, url = self._name(), self.config.url
        if is_path(name):
            self._find()
            return
        folder, progress = models_folder(self.host.env), self.host.progress
        await self.host.workers.call(lambda: download(name, folder, url=url, progress=progress))

    async def start(self) -> None:
        """Load the voice and speak a word. `SetupError`: no package, no voice, no such speaker."""
        await self.host.workers.call(self._load)

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        call.add_usage("characters", len(text))

        def speak(emit: Emit[Speech | Word]) -> None:
            for piece, _ in pieces(harmless(text).replace("[[", "[ "), PIECE):  # [[…]] would be phonemes
                if not all(emit(Speech(pcm=pcm)) for pcm in self._spoken(piece)):
                    return

        async with aclosing(call.workers.stream(speak)) as stream:
            async for item in stream:
                yield item

    def _spoken(self, piece: str) -> Iterator[Pcm]:
        """A block for each sentence."""
        try:
            for chunk in self._voice.synthesize(piece, self._manner):
                yield chunk.audio_int16_array
        except Exception as error:  # onnxruntime's exceptions have no base of their own
            raise ProviderError(
                f"the voice '{self._name()}' failed: {error}", provider="piper", kind="internal"
            ) from error

    def _name(self) -> str:
        name = self.config.voice or self.config.model or self.host.voice
        if name is None:
            raise SetupError(
                "tts 'piper' was given no voice",
                hint="name one: `tts: piper/en_US-lessac-medium`, or `agent: {voice: {piper: …}}`",
            )
        return name

    def _find(self) -> Path:
        name, folder = self._name(), models_folder(self.host.env)
        model = voice_file(name, folder)
        if absent := missing_files(model):
            files = " and ".join(path.name for path in absent)
            are = "is" if len(absent) == 1 else "are"
            fetch = "" if is_path(name) else "fetch it with: voicepipe pull PIPELINE; or "
            raise SetupError(
                f"the Piper voice '{name}' isn't on this computer: {files} {are} missing",
                hint=f"{fetch}put {files} into the folder {model.parent}",
            )
        return model

    def _load(self) -> None:
        library = require("piper", extra="local", purpose="tts 'piper'")
        model = self._find()
        # Each character that a voice has no sound for would be a warning, on every call.
        logging.getLogger("piper").setLevel(logging.ERROR)
        try:
            self._voice = library.PiperVoice.load(model)
        except Exception as error:  # json, KeyError, ValueError and onnxruntime's: they share no base
            raise SetupError(f"{model} isn't a Piper voice: {type(error).__name__}: {error}") from error
        facts = self._voice.config
        self._rate = int(facts.sample_rate)
        self._manner = library.SynthesisConfig(
            speaker_id=self._speaker(facts),
            length_scale=facts.length_scale / self.config.speed,
            noise_scale=self.config.noise,
            noise_w_scale=self.config.noise_width,
            volume=self.config.volume,
        )
        for _ in self._spoken("Hello."):
            pass

    def _speaker(self, facts: Any) -> int | None:
        wanted = self.config.speaker
        if isinstance(wanted, str):
            if wanted not in facts.speaker_id_map:
                known = did_you_mean(wanted, facts.speaker_id_map)
                raise SetupError(f"the Piper voice '{self._name()}' has no speaker '{wanted}'.{known}")
            return int(facts.speaker_id_map[wanted])
        if wanted is not None and not 0 <= wanted < facts.num_speakers:
            raise SetupError(
                f"the Piper voice '{self._name()}' has no speaker {wanted}",
                hint=f"its speakers are numbered from 0 to {facts.num_speakers - 1}",
            )
        return wanted
