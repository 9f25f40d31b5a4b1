"""What callers do: a trial is one event in a call, and a call is drawn from its name alone.

Each call has one speaker, one loudness and one background, as calls do; what was learnt from one trial of it
may serve the next. Every question that opens a call, every interruption and every sentence with a pause in
it is a finished turn too, and has to be answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar
from zlib import crc32

import numpy as np

from benchmarks.interaction import noises, vocal
from benchmarks.interaction.caller import Caller, Span
from benchmarks.interaction.corpus import Corpus
from benchmarks.interaction.sounds import MS as SAMPLES
from benchmarks.interaction.sounds import NORMAL_DBFS, RATE, Hesitation, Sound, amplitude, hesitate
from benchmarks.interaction.vocal import Rng
from voicepipe.core.units import MS, SECOND

T = TypeVar("T")
Kind = Literal["interruption", "backchannel", "vocal", "noise", "pause", "answer"]

LOUDNESS = (-32.0, -26.0, -20.0, -14.0)
"""dBFS of the caller's loud frames."""

NOISE_DB = (None, 20.0, 10.0)
"""How far the background is below that; None: a line that only hisses a little."""

HISS_DBFS = -70.0

ANSWER_WITHIN = 4 * SECOND
"""After the end of a turn; then it counts as not answered. As long as ``dead_air`` is by default."""

SETTLED = 2500 * MS
"""After a sound that isn't to interrupt; the reply has to be back by then."""

LATEST = 10 * SECOND
"""So far into a reply (it lasts 16 s) the next sound may be made; then another question is asked."""

PAUSES = (100, 500)
"""ms: the shortest and the longest pause inside a sentence."""

