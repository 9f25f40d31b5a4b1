"""Synthesised callers: espeak, and flite where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.interaction.clips import Aligner, Voice, load
from benchmarks.interaction.sounds import RATE, Sound, Spoken, sound
from benchmarks.interaction.texts import BACKCHANNELS, INTERRUPTIONS, REQUESTS
from voicepipe.audio.resample import resample
from voicepipe.core.extras import installed
from voicepipe.providers.espeak import find_language, words
from voicepipe.providers.espeak_library import LOCK, Manner, library
from voicepipe.providers.espeak_library import RATE as ESPEAK_RATE

MANNERS = {
    "espeak-us": ("en-us", 175, 50),
    "espeak-us-slow": ("en-us", 140, 38),
    "espeak-gb": ("en-gb", 165, 60),
    "espeak-gb-fast": ("en-gb", 200, 75),
    "espeak-scotland": ("en-gb-scotland", 170, 45),
}
"""Language, words a minute, pitch (0 to 99)."""

FLITE = ("awb", "rms", "slt")

TEXTS = (*REQUESTS, *INTERRUPTIONS)


def synthesised(aligner: Aligner, *, all_voices: bool = True) -> list[Voice]:
    """The voices with all texts; the same each time, since they are made in the same order.

    ``all_voices`` False: without those of flite, which take seconds.
    """
    voices = [Voice(name, human=False, sounds=espeak(name, TEXTS)) for name in MANNERS]
    if all_voices and shutil.which("flite"):
        voices += [Voice(f"flite-{name}", human=False, sounds=flite(name, TEXTS, aligner)) for name in FLITE]
    return [voice for voice in voices if voice.sounds]


def backchannels() -> list[Sound]:
    """Each by every voice of espeak."""
    return [one for name in MANNERS for one in espeak(name, BACKCHANNELS)]


def espeak(name: str, texts: Sequence[str]) -> list[Sound]:
    if not installed("espeakng_loader"):
        return []
    language, speed, pitch = MANNERS[name]
    made: list[Sound] = []
    with LOCK:
        synthesiser = library()
        synthesiser.select(Manner(find_language(language, synthesiser.voices), speed, 100, pitch, 50))
        for text in texts:
            pcm, sounds = synthesiser.render(text, end_pause=False, stopped=bool)
            spoken = [
                Spoken(word.text, word.start_ms * RATE // 1000, word.end_ms * RATE // 1000)
                for word in words(text, sounds, 0, len(pcm))
            ]
            made.append(sound(f"{name}: {text}", resample(pcm, ESPEAK_RATE, RATE) / 32768, spoken))
    return made


def flite(name: str, texts: Sequence[str], aligner: Aligner) -> list[Sound]:
    made: list[Sound | None] = []
    with tempfile.TemporaryDirectory() as folder:
        for text in texts:
            path = Path(folder, f"flite-{name}: {text}.wav")
            subprocess.run(["flite", "-voice", name, "-t", text, "-o", str(path)], check=True)
            made.append(load(path, text, aligner))
    return [one for one in made if one is not None]
