"""What ``pocketsphinx`` is given to hear with, and what is believed of it: model, utterance, judgement.

``Model`` is made, and ``hear`` and ``finish`` run, in workers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from voicepipe.core.calls import Call
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
"""The audio of an utterance from which its mean is estimated. With half of it 5 % fewer sentences were
right, with 1.2 s no more, and a word of 0.5 s with the pauses around it lasts as long."""

MEAN = (49.4, 0.7, -1.1, 12.5, -6.7, -1.6, 0.4, -8.3, -0.9, -3.0, 3.9, -1.0, -0.3)
"""The cepstral mean of 205 clips of seven voices: what is assumed before anything was heard."""

LEAD = RATE // 5
SOUND = 1e-3
"""Of what comes before the first sound (30 dB below the loudest) 200 ms are kept. The mean would be that of
silence, and half of the sentences wrong, where the VAD's padding is 0.8 s."""

MEAN_WEIGHT = 60
"""Frames of 10 ms that ``MEAN`` counts for; 30 and 100 do nearly as well. Coefficient 0 is the loudness, of
which nothing is assumed: so a caller 20 dB quieter is understood as well (164 of 175 sentences, not 166)."""

FLOORS = (-4.3, -4.5, -5.9)
"""The mean log likelihood per frame below which one word, two and more are not believed: a short word is
found in anything, a long sentence that the grammar allows isn't. The right ones of 175 lay above -4.0, -4.3
(one voice: -5.1) and -5.7; half of the words that were found in other speech lay below."""

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
        self.busy = False
        """A worker is in the decoder, or was when the call was cancelled: then it is nobody's any more."""
        self._decoder = decoder
        self._opening = bytearray()
        self._begun = False
        self._skipped = 0

    async def ask(self, call: Call, job: Callable[[bytes], list[Heard]], audio: bytes) -> list[Heard]:
        """``hear`` or ``finish`` in a worker."""
        self.busy = True
        heard = await call.workers.call(partial(job, audio))
        self.busy = False
        return heard

    def hear(self, audio: bytes) -> list[Heard]:
        if self._begun:
            self._decoder.hear(audio)
        else:
            self._opening += audio
            speech = len(self._opening) - 2 * self._lead()
            if speech < 2 * OPENING:
                return []
            self._begin()
        return self._heard()

    def finish(self, audio: bytes) -> list[Heard]:
        if self._begun:
            self._decoder.hear(audio)
        else:
            self._opening += audio
            self._begin()
        self._decoder.end()
        return self._heard()

    def _heard(self) -> list[Heard]:
        skipped = self._skipped // STEP
        return [
            entry._replace(first=entry.first + skipped, last=entry.last + skipped)
            for entry in self._decoder.heard()
        ]

    def _lead(self) -> int:
        """The samples at the beginning that are too long before the first sound, in whole features."""
        import numpy as np  # noqa: PLC0415 - validating a pipeline file needs this module, but not NumPy

        pcm = np.frombuffer(self._opening, np.int16)
        frames = pcm[: len(pcm) // STEP * STEP].reshape(-1, STEP).astype(np.float32)
        if not len(frames):
            return 0
        power = np.square(frames).mean(axis=1)
        onset = int(np.argmax(power >= power.max() * SOUND))
        return max(onset * STEP - LEAD, 0)

    def _begin(self) -> None:
        self._skipped = self._lead()
        opening = bytes(self._opening[2 * self._skipped :])
        self._opening.clear()
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
    if fit < FLOORS[min(len(words), len(FLOORS)) - 1] or not grammar.allows(texts):
        return Hypothesis(text=UNRECOGNISED, final=True)
    return Hypothesis(text=" ".join(texts), final=True, words=words_of(heard))
