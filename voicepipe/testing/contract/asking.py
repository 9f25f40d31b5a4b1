"""How each kind is asked: how a request is begun, what a whole answer to it is, and what repeats."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from voicepipe.core.calls import Call
from voicepipe.core.frames import Pcm, Word
from voicepipe.core.messages import Message, TextDelta, ToolCall
from voicepipe.core.records import UsageUnit
from voicepipe.providers.base import Hypothesis, Speech
from voicepipe.testing.contract.bench import Started
from voicepipe.testing.contract.promise import expect

AUDIBLE = 104
"""Of 32,768: −50 dBFS, below which nobody hears anything over a telephone."""

LONG_S = 40
"""Seconds without a pause: longer than the window of any recogniser."""

LONG_TEXT = "This sentence is one of many that all say the same. " * 60
"""3,100 characters: many times the longest chunk that the ``tts`` stage gives a voice."""

LATE_MS = 100
"""How far the times of words may reach beyond the audio: vendors round them, and trim the audio's end."""

RATES = range(8_000, 48_001)


class Asking(ABC):
    """One kind's request: ``which`` of the subject's two inputs it is made with, 0 or 1."""

    empty: ClassVar[Sequence[Any]]
    """Inputs without content."""

    @abstractmethod
    def inputs(self, bench: Started) -> Sequence[Any]:
        """The two of the subject."""

    @abstractmethod
    def long(self, bench: Started) -> Any:
        """A very long one."""

    @abstractmethod
    def ask(self, bench: Started, call: Call, given: Any) -> AsyncIterator[Any]: ...

    @abstractmethod
    def check(self, bench: Started, given: Any, events: Sequence[Any]) -> None:
        """Raise ``Broken`` if ``events`` aren't what the interface says of a whole answer."""

    @abstractmethod
    def check_empty(self, events: Sequence[Any]) -> None:
        """Raise ``Broken`` if ``events`` aren't an answer to nothing."""

    @abstractmethod
    def gist(self, events: Sequence[Any]) -> Any:
        """What the same input gives again."""

    def is_output(self, event: Any) -> bool:
        """Whether the answer proper has begun by ``event``."""
        return True

    def billed(self, bench: Started, given: Any, events: Sequence[Any]) -> Mapping[UsageUnit, int]:
        """What units amount to that can be counted from outside."""
        return {"requests": 1}

    def unanswered(self, bench: Started, call: Call, given_all: asyncio.Event) -> AsyncIterator[Any] | None:
        """A request whose input doesn't come to its end; ``given_all`` is set when there is no more of it.

        None where input has no duration.
        """
        return None


def check_words(words: Sequence[Word], length_ms: float) -> None:
    """In order, and within the audio that they were heard or spoken in."""
    for word in words:
        expect(bool(word.text.strip()), "a word without text")
        expect(0 <= word.start_ms <= word.end_ms, f"a word that ends before it begins: {word}")
    for before, after in pairwise(words):
        expect(before.start_ms <= after.start_ms, f"words out of order: {before}, then {after}")
    if words:
        late = f"a word that ends {words[-1].end_ms} ms into {length_ms:.0f} ms of audio: {words[-1]}"
        expect(words[-1].end_ms <= length_ms + LATE_MS, late)


def check_pcm(pcm: Any) -> None:
    """int16, one dimension."""
    fine = isinstance(pcm, np.ndarray) and pcm.dtype == np.int16 and pcm.ndim == 1
    found = f"{pcm.dtype} of shape {pcm.shape}" if isinstance(pcm, np.ndarray) else type(pcm).__name__
    expect(fine, f"audio that is {found}, not int16 of shape (samples,)")


def is_audible(pcm: Pcm) -> bool:
    return bool(pcm.size) and int(np.abs(pcm.astype(np.int32)).max()) > AUDIBLE


class Utterance(NamedTuple):
    pcm: Pcm
    words: str


def nothing_said() -> Utterance:
    return Utterance(np.zeros(0, np.int16), "")


def said_at(bench: Started, rate: int) -> list[Utterance]:
    """The subject's two utterances at ``rate`` Hz."""
    subject = bench.subject
    return [Utterance(pcm, words) for pcm, words in zip(subject.speech(rate), subject.captions, strict=True)]


def prolonged(said: Utterance, samples: int) -> Utterance:
    """Said again and again."""
    return Utterance(np.resize(said.pcm, samples), said.words)


