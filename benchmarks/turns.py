"""How long a caller waits, and how long the agent takes to be silent: on the real clock, with mock engines.

Text, delays, clip and definitions are those that other frameworks were measured with (the architecture's
"Definitions of measures"). What is taken from the loudspeaker is taken when it is heard, not when written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from itertools import cycle, islice
from typing import Any, ClassVar

import numpy as np

from benchmarks._results import ROOT, Figure
from benchmarks.interaction.caller import OUTPUT_RATE, Caller, Held, Span, hold
from benchmarks.interaction.clips import FIXTURES, SHARED
from benchmarks.interaction.corpus import build
from benchmarks.interaction.judge import Judge, Outcome
from benchmarks.interaction.run import FILE as TRIALS_FILE
from benchmarks.interaction.sounds import RATE, Samples, Sound, Spoken
from benchmarks.interaction.trials import ANSWER_WITHIN, Plan, Trials
from benchmarks.mocks import FIRST_SENTENCE, LLM_FIRST, LLM_TOKEN, STT_FINAL, TTS_FIRST
from voicepipe.api import Pipeline
from voicepipe.audio.level import end_of_speech, first_audible
from voicepipe.audio.pcm import amplitude
from voicepipe.audio.wav import read_wav
from voicepipe.core.clock import run_on
from voicepipe.core.frames import Pcm, PlaybackStarted, SpeechPaused
from voicepipe.core.records import TurnBegan
from voicepipe.core.units import MS, SECOND
from voicepipe.providers.base import VadStream
from voicepipe.providers.silero import Silero

PACKAGES = ("numpy", "onnxruntime", "silero-vad")
FILE = ROOT / "benchmarks" / "turns.yaml"

CALLS = 4
"""At once, in one process."""

ONE_BY_ONE = {"stages.tts.chunk.first": "sentence", "stages.turn.speculate": []}
ENGINES = LLM_FIRST + (FIRST_SENTENCE - 1) * LLM_TOKEN + TTS_FIRST
"""From the commit to the first audio of the first sentence, at the least."""

STEPS = {"ducked_ms": ("quieter", 130), "silent_ms": ("silent", 300), "committed_ms": ("committed", 700)}
"""What follows a caller's onset, and within how many ms."""

ANALYSED = (-50 * MS, 400 * MS)
"""Around the first sign of a pause: while it is made out whether the turn is over."""

WINDOW = 512
"""Samples of the VAD's, at 16 kHz."""

AUDIBLE = 32768 * amplitude(-50)
OLD = 500 * MS
"""So long after an interrupt samples of the reply are looked for; the next reply comes later."""


def measure(quick: bool) -> list[Figure]:
    return [
        *_answers(3 if quick else 8),
        *_interruptions(1 if quick else 2, 2 if quick else 8),
        *_interrupts(4 if quick else 50),
        *_analysed(2 if quick else 6),
    ]


# ── the end of speech to the first audio ─────────────────────────────────────────────────────────


def the_clip() -> tuple[Sound, Samples]:
    """The clip that all were measured with, and the noise of its room; else one of ours, and silence."""
    jfk = SHARED / "jfk.wav"
    if jfk.exists():
        wav = read_wav(jfk).pcm
        pcm, room = (
            wav[round(8.10 * RATE) : round(10.44 * RATE)],
            wav[round(2.20 * RATE) : round(3.20 * RATE)],
        )
        name, text = "jfk.wav from 8.10 to 10.44 s", "ask what you can do for your country"
    else:
        name, text = "slt_what_is_the_weather_in_paris.wav", "what is the weather in paris"
        pcm, room = read_wav(FIXTURES / name).pcm, np.zeros(RATE, np.int16)
    onset, end = first_audible(pcm, RATE, -35) or 0, end_of_speech(pcm, RATE) or pcm.size
    words = text.split()
    edges = np.linspace(onset, end, len(words) + 1).round().astype(int).tolist()
    spoken = [Spoken(*one) for one in zip(words, edges[:-1], edges[1:], strict=True)]
    return Sound(name, _samples(pcm), onset, end, tuple(spoken)), _samples(room)


