"""libpocketsphinx through ctypes, after its header ``pocketsphinx.h``.

The package's own binding keeps Python's global lock while it decodes: 30 to 200 ms at the end of an
utterance, in which no frame of any call would move. Through ctypes the lock is free.
"""

from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import Any, NamedTuple

from voicepipe.core.extras import require
from voicepipe.errors import ProviderError, SetupError

PURPOSE = "stt 'pocketsphinx'"
RATE = 16_000
FRAME_MS = 10
WINDOW, STEP = 410, 160
"""Samples of a feature's window, and from one feature to the next, of the bundled acoustic model."""

LIVE_WEIGHT = 500
"""Frames that a mean counts for which was set, when the library goes on averaging."""

NEPER = math.log(1.0001)
"""The library's scores are logarithms to the base 1.0001."""


class Heard(NamedTuple):
    """A word, or a silence or noise (``<sil>``, ``[NOISE]``), from frame ``first`` to ``last`` inclusive.

    ``score``: its acoustic log likelihood, relative to that of the best sound in each frame, in nepers.
    """

    word: str
    first: int
    last: int
    score: float


def model_folder() -> Path:
    """The acoustic model and the pronouncing dictionary that come with the package."""
    package = require("pocketsphinx", extra="quickstart", purpose=PURPOSE)
    return Path(package.get_model_path("en-us"))


def load() -> ctypes.CDLL:
    binding = require("pocketsphinx._pocketsphinx", extra="quickstart", purpose=PURPOSE)
    return bind(ctypes.CDLL(binding.__file__))


def bind(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the functions that are used here. ``SetupError`` if ``library`` doesn't show them."""
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    numbers = ctypes.POINTER(ctypes.c_int)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "ps_config_init": (pointer, [pointer]),
        "ps_config_set_str": (pointer, [pointer, text, text]),
        "ps_config_free": (number, [pointer]),
        "ps_init": (pointer, [pointer]),
        "ps_free": (number, [pointer]),
        "ps_start_stream": (number, [pointer]),
        "ps_start_utt": (number, [pointer]),
        "ps_process_raw": (number, [pointer, text, ctypes.c_size_t, number, number]),
        "ps_end_utt": (number, [pointer]),
        "ps_get_cmn": (text, [pointer, number]),
        "ps_set_cmn": (number, [pointer, text]),
        "ps_seg_iter": (pointer, [pointer]),
        "ps_seg_next": (pointer, [pointer]),
        "ps_seg_word": (text, [pointer]),
        "ps_seg_frames": (None, [pointer, numbers, numbers]),
        "ps_seg_prob": (ctypes.c_int32, [pointer, numbers, numbers, numbers]),
    }
    try:
        for name, (result, arguments) in signatures.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise SetupError(
            f"this build of pocketsphinx hides what is needed of its library ({error})",
            hint="the wheels for Linux and macOS show it; elsewhere use stt: faster-whisper/base.en",
        ) from None
    return library


class Decoder:
    """One decoder: one utterance at a time, in any thread. It takes 9 MB and 15 ms to make."""

    def __init__(self, library: ctypes.CDLL, *, acoustic: Path, dictionary: Path, grammar: Path) -> None:
        self._ps = library
        self._open = False
        config = library.ps_config_init(None)
        settings = {"hmm": acoustic, "dict": dictionary, "lm": grammar, "cmn": "live", "loglevel": "FATAL"}
        for name, value in settings.items():
            library.ps_config_set_str(config, name.encode(), str(value).encode())
        self._decoder = library.ps_init(config)
        library.ps_config_free(config)
        if not self._decoder:
            raise SetupError(
                f"pocketsphinx can't load the acoustic model in {acoustic}",
                hint="the package may be damaged; install pocketsphinx again",
            )

    def __del__(self) -> None:
        if getattr(self, "_decoder", None):
            self._ps.ps_free(self._decoder)

    def mean(self, audio: bytes, prior: tuple[float, ...]) -> list[float]:
        """The mean of the cepstral coefficients of ``audio`` (int16), which nothing before it influences.

        The library tells only a running average that starts with ``prior``; that is taken out again. Its
        noise reduction begins anew as well, and in ``begin`` goes on with the noise of ``audio``.
        """
        frames = max((len(audio) // 2 - WINDOW) // STEP + 1, 1)
        self._must(self._ps.ps_start_stream(self._decoder))
        self.set_mean(prior)
        self.begin()
        self.hear(audio, search=False)
        self.end()
        averaged = [float(part) for part in self._ps.ps_get_cmn(self._decoder, 0).split(b",")]
        return [
            ((LIVE_WEIGHT + frames) * average - LIVE_WEIGHT * before) / frames
            for average, before in zip(averaged, prior, strict=True)
        ]

    def set_mean(self, mean: tuple[float, ...] | list[float]) -> None:
        """The mean to subtract in the next utterance. Replaces what is left of the one before."""
        self._must(self._ps.ps_set_cmn(self._decoder, ",".join(f"{value:.4f}" for value in mean).encode()))

    def begin(self) -> None:
        """Begins an utterance, after ending one that was left in the middle."""
        if self._open:
            self.end()
        self._open = True
        self._must(self._ps.ps_start_utt(self._decoder))

    def hear(self, audio: bytes, *, search: bool = True) -> None:
        """``audio`` is int16 in the machine's byte order."""
        self._must(self._ps.ps_process_raw(self._decoder, audio, len(audio) // 2, not search, 0))

    def end(self) -> None:
        """Runs the second pass over all of the utterance: about 40 ms, and for long ones 200."""
        self._open = False
        self._must(self._ps.ps_end_utt(self._decoder))

    def heard(self) -> list[Heard]:
        """The best sequence so far, silences included."""
        found: list[Heard] = []
        first, last, score, unused = (ctypes.c_int() for _ in range(4))
        segment = self._ps.ps_seg_iter(self._decoder)
        while segment:
            self._ps.ps_seg_frames(segment, ctypes.byref(first), ctypes.byref(last))
            self._ps.ps_seg_prob(segment, ctypes.byref(score), ctypes.byref(unused), ctypes.byref(unused))
            word = self._ps.ps_seg_word(segment).decode()
            found.append(Heard(word.partition("(")[0], first.value, last.value, score.value * NEPER))
            segment = self._ps.ps_seg_next(segment)
        return found

    @staticmethod
    def _must(status: int) -> None:
        if status < 0:
            raise ProviderError("the decoder failed", provider="pocketsphinx", kind="internal")
