"""TTS ``espeak``: the small, instant, robotic voice of libespeak-ng, in some hundred languages.

The library's lock is held only while it computes, never while somebody waits for a listener, or one slow
call would silence all others. Hence a text is rendered in pieces of a sentence or a few, some milliseconds
each, and a piece is handed over when it is complete.

Pitch flutter runs on from one text to the next: the same text is a few samples longer or shorter each
time, but a process that says the same things in the same order makes the same samples.
"""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from threading import Event

from pydantic import Field

from voicepipe.core.calls import Call, Emit
from voicepipe.core.extras import missing
from voicepipe.core.frames import Word
from voicepipe.core.names import did_you_mean
from voicepipe.errors import SetupError
from voicepipe.providers.base import ProviderConfig, Speech, TtsProvider
from voicepipe.providers.espeak_library import LOCK, RATE, Library, Manner, Sound, library
from voicepipe.speech.pieces import harmless, pieces

PIECE = 200
"""Characters rendered at once: about 14 s of speech."""


class EspeakConfig(ProviderConfig):
    model: str | None = Field(None, description="The voice, as in `espeak/en-us`.")
    voice: str | None = Field(
        None,
        description="A language such as `en-us`, with a variant such as `en-us+f3` if you like."
        " Default: `agent.voice`, then `agent.language`.",
    )
    speed: int = Field(175, ge=80, le=450, description="Words per minute.")
    volume: int = Field(100, ge=0, le=200, description="Per cent; above 100 loud parts are compressed.")
    pitch: int = Field(50, ge=0, le=99, description="From low to high.")
    pitch_range: int = Field(50, ge=0, le=99, description="From monotonous to lively.")


class Espeak(TtsProvider):
    """Yields the words of a piece, then its audio; they are in the history as far as they were heard."""

    name = "espeak"
    local = True
    extra = "quickstart"
    packages = ("espeakng_loader",)
    Config = EspeakConfig
    config: EspeakConfig

    @property
    def rate(self) -> int:
        return RATE

    def check(self) -> list[str]:
        return missing("espeakng_loader", extra="quickstart")

    async def start(self) -> None:
        """Load the library and the voice's dictionary. `SetupError`: no library, no such voice."""
        self._manner = await self.host.workers.call(self._prepare)

    def _prepare(self) -> Manner:
        config = self.config
        with LOCK:
            espeak = library()
            manner = Manner(
                self._voice(espeak), config.speed, config.volume, config.pitch, config.pitch_range
            )
            espeak.select(manner)
            espeak.render("Hello.", end_pause=False, stopped=bool)
        return manner

    def _voice(self, espeak: Library) -> str:
        wanted = self.config.voice or self.config.model or self.host.voice
        if wanted is None:
            return find_language(self.host.language, espeak.voices)
        base, plus, variant = wanted.partition("+")
        for name, known in ((base, espeak.voices), (variant, espeak.variants))[: 2 if plus else 1]:
            if name.casefold() not in known:
                raise SetupError(
                    f"tts 'espeak' has no voice '{wanted}': '{name}' is unknown.{did_you_mean(name, known)}",
                    hint="a voice is a language such as 'en-us', or with a variant 'en-us+f3'",
                )
        return espeak.voices[base.casefold()] + (plus and plus + espeak.variants[variant.casefold()])

    async def synthesize(self, call: Call, text: str) -> AsyncIterator[Speech | Word]:
        call.add_usage("characters", len(text))
        left = Event()

        def speak(emit: Emit[Speech | Word]) -> None:
            self._speak(text, left, emit)

        try:
            async with aclosing(call.workers.stream(speak)) as stream:
                async for item in stream:
                    yield item
        finally:
            left.set()

    def _speak(self, text: str, left: Event, emit: Emit[Speech | Word]) -> None:
        samples = 0
        for piece, last in pieces(text, PIECE):
            with LOCK:
                if left.is_set():
                    return
                espeak = library()
                espeak.select(self._manner)
                pcm, sounds = espeak.render(harmless(piece), end_pause=not last, stopped=left.is_set)
            items: list[Speech | Word] = [*words(piece, sounds, samples, len(pcm)), Speech(pcm=pcm)]
            if not all(emit(item) for item in items):
                return
            samples += len(pcm)


def find_language(tag: str, known: Mapping[str, str]) -> str:
    """The voice for a BCP 47 tag, or for its language alone if its region has none."""
    name = tag.casefold().replace("_", "-")
    while name:
        if name in known:
            return known[name]
        name = name.rpartition("-")[0]
    raise SetupError(
        f"tts 'espeak' has no voice for the language '{tag}'",
        hint="set `voice` of the tts stage to one that it has, such as 'en-us'",
    )


def words(text: str, sounds: Sequence[Sound], offset: int, length: int) -> Iterator[Word]:
    """Cut ``text``, spoken in ``length`` samples after ``offset`` others, where its words begin.

    Together they hold all of the text but the white space between them. A beginning inside a word ("12.50"
    is spoken as several) isn't one, except in scripts without spaces; words that are spoken as one ("in
    the") are one. A word ends with its last phoneme.
    """
    offset_ms, end_ms = offset * 1000 // RATE, length * 1000 // RATE
    begun: tuple[int, int] | None = None
    paused: int | None = None
    for sound in sounds:
        if sound.position is None:
            paused = (sound.at_ms if paused is None else paused) if sound.pause else None
            continue
        at = _word_start(text, sound.position)
        if begun is None:
            begun = (0, sound.at_ms)
        elif at > begun[0]:
            yield _word(text[begun[0] : at], offset_ms + begun[1], offset_ms + (paused or sound.at_ms))
            begun, paused = (at, sound.at_ms), None
    if begun is not None:
        yield _word(text[begun[0] :], offset_ms + begun[1], offset_ms + (paused or end_ms))


def _word(text: str, start_ms: int, end_ms: int) -> Word:
    return Word(text=text.strip(), start_ms=start_ms, end_ms=max(start_ms, end_ms))


def _word_start(text: str, at: int) -> int:
    at = min(at, len(text))
    while at > 0 and not text[at - 1].isspace():
        if at < len(text) and unicodedata.east_asian_width(text[at]) == "W":
            break
        at -= 1
    return at
