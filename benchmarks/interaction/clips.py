"""Recordings with known words, and where in them each word is.

The places come from pocketsphinx, which is told the words and finds them; a recording that it can't bring
together with its words is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import yaml

from benchmarks._results import ROOT
from benchmarks.interaction.sounds import RATE, Sound, Spoken, phrase, sound
from voicepipe.audio.resample import resample
from voicepipe.audio.wav import read_wav
from voicepipe.core.extras import require
from voicepipe.core.frames import Pcm

SHARED = ROOT.parent / "shared" / "audio"
FIXTURES = ROOT / "tests" / "fixtures" / "commands"
WORDS = Path(__file__).with_name("words.yaml")

FRAME = RATE // 100
"""pocketsphinx counts in hundredths of a second."""

REST = RATE // 4
"""A pause of this length in a recording: what comes before it can stand alone."""


@dataclass(slots=True)
class Voice:
    """One speaker, and all that there is of them."""

    name: str
    human: bool
    sounds: list[Sound] = field(default_factory=list)

    def finished(self, least: int, most: int) -> Iterator[Sound]:
        """What could be whole turns of ``least`` to ``most`` words, without a rest in them."""
        for of in self.sounds:
            count = len(of.words)
            rests = [n for n in range(1, count) if of.words[n].start - of.words[n - 1].end >= REST]
            for begin, stop in pairwise((0, *rests, count)):
                for start in range(max(begin, stop - most), stop - least + 1):
                    yield phrase(of, start, stop)

    def single(self, shortest: int, longest: int) -> Iterator[Sound]:
        """Its words one by one, those that last from ``shortest`` to ``longest`` samples."""
        for of in self.sounds:
            for number in range(len(of.words)):
                one = phrase(of, number, number + 1)
                if shortest <= one.end - one.onset <= longest:
                    yield one


class Aligner:
    """Finds words in audio at 16 kHz."""

    def __init__(self) -> None:
        sphinx = require("pocketsphinx", extra="quickstart", purpose="finding the words of a recording")
        self._decoder = sphinx.Decoder(samprate=RATE, loglevel="FATAL")

    def find(self, pcm: Pcm, words: Sequence[str]) -> list[Spoken] | None:
        """The words in their order; None if one is unknown, or the audio doesn't hold them."""
        decoder = self._decoder
        if any(decoder.lookup_word(word) is None for word in words):
            return None
        decoder.set_align_text(" ".join(words))
        decoder.start_utt()
        decoder.process_raw(pcm.tobytes(), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return None
        found = [part for part in decoder.seg() if not part.word.startswith("<")]
        if len(found) != len(words):
            return None
        return [
            Spoken(word, part.start_frame * FRAME, (part.end_frame + 1) * FRAME)
            for word, part in zip(words, found, strict=True)
        ]


def load(path: Path, text: str, aligner: Aligner) -> Sound | None:
    """The recording at ``path``; None if its words can't be found in it."""
    wav = read_wav(path)
    pcm = resample(wav.pcm, wav.rate, RATE)
    words = aligner.find(pcm, text.split())
    return None if words is None else sound(path.stem, pcm / 32768, words)


def recorded(folder: Path, aligner: Aligner) -> list[Voice]:
    """The voices in ``folder``; those of ../shared/audio are known here, others tell in ``words.yaml``."""
    described = WORDS if folder == SHARED else folder / "words.yaml"
    if described.exists():
        table = yaml.safe_load(described.read_text(encoding="utf-8"))
    else:
        table = {"synthetic" if folder == FIXTURES else "human": _by_name(folder)}
    voices: list[Voice] = []
    for kind, speakers in table.items():
        for name, files in speakers.items():
            loaded = [load(folder / file, text, aligner) for file, text in files.items()]
            voices.append(Voice(name, kind == "human", [one for one in loaded if one is not None]))
    return [voice for voice in voices if voice.sounds]


def _by_name(folder: Path) -> dict[str, dict[str, str]]:
    """``VOICE_the_words.wav``: {voice: {file: words}}."""
    table: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.wav")):
        voice, _, words = path.stem.partition("_")
        table.setdefault(voice, {})[path.name] = re.sub(r"[^\w']+|_", " ", words).lower().strip()
    return table