def _samples(pcm: Pcm) -> Samples:
    return (pcm / 32768).astype(np.float32)


def _answers(count: int) -> list[Figure]:
    clip, room = the_clip()
    beyond = [
        audio - max(began.wait_over_ns or 0, span.end_ns + STT_FINAL) - ENGINES
        for span, began, audio in _ask(clip, room, count, ONE_BY_ONE)
    ]
    whole = [audio - span.end_ns for span, _, audio in _ask(clip, room, count, {})]
    how = f"{clip.name}, real time, {CALLS} calls at once"
    what = "end of speech to first audio"
    added = f"{what}, by sentences, no speculation, beyond the engines' delays, the wait and the VAD's lag"
    return [
        Figure(what=added, unit="ms", values=_ms(beyond), how=how, at_most=10),
        _p99(added, _ms(beyond), how, at_most=25),
        Figure(what=f"{what}, shipped default", unit="ms", values=_ms(whole), how=how, at_most=470),
    ]


def _ask(
    clip: Sound, room: Samples, count: int, overrides: Mapping[str, Any]
) -> list[tuple[Span, TurnBegan, int]]:
    """Of each time that ``clip`` was said: when, the turn that it became, and when its answer was heard."""
    spans: dict[Caller, list[Span]] = {}

    async def script(caller: Caller) -> None:
        for _ in range(count):
            await caller.listen(700 * MS)
            spans.setdefault(caller, []).append(await caller.say(clip))
            await caller.until(lambda: caller.speaking is not None, ANSWER_WITHIN)
            await caller.listen(300 * MS)
            caller.call.skip()

    callers = [Caller(script, room) for _ in range(CALLS)]
    held = _hold(Pipeline.from_yaml(FILE, set=overrides, env={}), callers)
    both = zip(callers, held, strict=True)
    return [answer for caller, one in both for answer in _answered(spans[caller], one)]


def _answered(spans: Sequence[Span], held: Held) -> list[tuple[Span, TurnBegan, int]]:
    events = [event for _, event in held.events]
    began = {event.turn: event for event in events if isinstance(event, TurnBegan)}
    heard = [event for event in events if isinstance(event, PlaybackStarted)]
    answers = []
    for span in spans:
        first = [one for one in heard if span.end_ns < one.at_ns <= span.end_ns + ANSWER_WITHIN]
        assert first, f"what was said at {span.onset_ns / SECOND:.1f} s wasn't answered"
        answers.append((span, began[first[0].turn], first[0].at_ns))
    return answers


# ── interruptions ────────────────────────────────────────────────────────────────────────────────


def _interruptions(calls: int, events: int) -> list[Figure]:
    """By callers who speak into a reply, human and synthetic ones in equal parts."""
    corpora = build(all_voices=False)
    plans = [Plan("interruption", column, number) for column in corpora for number in range(calls)]
    trials = [Trials(plan, corpora, events) for plan in plans]
    held = _hold(Pipeline.from_yaml(TRIALS_FILE, env={}), [one.caller() for one in trials])
    found: list[Outcome] = []
    for plan, one, call in zip(plans, trials, held, strict=True):
        judge = Judge(plan.name, one.described, call)
        found += [judge.judge(mark) for mark in one.marks if mark.kind == "interruption"]
    figures = []
    for name, (what, goal) in STEPS.items():
        values = [value for outcome in found if (value := getattr(outcome, name)) is not None]
        how = f"{len(values)} of {len(found)} interruptions by voices: {', '.join(corpora)}; real time"
        figures.append(
            Figure(what=f"a caller's onset to {what}", unit="ms", values=values, how=how, at_most=goal)
        )
    return figures


