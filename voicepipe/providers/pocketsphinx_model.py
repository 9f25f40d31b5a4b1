"""What ``pocketsphinx`` is given to hear with, and what is believed of it: model, utterance, judgement.

Everything here runs in workers, but for ``judged``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from voicepipe.core.frames import UNRECOGNISED, Word
from voicepipe.errors import ConfigError
from voicepipe.providers.base import Hypothesis
from voicepipe.providers.pocketsphinx_library import (
    FRAME_MS,
    PURPOSE,
    RATE,
    STEP,
    Decoder,
    Heard,
    load,
    model_folder,
)
from voicepipe.speech.ngram import Bigrams
from voicepipe.speech.rules import read_rules
from voicepipe.speech.templates import Templates

OPENING = RATE
"""The audio of an utterance from which its mean is estimated: with the padding before the first word, a
second holds 0.7 s of speech. With half of it 5 % fewer sentences were right, with 1.2 s no more."""

MEAN = (49.4, 0.7, -1.1, 12.5, -6.7, -1.6, 0.4, -8.3, -0.9, -3.0, 3.9, -1.0, -0.3)
"""The cepstral mean of 205 clips of seven voices: what is assumed before anything was heard."""

MEAN_WEIGHT = 30
"""Frames of 10 ms that ``MEAN`` counts for. Coefficient 0 is the loudness, of which nothing is assumed:
that way a caller 20 dB quieter is understood as well (167 of 175)."""

FLOOR, FLOOR_PER_WORD = -4.3, -0.8
"""The mean log likelihood per frame below which one word is not believed, and what each of the next two
words adds: one short word is found in anything, a long allowed sentence isn't. Right sentences of the clear
voices lie above -4.0, of espeak's above -3.9 (one word), -5.1 (two) and -5.8 (more)."""


_ALTERNATIVE = re.compile(r"\(\d+\)$")


class Model:
    """What is made of a rules file once: its grammar, and what each decoder reads."""

    def __init__(self, rules: Path) -> None:
        self._library = load()
        self._bundled = model_folder()
        templates = Templates(*read_rules(rules), purpose=PURPOSE)
        self.grammar: Bigrams = templates.bigrams()
        self._arpa = self.grammar.arpa()
        known = (self._bundled / "cmudict-en-us.dict").read_text(encoding="utf-8")
        try:
            self._dictionary = dictionary(known, self.grammar.vocabulary, templates.rules.pronunciations)
        except ConfigError as error:
            error.path = str(rules)
            raise

    def decoder(self) -> Decoder:
        with tempfile.TemporaryDirectory(prefix="voicepipe-") as name:  # the library reads files only
            words, grammar = Path(name) / "words.dict", Path(name) / "pairs.lm"
            words.write_text(self._dictionary, encoding="utf-8")
            grammar.write_text(self._arpa, encoding="utf-8")
            return Decoder(self._library, acoustic=self._bundled / "en-us", dictionary=words, grammar=grammar)


def dictionary(known: str, vocabulary: Sequence[str], own: Mapping[str, str]) -> str:
    """The lines of the pronouncing dictionary ``known`` that ``vocabulary`` needs; ``own`` ones come first.

    ``ConfigError`` names the words that are in neither, and the sounds that ``known`` doesn't have.
    """
    wanted = set(vocabulary)
    own = {word.lower(): " ".join(sounds.upper().split()) for word, sounds in own.items()}
    lines: list[str] = []
    found, all_sounds = set(own), set[str]()
    for line in known.splitlines():
        word, _, sounds = line.partition(" ")
        all_sounds.update(sounds.split())
        plain = _ALTERNATIVE.sub("", word)
        if plain in wanted and plain not in own:
            found.add(plain)
            lines.append(line)
    for word, sounds in own.items():
        if strange := [sound for sound in sounds.split() if sound not in all_sounds]:
            raise ConfigError(
                f"pronunciations.{word}: {', '.join(strange)}: no such sound",
                hint=f"these exist: {' '.join(sorted(all_sounds))}",
            )
        lines.append(f"{word} {sounds}")
    if unknown := sorted(wanted - found):
        raise ConfigError(
            f"the pronouncing dictionary doesn't have: {', '.join(unknown)}",
            hint=f"write numbers as words, and add others such as 'pronunciations: {{{unknown[0]}: V OY S}}'",
        )
    return "\n".join([*lines, ""])


class Utterance:
    """One utterance in one decoder: what is heard so far, after each piece of audio (int16)."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._opening = bytearray()
        self._begun = False

    def hear(self, audio: bytes) -> list[Heard]:
        if self._begun:
            self._decoder.hear(audio)
        else:
            self._opening += audio
            if len(self._opening) < 2 * OPENING:
                return []
            self._begin()
        return self._decoder.heard()

    def finish(self, audio: bytes) -> list[Heard]:
        if self._begun:
            self._decoder.hear(audio)
        else:
            self._opening += audio
            self._begin()
        self._decoder.end()
        return self._decoder.heard()

    def _begin(self) -> None:
        opening = bytes(self._opening)
        loudness, *shape = self._decoder.mean(opening, MEAN)
        frames = len(opening) / 2 / STEP
        pulled = [
            (frames * value + MEAN_WEIGHT * prior) / (frames + MEAN_WEIGHT)
            for value, prior in zip(shape, MEAN[1:], strict=True)
        ]
        self._decoder.set_mean([loudness, *pulled])
        self._decoder.begin()
        self._begun = True
        self._decoder.hear(opening)


def spoken(heard: Sequence[Heard]) -> list[Heard]:
    """The words, without silences, noises and the marks of beginning and end."""
    return [entry for entry in heard if entry.word[0] not in "<["]


def words_of(heard: Sequence[Heard]) -> tuple[Word, ...]:
    return tuple(
        Word(text=entry.word, start_ms=entry.first * FRAME_MS, end_ms=(entry.last + 1) * FRAME_MS)
        for entry in spoken(heard)
    )


def judged(heard: Sequence[Heard], grammar: Bigrams) -> Hypothesis:
    """The final hypothesis: the words, ``UNRECOGNISED`` or, where no word was heard, nothing."""
    words = spoken(heard)
    if not words:
        return Hypothesis(text="", final=True)
    frames = sum(entry.last - entry.first + 1 for entry in words)
    fit = sum(entry.score for entry in words) / frames
    texts = [entry.word for entry in words]
    if fit < FLOOR + FLOOR_PER_WORD * min(len(words) - 1, 2) or not grammar.allows(texts):
        return Hypothesis(text=UNRECOGNISED, final=True)
    return Hypothesis(text=" ".join(texts), final=True, words=words_of(heard))