EVENTS: Mapping[Kind, int] = {
    "interruption": 10,
    "backchannel": 12,
    "vocal": 12,
    "noise": 12,
    "pause": 12,
    "answer": 20,
}
"""In one call."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A call, and all that is drawn for it."""

    kind: Kind
    column: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.kind}/{self.column}/{self.number}"

    def rng(self) -> Rng:
        return np.random.default_rng([crc32(f"{self.kind}/{self.column}".encode()), self.number])


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the caller did, and while which turn was heard."""

    kind: Kind
    column: str
    sound: str
    span: Span
    turn: int | None = None
    paused: tuple[int, int] | None = None
    """From when to when the caller paused inside a sentence."""


class Trials:
    """The script of one call; ``marks`` are the trials that came about."""

    def __init__(self, plan: Plan, corpora: Mapping[str, Corpus], events: int | None = None) -> None:
        self._plan = plan
        self._rng = plan.rng()
        self._speech = plan.column if plan.column in corpora else "synthetic"
        corpus = corpora[self._speech]
        self._corpus = corpus
        spoken = corpus.sentences if plan.kind == "pause" else corpus.turns
        self.voice = self._choice(sorted(spoken))
        loudness = self._choice(LOUDNESS)
        below = self._choice(NOISE_DB)
        self._gain = amplitude(loudness - NORMAL_DBFS)
        self._room = self._choice(sorted(noises.BACKGROUNDS)) if below is not None else "line"
        self._level = loudness - below if below is not None else HISS_DBFS
        self.described = f"{self.voice} at {loudness:.0f} dBFS, {self._room} at {self._level:.0f} dBFS"
        self._events = EVENTS[plan.kind] if events is None else events
        self.marks: list[Mark] = []

    def caller(self) -> Caller:
        level = amplitude(self._level)
        return Caller(self._run, noises.background(self._room, int(self._rng.integers(1 << 30)), level))

    async def _run(self, caller: Caller) -> None:
        await caller.listen(int(self._rng.integers(200, 700)) * MS)
        act = {"interruption": self._interrupt, "pause": self._hesitate, "answer": self._ask_again}
        for _ in range(self._events):
            await act.get(self._plan.kind, self._sound)(caller)

    # ── trials ───────────────────────────────────────────────────────────────────────────────────

    async def _ask_again(self, caller: Caller) -> None:
        await self._ask(caller)
        await self._end_reply(caller)

    async def _hesitate(self, caller: Caller) -> None:
        pause = self._hesitation()
        span = await caller.say(self._shifted(pause.sound), self._gain)
        begin, end = (
            span.onset_ns + (at - pause.sound.onset) * SECOND // RATE for at in (pause.begin, pause.end)
        )
        self._mark("pause", pause.sound, span, paused=(begin, end))
        await self._await_answer(caller, pause.sound, span, None)
        await self._end_reply(caller)

    async def _interrupt(self, caller: Caller) -> None:
        turn = await self._into_reply(caller, self._draw(300, 6000))
        if turn is None:
            return
        sound = self._of_voice(self._corpus.interruptions)
        span = await caller.say(self._shifted(sound), self._gain)
        self._mark("interruption", sound, span, turn)
        await self._await_answer(caller, sound, span, turn)
        if caller.speaking == turn:
            await self._end_reply(caller)

    async def _sound(self, caller: Caller) -> None:
        """A backchannel, a cough or a noise."""
        turn = await self._into_reply(caller, self._draw(300, 2000))
        if turn is None:
            return
        sound = self._short_sound()
        span = await caller.say(self._shifted(sound), self._gain * amplitude(self._rng.uniform(-6, 3)))
        self._mark(self._plan.kind, sound, span, turn)
        await caller.until(lambda: caller.now >= span.end_ns + SETTLED, SETTLED + SECOND)

    # ── what they are made of ────────────────────────────────────────────────────────────────────

    async def _into_reply(self, caller: Caller, wait_ns: int) -> int | None:
        """Listen for ``wait_ns``, to a new reply if this one hasn't enough left; the turn that is heard."""
        if caller.speaking is None or caller.now + wait_ns > caller.audible_ns + LATEST:
            await self._end_reply(caller)
            await self._ask(caller)
        await caller.listen(wait_ns)
        return caller.speaking

    async def _ask(self, caller: Caller) -> None:
        sound = self._of_voice(self._corpus.turns)
        span = await caller.say(self._shifted(sound), self._gain)
        await self._await_answer(caller, sound, span, None)

    async def _await_answer(self, caller: Caller, sound: Sound, span: Span, old: int | None) -> None:
        """Any turn but ``old`` that is heard after the caller's end is an answer; the judge decides."""
        self._mark("answer", sound, span, old)
        left = span.end_ns + ANSWER_WITHIN - caller.now
        await caller.until(lambda: caller.speaking not in (None, old), max(0, left))

    async def _end_reply(self, caller: Caller) -> None:
        """Hear a little more of a reply, and then no more."""
        await caller.listen(self._draw(100, 400))
        if not caller.idle:
            caller.call.skip()
            await caller.until(lambda: caller.idle, 3 * SECOND)
        await caller.listen(self._draw(200, 700))

    def _mark(
        self,
        kind: Kind,
        sound: Sound,
        span: Span,
        turn: int | None = None,
        paused: tuple[int, int] | None = None,
    ) -> None:
        column = self._plan.column if kind == self._plan.kind else self._speech
        self.marks.append(Mark(kind, column, sound.name, span, turn, paused))

    def _hesitation(self) -> Hesitation:
        while True:
            sentence = self._of_voice(self._corpus.sentences)
            number = int(self._rng.integers(1, len(sentence.words)))
            pause = hesitate(sentence, number, int(self._rng.integers(PAUSES[0], PAUSES[1] + 1)) * SAMPLES)
            if pause is not None:
                return pause

    def _short_sound(self) -> Sound:
        seed = int(self._rng.integers(1 << 30))
        if self._plan.kind == "vocal":
            return vocal.vocal(self._choice(sorted(vocal.KINDS)), seed)
        if self._plan.kind == "noise":
            return noises.single(self._choice(sorted(noises.KINDS)), seed)
        said = self._corpus.backchannels
        return self._choice(said.get(self.voice) or said[self._choice(sorted(said))])

    def _of_voice(self, sounds: Mapping[str, list[Sound]]) -> Sound:
        return self._choice(sounds.get(self.voice) or sounds[self._choice(sorted(sounds))])

    def _shifted(self, sound: Sound) -> Sound:
        """Begins anywhere in a frame, not at its first sample."""
        return sound.after(int(self._rng.integers(320)))

    def _draw(self, least_ms: int, most_ms: int) -> int:
        return int(self._rng.integers(least_ms, most_ms)) * MS

    def _choice(self, of: Sequence[T]) -> T:
        return of[int(self._rng.integers(len(of)))]