def _interrupts(count: int) -> list[Figure]:
    """Of a reply at full loudness, as by a key."""
    cut: dict[Caller, list[int]] = {}

    async def script(caller: Caller) -> None:
        chance = np.random.default_rng(len(cut))
        cut[caller] = []
        for _ in range(count):
            await caller.type("Where is my order?")
            await caller.until(lambda: caller.speaking is not None, ANSWER_WITHIN)
            await caller.line.clock.sleep(int(chance.integers(100, 400)) * MS)
            cut[caller].append(caller.line.clock.now())
            caller.call.skip()
            await caller.listen(OLD + 100 * MS)

    callers = [Caller(script) for _ in range(CALLS)]
    held = _hold(Pipeline.from_yaml(FILE, env={}), callers)
    late = [
        _last_old(one.played, at) for caller, one in zip(callers, held, strict=True) for at in cut[caller]
    ]
    how = f"{len(late)} replies cut off at full loudness, real time, {CALLS} calls at once"
    return [_p99("an interrupt to the last old sample at the transport", late, how, at_most=20)]


def _last_old(played: Pcm, at_ns: int) -> float:
    """How many ms after ``at_ns`` something was still to be heard."""
    first, last = (ns * OUTPUT_RATE // SECOND for ns in (at_ns, at_ns + OLD))
    loud = np.flatnonzero(np.abs(played[first:last].astype(int)) > AUDIBLE)
    return float(loud[-1] + 1) * 1000 / OUTPUT_RATE if loud.size else 0.0


# ── frames ───────────────────────────────────────────────────────────────────────────────────────


CALLER: ContextVar[Caller] = ContextVar("caller")
"""Whose call the running task belongs to."""


class NotedSilero(Silero):
    """Notes for each call when its windows reach the VAD."""

    name = "noted-silero"
    taken_ns: ClassVar[dict[Caller, list[int]]] = {}

    def open(self, rate: int) -> VadStream:
        return _Noted(super().open(rate), CALLER.get(), self.taken_ns.setdefault(CALLER.get(), []))


class _Noted:
    def __init__(self, stream: VadStream, caller: Caller, taken_ns: list[int]) -> None:
        self._stream = stream
        self._caller = caller
        self._taken_ns = taken_ns
        self.window = stream.window

    def probability(self, window: Pcm) -> float:
        self._taken_ns.append(self._caller.line.clock.now())
        return self._stream.probability(window)


def _analysed(events: int) -> list[Figure]:
    """From when a frame's last sample is spoken until the VAD has it, around the callers' pauses."""
    corpora = build(all_voices=False)
    columns = list(islice(cycle(corpora), CALLS))
    trials = [Trials(Plan("pause", column, number), corpora, events) for number, column in enumerate(columns)]
    pipeline = Pipeline.from_yaml(TRIALS_FILE, set={"stages.vad": "benchmarks.turns:NotedSilero"}, env={})
    callers = [one.caller() for one in trials]
    late: list[float] = []
    for caller, call in zip(callers, _hold(pipeline, callers), strict=True):
        pauses = [event.at_ns for _, event in call.events if isinstance(event, SpeechPaused)]
        for number, taken_ns in enumerate(NotedSilero.taken_ns.pop(caller), 1):
            sent_ns = caller.sent_ns(number * WINDOW)
            if any(pause + ANALYSED[0] <= sent_ns <= pause + ANALYSED[1] for pause in pauses):
                late.append((taken_ns - sent_ns) / MS)
    how = f"{len(late)} windows of 32 ms around pauses, real time, {CALLS} calls at once"
    what = "a microphone frame to the VAD, while it is made out if the turn is over"
    return [_p99(what, late, how, at_most=20)]


# ── common ───────────────────────────────────────────────────────────────────────────────────────


def _hold(pipeline: Pipeline, callers: Sequence[Caller]) -> list[Held]:
    """The calls at once, on the real clock."""

    async def one(caller: Caller) -> Held:
        CALLER.set(caller)
        return await hold(pipeline, caller)

    async def all_of_them() -> list[Held]:
        async with pipeline, asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(caller)) for caller in callers]
        return [task.result() for task in tasks]

    return run_on("real", all_of_them())


def _ms(values: Sequence[int]) -> list[float]:
    return [value / MS for value in values]


def _p99(what: str, values: Sequence[float], how: str, *, at_most: float) -> Figure:
    spread = f"median {np.median(values):.3g}, most {max(values):.3g}"
    worst = float(np.percentile(values, 99))
    return Figure(what=f"… {what}, p99", unit="ms", values=[worst], how=f"{how}; {spread}", at_most=at_most)
