"""All sounds that the callers of the trials can make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.interaction import vocal
from benchmarks.interaction.clips import FIXTURES, SHARED, Aligner, Voice, recorded
from benchmarks.interaction.sounds import MS, Sound, Spoken
from benchmarks.interaction.texts import BACKCHANNELS
from benchmarks.interaction.voices import backchannels, synthesised

TURN_WORDS = (2, 9)
INTERRUPTION_WORDS = (1, 6)
PAUSE_WORDS = (4, 12)
SYLLABLES = (150 * MS, 450 * MS)
"""How long a single word of a recording lasts that can stand for a backchannel."""

HUMMINGS = 20

COLUMNS = ("human", "synthetic")


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sounds of one column, each list by voice: a call has one caller.

    ``turns`` are finished, ``sentences`` have room for a pause, ``interruptions`` are no backchannels.
    """

    turns: dict[str, list[Sound]]
    sentences: dict[str, list[Sound]]
    interruptions: dict[str, list[Sound]]
    backchannels: dict[str, list[Sound]]

    @property
    def complete(self) -> bool:
        return all((self.turns, self.sentences, self.interruptions, self.backchannels))


def build(folders: Sequence[Path] = (), *, all_voices: bool = True) -> dict[str, Corpus]:
    """By column; one that lacks something is left out. ``folders`` are searched besides our own."""
    aligner = Aligner()
    voices = [
        voice
        for folder in (SHARED, FIXTURES, *folders)
        if folder.is_dir()
        for voice in recorded(folder, aligner)
    ]
    voices += synthesised(aligner, all_voices=all_voices)
    columns = {
        column: _column([voice for voice in voices if voice.human == (column == "human")], column)
        for column in COLUMNS
    }
    return {column: corpus for column, corpus in columns.items() if corpus.complete}


def _column(voices: Sequence[Voice], column: str) -> Corpus:
    lists: dict[str, dict[str, list[Sound]]] = {"turns": {}, "sentences": {}, "interruptions": {}}
    for voice in voices:
        lists["turns"][voice.name] = list(voice.finished(*TURN_WORDS))
        lists["sentences"][voice.name] = list(voice.finished(*PAUSE_WORDS))
        lists["interruptions"][voice.name] = [
            one for one in voice.finished(*INTERRUPTION_WORDS) if _interrupts(one)
        ]
    if column == "human":
        said = {
            voice.name: [_as_backchannel(n, one) for n, one in enumerate(voice.single(*SYLLABLES))]
            for voice in voices
        }
    else:
        said = {"espeak": backchannels(), "humming": [_hummed(seed) for seed in range(HUMMINGS)]}
    known = {name: {voice: found for voice, found in by.items() if found} for name, by in lists.items()}
    return Corpus(**known, backchannels={voice: found for voice, found in said.items() if found})


def _interrupts(one: Sound) -> bool:
    """More than a backchannel: at least two words, or one that is an order."""
    return one.text not in BACKCHANNELS and (len(one.words) > 1 or one.text == "stop")


def _as_backchannel(number: int, one: Sound) -> Sound:
    """A word of a recording, of which the oracle says that it was a backchannel: there are no human ones."""
    text = BACKCHANNELS[number % len(BACKCHANNELS)]
    return replace(one, name=f"{one.name} as '{text}'", words=(Spoken(text, one.onset, one.end),))


def _hummed(seed: int) -> Sound:
    one = vocal.humming(seed)
    return replace(one, words=(Spoken("mm-hmm", one.onset, one.end),))
