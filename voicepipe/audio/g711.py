"""G.711, the codec of telephone lines: 8 bits a sample, μ-law (North America, Japan) and A-law (elsewhere).

ITU-T Recommendation G.711 (11/88), tables 1 and 2. Both cut the range into eight segments, each twice as
wide as the one below it, of 16 steps each. A decoder gives the middle of a step, an encoder the step that a
sample lies in. μ-law works on 14 bits and A-law on 13, so that int16 is scaled by 4 and 8. The lookup tables
(256 entries to decode, 65,536 to encode) hold the same bytes as those of ``audioop``, which left Python in
3.13.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from voicepipe.audio.pcm import Pcm

RATE = 8000
"""Samples per second of a telephone line."""

ULAW_SILENCE = 0xFF
ALAW_SILENCE = 0xD5

_BIAS = 33
"""μ-law adds it, in 14-bit units, so that segments begin at powers of two."""
_ULAW_CLIP = 8158
"""The largest 14-bit magnitude that μ-law can take."""

Bytes = npt.NDArray[np.uint8]


def decode_ulaw(data: bytes) -> Pcm:
    """μ-law bytes to int16 samples, one each."""
    return _ulaw_decoder().take(np.frombuffer(data, np.uint8))


def encode_ulaw(pcm: Pcm) -> bytes:
    """int16 samples to μ-law bytes, one each."""
    return _ulaw_encoder().take(pcm, mode="wrap").tobytes()  # −1 is the last one


def decode_alaw(data: bytes) -> Pcm:
    """A-law bytes to int16 samples, one each."""
    return _alaw_decoder().take(np.frombuffer(data, np.uint8))


def encode_alaw(pcm: Pcm) -> bytes:
    """int16 samples to A-law bytes, one each."""
    return _alaw_encoder().take(pcm, mode="wrap").tobytes()  # −1 is the last one


@cache
def _ulaw_decoder() -> Pcm:
    code = ~np.arange(256, dtype=np.int32) & 0xFF  # the line carries the complement
    segment, step = code >> 4 & 7, code & 15
    magnitude = ((2 * step + _BIAS) << segment) - _BIAS
    return (4 * np.where(code & 0x80, -magnitude, magnitude)).astype(np.int16)


@cache
def _ulaw_encoder() -> Bytes:
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    negative = sample < 0
    # An arithmetic shift, whose rounding of negative values downwards the common implementations share.
    scaled = sample >> 2
    magnitude = np.minimum(np.where(negative, -scaled, scaled), _ULAW_CLIP) + _BIAS
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    step = magnitude >> (segment + 1) & 15
    codes: Bytes = (~(np.where(negative, 0x80, 0) | segment << 4 | step) & 0xFF).astype(np.uint8)
    return codes


@cache
def _alaw_decoder() -> Pcm:
    code = np.arange(256, dtype=np.int32) ^ 0x55  # every other bit is inverted on the line
    segment, step = code >> 4 & 7, code & 15
    first = 2 * step + 1
    magnitude = np.where(segment == 0, first, (first + 32) << np.maximum(segment - 1, 0))
    return (8 * np.where(code & 0x80, magnitude, -magnitude)).astype(np.int16)


@cache
def _alaw_encoder() -> Bytes:
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    scaled = sample >> 3
    positive = scaled >= 0
    magnitude = np.where(positive, scaled, -scaled - 1)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    step = magnitude >> np.maximum(segment, 1) & 15
    codes: Bytes = ((np.where(positive, 0x80, 0) | segment << 4 | step) ^ 0x55).astype(np.uint8)
    return codes
