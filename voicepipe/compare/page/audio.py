"""Recordings as ``data:`` addresses: stereo G.711 μ-law in a WAV file, which every browser plays.

An hour of 16-bit stereo at 16 kHz is 230 MB; μ-law is half of that, sounds alike, and needs no encoder but
a table. What is too much for one page is taken at the rate of a telephone, and what still is, left out.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicepipe.audio.g711 import encode_ulaw
from voicepipe.audio.pcm import Pcm
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.errors import AudioError

RATES = (16_000, 8_000)
"""Samples a second of each channel, the better one first."""

MAX_SECONDS = 300
"""Of one recording."""

MAX_BYTES = 24 << 20
"""Of all recordings of a page, as text: what a browser opens at once, and a mail server just takes."""

_ULAW = 7


@dataclass(frozen=True, slots=True)
class Recording:
    """``url`` plays ``seconds`` of the call's ``whole_seconds``, caller left, agent right."""

    url: str
    seconds: float
    whole_seconds: float


def recordings(
    files: Mapping[str, Path], limit: int = MAX_BYTES, longest: int = MAX_SECONDS
) -> tuple[dict[str, Recording], list[str]]:
    """Those of ``files`` that fit, in their order and under their names, and the names of the others.

    ``limit``: characters of all of them; ``longest``: seconds of each.

    All have one rate, so that what is held against each other sounds alike. A file that can't be read is
    one of the others.
    """
    sides = {name: found for name, path in files.items() if (found := _sides(path)) is not None}
    rate = next((one for one in RATES if _size(sides.values(), one, longest) <= limit), RATES[-1])
    kept: dict[str, Recording] = {}
    left = limit
    for name, (caller, agent, own) in sides.items():
        cut = min(len(caller), longest * own)
        if _size([(caller, agent, own)], rate, longest) > left:
            continue
        url = _url(_at(caller[:cut], own, rate), _at(agent[:cut], own, rate), rate)
        left -= len(url)
        kept[name] = Recording(url, cut / own, len(caller) / own)
    return kept, [name for name in files if name not in kept]


_Sides = tuple[Pcm, Pcm, int]
"""What the caller said, what the agent said, and their rate."""


def _sides(path: Path) -> _Sides | None:
    try:
        caller, agent = (read_wav(path, channel=channel) for channel in (0, 1))
    except AudioError:
        return None
    return caller.pcm, agent.pcm, caller.rate


def _size(sides: Iterable[_Sides], rate: int, longest: int) -> int:
    """Characters of the address: four for each three bytes, one byte for a sample."""
    return sum(round(min(len(caller) / own, longest) * rate * 2 * 4 / 3) for caller, _, own in sides)


def _at(pcm: Pcm, own: int, rate: int) -> Pcm:
    return pcm if own == rate else resample(pcm, own, rate)


def _url(caller: Pcm, agent: Pcm, rate: int) -> str:
    count = min(len(caller), len(agent))
    both = np.column_stack([caller[:count], agent[:count]]).ravel()
    data = encode_ulaw(np.ascontiguousarray(both))
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, _ULAW, 2, rate, rate * 2, 2, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, count)
    chunk = struct.pack("<4sI", b"data", len(data)) + data + b"\0" * (len(data) % 2)
    body = b"WAVE" + form + fact + chunk
    wav = struct.pack("<4sI", b"RIFF", len(body)) + body
    return "data:audio/wav;base64," + base64.b64encode(wav).decode()