class Hearing(Asking):
    """``stt``: audio in, hypotheses out."""

    empty = (nothing_said(),)

    def inputs(self, bench: Started) -> Sequence[Utterance]:
        return said_at(bench, bench.provider.rate)

    def long(self, bench: Started) -> Utterance:
        return prolonged(self.inputs(bench)[0], LONG_S * bench.provider.rate)

    def ask(self, bench: Started, call: Call, given: Utterance) -> AsyncIterator[Any]:
        return self._heard(bench, call, given, None)

    def unanswered(self, bench: Started, call: Call, given_all: asyncio.Event) -> AsyncIterator[Any]:
        return self._heard(bench, call, self.inputs(bench)[0], given_all)

    def _heard(
        self, bench: Started, call: Call, given: Utterance, given_all: asyncio.Event | None
    ) -> AsyncIterator[Any]:
        if bench.provider.captions:
            call.captions.append(given.words)
        audio = bench.audio(given.pcm, bench.provider.rate, given_all)
        answer: AsyncIterator[Any] = bench.provider.transcribe(call, audio)
        return answer

    def check(self, bench: Started, given: Utterance, events: Sequence[Any]) -> None:
        for event in events:
            expect(isinstance(event, Hypothesis), f"{event!r}, which is no Hypothesis")
            expect(isinstance(event.text, str), f"a hypothesis whose text is {event.text!r}")
            check_words(event.words, len(given.pcm) * 1000 / bench.provider.rate)
        finals = [event for event in events if event.final]
        expect(len(finals) == 1, f"{len(finals)} final hypotheses in {events}, expected exactly one")
        expect(events[-1].final, f"a hypothesis after the final one: {events[-1]}")

    def check_empty(self, events: Sequence[Any]) -> None:
        final = [event.text for event in events if event.final]
        expect(final == [""], f"the final texts {final} for no audio at all, expected one that is empty")

    def gist(self, events: Sequence[Any]) -> str:
        return str(events[-1].text)

    def billed(self, bench: Started, given: Utterance, events: Sequence[Any]) -> Mapping[UsageUnit, int]:
        return {"requests": 1, "audio_in_ms": len(given.pcm) * 1000 // bench.provider.rate}


class Speaking(Asking):
    """``tts``: text in, audio and words out."""

    empty = ("", " \n")

    def inputs(self, bench: Started) -> Sequence[str]:
        return bench.subject.texts

    def long(self, bench: Started) -> str:
        return LONG_TEXT

    def ask(self, bench: Started, call: Call, given: str) -> AsyncIterator[Any]:
        answer: AsyncIterator[Any] = bench.provider.synthesize(call, given)
        return answer

    def check(self, bench: Started, given: str, events: Sequence[Any]) -> None:
        rate = bench.provider.rate
        expect(rate in RATES, f"a rate of {rate!r}, expected 8000 to 48000 Hz")
        for event in events:
            expect(isinstance(event, Speech | Word), f"{event!r}, which is neither Speech nor Word")
            if isinstance(event, Speech):
                check_pcm(event.pcm)
        samples = self._samples(events)
        audible = any(is_audible(event.pcm) for event in events if isinstance(event, Speech))
        expect(audible, f"{samples} samples without a sound for {given[:60]!r}")
        check_words([event for event in events if isinstance(event, Word)], samples * 1000 / rate)

    def check_empty(self, events: Sequence[Any]) -> None:
        audible = any(is_audible(event.pcm) for event in events if isinstance(event, Speech))
        expect(not audible, "a sound, although there was nothing to say")

    def gist(self, events: Sequence[Any]) -> Any:
        """The words, and how long it takes to half a second: some voices vary a little each time."""
        words = " ".join(event.text for event in events if isinstance(event, Word))
        return words, _About(self._samples(events))

    def billed(self, bench: Started, given: str, events: Sequence[Any]) -> Mapping[UsageUnit, int]:
        ms = self._samples(events) * 1000 // bench.provider.rate
        return {"requests": 1, "characters": len(given), "audio_out_ms": ms}

    def _samples(self, events: Sequence[Any]) -> int:
        return sum(event.pcm.size for event in events if isinstance(event, Speech))


class _About:
    """A number that equals others within a tenth."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _About) and abs(self.value - other.value) * 10 <= max(
            self.value, other.value
        )

    __hash__ = None  # type: ignore[assignment]  # what is about equal has no common hash

    def __repr__(self) -> str:
        return f"about {self.value} samples"


class Answering(Asking):
    """``llm``: messages in, text and tool calls out."""

    empty: ClassVar[Sequence[Any]] = ((), (Message(role="user", text=""),))

    def inputs(self, bench: Started) -> Sequence[Sequence[Message]]:
        return bench.subject.questions

    def long(self, bench: Started) -> Sequence[Message]:
        *before, question = self.inputs(bench)[0]
        said = Message(role="user", text=LONG_TEXT), Message(role="assistant", text=LONG_TEXT)
        return (*before, *said * 40, question)

    def ask(self, bench: Started, call: Call, given: Sequence[Message]) -> AsyncIterator[Any]:
        answer: AsyncIterator[Any] = bench.provider.generate(call, given, bench.subject.tools)
        return answer

    def check(self, bench: Started, given: Sequence[Message], events: Sequence[Any]) -> None:
        for event in events:
            expect(isinstance(event, TextDelta | ToolCall), f"{event!r}: neither TextDelta nor ToolCall")
            if isinstance(event, TextDelta):
                expect(isinstance(event.text, str), f"a TextDelta whose text is {event.text!r}")
        expect(bool(self.gist(events)[0].strip() or self.gist(events)[1]), "an answer without any text")

    def check_empty(self, events: Sequence[Any]) -> None:
        """Models answer to nothing as well; what they say is theirs."""

    def gist(self, events: Sequence[Any]) -> tuple[str, list[tuple[str, str]]]:
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        return text, [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]
