"""WAV files as they come from broken exports, other programs and other computers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav, write_wav
from voicepipe.core.frames import Pcm

COMMANDS = Path(__file__).parents[1] / "fixtures" / "commands"
RATE = 16_000
PCM, FLOAT = 1, 3


def question() -> Pcm:
    """A clip of speech, int16 at 16 kHz."""
    wav = read_wav(COMMANDS / "slt_hello.wav")
    assert wav.rate == RATE
    return wav.pcm


def riff(samples: bytes, *, tag: int, bits: int) -> bytes:
    """A mono file of ``samples`` as they stand."""
    width = bits // 8
    form = struct.pack("<HHIIHH", tag, 1, RATE, RATE * width, width, bits)
    chunks = struct.pack("<4sI16s4sI", b"fmt ", 16, form, b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def write_usable(folder: Path) -> None:
    """Files of other shapes that hold the question all the same."""
    pcm = question()
    write_wav(folder / "stereo.wav", np.stack((pcm, np.zeros_like(pcm)), axis=1), RATE)
    write_wav(folder / "44100.wav", resample(pcm, RATE, 44_100), 44_100)
    eight = ((pcm.astype(np.int32) >> 8) + 128).astype(np.uint8)
    (folder / "8-bit.wav").write_bytes(riff(eight.tobytes(), tag=PCM, bits=8))


def write_useless(folder: Path) -> None:
    """Files that hold no call."""
    pcm = question()
    whole = riff(pcm.tobytes(), tag=PCM, bits=16)
    broken = (pcm / 32768).astype("<f4")
    broken[1000] = np.nan
    hiss = np.random.default_rng(1).normal(scale=20, size=RATE).astype(np.int16)
    contents = {
        "empty": b"",
        "no samples": riff(b"", tag=PCM, bits=16),
        "header only": whole[:30],
        "truncated": whole[: len(whole) // 2],
        "text": b"This is a letter, not a recording.\n" * 20,
        "mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(500),
        "nan": riff(broken.tobytes(), tag=FLOAT, bits=32),
        "zeros": riff(bytes(2 * RATE), tag=PCM, bits=16),
        "hiss": riff(hiss.tobytes(), tag=PCM, bits=16),
    }
    for name, content in contents.items():
        (folder / f"{name}.wav").write_bytes(content)
