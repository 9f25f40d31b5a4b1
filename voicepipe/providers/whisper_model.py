"""A Whisper model in CTranslate2's format: loaded, and run on batches of clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voicepipe.core.extras import require
from voicepipe.core.frames import Pcm
from voicepipe.errors import SetupError
from voicepipe.providers.whisper_files import PURPOSE

RATE = 16_000

_SHORTEST = RATE // 20
"""Samples that a clip is filled up to; the spectrogram needs more than half a window of 25 ms."""

_MOST_TOKENS_A_SECOND = 8
"""Twice those of quick English, as many as those of scripts with a token or two to a letter; some more are
allowed for short clips. A decoder that has fallen into a loop is stopped there rather than after 448 tokens,
which can take seconds."""


@dataclass(frozen=True, slots=True)
class Clip:
    """At most 30 s of int16 audio at 16 kHz. The text that is decoded goes on after ``prefix``.

    At least one more token is decoded, so the prefix must not be all that was said.
    """

    pcm: Pcm
    prefix: str = ""


SILENCE = Clip(np.zeros(RATE, np.int16))
"""To warm the model up with."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """``text`` begins with the clip's prefix; probabilities as in ``voicepipe.speech.plausible.believed``."""

    text: str
    mean_logprob: float
    no_speech: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    beam_size: int = 1
    initial_prompt: str | None = None
    hotwords: str | None = None


class WhisperBatch:
    """The loaded model. Constructing it and ``decode`` block; one ``decode`` runs at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str,
        compute_type: str | None,
        threads: int,
        progress: Callable[[str], None],
    ) -> None:
        """Raises ``SetupError`` if the files aren't a model, or the device isn't there."""
        library = require("faster_whisper", extra="local", purpose=PURPOSE)
        self._audio = require("faster_whisper.audio", extra="local", purpose=PURPOSE)
        if device == "auto":
            engine = require("ctranslate2", extra="local", purpose=PURPOSE)
            device = "cuda" if engine.get_cuda_device_count() else "cpu"
        self.device = device
        progress(f"loading {folder.name} on {device}")
        try:
            self._model: Any = library.WhisperModel(
                str(folder),
                device=device,
                compute_type=compute_type or ("int8" if device == "cpu" else "float16"),
                cpu_threads=threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError) as error:
            raise SetupError(
                f"the Whisper model in '{folder}' can't be used on {device}: {error}",
                hint="it must be in CTranslate2 format; device: cpu and compute_type: int8 work everywhere",
            ) from error
        self._tokenizer: Any = None
        self._options = DecodeOptions()
        self._suppressed: list[int] = []

    def configure(self, language: str, options: DecodeOptions) -> None:
        """Set what is decoded, and how. Raises ``SetupError`` for a language that the model doesn't know."""
        languages = self._model.supported_languages
        if language not in languages:
            which = "knows English only" if languages == ["en"] else f"does not know '{language}'"
            raise SetupError(
                f"the Whisper model {which}, and the language is '{language}'",
                hint="set agent.language or the stage's language, or take a model without .en in its name",
            )
        tokens = require("faster_whisper.tokenizer", extra="local", purpose=PURPOSE)
        decoding = require("faster_whisper.transcribe", extra="local", purpose=PURPOSE)
        multilingual = self._model.model.is_multilingual
        self._tokenizer = tokens.Tokenizer(
            self._model.hf_tokenizer, multilingual, task="transcribe", language=language
        )
        self._suppressed = list(decoding.get_suppressed_tokens(self._tokenizer, [-1]))
        self._options = options
        if (length := len(self._prompt(""))) > self._model.max_length // 2:
            raise SetupError(
                f"initial_prompt and hotwords take {length} of the {self._model.max_length} tokens that "
                "the Whisper model can hold",
                hint=f"shorten them to {self._model.max_length // 2}, so that the answer has room",
            )

    def decode(self, clips: Sequence[Clip]) -> list[Decoded]:
        """Decode all clips in one call of the engine, at temperature 0 and without timestamps.

        Whisper's encoder sees 30 s whatever the clip's length: the rest is silence.
        """
        features = np.stack([self._features(clip.pcm) for clip in clips])
        prompts = [self._prompt(clip.prefix) for clip in clips]
        longest = max(len(clip.pcm) for clip in clips) / RATE
        results = self._model.model.generate(
            self._model.encode(features),
            prompts,
            beam_size=self._options.beam_size,
            max_length=self._max_length(longest, max(len(prompt) for prompt in prompts)),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )
        lengths = [len(prompt) - len(self._prompt("")) for prompt in prompts]
        return [self._decoded(result, length) for result, length in zip(results, lengths, strict=True)]

    def close(self) -> None:
        self._model.model.unload_model()

    def _max_length(self, seconds: float, prompt: int) -> int:
        """As the engine counts: it decodes half as many tokens at most, and as many less the prompt's."""
        limit: int = self._model.max_length
        return min(limit, prompt + 24 + round(2 * _MOST_TOKENS_A_SECOND * seconds))

    def _features(self, pcm: Pcm) -> Any:
        samples = pcm.astype(np.float32) / 32768
        if len(samples) < _SHORTEST:
            samples = np.pad(samples, (0, _SHORTEST - len(samples)))
        # The extractor adds one frame at the end, which its own callers leave out as well.
        return self._audio.pad_or_trim(self._model.feature_extractor(samples)[..., :-1])

    def _prompt(self, prefix: str) -> list[int]:
        prompt = self._options.initial_prompt
        tokens: list[int] = self._model.get_prompt(
            self._tokenizer,
            self._tokenizer.encode(" " + prompt.strip()) if prompt else [],
            without_timestamps=True,
            prefix=None,
            hotwords=self._options.hotwords,
        )
        return tokens + (self._tokenizer.encode(" " + prefix) if prefix else [])

    def _decoded(self, result: Any, given: int) -> Decoded:
        """``given``: the tokens of the prefix. They are part of the result, with probability 1."""
        tokens = result.sequences_ids[0]
        # The engine divides by the tokens of the text; the end of the text was decoded as well.
        decoded = max(1, len(tokens) - given + 1)
        return Decoded(
            text=self._tokenizer.decode(tokens),
            mean_logprob=result.scores[0] * len(tokens) / decoded,
            no_speech=result.no_speech_prob,
        )
