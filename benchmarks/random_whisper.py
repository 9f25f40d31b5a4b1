"""Builds a model of Whisper's architecture whose weights are random: as slow as the real one, and as large.

Sizes and the order of the vocabulary are those of the multilingual models (A. Radford et al.: "Robust Speech
Recognition via Large-Scale Weak Supervision", 2022, table 1, and the tokenizer published with them).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2.specs.whisper_spec as whisper
import numpy as np
import numpy.typing as npt
import tokenizers

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Size:
    name: str
    layers: int
    """Of the encoder, and as many of the decoder."""
    width: int
    heads: int


SIZES = (Size("tiny", 4, 384, 6), Size("base", 6, 512, 8))

MELS, HEARD, SAID = 80, 1500, 448
"""Bands of the spectrogram, and the most positions of the encoder (30 s) and of the decoder."""

LANGUAGES = 99

TEXT = 50_257
"""Tokens of text. Those that mark something, such as the end, a language or a time, follow them."""

TOKENS = 51_865
"""All of them."""

CHARACTERS = 256
"""The first ones of the text are single bytes, the others are words."""


def build(folder: Path, size: Size) -> Path:
    """Write the model of ``size`` to ``folder``/NAME, with weights of 8 bits. The same ones each time."""
    path = folder / size.name
    path.mkdir()
    tokens = vocabulary()
    _Filled(size).spec(tokens).save(str(path))
    _tokenizer(tokens).save(str(path / "tokenizer.json"))
    extractor = {"feature_size": MELS, "sampling_rate": 16_000, "hop_length": 160, "n_fft": 400}
    (path / "preprocessor_config.json").write_text(json.dumps(extractor), encoding="utf-8")
    return path


def vocabulary() -> list[str]:
    """Single bytes, words that are only numbers, and Whisper's marks at their places; English comes first.

    A byte is written as in GPT-2's vocabulary, in which a word's leading space is ``Ġ``.
    """
    words = [
        *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        *(f"Ġ{number}" for number in range(TEXT - CHARACTERS)),
    ]
    marks = [
        *("<|endoftext|>", "<|startoftranscript|>", "<|en|>"),
        *(f"<|another language {number}|>" for number in range(2, LANGUAGES + 1)),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"),
        "<|notimestamps|>",
        *(f"<|{step / 50:.2f}|>" for step in range(1501)),
    ]
    return words + marks


def _tokenizer(tokens: list[str]) -> tokenizers.Tokenizer:
    words = {token: number for number, token in enumerate(tokens[:TEXT])}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=words, merges=[]))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(tokens[TEXT:])
    return made


class _Filled:
    """The layers, each with weights of the shapes that ``size`` gives it."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._chance = np.random.default_rng(size.width)

    def spec(self, tokens: list[str]) -> whisper.WhisperSpec:
        size = self._size
        made = whisper.WhisperSpec(size.layers, size.heads, size.layers, size.heads)
        self._encoder(made.encoder)
        self._decoder(made.decoder)
        made.register_vocabulary(tokens)
        made.config.suppress_ids = []
        made.config.suppress_ids_begin = []
        made.config.lang_ids = list(range(TEXT + 2, TEXT + 2 + LANGUAGES))
        made.config.alignment_heads = [(size.layers - 1, 0)]
        made.validate()
        made.optimize("int8")
        return made

    def _encoder(self, encoder: Any) -> None:
        width = self._size.width
        for convolution, inputs in ((encoder.conv1, MELS), (encoder.conv2, width)):
            convolution.weight = self._random(width, inputs, 3)
            convolution.bias = np.zeros(width, np.float32)
        encoder.position_encodings.encodings = self._random(HEARD, width)
        self._norm(encoder.layer_norm)
        for layer in encoder.layer:
            self._attention(layer.self_attention, 3, 1)
            self._feed_forward(layer.ffn)

    def _decoder(self, decoder: Any) -> None:
        width = self._size.width
        decoder.embeddings.weight = decoder.projection.weight = self._random(TOKENS, width)
        decoder.position_encodings.encodings = self._random(SAID, width)
        self._norm(decoder.layer_norm)
        for layer in decoder.layer:
            self._attention(layer.self_attention, 3, 1)
            self._attention(layer.attention, 1, 2, 1)
            self._feed_forward(layer.ffn)

    def _attention(self, attention: Any, *outputs: int) -> None:
        """``outputs``: of each product, in multiples of the width."""
        self._norm(attention.layer_norm)
        for linear, times in zip(attention.linear, outputs, strict=True):
            self._linear(linear, times * self._size.width, self._size.width)

    def _feed_forward(self, layer: Any) -> None:
        self._norm(layer.layer_norm)
        self._linear(layer.linear_0, 4 * self._size.width, self._size.width)
        self._linear(layer.linear_1, self._size.width, 4 * self._size.width)

    def _linear(self, linear: Any, outputs: int, inputs: int) -> None:
        linear.weight = self._random(outputs, inputs)
        linear.bias = np.zeros(outputs, np.float32)

    def _norm(self, norm: Any) -> None:
        norm.gamma = np.ones(self._size.width, np.float32)
        norm.beta = np.zeros(self._size.width, np.float32)

    def _random(self, *shape: int) -> Weights:
        drawn = self._chance.standard_normal(shape, np.float32)
        drawn *= np.float32(self._size.width**-0.5)
        return drawn
